"""What stands side by side: activations, or values of any other option; what differs, and what is said to be equal."""

import pytest

from lossatlas.app.look.columns import MOST_COLUMNS
from lossatlas.app.panels import PANELS, question_options
from lossatlas.app.state.comparison import comparables, offered
from lossatlas.app.state.differences import settings_of, told_equal
from lossatlas.app.state.page import read_state
from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.spec.options import BadSpec

QUICK = "dataset=xor&widths=2&steps=5"
COMPARED = comparables(question_options())


def names(query: str) -> list[str]:
    return [column.name for column in read_state(query).columns]


def test_activations_are_compared_unless_something_else_is_named():
    assert names("activation=gelu,tanh,gelu") == ["gelu", "tanh"]
    assert names("compare=seed&columns=7,0,7,1&activation=gelu") == ["7", "0", "1"]


def test_a_column_changes_one_option_and_nothing_else():
    state = read_state(f"{QUICK}&compare=seed&columns=7,0&activation=gelu&seed=99")
    seven, zero = (state.spec(Slice, column) for column in state.columns)
    assert (seven.start.seed, zero.start.seed) == (7, 0)
    assert seven.problem == zero.problem and seven.problem.activation == "gelu"
    [(name, label, texts)] = settings_of(state)["differ"]
    assert (name, label, texts) == ("seed", "Seed", ["7", "0"])
    assert ["activation", "Activation", "gelu"] in settings_of(state)["equal"]


def test_an_option_that_a_question_lacks_changes_it_in_no_column():
    state = read_state(f"{QUICK}&compare=direction_seed&columns=0,1")
    assert len({state.spec(Training, column) for column in state.columns}) == 1
    assert len({state.spec(Slice, column) for column in state.columns}) == 2


@pytest.mark.parametrize("name", COMPARED)
def test_every_comparison_offers_columns_that_can_be_read(name):
    options = question_options()
    given = "" if name == "activation" else "&activation=elu"
    state = read_state(f"compare={name}&columns={offered(options[name])}&dataset=mnist&widths=8-8{given}")
    assert 1 < len(state.columns) <= MOST_COLUMNS
    assert len({column.label for column in state.columns}) == len(state.columns)
    assert [column.name for column in read_state(f"compare={name}&widths=8-8&dataset=digits").columns] == names(
        f"compare={name}&widths=8-8&dataset=digits&columns={offered(options[name])}"
    )


def test_only_what_can_be_compared_is_offered():
    assert {name for name, option in question_options().items() if option.offers} <= COMPARED.keys()
    assert not COMPARED.keys() & {"window", "at", "points", "extent"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("compare=colour", "compare must be one of"),
        ("compare=seed&columns=1,2,3,4,5,6,7", "1 to 6 values"),
        ("compare=seed&columns=,", "1 to 6 values"),
        ("compare=seed&columns=one", "seed must be a whole number"),
        ("compare=skip&columns=0,1&dataset=iris&widths=8", "skip=true adds layers"),
        ("compare=dataset&columns=iris,nowhere", "dataset must be one of"),
        ("activation=tanh,thanh", "Did you mean 'tanh'"),
        ("baseline=4", "1 to 3 here"),
        ("columns=" + "1" * 500, "at most 400"),
        ("columns=%07", "printable"),
    ],
)
def test_what_cannot_stand_side_by_side_is_refused_with_a_sentence(query, words):
    with pytest.raises(BadSpec, match=words):
        read_state(query)


def test_equal_is_only_what_is():
    def told(query: str) -> list[str]:
        state = read_state(query)
        return told_equal(settings_of(state), state)

    assert told(QUICK) == ["data", "initial draw", "kind of plane", "half width", "colour range"]
    assert told(f"{QUICK}&compare=seed&columns=0,1&shared=0") == ["data", "kind of plane", "half width"]
    assert told("compare=dataset&columns=iris,wine&shared=0") == ["kind of plane", "half width"]
    assert "kind of plane" not in told(f"{QUICK}&compare=direction_seed&columns=0,1")
    assert told(f"{QUICK}&place=clouds&compare=walk_seed&columns=0,1") == ["data", "axes"]


def test_a_panel_asks_the_question_of_its_column():
    state = read_state("compare=widths&columns=2,3-3&dataset=iris&activation=relu")
    for panel in PANELS.values():
        assert [state.spec(panel.spec, column).problem.widths for column in state.columns] == [(2,), (3, 3)]
