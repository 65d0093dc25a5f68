"""What does the plan of a page take, before anything is computed? Processor time for its questions, keys and tasks."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from unittest.mock import patch

from benchmarks.machine import describe
from lossatlas.app.state.page import read_state
from lossatlas.app.state.questions import Questions
from lossatlas.app.stream.plan import plan
from lossatlas.compute.spec.options import build, options_of
from lossatlas.compute.spec.settings import Settings

ROUNDS = 60
SETTINGS = Settings(Path())


@contextmanager
def forgetting() -> Iterator[None]:
    """Nothing of a question is remembered: its spec, keys and tasks are made whenever they are looked at."""
    memories = [
        (module, name, memory.__wrapped__)
        for key, module in list(sys.modules.items()) if key.startswith("lossatlas.")
        for name, memory in list(vars(module).items())
        if hasattr(memory, "cache_parameters") and memory.cache_parameters()["maxsize"] is not None
    ]  # fmt: skip
    with ExitStack() as patched:
        for module, name, made in memories:
            patched.enter_context(patch.object(module, name, made))
        patched.enter_context(patch.object(Questions, "of", anew))
        yield


def anew(questions: Questions, spec_type: type, own: dict) -> object:
    known = options_of(spec_type)
    return build(spec_type, {name: value for name, value in (questions.values | own).items() if name in known})


def milliseconds(seed: int) -> float:
    """Processor time from the address to the plan of the page that opens first: three panels of three columns."""
    began = time.process_time()
    plan(read_state(f"dataset=iris&seed={seed}"), SETTINGS)
    return 1000 * (time.process_time() - began)


def main() -> None:
    anew_, first, again = list[float](), list[float](), list[float]()
    milliseconds(0)  # what a process does once
    for seed in range(1000, 1000 + ROUNDS):
        with forgetting():
            anew_.append(milliseconds(seed))
        first.append(milliseconds(seed))
        again.append(milliseconds(seed))
    print(describe())
    print(f"{'plan of a page of nine questions, processor time':58}{'median':>9}{'least':>12}")
    for name, found in (
        ("every question, key and task made whenever it is needed", anew_),
        ("a page that nobody has asked for yet", first),
        ("the same page again", again),
    ):
        print(f"{name:58}{median(found):6.1f} ms{min(found):9.1f} ms")


if __name__ == "__main__":
    main()
