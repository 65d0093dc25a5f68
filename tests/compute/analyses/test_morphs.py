"""A morph is a stack of slices, each of a network of its own; its laws are theirs, and those of its ends."""

import itertools
import re

import numpy as np
import pytest
import torch

from lossatlas.compute.analyses.morphs import Morph, MorphResult, strides
from lossatlas.compute.analyses.table import ANALYSES, canonical, key_for, levels_of, question
from lossatlas.compute.problem.nets import Problem, activation_of
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec, parse
from lossatlas.compute.spec.results import Failure, pack, unpack
from lossatlas.compute.spec.tasks import every

TRAINED = re.compile("training-[0-9a-f]{40}")  # the last task of a training
QUICK = "dataset=xor&widths=2&steps=15"
SMALL = f"{QUICK}&morph_frames=5&morph_points=9"


def morph(query: str) -> MorphResult:
    found = ask(question("morph", f"{SMALL}&{query}"))
    assert isinstance(found, MorphResult), found
    return found


SLICES = [  # a morph, and the question of some of its frames
    (
        "activation=tanh&morph_to=elu&alpha=2",
        "activation=tanh&alpha=2&mix_with=elu&mix=",
        ["0", "0.25", "0.5", None, "1"],
    ),
    ("activation=softplus&morph=parameter&extent=0.7", "activation=softplus&beta=", ["0.5", "1", None, "4", "8"]),
    (
        "activation=relu&morph_to=sine&directions=trajectory&turn=30",
        "activation=relu&directions=trajectory&turn=30&mix_with=sine&mix=",
        ["0", None, "0.5", None, None],
    ),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("query", "asked", "values"), SLICES, ids=[query for query, _, _ in SLICES])
def test_every_frame_is_the_slice_of_its_own_question_to_the_bit(query, asked, values, dtype):
    result = morph(f"{query}&dtype={dtype}&l2=0.01")
    for k, value in enumerate(values):
        if value is None:
            continue
        same = f"{QUICK}&points=9&dtype={dtype}&l2=0.01&extent={result.extent!r}"
        one = ask(question("slice", f"{same}&{asked}{value}"))
        for name in ("loss", "data", "penalty"):
            assert np.array_equal(getattr(result, name)[k], getattr(one, name)), (k, name)
        assert result.center_loss[k] == one.center_loss == result.loss[k, 4, 4]
        assert result.gradient_norm[k] == one.gradient_norm
        assert np.array_equal(result.a, one.a) and np.array_equal(result.b, one.b)


def test_the_ends_are_the_pure_activations():
    result = morph("activation=tanh&morph_to=relu&dtype=float64")
    for k, name in ((0, "tanh"), (-1, "relu")):
        query = f"{QUICK}&activation={name}&dtype=float64"
        alone = ask(question("slice", f"{query}&points=9&extent={result.extent!r}"))
        np.testing.assert_allclose(result.loss[k], alone.loss, rtol=1e-12)
        training = ask(question("training", query))
        assert result.train_loss[k] == training.train_loss[-1]
        function = activation_of(Problem(activation=name))
        assert np.array_equal(result.curve[k], function(_tensor(result.z)).numpy())
    np.testing.assert_allclose(result.curve[2], (result.curve[0] + result.curve[-1]) / 2, rtol=1e-14, atol=1e-15)
    assert np.abs(np.diff(result.loss, axis=0)).max() > 1e-3  # each frame is another picture


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(values)


def test_a_slope_of_one_is_no_activation_at_all():
    result = morph("activation=leaky_relu&morph=parameter&morph_low=0&morph_high=1&extent=1&dtype=float64")
    assert result.values.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    for k, name in ((0, "relu"), (-1, "identity")):
        alone = ask(question("slice", f"{QUICK}&activation={name}&points=9&extent=1&dtype=float64"))
        np.testing.assert_allclose(result.loss[k], alone.loss, rtol=1e-12)


def test_scales_go_by_equal_factors_and_end_where_they_should():
    spec = parse(Morph, "activation=elu&morph=parameter&morph_low=0.1&morph_high=3&morph_frames=11")
    values = np.array(spec.values)
    np.testing.assert_allclose(values[1:] / values[:-1], 30**0.1, rtol=1e-12)
    assert (values[0], values[-1]) == (0.1, 3.0) and spec.question(3).problem.alpha == values[3]
    assert parse(Morph, "morph_frames=11").values == tuple(k / 10 for k in range(11))


@pytest.mark.parametrize("count", range(3, 102, 2))
def test_coarse_frames_are_among_the_finer_ones(count):
    sizes = strides(count)
    assert sizes[0] == 3 and sizes[-1] == count
    assert all((fine - 1) % (coarse - 1) == 0 and fine > coarse for coarse, fine in itertools.pairwise(sizes))


def test_the_first_answer_is_that_to_fewer_frames_and_no_training_is_done_twice():
    spec = canonical(question("morph", SMALL))
    levels = levels_of(spec)
    assert [level.spec.morph_frames for level in levels] == [3, 5]  # type: ignore[attr-defined]
    assert [level.key for level in levels] == [key_for(level.spec) for level in levels]
    three, five = (ask(question("morph", f"{SMALL}&morph_frames={n}")) for n in (3, 5))
    assert np.array_equal(three.loss, five.loss[::2]) and three.extent == five.extent
    tasks = every(levels)
    assert sum(bool(TRAINED.fullmatch(key)) for key in tasks) == 5


def test_one_half_width_is_the_middle_one_of_three():
    result = morph("activation=tanh&morph_to=sine")
    asked = ("activation=tanh", "activation=tanh&mix_with=sine&mix=0.5", "activation=sine")
    own = [ask(question("extent", f"{QUICK}&{query}")).extent for query in asked]
    assert result.extent == sorted(own)[1] == result.a[-1] == -result.b[0]
    assert f"Half width {result.extent:g} in every frame" in " ".join(result.notes)


def test_same_question_same_bytes_and_what_was_stored_is_had_again():
    one, two = (morph("morph_to=gelu") for _ in range(2))
    assert pack(one) == pack(two)
    again = unpack(MorphResult, pack(one))
    assert again.spec == one.spec and np.array_equal(again.loss, one.loss) and pack(again) == pack(one)


def test_the_pool_gives_the_same_bytes(pool):
    spec = question("morph", f"{SMALL}&morph_to=elu")
    assert pack(ask(spec, pool=pool)) == pack(ask(spec))


def test_what_has_no_meaning_is_in_no_key():
    def key(query: str) -> str:
        return key_for(canonical(question("morph", query)))

    assert key("alpha=2") == key("") != key("alpha=2&morph_to=elu") != key("morph_to=elu")
    assert key("mix_with=sine&mix=0.3") == key("") and key("morph_low=0.5") == key("")
    over = "activation=elu&morph=parameter"
    assert key(f"{over}&alpha=7&morph_to=sine") == key(over) == key(f"{over}&morph_low=0.25&morph_high=4.0")
    assert key(f"{over}&morph_low=0.5") != key(over)


def test_an_activation_that_morphs_to_itself_stands_still_and_says_so():
    result = morph("activation=relu&morph_to=relu")
    assert all(np.array_equal(result.loss[0], grid) for grid in result.loss)
    assert any("every frame is the same" in warning for warning in result.warnings)
    assert sum(bool(TRAINED.fullmatch(key)) for key in every(levels_of(result.spec))) == 1


def test_frames_whose_training_diverges_are_gaps_and_are_named():
    rough = "dataset=iris&widths=4&steps=40&optimiser=sgd&rate=20&morph_frames=5&morph_points=5"
    result = ask(question("morph", f"{rough}&activation=tanh&morph_to=quadratic"))
    gone = np.isnan(result.loss).all((1, 2))
    assert gone[-1] and not gone[0] and np.array_equal(gone, np.isnan(result.center_loss))
    assert np.array_equal(gone, np.isnan(result.train_loss)) and np.isfinite(result.curve).all()
    assert any("t = 1.00" in warning or "of 5 frames" in warning for warning in result.warnings)
    assert any("diverged" in warning for warning in result.warnings)
    whole = ask(question("morph", f"{rough}&activation=quadratic&morph_to=quadratic"))
    assert isinstance(whole, Failure) and whole.kind == "diverged"


def test_accuracy_and_the_table_hold_what_the_frames_hold():
    result = morph("dataset=iris&accuracy=1&morph_frames=3&morph_points=5&morph_to=elu")
    assert result.accuracy.shape == (3, 5, 5) and result.accuracy[1, 2, 2] == result.train_accuracy[1]
    table = result.table
    assert {len(column) for column in table.values()} == {75}
    assert np.array_equal(table["loss"].reshape(3, 5, 5), result.loss) and table["value"].tolist()[::25] == [0, 0.5, 1]
    assert np.array_equal(table["test_loss"][::25], result.test_loss)
    assert "accuracy" not in morph("morph_frames=3").table


@pytest.mark.parametrize(("query", "words"), [
    ("morph_frames=4", "morph_frames must be odd"), ("morph_frames=1", "between 3 and 101"),
    ("morph_points=32", "morph_points must be odd"),
    ("morph=parameter", "tanh has none. Choose morph=activation, or one of leaky_relu, elu, celu, softplus"),
    ("morph=parameter&activation=elu&morph_low=2&morph_high=1", "morph_low must be below"),
    ("morph=parameter&activation=elu&morph_low=-1", "alpha must lie between"), ("morph_to=rleu", "relu"),
    ("directions=weights&weight_b=99", "must be below 35"), ("window=0,1,0,1", "no option"),
])  # fmt: skip
def test_a_bad_question_is_one_sentence_that_says_what_to_do(query, words):
    with pytest.raises(BadSpec) as caught:
        question("morph", query)
    assert words in str(caught.value) and str(caught.value).endswith((".", "?"))


def test_its_size_is_that_of_its_grids():
    spec = question("morph", SMALL)
    assert ANALYSES["morph"].size(spec) == (5 * 81, "losses") and spec.extra_bytes > 5 * 81 * 8
