"""A piece of work that a pool or a loop can run: a function, its arguments, and a name for single flight."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


class CannotAnswer(Exception):
    """Raised inside a task: there is no answer, for the reason in one sentence. `kind` is one word for a program."""

    def __init__(self, sentence: str, kind: str):
        super().__init__(sentence, kind)
        self.sentence, self.kind = sentence, kind


@dataclass(frozen=True)
class Task:
    """`run(*args)`, where an argument that is a Task stands for its result. Equal keys mean equal results.

    `seconds` is the estimated time on one core; `units` counts what a reader counts (losses, training steps).
    `spec` is set where the result is the whole answer to that question, so that a stored answer can replace it.
    `passing` results serve the next task only and need not be kept. `beside` others of its question it can run on
    another worker; any other task had better run where its arguments are. One with `gaps` takes the Failure of a task
    it needs for that task's result, where any other would pass it on as its own.
    """

    key: str
    run: Callable
    args: tuple
    seconds: float = 0.0
    units: int = 0
    spec: object = None
    passing: bool = False
    beside: bool = False
    gaps: bool = False

    def needs(self) -> Iterator["Task"]:
        """The tasks among the arguments."""
        return (part for part in self.args if isinstance(part, Task))


def every(tasks: list[Task]) -> dict[str, Task]:
    """The tasks and all that they need, by key, each after what it needs."""
    found: dict[str, Task] = {}

    def visit(task: Task) -> None:
        if task.key not in found:
            for needed in task.needs():
                visit(needed)
            found[task.key] = task

    for task in tasks:
        visit(task)
    return found
