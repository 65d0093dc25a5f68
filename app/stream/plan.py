"""What a page asks: which questions, at what cost, and what it says of them before any answer is there."""

from dataclasses import replace
from typing import Any

from lossatlas.app.figures.shared.parts import counted
from lossatlas.app.look.columns import BY, Column
from lossatlas.app.look.theme import curve
from lossatlas.app.panels import PANELS
from lossatlas.app.state.differences import settings_of, told_equal
from lossatlas.app.state.page import PageState
from lossatlas.compute.analyses.clouds import Cloud
from lossatlas.compute.analyses.table import ANALYSES, key_for, name_of
from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.paths.start import Start, Training
from lossatlas.compute.numerics.paths.walk_kinds import KINDS
from lossatlas.compute.problem.nets import UNMIXED, Problem
from lossatlas.compute.service.limits import affordable, duration
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.settings import Settings
from lossatlas.compute.spec.tasks import Task

Refused = dict[tuple[int, str], str]  # by column and panel: why the question cannot be asked


def plan(state: PageState, settings: Settings) -> tuple[dict, Refused]:
    """The data of the `plan` event, and the panels that are left out.

    Raises:
        BadSpec: the surface's question cannot be asked, or costs too much time or memory.
    """
    refused, cost = _cost(state, settings)
    differences = settings_of(state)
    told = {
        "columns": [_told_column(state, column, refused) for column in range(len(state.columns))],
        "compare": state.comparison.compare,
        "baseline": state.view.baseline,
        "settings": differences,
        "place": state.view.place,
        "panels": list(state.panels),
        "sentence": _sentence(state, refused),
        "equal": _equal(state, differences),
        "cost": cost,
    }
    return told, refused


def _told_column(state: PageState, column: int, refused: Refused) -> dict:
    side = state.columns[column]
    asked = [panel for panel in state.panels if (column, panel) not in refused]
    return {
        "name": side.name,
        "label": side.label,
        "hue": side.hue,
        "curve": _curve(state, side),
        "asked": {panel: key_for(state.question(panel, side)) for panel in asked},
    }


def _curve(state: PageState, side: Column) -> str:
    problem = state.spec(Training, side).problem
    if state.place.morphs:
        problem = replace(problem, mix_with=UNMIXED)  # as at its beginning
    return curve(problem.activation, side.hue, problem.parameter_value, problem.unit)


def _cost(state: PageState, settings: Settings) -> tuple[Refused, str]:
    """Which panels cannot be asked, and what all others are estimated to take.

    Raises:
        BadSpec: the surface cannot be asked, or takes too much.
    """
    tasks: dict[str, Task] = {}
    losses: dict[str, int] = {}  # by key: equal questions are computed once
    refused: Refused = {}
    for name in state.panels:
        for column, side in enumerate(state.columns):
            try:
                spec = state.question(name, side)
                tasks |= affordable(spec, settings.max_seconds, settings.max_memory)
            except BadSpec as reason:
                if PANELS[name].plane:
                    raise
                refused[column, name] = str(reason)
                continue
            count, what = ANALYSES[name_of(spec)].size(spec)
            losses[key_for(spec)] = count if what == "losses" else 0
    seconds, count = duration(sum(task.seconds for task in tasks.values())), sum(losses.values())
    return (
        refused,
        f"{count:,} losses{state.place.beyond}, about {seconds} on one core"
        if count
        else f"about {seconds} on one core",
    )


# ---------------------------------------------------------------------------------------------- in words


def _sentence(state: PageState, refused: Refused) -> str:
    """What the page shows; of columns that it would say different things of, the left one is meant."""
    told = [_told_of(state, side, refused) for side in state.columns]
    return told[0] if len(set(told)) == 1 else f"{told[0].rstrip('.')} (left column)."


def _told_of(state: PageState, side: Column, refused: Refused) -> str:
    training = state.spec(Training, side)
    units = "" if state.comparison.compare == BY else f"{training.problem.unit.label}, "
    if not state.head.walks:
        return units + sentence(training)
    if (0, state.place.head) in refused:
        return f"{units}{_subject(training.problem)}."
    return units + cloud_sentence(state.question(state.place.head, side))


def _equal(state: PageState, differences: dict[str, Any]) -> str:
    if len(state.columns) == 1:
        return ""
    words = told_equal(differences, state)
    return f"Same {', '.join(words)} in every column.{_rescaled(state)}" if words else ""


def _rescaled(state: PageState) -> str:
    """Which columns a rescaling leaves as they are."""
    left = [side.label for side in state.columns if state.spec(Training, side).factor == 1]
    if state.values.get("rescale") is None or not left:
        return ""
    return f" Rescaling leaves {', '.join(left)} as they are: their function would change."


def sentence(spec: Training) -> str:
    """What the page shows, as a lecturer would read it aloud."""
    problem, start = spec.problem, spec.start
    way = f"walk {start.seed} at step {start.steps:,}" if start.way.walks else _trained(start)
    return f"{_subject(problem)}, {way}."


def cloud_sentence(spec: Cloud) -> str:
    """What the page of clouds shows, in words."""
    problem, walk = spec.problem, spec.walking
    return (
        f"{_subject(problem)}: {counted(walk.walks, f'{KINDS[walk.walk].label} walk')} of "
        f"{counted(walk.walk_steps, 'step')} from [−{walk.walk_range:g}, {walk.walk_range:g}]."
    )


def _subject(problem: Problem) -> str:
    return (
        f"{problem.data.label}, network {problem.architecture}, {problem.criterion.label} "
        f"on {patterns(problem):,} training patterns"
    )


def _trained(start: Start) -> str:
    if not start.steps:
        return f"the random point of seed {start.seed}"
    return f"{start.label}, {start.steps:,} steps from seed {start.seed}"
