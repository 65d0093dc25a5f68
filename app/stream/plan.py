"""What a page asks: which questions, at what cost, and what it says of them before any answer is there."""

from dataclasses import replace
from typing import Any

from lossatlas.app.look.columns import BY, Column
from lossatlas.app.look.theme import curve
from lossatlas.app.panels import PANELS
from lossatlas.app.state import sentences
from lossatlas.app.state.differences import settings_of, told_equal
from lossatlas.app.state.page import PageState, page_options
from lossatlas.compute.analyses.table import ANALYSES, key_for, name_of
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.problem.nets import UNMIXED
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
    differences, columns = settings_of(state), [_told_column(state, n, refused) for n in range(len(state.columns))]
    told = {
        "columns": columns,
        "compare": state.comparison.compare,
        "baseline": state.view.baseline,
        "settings": differences,
        "place": state.view.place,
        "panels": list(state.panels),
        "sentence": _sentence(state, refused),
        "equal": _equal(state, differences, columns),
        "data": _data(state),
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
    """What the page shows. Columns name what they are compared by, and nobody else does; of columns of which something
    else would be told too, the left one is meant, and an option that has a meaning in some only names these.
    """
    specs = [_asked(state, side, refused) for side in state.columns]
    begins = list(dict.fromkeys(_begun(state, *each) for each in zip(state.columns, specs, strict=True)))
    phrases: dict[str, list[str]] = {}
    for spec in specs:
        for name, words in sentences.chosen(spec).items():
            phrases.setdefault(name, []).append(words)
    phrases.pop(state.comparison.compare, None)
    phrases = {name: phrases[name] for name in page_options() if name in phrases}
    apart = len(begins) > 1 or any(len(set(found)) > 1 for found in phrases.values())
    told = [found[0] + _whose(state, name, specs) for name, found in phrases.items()]
    return sentences.joined(begins[0], told).removesuffix(".") + (" (left column)." if apart else ".")


def _asked(state: PageState, side: Column, refused: Refused) -> Any:
    """The question whose words stand on top: the way to a point, or of walks the place's own if it can be asked."""
    if not state.head.walks:
        return state.spec(Training, side)
    told = (state.columns.index(side), state.place.head) not in refused
    return state.question(state.place.head, side) if told else state.spec(Training, side).problem


def _begun(state: PageState, side: Column, spec: Any) -> str:
    units = "" if state.comparison.compare == BY else f"{state.spec(Training, side).problem.unit.label}, "
    return units + sentences.subject(spec)


def _whose(state: PageState, name: str, specs: list[Any]) -> str:
    """The columns that an option has a meaning in, where it has none in others."""
    having = [side.label for side, spec in zip(state.columns, specs, strict=True) if name in sentences.chosen(spec)]
    return "" if len(having) == len(specs) else f" ({', '.join(having)})"


def _equal(state: PageState, differences: dict[str, Any], columns: list[dict]) -> str:
    """What the columns have in common, which of them ask one question, and what their data lack."""
    words = told_equal(differences, state)
    same = f"Same {', '.join(words)} in every column.{_rescaled(state)}" if words and len(state.columns) > 1 else ""
    return " ".join(filter(None, [same, _one_question(columns), *_missing(state)]))


def _missing(state: PageState) -> list[str]:
    """Which classes the data lack, by column where they do not all lack the same."""
    told = [(side.label, sentences.classes_missing(state.spec(Training, side).problem)) for side in state.columns]
    if len({words for _, words in told}) == 1:
        return [told[0][1]]
    return [f"{label}: {words}" for label, words in told if words]


def _data(state: PageState) -> str:
    """How many patterns of each class the data have that all columns share."""
    told = {sentences.classes_told(state.spec(Training, side).problem) for side in state.columns}
    return told.pop() if len(told) == 1 else ""


def _one_question(columns: list[dict]) -> str:
    """Which columns have other values of what is compared and ask for the same nevertheless."""
    alike: dict[tuple, list[str]] = {}
    for column in columns:
        alike.setdefault(tuple(column["asked"].items()), []).append(column["label"])
    groups = [" and ".join(labels) for asked, labels in alike.items() if asked and len(labels) > 1]
    return " ".join(f"{labels} ask for the same." for labels in groups)


def _rescaled(state: PageState) -> str:
    """Which columns a rescaling leaves as they are."""
    left = [side.label for side in state.columns if state.spec(Training, side).factor == 1]
    if state.values.get("rescale") is None or not left:
        return ""
    return f" Rescaling leaves {', '.join(left)} as they are: their function would change."
