"""Every option of every spec gets a labelled control, drawn from its declaration alone."""

import json
from dataclasses import dataclass

import dash_mantine_components as dmc
import pytest

from lossatlas.app.layout.controls import (
    FIRST_ACTIVATIONS,
    control,
    declared,
    declared_names,
    matters,
    prop,
    sections,
    step,
)
from lossatlas.app.look import ids
from lossatlas.app.look.columns import DEFAULT_ACTIVATIONS
from lossatlas.app.look.view import View
from lossatlas.app.panels import PANELS
from lossatlas.app.state.differences import EQUAL
from lossatlas.app.state.hiding import PARTS
from lossatlas.app.state.page import page_options, read_state
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.spec.options import option, options_of

OPTIONS = page_options()
FRUIT = {"apple": "apple", "pear": "pear", "quince": "a hard yellow fruit"}


@dataclass(frozen=True)
class Basket:
    """Every kind of option that a spec may declare."""

    fruit: str = option("apple", choices=FRUIT, label="Fruit", help="What is inside.")
    size: str = option("big", choices={"big": "big", "small": "small"}, label="Size", help="How big.")
    count: int = option(30, low=1, high=99, label="Count", help="How many.")
    weight: float = option(1.0, low=-2.0, high=5.0, label="Weight", help="How heavy.")
    ripe: bool = option(True, label="Ripe", help="Whether it is ripe.")
    layers: tuple[int, ...] = option((3, 4), label="Layers", help="How it is packed.")
    price: float | str = option("auto", label="Price", help="What it costs.")
    pips: int = option(0, label="Pips", help="How many pips.", when=("fruit", lambda name: name in ("apple", "quince")))


BASKET = options_of(Basket)
KINDS = {
    "fruit": dmc.Select, "size": dmc.SegmentedControl, "count": dmc.NumberInput, "weight": dmc.NumberInput,
    "ripe": dmc.Switch, "layers": dmc.TextInput, "price": dmc.TextInput, "pips": dmc.NumberInput,
}  # fmt: skip


def parts(component):
    """A component and everything inside it."""
    yield component
    if hasattr(component, "_traverse"):
        yield from component._traverse()


def find(component, wanted: str):
    return next(part for part in parts(component) if getattr(part, "id", None) == wanted)


@pytest.mark.parametrize("name", KINDS)
def test_control_suits_the_kind(name):
    drawn = find(control(BASKET[name]), ids.option(name))
    assert type(drawn) is KINDS[name]
    assert getattr(drawn, prop(BASKET[name])) == {"layers": "3-4"}.get(name, BASKET[name].default)


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if not option.belongs])
def test_every_option_of_the_page_has_a_labelled_and_explained_control(name):
    row = control(OPTIONS[name])
    drawn = find(row, ids.option(name))
    assert find(row, ids.row(name)) is row
    told = [part.to_plotly_json() for part in (row, *parts(row)) if hasattr(part, "id")]
    texts = str(told)
    assert OPTIONS[name].label in texts
    assert OPTIONS[name].help in texts
    assert hasattr(drawn, prop(OPTIONS[name]))


def test_number_input_keeps_the_bounds_and_changes_no_value_by_itself():
    drawn = find(control(BASKET["weight"]), "option-weight")
    assert (drawn.min, drawn.max, drawn.allowNegative, drawn.allowDecimal) == (-2.0, 5.0, True, True)
    assert drawn.clampBehavior == "none"


def test_choices_come_from_the_registry_and_cannot_be_taken_away():
    drawn = find(control(BASKET["fruit"]), "option-fruit")
    assert {entry["value"]: entry["label"] for entry in drawn.data} == FRUIT
    assert drawn.allowDeselect is False


def test_a_new_activation_is_a_chip(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "newcomer", ACTIVATIONS["tanh"])
    row = control(OPTIONS["activation"])
    assert find(row, ids.chip("newcomer")).value == "newcomer"
    assert "newcomer" in next(told for told in declared(OPTIONS) if told["name"] == "activation")["choices"]


def test_activation_chips_stand_for_all_activations_once():
    chips = [part.value for part in parts(control(OPTIONS["activation"])) if isinstance(part, dmc.Chip)]
    assert sorted(chips) == sorted(ACTIVATIONS)
    assert chips[: len(FIRST_ACTIVATIONS)] == list(FIRST_ACTIVATIONS)


@pytest.mark.parametrize(("name", "expected"), [("count", 10), ("pips", 1), ("weight", 0.1)])
def test_step_of_an_arrow(name, expected):
    assert step(BASKET[name]) == pytest.approx(expected)


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.slider])
def test_a_slider_spans_the_option_and_follows_while_it_moves(name):
    drawn = find(control(OPTIONS[name]), ids.option(name))
    assert type(drawn) is dmc.Slider and drawn.updatemode == "drag" and drawn.thumbLabel == OPTIONS[name].label
    assert (drawn.min, drawn.max, drawn.value) == (OPTIONS[name].low, OPTIONS[name].high, OPTIONS[name].default)
    assert next(told for told in declared(OPTIONS) if told["name"] == name)["followed"]


def test_what_leaves_the_plane_is_told_and_exists():
    told = {entry["name"] for entry in declared(OPTIONS) if entry["leaves"]}
    assert told == {name for name, option in OPTIONS.items() if "plane" in option.leaves}
    assert {"dataset", "widths", "extent", "compare"} <= told
    assert not told & {"window", "turn", "dtype", "activation", "points", "seed"}
    assert all(option.kind == "numbers" for option in OPTIONS.values() if option.lies)


def test_page_facts_of_an_option_are_words_that_somebody_reads():
    for known in OPTIONS.values():
        assert known.belongs in ("", "header", "browser", "lesson", "crumbs") and known.lies in ("", "plane", "region")
        assert set(known.leaves) <= {"plane", "region"} and set(known.decides) <= EQUAL.keys()
        assert known.said in ("", "always", "walks", "picture", "never") and set(known.pictures) <= PANELS.keys()
        assert set(known.keys.values()) <= {"", *known.menu()}
        assert not known.pictures or known.name in options_of(View), "a question's option says by itself who asks it"
        assert not known.slider or (known.low is not None and known.high is not None)


def test_names_that_no_control_holds_are_told_by_what_becomes_of_them():
    told = declared_names(OPTIONS)
    assert told["extras"] == ["hide", "lesson", "page", "room"] and set(told["own"]) == {"hide", "room", "theme"}
    assert set(told["beside"]) == {"hide", "lesson", "page", "room", "theme"}
    assert set(told["onPlane"]) == {"at", "window"} and set(told["onCloud"]) == {"brush", "frame"}


def test_no_key_of_the_keyboard_means_two_things():
    keys = [key for option in OPTIONS.values() for key in option.keys]
    keys += [key for part in PARTS.values() if part.label != "Whole bar on top" for key in part.keys]
    assert len(keys) == len(set(keys))


def test_points_stay_odd_under_the_arrows():
    assert step(OPTIONS["points"]) % 2 == step(OPTIONS["line_points"]) % 2 == 0


def test_table_of_what_matters_equals_the_predicates():
    assert matters(BASKET["pips"], BASKET) == {"fruit": ["apple", "quince"]}
    assert matters(BASKET["fruit"], BASKET) == {}
    for name, found in OPTIONS.items():
        for other, needed in matters(found, OPTIONS).items():
            assert needed, f"{name} never matters"
            assert set(needed) < set(OPTIONS[other].menu()), f"{name} always matters"


def test_an_option_that_one_place_asks_for_is_hidden_in_the_others():
    told = {entry["name"]: entry["when"] for entry in declared(OPTIONS)}
    assert told["at"] == {"place": ["curvature"]} and told["line_points"] == {"place": ["landscape"]}
    assert told["spectrum"] == {"place": ["curvature"]} and told["points"] == {
        "place": ["landscape", "curvature", "training"]
    }
    assert not told["dataset"] | told["activation"] | told["log"]


def test_sections_hold_every_option_once_in_the_order_of_thought():
    found = sections(OPTIONS)
    headings = ["Problem", "Columns", "Start", "Slice", "Spectrum", "Training and seeds", "Cloud", "Morph", "View"]
    assert list(found) == headings
    placed = [option.name for members in found.values() for option in members]
    assert sorted(placed) == sorted(name for name, option in OPTIONS.items() if not option.belongs)
    assert {option.name for option in found["Columns"]} == {
        "compare",
        "columns",
        "activation",
        "alpha",
        "mix_with",
        "mix",
        "slope",
        "beta",
    }


def test_a_group_that_nobody_named_still_has_a_section():
    assert [option.name for option in sections(BASKET)["Basket"]] == list(BASKET)


def test_declared_defaults_give_the_default_state():
    told = declared(OPTIONS)
    json.dumps(told)
    query = "&".join(f"{entry['name']}={entry['default']}" for entry in told)
    given, default = read_state(query), read_state("")
    assert given.columns == default.columns
    assert tuple(column.name for column in given.columns) == DEFAULT_ACTIVATIONS
    assert given.view == default.view
