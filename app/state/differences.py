"""What differs between the columns of a page, and what is equal: every option of their questions that matters."""

import contextlib
from typing import Any

from lossatlas.app.look.columns import Column
from lossatlas.app.panels import PANELS
from lossatlas.app.state.page import PageState, page_options
from lossatlas.app.state.sentences import classes_told
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.spec.options import BadSpec, options_of, relevant, text

# What the line on top calls equal, by the word of the options that decide it.
EQUAL = {
    "data": "data", "draw": "initial draw", "plane": "kind of plane", "walks": "draws of starts and steps",
}  # fmt: skip
NONE = "–"  # where an option does not matter


def settings_of(state: PageState) -> dict[str, Any]:
    """`differ`: [name, label, the text in each column]; `equal`: [name, label, text]; in the order of the controls."""
    columns = [_values(state, column) for column in state.columns]
    labels = {name: one.label for name in state.panels for name, one in options_of(PANELS[name].spec).items()}
    differ, equal = [], []
    for name, label in labels.items():
        found = [values.get(name, NONE) for values in columns]
        here = set(found) - {NONE}  # that an option matters in some columns only makes no difference
        if len(here) > 1:
            differ.append([name, label, found])
        elif here:
            equal.append([name, label, *here])
    told = [classes_told(state.spec(Training, column).problem) or NONE for column in state.columns]
    if len(set(told)) > 1:  # else they are told once for all
        differ.append(["classes", "Patterns by class", told])
    return {"differ": differ, "equal": equal}


def _values(state: PageState, column: Column) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in state.panels:
        if not PANELS[name].preset:
            with contextlib.suppress(BadSpec):  # the panel says so
                spec = state.spec(PANELS[name].spec, column)
                found |= {option: text(value) for option, value in relevant(spec).items()}
    return found


def told_equal(settings: dict[str, Any], state: PageState) -> list[str]:
    """What of data, draws, planes and ranges all columns have in common, in words."""
    options = page_options()
    decided = {word for name, *_ in settings["differ"] if name in options for word in options[name].decides}
    kinds = ("data", "walks") if state.head.walks else ("data", "draw", "plane")
    words = [EQUAL[kind] for kind in kinds if kind not in decided]
    if state.head.walks:
        return [*words, "axes"]
    reach = ["window" if state.window else "half width"] if PANELS[state.panels[0]].reaches else []
    return [*words, *reach, *(["colour range"] if state.view.shared else [])]
