from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from lossatlas.compute.analyses import slices, table
from lossatlas.compute.analyses.planes.extent import symmetric_axis
from lossatlas.compute.analyses.slices import QUICK, Slice, SliceResult, levels, new_points
from lossatlas.compute.analyses.table import key_for, levels_of, question
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.problem.nets import split
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec, parse, to_query
from lossatlas.compute.spec.results import Failure, pack, unpack
from lossatlas.compute.spec.tasks import every
from tests.cases import SINGLE
from tests.oracles import exact_criterion, module, plain_loss

DOUBLE: dict[str, Any] = {"rtol": 1e-11, "atol": 1e-13}  # the affine sum adds three rounded products per unit
SMALL = [
    "dataset=xor&widths=2&steps=20",
    "dataset=iris&widths=4&steps=20&l2=0.01",
    "dataset=iris&widths=5-3&activation=relu&directions=trajectory&steps=20",
    "dataset=wine&widths=3&activation=gelu&directions=interpolation&steps=20&loss=softmax_cross_entropy",
    "dataset=breast_cancer&widths=3&activation=elu&directions=weights&weight_a=3&weight_b=40&steps=0",
    "dataset=sine&widths=6&activation=sine&loss=squared_error&directions=gaussian&steps=10",
    "dataset=moons&widths=none&loss=sigmoid_squared_error&part=test&steps=10",
    "dataset=heart&widths=4&activation=softplus&directions=filter_original&part=test&steps=5",
    "dataset=wine&widths=4-3&activation=silu&directions=eigenvectors&steps=20",
]


@pytest.mark.parametrize("query", SMALL)
@pytest.mark.parametrize(("dtype", "close"), [("float64", DOUBLE), ("float32", SINGLE)])
def test_every_value_agrees_with_a_plain_float64_loop(query, dtype, close):
    result = ask(question("slice", f"{query}&dtype={dtype}&points=9&accuracy=1"))
    spec, where = result.spec, result.spec.where
    expected = np.empty((9, 9))
    for i, a in enumerate(result.a):
        for j, b in enumerate(result.b):
            point = result.theta.astype(float) + a * result.u + b * result.v
            expected[i, j] = plain_loss(spec.problem, point, where.part).item() + spec.problem.l2 * point @ point
    np.testing.assert_allclose(result.loss, expected, **close)
    np.testing.assert_allclose(result.loss, result.data + result.penalty, rtol=1e-15)


def test_a_line_through_a_point_trained_long_shows_tiny_losses_with_their_digits():
    result = ask(question("line", "dataset=xor&widths=4&activation=tanh&steps=2000&rate=0.5&loss=softmax_cross_entropy"
                                  "&directions=output&extent=2&line_points=9"))  # fmt: skip
    problem, part = result.spec.problem, make_loss(result.spec.problem).parts["train"]
    for a, found in zip(result.axis, result.loss, strict=True):
        point = (result.theta + a * result.u).astype(np.float32)
        z, y = module(problem, point)(part.x.double()).detach().numpy(), part.y.numpy()
        exact = np.mean([exact_criterion(problem.loss, *pattern)[0] for pattern in zip(z, y, strict=True)])
        size = np.abs(z).max()  # an output is a sum of five terms about as large; e^z grows as its error does
        assert found == pytest.approx(exact, rel=8 * (size + 1) * np.finfo(np.float32).eps)
    np.testing.assert_allclose(result.loss[5:7], [4.849e-8, 1.980e-10], rtol=1e-2)
    assert 0 < result.loss.min() < 1e-12


@pytest.mark.usefixtures("as_a_worker_computes")
@pytest.mark.parametrize("query", SMALL)
def test_center_ends_and_start_lie_on_the_grid(query):
    result = ask(question("slice", f"{query}&points=17&extent=0.7"))
    loss = make_loss(result.spec.problem)
    assert (
        result.loss[8, 8]
        == result.center_loss
        == float(loss.total(torch.as_tensor(result.theta), result.spec.where.part))
    )
    for axis in (result.a, result.b):
        assert (axis[0], axis[8], axis[-1]) == (-0.7, 0.0, 0.7)
        assert np.array_equal(axis, -axis[::-1])


def test_levels_are_nested_and_no_point_is_computed_twice():
    assert levels(65) == [9, 17, 33, 65] and levels(101) == [51, 101] and levels(5) == [5] and levels(129)[0] == 9
    coarse, fine = symmetric_axis(0.3, 17), symmetric_axis(0.3, 33)
    assert np.array_equal(fine[::2], coarse)
    seen = np.zeros((33, 33), dtype=int)
    for step, (size, below) in zip((4, 2, 1), ((9, None), (17, 9), (33, 17)), strict=True):
        rows, columns = new_points(size, below).T * step
        np.add.at(seen, (rows, columns), 1)
    assert (seen == 1).all()


def test_what_takes_no_time_is_not_drawn_coarser_first():
    assert levels(65, QUICK / 65**2) == [65] and levels(65, 1.1 * QUICK / 65**2) == [33, 65]
    assert levels(65, QUICK / 17**2)[:-2] == levels(17, QUICK / 17**2)  # a level's own levels: it shares their tasks
    assert len(levels_of(question("slice", "dataset=iris"))) == 1 < len(levels_of(question("slice", "dataset=mnist")))


@pytest.mark.parametrize(
    "window", ["", "&window=0.1,0.6,-0.35,-0.05", "&window=-1e-7,3e-7,-0.1,0.3", "&accuracy=true&l2=0.01"]
)
def test_an_answer_is_the_same_by_any_levels(monkeypatch, window):
    answers = []
    for quick in (QUICK, 0.0):
        monkeypatch.setattr(slices, "QUICK", quick)
        table.remembered_levels.cache_clear()
        answers.append(pack(ask(question("slice", f"{SMALL[0]}&points=33{window}"))))
    assert answers[0] == answers[1] and len(levels_of(question("slice", f"{SMALL[0]}&points=33{window}"))) == 3
    table.remembered_levels.cache_clear()


def test_a_coarse_answer_is_the_fine_one_at_every_second_point():
    coarse, fine = (ask(question("slice", f"{SMALL[1]}&points={n}")) for n in (17, 33))
    assert np.array_equal(fine.loss[::2, ::2], coarse.loss)


def test_same_question_same_bytes():
    one, two = (ask(question("slice", f"{SMALL[2]}&points=17")) for _ in range(2))
    assert pack(one) == pack(two)


def test_pieces_do_not_change_the_answer(monkeypatch):
    whole = ask(question("slice", f"{SMALL[7]}&points=17"))
    monkeypatch.setattr("lossatlas.compute.analyses.slices.piece", lambda *_: 16)
    np.testing.assert_allclose(ask(question("slice", f"{SMALL[7]}&points=17")).loss, whole.loss, rtol=1e-6)


def test_a_window_whose_points_float32_cannot_tell_apart_says_so():
    far = (
        "dataset=iris&widths=8&activation=sine&steps=0&directions=gaussian&extent=1&points=65&window=1000,1000.001,0,1"
    )
    for dtype, expected in (("float32", True), ("float64", False)):
        warnings = ask(question("slice", f"{far}&dtype={dtype}")).warnings
        assert any("nearly one in float32" in warning for warning in warnings) == expected


def test_filter_normalised_rows_have_the_norm_of_the_weights_and_no_bias():
    result = ask(question("slice", "dataset=iris&widths=5-3&steps=5&directions=filter_original&points=5"))
    shapes = result.spec.problem.shapes
    layers = zip(
        *(split(shapes, torch.as_tensor(vector).double()) for vector in (result.theta, result.u, result.v)), strict=True
    )
    for (weight, _), (du, bias_u), (dv, bias_v) in layers:
        for direction in (du, dv):
            np.testing.assert_allclose(direction.norm(dim=1), weight.norm(dim=1), rtol=1e-12)
        assert not bias_u.any() and not bias_v.any()


def test_orthogonal_directions_are_so_and_the_published_ones_need_not_be():
    turned, published = (
        ask(question("slice", f"dataset=iris&points=5&steps=5&directions={kind}"))
        for kind in ("filter", "filter_original")
    )
    assert abs(turned.u @ turned.v) < 1e-12 * np.linalg.norm(turned.u) * np.linalg.norm(turned.v)
    assert np.linalg.norm(turned.v) == pytest.approx(np.linalg.norm(published.v), rel=1e-12)
    assert abs(published.u @ published.v) > 1e-3


def test_a_filter_normalised_slice_ignores_the_rescaling_of_relu_layers():
    """The directions scale along with the weights, so the grid of losses stays."""
    from lossatlas.compute.numerics.directions import filter_normalised, gaussian
    from lossatlas.compute.numerics.kernels.affine import losses_at

    spec = question("slice", "dataset=iris&widths=4&activation=relu&dtype=float64&steps=0")
    loss, shapes, factor = make_loss(spec.problem), spec.problem.shapes, 5.0
    theta = np.random.default_rng(0).uniform(-1, 1, spec.problem.parameters)
    scale = np.concatenate([np.full(20, factor), np.full(12, 1 / factor), np.ones(3)])
    grid = np.random.default_rng(1).uniform(-1, 1, (20, 2))
    values = [
        losses_at(
            loss,
            center,
            np.stack([filter_normalised(gaussian(35, 0, n), center, shapes) for n in (0, 1)]),
            grid,
            "train",
        )[0]
        for center in (theta, scale * theta)
    ]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-12)


def test_a_trajectory_plane_is_that_of_scikit_learns_pca():
    result = ask(question("slice", f"{SMALL[2]}&points=9&dtype=float64"))
    theta = ask(question("training", "dataset=iris&widths=5-3&activation=relu&steps=20&dtype=float64")).theta
    steps = theta - theta[-1]
    expected = PCA(2).fit(steps)
    np.testing.assert_allclose(result.explained, expected.explained_variance_ratio_, rtol=1e-10)
    for found, axis in zip((result.u, result.v), expected.components_, strict=True):
        assert abs(found @ axis) == pytest.approx(1.0, abs=1e-12) and found @ steps[0] >= 0
    on_plane = result.path @ np.stack([result.u, result.v])
    np.testing.assert_allclose(np.linalg.norm(steps - on_plane, axis=1), result.off_plane, atol=1e-12)
    assert np.array_equal(result.path[-1], [0.0, 0.0]) and np.abs(result.path).max() <= result.extent


def test_a_path_straight_to_rounding_spans_no_plane():
    answer = ask(question("slice", "dataset=iris&steps=50&optimiser=sgd&rate=1e-6&directions=trajectory&points=5"))
    assert isinstance(answer, Failure) and "straight to rounding" in answer.sentence


def test_a_network_with_one_filter_normalised_direction_has_a_line_but_no_plane():
    query = "dataset=sine&loss=squared_error&widths=none&steps=5"
    answer = ask(question("slice", f"{query}&points=5"))
    assert isinstance(answer, Failure) and "directions=gaussian" in answer.sentence
    assert np.isfinite(ask(question("line", f"{query}&line_points=5")).loss).all()


def test_an_option_without_meaning_does_not_reach_the_answer():
    one, two = (ask(question("slice", f"{SMALL[0]}&points=5&alpha={alpha}")) for alpha in (2, 3))
    assert pack(one) == pack(two) and one.spec.problem.alpha == 1.0


def test_threads_of_the_process_do_not_change_the_bytes():
    query = "dataset=digits&widths=30&steps=3&max_samples=500&points=5&directions=trajectory"
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        with threadpool_limits(threads, "blas"):
            found.append(pack(ask(question("slice", query))))
        assert torch.get_num_threads() == threads
    assert found[0] == found[1]


def test_interpolation_passes_through_the_start():
    line = ask(question("line", "dataset=iris&steps=30&directions=interpolation&dtype=float64&line_points=7"))
    training = ask(question("training", "dataset=iris&steps=30&dtype=float64"))
    assert line.axis[1] == -1.0 and line.loss[1] == pytest.approx(training.train_loss[0], rel=1e-12)
    assert line.center_loss == pytest.approx(training.train_loss[-1], rel=1e-13)  # by two routes, of 360 terms each


def test_a_line_is_the_middle_column_of_its_slice():
    line, plane = (
        ask(question(kind, f"dataset=iris&steps=30&l2=0.1&dtype=float64&{n}"))
        for kind, n in (("line", "line_points=17"), ("slice", "points=17"))
    )
    np.testing.assert_allclose(line.loss, plane.loss[:, 8], rtol=1e-12)
    assert line.extent == plane.extent


def test_auto_reaches_where_the_loss_has_risen_as_it_says():
    result = ask(question("slice", "dataset=iris&steps=100&points=33&dtype=float64"))
    zero = float(make_loss(result.spec.problem).data_term(torch.zeros(35).double()))
    edge = np.concatenate([result.loss[0], result.loss[-1], result.loss[:, 0], result.loss[:, -1]])
    assert np.median(edge) - result.center_loss >= 0.8 * zero  # the edge is a square around the circle of the rule
    assert any("Half width" in note for note in result.notes)


@pytest.mark.parametrize(("query", "words"), [
    ("dataset=xor&widths=2&part=test", "no test part"),
    ("dataset=iris&steps=0&directions=trajectory", "too few points"),
    ("dataset=iris&steps=0&directions=interpolation", "not trained"),
    ("dataset=sine&loss=squared_error&activation=quadratic&optimiser=sgd&rate=50&steps=200", "diverged"),
])  # fmt: skip
def test_what_cannot_be_drawn_is_a_failure_with_a_sentence(query, words):
    answer = ask(question("slice", f"{query}&points=5"))
    assert isinstance(answer, Failure) and words in answer.sentence and answer.sentence.endswith(".")


def test_warnings_name_gaps_flatness_and_a_center_that_is_no_minimum():
    flat = ask(
        question("slice", "dataset=xor&widths=2&activation=threshold&directions=weights&points=5&extent=1e-6&steps=0")
    )
    assert any("flat" in warning for warning in flat.warnings)
    holes = ask(
        question(
            "slice",
            "dataset=iris&activation=quadratic&points=9&extent=1e6&steps=1&loss=squared_error&widths=4-4-4-4-4&accuracy=1",
        )
    )
    assert np.isnan(holes.accuracy[~np.isfinite(holes.loss)]).all()
    assert any("infinite or NaN" in warning for warning in holes.warnings) and not np.isfinite(holes.loss).all()
    assert any("gradient norm" in warning for warning in holes.warnings)


WINDOW = "0.1,0.6,-0.35,-0.05"


@pytest.mark.usefixtures("as_a_worker_computes")
@pytest.mark.parametrize("query", SMALL)
def test_every_value_of_a_window_agrees_with_a_plain_float64_loop(query):
    result = ask(question("slice", f"{query}&dtype=float64&points=9&window={WINDOW}"))
    assert (result.a[0], result.a[-1], result.b[0], result.b[-1]) == (0.1, 0.6, -0.35, -0.05)
    for i, j in ((0, 0), (0, 8), (3, 5), (8, 2)):
        point = result.theta + result.a[i] * result.u + result.b[j] * result.v
        expected = plain_loss(result.spec.problem, point, result.spec.where.part).item()
        assert result.data[i, j] == pytest.approx(expected, rel=1e-11, abs=1e-13)
    here = torch.as_tensor(result.theta)
    assert result.center_loss == float(make_loss(result.spec.problem).total(here, result.spec.where.part))


def test_a_window_of_the_whole_picture_is_the_whole_picture():
    whole = ask(question("slice", f"{SMALL[1]}&points=17&extent=0.5&dtype=float64"))
    window = ask(question("slice", f"{SMALL[1]}&points=17&extent=0.5&dtype=float64&window=-0.5,0.5,-0.5,0.5"))
    np.testing.assert_allclose(window.a, whole.a, rtol=1e-15)
    np.testing.assert_allclose(window.loss, whole.loss, rtol=1e-12)
    assert window.loss[8, 8] == window.center_loss == whole.center_loss


@pytest.mark.parametrize("window", [WINDOW, "-1e-7,3e-7,0.123456,0.1234561", "-1e6,1e6,0.3,7"])
def test_coarse_levels_of_a_window_are_reused_to_the_bit(window):
    coarse, fine = (ask(question("slice", f"{SMALL[0]}&points={n}&window={window}")) for n in (9, 33))
    assert np.array_equal(fine.a[::4], coarse.a) and np.array_equal(fine.b[::4], coarse.b)
    assert np.array_equal(fine.loss[::4, ::4], coarse.loss)
    for axis, (low, high) in ((fine.a, fine.spec.window[:2]), (fine.b, fine.spec.window[2:])):
        assert (axis[0], axis[-1]) == (low, high) and (np.diff(axis) > 0).all()


def test_a_window_does_not_ask_for_the_line_or_the_half_width_again():
    plain, zoomed = (
        set(every(levels_of(question(kind, f"dataset=iris{window}"))))
        for kind, window in (("line", ""), ("slice", f"&window={WINDOW}"))
    )
    shared = {key.split("-")[0] for key in plain & zoomed}
    assert shared >= {"training", "plane"}  # one training and one plane serve both


@pytest.mark.parametrize(("window", "words"), [
    ("1,0,0,0", "lower end below"), ("0,1,2,2", "lower end below"), ("0,inf,0,1", "finite"), ("0,nan,0,1", "finite"),
    ("0,1,0,1,0", "at most 4 numbers; got 5"), ("0,1,2", "takes four numbers"), ("a,b,c,d", "must be a number"),
    ("0,1e9,0,1", "between -1000000.0 and 1000000.0"), ("1,1.0000000001,0,1", "at least 1e-09 wide"),
])  # fmt: skip
def test_a_window_that_is_none_is_one_sentence(window, words):
    with pytest.raises(BadSpec, match=words) as caught:
        question("slice", f"window={window}")
    assert str(caught.value).endswith(".")


def test_windows_have_one_key_however_spelt_and_none_is_none():
    keys = {key_for(question("slice", f"window={text}")) for text in ("0,1,0,1", "0.0, 1.0,0,1", "-0.0 1e0 0 1")}
    assert len(keys) == 1 and key_for(question("slice", "window=none")) == key_for(question("slice", "window="))
    spec = question("slice", f"window={WINDOW}")
    assert parse(Slice, to_query(spec)) == spec and f"window={WINDOW}" in to_query(spec)


def test_a_window_keeps_its_spec_and_warnings_through_storage():
    result = ask(question("slice", f"{SMALL[0]}&points=9&window={WINDOW}"))
    stored = unpack(SliceResult, pack(result))
    assert stored.spec == result.spec and np.array_equal(stored.b, result.b)
    assert any("[0.1, 0.6]" in note for note in stored.notes)


def test_warnings_of_windows_are_true():
    """A window above the center holds no lower point, one that does says so, and depth ends in rounding."""
    query = "dataset=iris&steps=3&points=9&directions=interpolation"  # beyond the end the loss falls on
    whole = ask(question("slice", query))
    low = np.unravel_index(np.argmin(whole.loss), whole.loss.shape)
    a, b = whole.a[low[0]], whole.b[low[1]]
    assert whole.loss.min() < 0.999 * whole.center_loss
    lower = ask(question("slice", f"{query}&window={a - 0.05},{a + 0.05},{b - 0.05},{b + 0.05}"))
    assert any("lower than the center" in warning for warning in lower.warnings)
    edge = ask(question("slice", f"{query}&window={whole.a[0]},{whole.a[1]},{whole.b[-2]},{whole.b[-1]}"))
    assert edge.loss.min() > edge.center_loss and not any("center" in warning for warning in edge.warnings)
    deep = "window=-1e-6,1e-6,-1e-6,1e-6"
    rough = ask(question("slice", f"{query}&{deep}"))
    assert any("dtype=float64" in warning and "larger window" in warning for warning in rough.warnings)
    fine = ask(question("slice", f"{query}&{deep}&dtype=float64"))
    assert not any("rounding" in warning for warning in fine.warnings)


TURNED = [
    "dataset=iris&widths=4&steps=20&l2=0.01",
    "dataset=iris&widths=5-3&activation=relu&directions=trajectory&steps=30",
    "dataset=wine&widths=3&activation=gelu&directions=interpolation&steps=20",
    "dataset=moons&widths=4&directions=gaussian&steps=10",
    "dataset=heart&widths=4&directions=filter_original&steps=5",
    "dataset=iris&widths=4&activation=gelu&directions=eigenvectors&steps=20",
]


def turned(query: str, *angles: float) -> list[SliceResult]:
    return [ask(question("slice", f"{query}&points=9&dtype=float64&extent=0.5&turn={angle}")) for angle in angles]


@pytest.mark.parametrize("query", TURNED)
def test_a_turned_plane_keeps_u_and_moves_v_toward_a_third(query):
    flat, tilted, third, mirrored = turned(query, 0, 30, 90, 180)
    plain = ask(question("slice", f"{query}&points=9&dtype=float64&extent=0.5"))
    assert pack(flat) == pack(plain)
    w = third.v
    assert np.linalg.norm(w) == pytest.approx(np.linalg.norm(flat.v), rel=1e-9)
    np.testing.assert_allclose(tilted.v, np.sqrt(3) / 2 * flat.v + w / 2, atol=1e-14)
    for one in (tilted, third, mirrored):
        assert np.array_equal(one.u, flat.u)
        np.testing.assert_allclose(one.loss[:, 4], flat.loss[:, 4], rtol=1e-12)  # along u
        if "original" not in query:
            assert abs(one.v @ flat.u) < 1e-9 * np.linalg.norm(one.v) * np.linalg.norm(flat.u)
            assert np.linalg.norm(one.v) == pytest.approx(np.linalg.norm(flat.v), rel=1e-9)
    if "original" not in query:
        assert abs(w @ flat.v) < 1e-9 * (w @ w)
    assert np.array_equal(mirrored.v, -flat.v)
    np.testing.assert_allclose(mirrored.loss, flat.loss[:, ::-1], rtol=1e-12)
    np.testing.assert_allclose(mirrored.path, flat.path * [1, -1], atol=1e-12)
    assert not np.allclose(third.loss, flat.loss, rtol=1e-3)
    assert tilted.names[1].endswith(" at 30°") and any("Turned by 30°" in note for note in tilted.notes)


def test_a_turned_trajectory_plane_states_the_variance_it_holds():
    query = TURNED[1]
    theta = ask(question("training", f"{query.replace('&directions=trajectory', '')}&dtype=float64")).theta
    steps = theta - theta[-1]
    shares = PCA(3).fit(steps).explained_variance_ratio_
    flat, tilted, third = turned(query, 0, 30, 90)
    np.testing.assert_allclose(third.explained, shares[[0, 2]], rtol=1e-8)
    for one in (flat, tilted, third):
        scores = (steps - steps.mean(0)) @ one.v
        assert one.explained[1] == pytest.approx(scores.var() / steps.var(0).sum(), rel=1e-8)
        on_plane = one.path @ np.stack([one.u, one.v])
        np.testing.assert_allclose(np.linalg.norm(steps - on_plane, axis=1), one.off_plane, atol=1e-12)


def test_a_turn_leaves_the_half_width_and_has_no_meaning_for_weights():
    one, two = (ask(question("slice", f"dataset=iris&steps=20&points=5&turn={angle}")) for angle in (0, 50))
    assert one.extent == two.extent and np.array_equal(one.a, two.a)
    weights = "dataset=iris&directions=weights&steps=0&points=5"
    one, two = (ask(question("slice", f"{weights}&turn={angle}")) for angle in (0, 50))
    assert pack(one) == pack(two)


@pytest.mark.parametrize("query", [
    "dataset=sine&loss=squared_error&widths=none&steps=5&directions=gaussian",
    "dataset=iris&steps=2&directions=trajectory",
])  # fmt: skip
def test_without_a_third_direction_a_turn_is_a_sentence(query):
    flat, answer = (ask(question("slice", f"{query}&points=5&turn={angle}")) for angle in (0, 40))
    assert isinstance(flat, SliceResult) and isinstance(answer, Failure) and "turn=0" in answer.sentence


@pytest.mark.parametrize("angle", ["abc", "-1", "361", "inf"])
def test_an_angle_that_is_none_is_refused(angle):
    with pytest.raises(BadSpec, match="turn"):
        question("slice", f"turn={angle}")


@pytest.mark.parametrize("kind", ["filter", "trajectory", "eigenvectors"])
def test_moved_statistics_of_batchnorm_turn_along(kind):
    query = f"dataset=iris&widths=4-3&norm=batch&statistics=moved&steps=20&directions={kind}"
    flat, tilted, mirrored = turned(query, 0, 60, 180)
    np.testing.assert_allclose(tilted.loss[:, 4], flat.loss[:, 4], rtol=1e-10)
    np.testing.assert_allclose(mirrored.loss, flat.loss[:, ::-1], rtol=1e-10)
