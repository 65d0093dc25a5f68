"""Laws of questions, answers, windows and differences over values that hypothesis draws."""

import json
import string
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lossatlas.app.state.page import read_state
from lossatlas.app.stream.json_diff import differences
from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.analyses.table import ANALYSES, canonical, key_for
from lossatlas.compute.spec.options import BadSpec, Option, build, flat, options_of, parse, text, to_query
from lossatlas.compute.spec.results import pack, unpack
from tests.app.stream.test_json_diff import changed

# The same examples in every run, and no clock; many questions drawn at random contradict themselves and are left out.
LAWS = settings(
    derandomize=True, deadline=None, database=None, max_examples=40,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)  # fmt: skip
MOST = 3  # options that differ from their defaults in a question
SPECS = [analysis.spec for analysis in ANALYSES.values()]


def numbers(option: Option) -> st.SearchStrategy[float]:
    return st.floats(option.low, option.high, allow_nan=False, allow_infinity=False)


def whole(option: Option) -> st.SearchStrategy[int]:
    low, high = (None if end is None else int(end) for end in (option.low, option.high))
    return st.integers(low, high)


def values(option: Option) -> st.SearchStrategy[Any]:
    """What a reader may choose for an option, in the field's own type."""
    if option.choices is not None:
        return st.sampled_from(list(option.menu()))
    kinds: dict[Any, Any] = {
        bool: st.booleans,
        int: lambda: whole(option),
        float: lambda: numbers(option),
        str: lambda: st.text(string.ascii_letters + " &=%+äλ", max_size=option.longest or 20).map(str.strip),
        "widths": lambda: st.lists(whole(option), max_size=option.longest).map(tuple),
        "numbers": lambda: st.lists(numbers(option), max_size=option.longest).map(tuple),
        "float or auto": lambda: st.one_of(st.just("auto"), numbers(option)),
    }
    return kinds[option.kind]()


@st.composite
def questions(draw: st.DrawFn, spec_type: type) -> Any:
    """A spec with a few options drawn; those that do not go together are none."""
    table = options_of(spec_type)
    names = draw(st.lists(st.sampled_from(list(table)), max_size=MOST, unique=True))
    try:
        return build(spec_type, {name: draw(values(table[name])) for name in names})
    except BadSpec:
        assume(False)


def spellings(value: Any) -> list[str]:
    """Texts that name a value of a field."""
    if isinstance(value, bool):
        return ["1", "true", " Yes ", "ON"] if value else ["0", "false", "No", "off"]
    if isinstance(value, int):
        return [str(value), f" {value}", *([f"{value}.0", f"+{value}"] if abs(value) < 2**53 else [])]
    if isinstance(value, float):
        return [repr(value), f" {value!r} ", f"{value:.17e}", *(["-0.0", "0"] if value == 0 else [])]
    if isinstance(value, tuple):
        between = (",", " , ", " ") if any(isinstance(part, float) for part in value) else ("-", ",", "x", " - ")
        return [sign.join(map(repr, value)) for sign in between] if value else ["none", "", " None "]
    return [value, f" {value} "] if value == "auto" else [value]


@pytest.mark.parametrize("spec_type", SPECS, ids=ANALYSES)
@LAWS
@given(data=st.data())
def test_every_question_is_what_its_query_and_its_values_say(spec_type, data):
    spec = data.draw(questions(spec_type))
    assert parse(spec_type, to_query(spec)) == spec == build(spec_type, flat(spec))
    assert canonical(canonical(spec)) == canonical(spec) and key_for(canonical(spec)) == key_for(spec)


@LAWS
@given(data=st.data())
def test_coercion_is_idempotent_and_reads_what_is_written(data):
    option = data.draw(st.sampled_from([option for spec in SPECS for option in options_of(spec).values()]))
    value = option.coerce(data.draw(values(option)))
    again = option.coerce(value)
    assert again == value and type(again) is type(value)
    assert option.coerce(text(value)) == value
    for spelt in spellings(value):
        assert option.choices is not None or option.coerce(spelt) == value


@pytest.mark.parametrize("spec_type", SPECS, ids=ANALYSES)
@LAWS
@given(data=st.data())
def test_equal_spellings_have_equal_keys(spec_type, data):
    spec, table = data.draw(questions(spec_type)), options_of(spec_type)
    spelt = {
        name: data.draw(st.sampled_from(spellings(value))) if table[name].choices is None else value
        for name, value in flat(spec).items()
    }
    other = build(spec_type, spelt)
    assert other == spec and key_for(other) == key_for(spec)


# ---------------------------------------------------------------------------------------------- answers


@dataclass(frozen=True)
class Answer:
    """Every kind of field that a result has."""

    spec: Slice
    grid: np.ndarray
    loss: float
    count: int
    name: str
    notes: tuple[str, ...]


GRIDS = st.sampled_from(["<f4", "<f8", "<i8", "|i1", "|b1"]).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
WORDS = st.text(st.characters(exclude_categories=["C"]), max_size=12)
ANSWERS = st.builds(
    Answer, questions(Slice), GRIDS, st.floats(), st.integers(-(2**63), 2**63 - 1), WORDS,
    st.lists(WORDS, max_size=3).map(tuple),
)  # fmt: skip


@LAWS
@given(answer=ANSWERS)
def test_an_answer_is_had_again_from_its_bytes(answer):
    again = unpack(Answer, pack(answer))
    assert (again.spec, again.count, again.name, again.notes) == (answer.spec, answer.count, answer.name, answer.notes)
    assert repr(again.loss) == repr(answer.loss)
    assert again.grid.dtype == answer.grid.dtype and again.grid.shape == answer.grid.shape
    assert again.grid.tobytes() == answer.grid.tobytes() and pack(again) == pack(answer)


# ---------------------------------------------------------------------------------------------- differences

NAMES = st.text("abc", min_size=1, max_size=2)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False, allow_infinity=False), NAMES
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
FIGURES = st.dictionaries(NAMES, JSON, max_size=4)


@LAWS
@given(one=FIGURES, other=FIGURES)
def test_differences_applied_make_the_one_the_other(one, other):
    found = list(differences(one, other))
    assert written(changed(one, found)) == written(other)
    assert bool(found) == (written(one) != written(other))


def written(value: Any) -> str:
    """What tells 1, 1.0 and true apart, and no order of names."""
    return json.dumps(value, sort_keys=True)


# ---------------------------------------------------------------------------------------------- windows

INNER = st.tuples(*[st.floats(0.05, 0.45)] * 4)  # how much of each side is cut off on the way inward


def inward(windows: list[tuple], cut: tuple) -> list[tuple]:
    a, b, c, d = windows[-1]
    return [*windows, (a + cut[0] * (b - a), b - cut[1] * (b - a), c + cut[2] * (d - c), d - cut[3] * (d - c))]


def state_of(windows: list[tuple]):
    """The page at the last of the windows, with the others as the way to it."""
    way, here = (",".join(repr(end) for window in some for end in window) for some in (windows[:-1], windows[-1:]))
    return read_state(f"window={here}" + (f"&trail={way}" if way else ""))


@LAWS
@given(cuts=st.lists(INNER, min_size=1, max_size=6), data=st.data())
def test_windows_nest(cuts, data):
    windows: list[tuple] = [(-1.0, 1.0, -1.0, 1.0)]
    for cut in cuts:
        windows = inward(windows, cut)
    state = state_of(windows)
    assert [*state.view.windows, state.window] == windows
    place = data.draw(st.integers(0, len(windows) - 2))
    turned = [*windows[:place], windows[place + 1], windows[place], *windows[place + 2 :]]
    with pytest.raises(BadSpec, match="lead inward"):
        state_of(turned)
