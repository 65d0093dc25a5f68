"""What a question is, in a sentence. The page, alternative texts, the command line, files and the gallery take it from
here; what is away from its default comes from the options themselves (`compute.spec.words`).
"""

from collections.abc import Collection
from typing import Any

from lossatlas.app.figures.shared.parts import counted
from lossatlas.compute.analyses.clouds import Cloud
from lossatlas.compute.analyses.morphs import Morph
from lossatlas.compute.analyses.table import ANALYSES, name_of
from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.paths.start import Start
from lossatlas.compute.numerics.paths.walk_kinds import KINDS
from lossatlas.compute.problem.initial import FIXED, INITS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import options_of
from lossatlas.compute.spec.words import differing


def question_told(spec: Any) -> str:
    """All of a question of any analysis, what is asked first, as one sentence that stands alone."""
    return f"{ANALYSES[name_of(spec)].label}: {_unit(spec)}, {sentence(spec)}"


def data_and_question(spec: Any) -> str:
    """The same with the classes of its data, as files hold it."""
    return " ".join(filter(None, [question_told(spec), classes_told(spec.problem), classes_missing(spec.problem)]))


def sentence(spec: Any) -> str:
    """A question without its activation, which names a column."""
    return joined(subject(spec), chosen(spec).values())


def joined(begins: str, phrases: Collection[str]) -> str:
    """What is always told, and what is told where it differs."""
    return f"{begins}; {', '.join(phrases)}." if phrases else f"{begins}."


def chosen(spec: Any, *quiet: str) -> dict[str, str]:
    """By option what is told beside the `subject`; those that are `said` as `quiet` has it are left out."""
    return differing(spec, ("never", "always", *(("walks",) if isinstance(spec, Cloud) else ()), *quiet))


def own(spec: Any) -> list[str]:
    """What is told below a picture and not on top of its page: of options that are its question's own."""
    above = options_of(Problem) | options_of(Start)
    return [words for name, words in chosen(spec, "picture").items() if name not in above]


def subject(spec: Any) -> str:
    """Of any question: data, network and loss, and how its point is reached, or which walks visit its points; of a
    Problem alone the first.
    """
    if isinstance(spec, Problem):
        return _problem(spec)
    if isinstance(spec, Cloud):
        return _of_walks(spec)
    return f"{_problem(spec.problem)}, {_reached(spec.start)}"


def _unit(spec: Any) -> str:
    return spec.label if isinstance(spec, Morph) else spec.problem.unit.label


def _of_walks(spec: Cloud) -> str:
    walk = spec.walking
    return (
        f"{_problem(spec.problem)}: {counted(walk.walks, f'{KINDS[walk.walk].label} walk')} of "
        f"{counted(walk.walk_steps, 'step')} from [−{walk.walk_range:g}, {walk.walk_range:g}]"
    )


def _problem(problem: Problem) -> str:
    return (
        f"{problem.data.label}, network {problem.architecture}, {problem.criterion.label} "
        f"on {counted(patterns(problem), 'training pattern')}"
    )


def _reached(start: Start) -> str:
    if start.way.walks:
        return f"walk {start.seed} at step {start.steps:,}"
    if not start.steps:
        fixed = start.init in FIXED
        return f"the point with {INITS[start.init].label}" if fixed else f"the random point of seed {start.seed}"
    drawn = f"seed {start.seed}"
    if start.init in FIXED:
        drawn = INITS[start.init].label + (f", batches by seed {start.seed}" if start.batch else "")
    return f"{start.label}, {counted(start.steps, 'step')} from {drawn}"


# ---------------------------------------------------------------------------------------------- the data


def classes_told(problem: Problem) -> str:
    """How many patterns of each class there are in both parts; empty for a regression."""
    if not problem.data.classes or not patterns(problem):
        return ""
    train, test = problem.class_counts
    held = f"; for testing {_listed(test)}" if sum(test) else ""
    return f"Patterns by class{', labels as changed' if problem.changed else ''}: for training {_listed(train)}{held}."


def classes_missing(problem: Problem) -> str:
    """Which classes a part lacks that has any; empty where none does."""
    if not patterns(problem):
        return ""
    parts = zip(("training", "test"), problem.class_counts, strict=True)
    lacking = [(name, [n for n, count in enumerate(counts) if not count]) for name, counts in parts if sum(counts)]
    return " ".join(f"No {name} pattern of class {_listed(none)}." for name, none in lacking if none)


def _listed(numbers: Collection[int]) -> str:
    return ", ".join(f"{number:,}" for number in numbers)
