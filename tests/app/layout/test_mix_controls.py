"""What the browser is told of mixtures and morphs, and what a page of them asks."""

from lossatlas.app.layout.controls import declared
from lossatlas.app.state.page import page_options, read_state
from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.problem.activations import ACTIVATIONS

TOLD = {entry["name"]: entry for entry in declared(page_options())}


def test_a_parameter_matters_where_any_of_the_ends_reads_it():
    for name, having in (("alpha", ["elu", "celu"]), ("slope", ["leaky_relu"]), ("beta", ["softplus"])):
        assert TOLD[name]["either"] == {"activation": having, "mix_with": having, "morph_to": having}
        assert not TOLD[name]["when"]
    assert all(not entry["either"] for name, entry in TOLD.items() if name not in ("alpha", "slope", "beta"))


def test_a_mixture_is_chosen_outside_the_morph_and_a_morph_inside():
    elsewhere = {"place": ["landscape", "curvature", "clouds", "training"]}
    assert TOLD["mix_with"]["when"] == elsewhere  # always there: else nobody could switch it on
    assert TOLD["mix"]["when"] == elsewhere | {"mix_with": list(ACTIVATIONS)} and TOLD["mix"]["followed"]
    assert TOLD["mix_with"]["choices"] == ["none", *ACTIVATIONS]
    for name in ("morph", "morph_to", "morph_low", "morph_high", "morph_frames", "morph_points"):
        assert TOLD[name]["when"]["place"] == ["morph"]


def test_one_mixture_goes_into_every_question_of_a_page():
    state = read_state("activation=tanh,elu&mix_with=relu&mix=0.25&alpha=2")
    for column, own in zip(state.columns, ("tanh", "elu"), strict=True):
        for spec_type in (Slice, Training):
            problem = state.spec(spec_type, column).problem
            assert (problem.activation, problem.mix_with, problem.mix, problem.alpha) == (own, "relu", 0.25, 2.0)
    assert [column.label for column in state.columns] == ["tanh → ReLU, t = 0.25", "ELU → ReLU, t = 0.25"]
    assert [column.label for column in read_state("activation=tanh&mix_with=relu&mix=0").columns] == ["tanh"]


def test_mixtures_can_stand_side_by_side():
    state = read_state("compare=mix&columns=0,0.5,1&mix_with=relu&activation=tanh")
    shares = [state.spec(Slice, column).problem for column in state.columns]
    assert [(one.activation, one.mixed) for one in shares] == [("tanh", False), ("tanh", True), ("relu", False)]
    targets = read_state("compare=morph_to&columns=relu,sine&activation=tanh&place=morph")
    assert [column.label for column in targets.columns] == ["ReLU", "sine"]
