"""Figures: laws that hold for any result, on small made-up grids."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from plotly.colors import hex_to_rgb, sample_colorscale, unlabel_rgb

from lossatlas.app.figures import line, slice, training
from lossatlas.app.figures.shared import parts
from lossatlas.app.look.theme import HUES, PALETTES, TEMPLATES, colour_bar, colour_scale, curve, hue, hues
from lossatlas.app.look.ticks import interval, linear_ticks, log_ticks, number, round_below
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.lines import Line, LineResult
from lossatlas.compute.analyses.planes.extent import symmetric_axis
from lossatlas.compute.analyses.planes.where import STATISTICS, Where, warnings_of
from lossatlas.compute.analyses.slices import Slice, SliceResult
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.nets import Problem

OWN, COLOUR = Scale(), "#2868f8"
LINEAR, LOG = View(log=False), View(log=True)


def bowl(points: int = 17) -> np.ndarray:
    """(S, S) a positive loss that is steep along rows (u) and shallow along columns (v)."""
    a = symmetric_axis(2.0, points)
    return 0.03 + 3 * a[:, None] ** 2 + 0.1 * (a[None, :] + 0.5) ** 2


def slice_of(loss: np.ndarray, where: Where | None = None, **changes) -> SliceResult:
    size = len(loss)
    steps = np.linspace(1, 0, 12)
    made = SliceResult(
        spec=Slice(where=where or Where(), points=size),
        a=symmetric_axis(2.0, size),
        b=symmetric_axis(2.0, size),
        loss=loss,
        data=loss,
        penalty=np.zeros_like(loss),
        accuracy=np.empty((0, 0)),
        center_loss=float(loss[size // 2, size // 2]),
        gradient_norm=1e-3,
        theta=np.zeros(35),
        u=np.zeros(35),
        v=np.zeros(35),
        extent=2.0,
        path=np.stack([1.5 * steps, -0.5 * steps], 1),
        path_loss=0.03 + steps,
        off_plane=0.4 * steps,
        explained=np.array([0.9, 0.08]),
        names=("direction 1", "direction 2"),
        units="filter norms",
        notes=(),
        warnings=(),
        dtype="float32",
    )
    return replace(made, **changes)


def line_of(loss: np.ndarray, where: Where | None = None) -> LineResult:
    zero = np.zeros_like(loss)
    theta = np.zeros(35)
    axis, center = symmetric_axis(2.0, len(loss)), float(loss[len(loss) // 2])
    spec = Line(where=where or Where(), line_points=len(loss))
    return LineResult(
        spec, axis, loss, loss, zero, zero + 0.5, center, 1e-3, theta, theta, 2.0,
        "direction 1", "filter norms", (), (), "float32",
    )  # fmt: skip


def training_of(steps: int = 40, diverged_at: int = -1, **changes) -> TrainingResult:
    step = np.arange(0, steps + 1, 10) if steps else np.zeros(1, int)
    fall = np.exp(-step / 10.0)
    made = TrainingResult(
        spec=Training(start=Start(steps=steps)), step=step, train_loss=fall, test_loss=1.2 * fall,
        train_accuracy=1 - fall / 2, test_accuracy=1 - fall / 2, gradient_norm=fall, penalty=0 * fall,
        theta=np.zeros((len(step), 35)), diverged_at=diverged_at, notes=(), warnings=(),
    )  # fmt: skip
    return replace(made, **changes)


def trace(figure, name: str):
    return next(part for part in figure.data if part.name == name)


def note(figure, name: str) -> str:
    return "".join(part.text for part in figure.layout.annotations if part.name == name)


@pytest.mark.parametrize("view", [LINEAR, LOG], ids=["linear", "log"])
def test_surface_holds_the_center_loss_and_lays_u_along_x(view):
    result = slice_of(bowl())
    z = trace(slice.figure(result, view, OWN, COLOUR), "slice").z
    middle = len(result.a) // 2
    assert z[middle, middle] == np.float32(result.center_loss)
    # plotly's z[i][j] stands at y[i], x[j]; the first direction is x
    assert z[0, -1] == np.float32(result.loss[-1, 0]) != np.float32(result.loss[0, -1])
    assert np.array_equal(z, result.loss.T.astype(np.float32))


@pytest.mark.parametrize("view", [LINEAR, LOG], ids=["linear", "log"])
def test_map_shows_the_same_values_as_the_surface(view):
    result = slice_of(bowl())
    drawn = trace(slice.figure(result, replace(view, mode="contour"), OWN, COLOUR), "slice")
    heights = 10.0 ** drawn.z.astype(float) if view.log else drawn.z
    np.testing.assert_allclose(heights, result.loss.T, rtol=1e-6)  # float32
    if view.log:
        assert np.array_equal(drawn.customdata, result.loss.T.astype(np.float32))


def test_arrays_are_float32_and_a_surface_is_small():
    result = slice_of(bowl(65))
    figure = slice.figure(result, LOG, OWN, COLOUR)
    assert {part.z.dtype for part in figure.data} == {np.dtype(np.float32)}
    assert len(figure.to_json()) < 40_000
    assert '"dtype":"f4"' in figure.to_json()


@pytest.mark.parametrize("mode", ["surface", "contour"])
def test_nan_and_infinity_stay_gaps_and_are_counted(mode):
    loss = bowl()
    loss[0, 3], loss[1, 1] = np.nan, np.inf
    view = View(mode=mode)
    z = trace(slice.figure(slice_of(loss), view, OWN, COLOUR), "slice").z
    assert np.array_equal(np.isnan(z), ~np.isfinite(loss.T))
    assert "2 of 289 values not finite" in slice.caption(slice_of(loss), view)
    assert all(map(math.isfinite, slice.span(slice_of(loss), view)))


def test_scale_sets_colours_levels_and_height():
    scale = Scale(-2.0, 1.5)
    figure = slice.figure(slice_of(bowl()), LOG, scale, COLOUR)
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (-2.0, 1.5)
    low, high = figure.layout.scene.zaxis.range
    assert low < -2.0 and high > 1.5
    other = slice.figure(slice_of(2 * bowl()), LOG, scale, COLOUR)
    assert trace(figure, "slice").contours.z == trace(other, "slice").contours.z
    assert figure.layout.scene.zaxis == other.layout.scene.zaxis


@pytest.mark.parametrize("view", [LINEAR, LOG], ids=["linear", "log"])
def test_span_holds_every_value_and_no_more(view):
    loss = bowl()
    low, high = slice.span(slice_of(loss), view)
    assert (low, high) == pytest.approx([f(np.log10(loss) if view.log else loss) for f in (np.min, np.max)])
    assert line.span(line_of(loss[3]), view)[1] == pytest.approx(np.log10(loss[3].max()) if view.log else loss[3].max())


def test_values_at_zero_stand_on_a_shelf_that_says_so():
    loss = bowl()
    loss[5, 5], loss[6, 6] = 0.0, -1e-9
    figure = slice.figure(slice_of(loss), LOG, OWN, COLOUR)
    z, axis = trace(figure, "slice").z, figure.layout.scene.zaxis
    shelf = 10.0 ** (math.log10(loss[loss > 0].min()) - parts.BELOW)
    assert z[5, 5] == z[6, 6] == np.float32(shelf)
    assert axis.ticktext[0] == "≤0" and axis.tickvals[0] == pytest.approx(shelf)
    assert "2 values ≤ 0" in slice.caption(slice_of(loss), LOG)
    assert slice.span(slice_of(loss), LOG)[0] == pytest.approx(math.log10(shelf))
    assert "≤0" not in slice.figure(slice_of(loss), LINEAR, OWN, COLOUR).layout.scene.zaxis.ticktext


def test_common_range_holds_all_in_log_and_shows_the_flattest_in_linear():
    spans = [(0.03, 1.0), (0.02, 50.0)]
    assert parts.common(spans, LOG) == (0.02, 50.0)
    low, high = parts.common(spans, LINEAR)
    assert low == 0.02 and (1.0 - low) / (high - low) == pytest.approx(parts.FLATTEST)
    assert parts.common([(0.5, 0.5), *spans], LINEAR) == (low, high)  # a constant column sets no range
    assert parts.common([(0.0, 1.0), (0.0, 3.0)], LINEAR) == (0.0, 3.0)


@pytest.mark.parametrize("module, made", [(slice, slice_of(bowl())), (line, line_of(bowl()[8]))], ids=["slice", "line"])
def test_nothing_is_cut_silently(module, made):
    assert note(module.figure(made, LINEAR, Scale(0.0, 0.2), COLOUR), "cut").startswith("cut at 0.2, reaches")
    assert "cut below 0.1" in note(module.figure(made, LINEAR, Scale(0.1, 50.0), COLOUR), "cut")
    for scale in (OWN, Scale(*module.span(made, LINEAR))):
        assert note(module.figure(made, LINEAR, scale, COLOUR), "cut") == ""


def test_path_lies_at_its_true_losses_and_only_where_it_belongs():
    result = slice_of(bowl())
    drawn = trace(slice.figure(result, LOG, OWN, COLOUR), "path")
    assert np.array_equal(drawn.z, result.path_loss.astype(np.float32))
    assert np.array_equal(drawn.x, result.path[:, 0].astype(np.float32))
    test_part = slice_of(bowl(), Where(part="test"))
    without = slice.figure(test_part, LOG, OWN, COLOUR)
    assert "path" not in {part.name for part in without.data}
    assert "path left out" in slice.caption(test_part, LOG)
    assert "path" not in {part.name for part in slice.figure(result, View(path=False), OWN, COLOUR).data}
    away = replace(result, path=3 * result.path)
    drawn = trace(slice.figure(away, LOG, OWN, COLOUR), "path")
    assert np.nanmax(np.abs([drawn.x, drawn.y])) == 2  # cut at the edge
    inside = (np.abs(away.path) <= 2).all(1)
    assert set(away.path[inside, 0].astype(np.float32)) <= set(drawn.x)
    assert "path leaves the picture" in slice.caption(away, LOG)


def windowed(a: tuple[float, float], b: tuple[float, float], **changes) -> SliceResult:
    """The bowl's window a × b."""
    axes = np.linspace(*a, 17), np.linspace(*b, 17)
    loss = 0.03 + 3 * axes[0][:, None] ** 2 + 0.1 * (axes[1][None, :] + 0.5) ** 2
    spec = Slice(window=(*a, *b), points=17)
    return slice_of(loss, spec=spec, a=axes[0], b=axes[1], center_loss=0.055, **changes)


@pytest.mark.parametrize("mode", ["surface", "contour"])
def test_a_window_is_drawn_where_it_lies_and_says_so(mode):
    result, view = windowed((0.4, 1.6), (-1.0, -0.4)), View(mode=mode)
    figure = slice.figure(result, view, OWN, COLOUR)
    drawn = trace(figure, "slice")
    axes = figure.layout.scene if mode == "surface" else figure.layout
    np.testing.assert_allclose([*axes.xaxis.range, *axes.yaxis.range], [0.4, 1.6, -1.0, -0.4])
    np.testing.assert_allclose(drawn.x, result.a, rtol=1e-6)
    np.testing.assert_allclose(drawn.y, result.b, rtol=1e-6)
    assert all(0.4 <= tick <= 1.6 for tick in axes.xaxis.tickvals) and figure.layout.meta["box"] == [0.4, 1.6, -1, -0.4]
    assert "window [0.4, 1.6] × [−1, −0.4]" in slice.caption(result, view)
    assert "center" not in {part.name for part in figure.data}  # it lies outside
    assert not figure.layout.scene.annotations
    if mode == "surface":
        assert (axes.aspectratio.x, axes.aspectratio.y) == pytest.approx((1, 0.5))  # one unit on both sides


@pytest.mark.parametrize("mode", ["surface", "contour"])
def test_the_center_is_marked_in_a_window_that_holds_it(mode):
    result = windowed((-0.3, 0.5), (-0.1, 0.8))
    figure = slice.figure(result, View(mode=mode, log=False), OWN, COLOUR)
    if mode == "contour":
        mark = trace(figure, "center")
        assert (mark.x[0], mark.y[0], mark.customdata[0]) == (0, 0, 0.055)
    else:
        mark = figure.layout.scene.annotations[0]
        assert mark.z == pytest.approx(0.055, abs=2e-3)  # between four grid points


@pytest.mark.parametrize("mode", ["surface", "contour"])
def test_the_point_of_a_spectrum_is_marked_where_the_picture_has_it(mode):
    result = windowed((-0.3, 0.5), (-0.1, 0.8))
    scale = Scale(point=(float(result.a[3]), float(result.b[5])))
    figure = slice.figure(result, View(mode=mode, log=False), scale, COLOUR)
    if mode == "contour":
        mark = trace(figure, "point")
        assert (mark.x[0], mark.y[0], mark.customdata[0]) == (*scale.point, result.loss[3, 5])
    else:
        marks = [mark for mark in figure.layout.scene.annotations if mark.name.startswith("point")]
        assert {(mark.x, mark.y, mark.z) for mark in marks} == {(*scale.point, result.loss[3, 5])}
    outside = slice.figure(result, View(mode=mode, log=False), Scale(point=(2.0, 2.0)), COLOUR)
    assert "point" not in {part.name for part in outside.data} and len(outside.layout.scene.annotations) <= 2


def test_the_path_is_cut_at_the_edge_of_a_window():
    steps = np.linspace(1, 0, 12)
    result = windowed((-0.2, 0.7), (-0.2, 0.1))  # path: a = 1.5 s, b = −0.5 s, loss 0.03 + s
    drawn = trace(slice.figure(result, LINEAR, OWN, COLOUR), "path")
    assert drawn.y.min() == pytest.approx(-0.2) and drawn.x[0] == pytest.approx(0.6)  # enters through the lower edge
    np.testing.assert_allclose(drawn.z, 0.03 + drawn.x / 1.5, rtol=1e-5)
    assert (drawn.x[-1], drawn.y[-1]) == (0, 0) and "path leaves the window" in slice.caption(result, LOG)
    loop = np.stack([np.cos(7 * steps), np.sin(7 * steps)], 1)  # crosses a corner twice
    twice = trace(slice.figure(windowed((0.2, 2), (0.2, 2), path=loop), LINEAR, OWN, COLOUR), "path")
    assert np.isnan(twice.x).sum() == 1
    away = windowed((1.6, 1.8), (-1, 1))
    assert "path" not in {part.name for part in slice.figure(away, LOG, OWN, COLOUR).data}
    assert "path outside the window" in slice.caption(away, LOG)


def test_a_narrow_window_far_out_keeps_its_digits():
    a, b = (0.1234560, 0.1234562), (-1e-7, 1e-7)
    for mode in ("surface", "contour"):
        figure = slice.figure(windowed(a, b), View(mode=mode), OWN, COLOUR)
        drawn, shift = trace(figure, "slice"), figure.layout.meta["shift"]
        places = drawn.x.astype(float) + shift[0]
        np.testing.assert_allclose(places, np.linspace(*a, 17), rtol=0, atol=1e-13)
        assert len(set(drawn.x)) == 17
        texts = figure.layout.scene.xaxis.ticktext if mode == "surface" else ("x",)
        assert len(set(texts)) == len(texts)
    assert interval(*a) == "[0.123456, 0.1234562]" and interval(-1e-7, 1e-7) == "[−1e−07, 1e−07]"


def test_a_turned_plane_says_by_how_much():
    result = slice_of(bowl(), spec=Slice(points=17, turn=30.0))
    assert "seed 0, turned 30°" in slice.caption(result, LOG)


def test_center_mark_stands_at_the_center_loss():
    for view, expected in (
        (LINEAR, slice_of(bowl()).center_loss),
        (LOG, math.log10(slice_of(bowl()).center_loss)),
    ):
        marks = slice.figure(slice_of(bowl()), view, OWN, COLOUR).layout.scene.annotations
        assert {(mark.x, mark.y) for mark in marks} == {(0.0, 0.0)}
        assert {mark.z for mark in marks} == {expected}


def test_accuracy_is_linear_and_in_percent():
    view = View(show="accuracy", log=True)
    result = slice_of(bowl(), accuracy=np.linspace(0, 1, 289).reshape(17, 17))
    figure = slice.figure(result, view, OWN, COLOUR)
    assert figure.layout.scene.zaxis.type == "linear"
    assert trace(figure, "slice").z.max() == 100
    assert slice.span(result, view) == (0.0, 100.0)


@pytest.mark.parametrize(
    "made, view, said",
    [
        (slice_of(bowl()), View(show="accuracy"), "Accuracy was not computed"),
        (slice_of(bowl()), View(show="penalty"), "penalty is 0"),
        (slice_of(np.zeros((9, 9))), LOG, "log scale"),
        (slice_of(np.full((9, 9), np.nan)), LINEAR, "finite"),
    ],
    ids=["accuracy", "penalty", "zeros", "nan"],
)
def test_a_picture_of_nothing_is_a_sentence(made, view, said):
    figure = slice.figure(made, view, OWN, COLOUR)
    assert not figure.data
    assert said in figure.layout.annotations[0].text.replace("<br>", " ")
    assert all(map(math.isnan, slice.span(made, view)))  # it has no part in a common range
    assert slice.caption(made, view) == ""


@pytest.mark.parametrize("view", [LINEAR, LOG], ids=["linear", "log"])
def test_a_constant_loss_still_has_a_range(view):
    figure = slice.figure(slice_of(np.full((9, 9), 0.25)), view, OWN, COLOUR)
    assert figure.layout.coloraxis.cmin < figure.layout.coloraxis.cmax


def test_caption_names_plane_term_patterns_and_precision():
    text = slice.caption(slice_of(bowl()), LOG)
    for part in ("filter-normalised", "seed 0", "total loss", "120 training patterns", "float32"):
        assert part in text
    text = slice.caption(slice_of(bowl(), Where(directions="trajectory")), LOG)
    assert "98 % of the path's variance" in text and "0.4 off the plane" in text
    assert "30 test patterns" in line.caption(line_of(bowl()[8], Where(part="test")), View(show="data"))


@pytest.mark.parametrize("module, made", [(slice, slice_of), (line, line_of)], ids=["slice", "line"])
def test_captions_tell_what_became_of_batch_norm_statistics(module, made):
    loss = bowl() if module is slice else bowl()[8]
    plain, texts = made(loss), []
    for kind in STATISTICS:
        spec = replace(plain.spec, problem=Problem(norm="batch"), where=Where(statistics=kind))
        texts.append(module.caption(replace(plain, spec=spec), LOG))
        assert f"BatchNorm statistics {STATISTICS[kind]}" in texts[-1]
    assert len(set(texts)) == 3 and "BatchNorm" not in module.caption(plain, LOG)


def test_a_window_out_of_scale_says_so_and_one_in_scale_does_not():
    for mode in ("surface", "contour"):
        assert "axes not in equal units" in slice.caption(windowed((-0.5, 0.5), (0, 0.001)), View(mode=mode))
        assert "equal units" not in slice.caption(windowed((-0.5, 0.5), (0, 0.25)), View(mode=mode))


def test_a_lower_point_is_a_warning_about_losses_only():
    reached = training_of()
    for shown in ("picture", "window"):
        lower = warnings_of(reached, bowl(), 1.0, shown)
        result = slice_of(bowl(), warnings=("Another one.", *lower))
        assert len(lower) == 1 and parts.warnings(result, LOG) == ["Another one.", *lower]
        for show in ("penalty", "accuracy"):
            assert parts.warnings(result, View(show=show)) == ["Another one."]


def test_line_draws_the_loss_with_its_center():
    loss = bowl()[8]
    figure = line.figure(line_of(loss), LOG, OWN, COLOUR)
    curve_ = trace(figure, "slice")
    assert np.array_equal(curve_.y, loss.astype(np.float32)) and curve_.line.color == COLOUR
    assert trace(figure, "center").y[0] == pytest.approx(loss[8])
    assert figure.layout.yaxis.type == "log" and figure.layout.xaxis.title.text == "direction 1, filter norms"


def test_interpolation_names_start_and_end():
    figure = line.figure(line_of(bowl()[8], Where(directions="interpolation")), LOG, OWN, COLOUR)
    assert {(mark.text, mark.x) for mark in figure.layout.annotations} == {("start", -1), ("end", 0)}


def test_training_draws_both_parts_and_leaves_out_a_missing_one():
    result = training_of()
    figure = training.figure(result, LOG, OWN, COLOUR)
    assert [part.line.dash for part in figure.data] == ["solid", "dot"]
    assert np.array_equal(figure.data[0].y, result.train_loss.astype(np.float32))
    assert "0.0183 · 99.1 %" in figure.data[0].name
    alone = training.figure(replace(result, test_loss=np.full(5, np.nan)), LOG, OWN, COLOUR)
    assert len(alone.data) == 1


def test_the_legend_of_a_training_stands_where_no_curve_is():
    none = np.full(5, np.nan)
    flat = training_of(train_loss=np.array([0.7, 0.69, 0.68, 0.66, 0.6]), test_loss=none)
    for result, corner in ((training_of(), (1, 1)), (flat, (0, 0))):
        legend = training.figure(result, LOG, Scale(-1.0, 0.0), COLOUR).layout.legend
        assert (legend.x, legend.y) == corner


def test_training_total_adds_the_penalty():
    result = training_of(penalty=np.full(5, 0.5))
    total, data = (training.figure(result, View(show=show), OWN, COLOUR).data[0].y for show in ("total", "data"))
    np.testing.assert_allclose(total - data, 0.5, rtol=1e-6)


def test_a_random_point_and_a_divergence_are_said():
    nothing = training.figure(training_of(steps=0), LOG, OWN, COLOUR)
    assert not nothing.data and "random point" in nothing.layout.annotations[0].text.replace("<br>", " ")
    broken = training.figure(training_of(diverged_at=45), LOG, OWN, COLOUR)
    assert any("diverged at step 45" in part.text for part in broken.layout.annotations)
    none = np.empty(0)
    at_once = training_of(
        diverged_at=1, step=none, train_loss=none, test_loss=none, train_accuracy=none, test_accuracy=none,
        gradient_norm=none, penalty=none,
    )  # fmt: skip
    assert "diverged" in training.figure(at_once, LOG, OWN, COLOUR).layout.annotations[0].text


def test_whatever_tells_of_a_training_that_diverged_says_where_it_stopped_and_why():
    spec = replace(training_of().spec, start=Start(steps=400))
    broken = replace(training_of(diverged_at=45), spec=spec)
    last = int(broken.step[-1])
    head = dict(training.head(broken))
    assert head["diverged"] == "by step 45" and head["numbers of"] == f"step {last}" and "train loss" in head
    assert not {"diverged", "numbers of"} & dict(training.head(training_of())).keys()
    told = [training.caption(broken, LOG), training.words(broken, LOG)]
    for words in told:
        assert f"at step {last}, the last recorded" in words and "at the end" not in words
        assert "stopped by step 45 of 400: a loss or a weight was not finite" in words
    assert training.size(broken) == "45 of 400 steps" and training.size(training_of()) == "40 steps"
    assert "at the end" in training.caption(training_of(), LOG) and "stopped" not in training.words(training_of(), LOG)
    none = np.empty(0)
    at_once = replace(
        broken, diverged_at=0, step=none, train_loss=none, test_loss=none, train_accuracy=none, test_accuracy=none,
        gradient_norm=none, penalty=none,
    )  # fmt: skip
    assert training.head(at_once)[0] == ("diverged", "by step 0") and "numbers of" not in dict(training.head(at_once))
    assert training.words(at_once, LOG).startswith("nothing was recorded, stopped by step 0 of 400")
    infinite = replace(broken, train_loss=np.append(broken.train_loss[:-1], np.inf))
    assert "nan" not in str(training.figure(infinite, LOG, OWN, COLOUR).data[0].name)


@pytest.mark.parametrize("low, high", [(-1.6, 1.6), (-8, 1), (-0.2, 0.1), (-3.01, -3.0), (2, 2.4), (-30, 4)])
def test_log_ticks_are_round_and_inside(low, high):
    ticks = log_ticks(low, high, 5)
    assert 1 <= len(ticks) <= 5
    assert all(low - 1e-6 <= math.log10(tick) <= high + 1e-6 for tick in ticks)
    assert len({number(tick) for tick in ticks}) == len(ticks)


@pytest.mark.parametrize("low, high", [(-20, 20), (0.03, 7.3), (0, 1e-7), (1e5, 3e5), (99.2, 100)])
def test_linear_ticks_are_round_and_inside(low, high):
    ticks = linear_ticks(low, high, 5)
    assert 2 <= len(ticks) <= 5 and all(low <= tick <= high for tick in ticks)


def test_tick_text_reads_back_as_its_value():
    figure = slice.figure(slice_of(bowl()), LOG, OWN, COLOUR)
    axis = figure.layout.scene.zaxis
    assert [float(text) for text in axis.ticktext] == pytest.approx(axis.tickvals)
    assert [number(v) for v in (0.0283, 3.1, 20000, 2e-5, 1e-7, 0)] == [
        "0.0283",
        "3.1",
        "20,000",
        "2×10⁻⁵",
        "10⁻⁷",
        "0",
    ]
    assert [round_below(v) for v in (17, 0.425, 1.0, 9.9)] == [15, 0.4, 1, 8]


# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB
EYES = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
)


def linear(rgb) -> np.ndarray:
    share = np.asarray(rgb, dtype=float) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE Lab of linear RGB (..., 3) under D65."""
    t = (np.clip(light, 0, 1) @ TO_XYZ.T) / TO_XYZ.sum(1)
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def contrast(a: str, b: str) -> float:
    """WCAG 2 contrast ratio."""
    light = sorted(float(linear(hex_to_rgb(colour)) @ TO_XYZ[1]) for colour in (a, b))
    return (light[1] + 0.05) / (light[0] + 0.05)


@pytest.mark.parametrize("colour", HUES)
def test_every_hue_is_seen_on_both_themes(colour):
    assert all(contrast(colour, ground) >= 3 for ground in ("#ffffff", "#1a1b1e", "#242424"))


@pytest.mark.parametrize("eye", EYES)
def test_hues_stay_apart_for_every_eye(eye):
    seen = [lab(linear(hex_to_rgb(colour)) @ EYES[eye].T) for colour in HUES]
    # 10 is told apart at a glance in thin lines; the set was chosen to reach 20
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) >= 20


def test_colours_of_a_page_differ_and_do_not_wander():
    names = list(ACTIVATIONS)
    for page in (names[:6], names[-6:], ["tanh", "relu", "elu"], names[::3][:6]):
        found = hues(tuple(page))
        assert list(found) == page and len(set(found.values())) == len(page)
        assert found[page[0]] == hue(page[0])
    assert all(hues((name,))[name] == hue(name) for name in names)
    assert hues(("tanh", "relu", "elu")) == {name: hue(name) for name in ("tanh", "relu", "elu")}
    assert hue("tanh", (hue("tanh"),)) != hue("tanh")


@pytest.mark.parametrize("palette", PALETTES)
def test_every_palette_draws_and_grows_lighter_for_every_eye(palette):
    figure = slice.figure(slice_of(bowl()), View(palette=palette), OWN, COLOUR)
    assert [list(stop) for stop in figure.layout.coloraxis.colorscale] == colour_scale(palette)
    colours = sample_colorscale(colour_scale(palette), list(np.linspace(0, 1, 33)))
    for matrix in EYES.values():
        lightness = lab(linear([unlabel_rgb(colour) for colour in colours]) @ matrix.T)[:, 0]
        assert lightness[-1] - lightness[0] > 50
        assert (np.diff(lightness) > -1).all()  # simulated colours are clipped to the screen's range


def test_colour_bar_ends_at_the_scale():
    bar = colour_bar(-2, 0, View())
    assert bar["ticks"] == [(0, "0.01"), (50, "0.1"), (100, "1")]
    assert bar["gradient"].startswith("linear-gradient(to right, ") and "0%" in bar["gradient"]
    assert colour_bar(0, 100, View(show="accuracy"))["ticks"][1] == (50, "50 %")
    narrow = [text for _, text in colour_bar(0.03378, 0.03382, View(log=False))["ticks"]]
    assert narrow == ["0.03378", "0.0338", "0.03382"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_a_curve(name):
    image = curve(name, "#2868f8")
    assert image.startswith("data:image/svg+xml,") and "nan" not in image and len(image) < 4_000


def test_curve_follows_its_parameter():
    assert curve("elu", COLOUR) == curve("elu", COLOUR, Problem(activation="elu").alpha) != curve("elu", COLOUR, 0.1)


@pytest.mark.parametrize("theme", TEMPLATES)
def test_templates_are_readable_and_have_no_walls(theme):
    layout = TEMPLATES[theme].layout
    ground = {"light": "#ffffff", "dark": "#1a1b1e"}[theme]
    for axis in (layout.scene.xaxis, layout.scene.zaxis, layout.xaxis, layout.yaxis):
        assert axis.tickfont.size >= 11 and contrast(axis.tickfont.color, ground) >= 4.5
        assert contrast(axis.gridcolor, ground) < 2
    assert layout.scene.xaxis.showbackground is False
    assert contrast(layout.font.color, ground) >= 7


@pytest.mark.parametrize("view", [LOG, View(mode="contour"), LINEAR])
def test_figures_leave_the_theme_to_the_page(view):
    for figure in (
        slice.figure(slice_of(bowl()), view, OWN, COLOUR),
        line.figure(line_of(bowl()[8]), view, OWN, COLOUR),
        training.figure(training_of(), view, OWN, COLOUR),
    ):
        layout = figure.to_plotly_json()["layout"]
        assert "template" not in layout or not layout["template"].get("layout")
        assert not {"paper_bgcolor", "plot_bgcolor", "font"} & set(layout)


@pytest.mark.parametrize(("value", "text"), [
    (0.02834, "0.0283"), (-3.1, "−3.1"), (2e-5, "2×10⁻⁵"), (9.99e-6, "10⁻⁵"), (-2.34e-7, "−2.3×10⁻⁷"),
    (12345.0, "12,345"), (1e12, "10¹²"), (0.0, "0"),
])  # fmt: skip
def test_a_number_reads_well(value, text):
    assert number(value) == text
