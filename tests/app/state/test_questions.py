"""Every question of a page is made once, with the reader's options, the panel's and the column's own."""

import pytest

from lossatlas.app.state.page import read_state
from lossatlas.app.state.questions import Questions
from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.spec.options import BadSpec, build, flat


def test_a_question_is_made_once_and_its_problem_once_a_column():
    state = read_state("dataset=iris&widths=4")
    first, second = ([state.question(name, side) for side in state.columns for name in state.panels] for _ in range(2))
    assert len(first) == 9 and all(one is two for one, two in zip(first, second, strict=True))
    assert len({id(spec.problem) for spec in first}) == len({id(spec.start) for spec in first}) == 3
    assert [spec.problem.activation for spec in first[::3]] == ["tanh", "relu", "elu"]


@pytest.mark.parametrize("query", [
    "dataset=iris&widths=4&seed=7", "place=curvature&show=accuracy", "place=clouds&multiples=1&walks=5",
    "place=training&compare=widths&columns=2,3-3", "place=morph&mix_with=sine&mix=0.25", "show=accuracy&l2=0.1",
])  # fmt: skip
def test_a_question_is_the_one_that_its_options_alone_would_make(query):
    state = read_state(query)
    for column in state.columns:
        for name in state.panels:
            spec = state.question(name, column)
            assert spec == build(type(spec), flat(spec))
            assert spec == read_state(query).question(name, column)


def test_what_is_own_goes_before_what_is_shared_and_parts_of_others_are_not_taken():
    questions = Questions({"seed": "3", "activation": "tanh"})
    plain, own = questions.of(Training, {}), questions.of(Training, {"activation": "relu", "seed": "4"})
    assert (plain.problem.activation, plain.start.seed) == ("tanh", 3)
    assert (own.problem.activation, own.start.seed) == ("relu", 4)
    assert questions.of(Slice, {}).problem is plain.problem is not own.problem
    assert questions == Questions({"seed": "3", "activation": "tanh"}) != Questions({})


def test_a_question_that_cannot_be_is_refused_each_time_with_one_sentence():
    questions = Questions({"points": "64"})
    for _ in range(2):
        with pytest.raises(BadSpec, match="points must be odd so that the start lies on the grid; got 64"):
            questions.of(Slice, {})
    assert questions.of(Slice, {"points": "65"}).points == 65
