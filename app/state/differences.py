"""What differs between the columns of a page, and what is equal: every option of their questions that matters."""

import contextlib
from typing import Any

from lossatlas.app.panels import PANELS
from lossatlas.app.state.page import PageState
from lossatlas.compute.spec.options import BadSpec, options_of, relevant, text

# What the line on top calls equal, by the options that would make it differ.
DATA = ("data", {"dataset", "data_seed", "test_share", "noise", "max_samples", "part"})
SHAPE = {"dataset", "network", "widths", "channels", "dense", "norm"}
DRAW = ("initial draw", SHAPE | {"seed", "init", "init_range"})
PLANE = ("kind of plane", {"directions", "direction_seed", "weight_a", "weight_b"})
NONE = "–"  # where an option does not matter
WALKS = ("draws of starts and steps", SHAPE | {"walk_seed", "walk_range", "walk_size", "walk_steps", "walk"})


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
    return {"differ": differ, "equal": equal}


def _values(state: PageState, column) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in state.panels:
        if not PANELS[name].preset:
            with contextlib.suppress(BadSpec):  # the panel says so
                spec = state.spec(PANELS[name].spec, column)
                found |= {option: text(value) for option, value in relevant(spec).items()}
    return found


def told_equal(settings: dict[str, Any], state: PageState) -> list[str]:
    """What of data, draws, planes and ranges all columns have in common, in words."""
    differing = {name for name, *_ in settings["differ"]}
    kinds = (DATA, WALKS) if state.view.place == "clouds" else (DATA, DRAW, PLANE)
    words = [words for words, names in kinds if not names & differing]
    if state.view.place == "clouds":
        return [*words, "axes"]
    reach = ["window" if state.window else "half width"] if state.panels[0] in ("slice", "morph") else []
    return [*words, *reach, *(["colour range"] if state.view.shared else [])]
