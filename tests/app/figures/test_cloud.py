"""The picture of a loss-gradient cloud: every visited point is drawn or counted, in the class that it has."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from lossatlas.app.figures import cloud
from lossatlas.app.figures.cloud import caption, common, figure, head, span
from lossatlas.app.figures.shared import dots, points
from lossatlas.app.figures.shared.points import FLOOR, selected
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.clouds import Cloud, CloudResult
from lossatlas.compute.analyses.summaries import shares, spread, summarise
from lossatlas.compute.numerics.classes import NAMES, UNKNOWN
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import parse

COLOUR = "#2868f8"


def scale_of(numbers: tuple[float, ...]) -> Scale:
    low, high, left, right, tint_low, tint_high = numbers
    return Scale(low, high, left, right, tint_low, tint_high)


def answer(query: str) -> CloudResult:
    found = ask(parse(Cloud, query))
    assert isinstance(found, CloudResult)
    return found


@pytest.fixture(scope="module")
def xor() -> CloudResult:
    return answer("dataset=xor&widths=2&walks=12&walk_steps=80&walk_range=2&walk_size=0.05")


@pytest.fixture(scope="module")
def iris() -> CloudResult:
    return answer("dataset=iris&widths=4&activation=elu&walks=6&walk_steps=50&walk_size=0.1&classified=0.3")


@pytest.fixture(scope="module")
def broken(xor) -> CloudResult:
    """Two walks overflow, a third comes to a loss and gradients of exactly 0 and nearly 0."""
    loss, norm = xor.loss.copy(), xor.gradient_norm.copy()
    loss[3, 40:], norm[3, 40:] = np.inf, np.nan
    norm[5, 70:] = np.inf
    loss[7, 75:], norm[7, 75:] = 0, 0
    norm[8, 78:] = 1e-20
    at = xor.broken_at.copy()
    at[[3, 5]] = 40, 70
    return replace(xor, loss=loss, gradient_norm=norm, broken_at=at)


def traces(drawn, kind: str) -> list:
    return [trace for trace in drawn.data if trace.type == kind]


def told(drawn) -> np.ndarray:
    """customdata of all dots."""
    return np.concatenate([trace.customdata for trace in traces(drawn, "scattergl")])


def note(drawn, start: str):
    return next(one for one in drawn.layout.annotations if one.text.startswith(start))


def every_class(result, rule: str = "full", tolerance: float | None = None) -> np.ndarray:
    """(W, S)"""
    found = np.full(result.loss.shape, UNKNOWN)
    for walk, steps in enumerate(result.looked):
        found[walk, steps] = result.classes(rule, tolerance)[walk]
    return found


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("name", ["xor", "iris"])
def test_every_point_is_a_dot_at_its_loss_and_gradient_norm(request, name, log):
    result = request.getfixturevalue(name)
    drawn = figure(result, View(log=log), Scale(), COLOUR)
    walk, step = told(drawn)[:, :2].astype(int).T
    assert sorted(zip(walk, step, strict=True)) == [
        (w, t) for w in range(len(result.loss)) for t in range(result.spec.points)
    ]
    for axis, values in (("x", result.loss), ("y", result.gradient_norm)):
        places = np.concatenate([trace[axis] for trace in traces(drawn, "scattergl")])
        own = np.float64(values[walk, step])
        np.testing.assert_allclose(places, np.log10(own) if log else own, rtol=1e-5, atol=1e-6)
        low, high = drawn.layout[f"{axis}axis"].range
        assert low < places.min() and places.max() < high and (log or low <= 0)
    known = [result.loss, result.gradient_norm, result.test_loss, result.saturation]
    np.testing.assert_allclose(told(drawn)[:, 3:], np.stack([one[walk, step] for one in known], 1), rtol=1e-6)


@pytest.mark.parametrize(("rule", "tolerance"), [("full", "auto"), ("full", 1e-2), ("tensors", "auto")])
@pytest.mark.parametrize("name", ["xor", "iris"])
def test_colours_and_shares_are_those_of_the_rule(request, name, rule, tolerance):
    result, view = request.getfixturevalue(name), View(rule=rule, tolerance=tolerance)
    drawn = figure(result, view, Scale(), COLOUR)
    number = None if tolerance == "auto" else tolerance
    kinds = every_class(result, rule, number)
    pale, coloured = traces(drawn, "scattergl")
    for trace in (pale, coloured):
        walk, step, kind = trace.customdata[:, :3].astype(int).T
        assert np.array_equal(kind, kinds[walk, step])
        assert list(trace.text) == [[*NAMES, "not classified"][one] for one in kind]
    assert (pale.customdata[:, 2] == UNKNOWN).all() and len(pale.x) == (kinds == UNKNOWN).sum()
    assert np.array_equal(coloured.marker.color, coloured.customdata[:, 2])
    scale = coloured.marker.colorscale
    assert [colour for _, colour in scale[::2]] == list(dots.COLOURS)
    for name_, share in shares(result, rule, cloud.tolerance(view)).items():
        label = note(drawn, f"■ {name_} ")
        assert label.font.color == dots.COLOURS[NAMES.index(name_)]
        numbers = [float(text) / 100 for text in re.findall(r"[\d.]+", label.text)]
        between = spread(result)[name_] if rule == "tensors" else ()
        np.testing.assert_allclose(numbers, [share.share, share.low, share.high, *between], atol=0.0051)


def test_rules_and_tolerances_change_the_colours(xor):
    views = [View(), View(rule="tensors"), View(tolerance=0.3)]
    texts = [tuple(one.text for one in figure(xor, view, Scale(), COLOUR).layout.annotations) for view in views]
    assert len(set(texts)) == 3


def test_zeros_stand_on_a_shelf_and_overflow_is_counted(broken):
    drawn = figure(broken, View(), Scale(), COLOUR)
    rows = told(drawn)
    finite = np.isfinite(broken.loss) & np.isfinite(broken.gradient_norm)
    assert len(rows) == finite.sum() == broken.loss.size - 41 - 11
    x, y = (np.concatenate([trace[axis] for trace in traces(drawn, "scattergl")]) for axis in "xy")
    zero = rows[:, 4] < FLOOR
    assert zero.sum() == 6 + 3 and len(set(y[zero])) == 1
    assert y[zero][0] == pytest.approx(math.log10(rows[~zero, 4].min()) - points.BELOW, rel=1e-5)
    assert x[rows[:, 3] == 0].max() < x[rows[:, 3] > 0].min()
    assert drawn.layout.xaxis.ticktext[0] == "0" and drawn.layout.yaxis.ticktext[0] == "<10⁻⁹"
    assert drawn.layout.yaxis.tickvals[0] == pytest.approx(y[zero][0])
    words = caption(broken, View())
    assert "6 gradients of 0, 3 below 10⁻⁹, 6 losses below 10⁻⁹" in words
    assert "gradient exactly 0 in float32 at 0.7 % [" in words  # 6 of 920
    assert "2 walks overflowed" in words and "52 points not finite" in words
    assert "shelf" not in caption(broken, View(log=False))


def test_all_columns_have_one_shelf(broken, xor):
    numbers = common([span(one, View()) for one in (broken, xor)], View())
    scale = scale_of(numbers)
    lower = scale_of((numbers[0] - 2, *numbers[1:]))
    for one in (scale, lower):
        figures = [figure(result, View(), one, COLOUR) for result in (broken, xor)]
        assert figures[0].layout.xaxis.range == figures[1].layout.xaxis.range
        assert figures[0].layout.yaxis.range == figures[1].layout.yaxis.range
        assert figures[0].layout.yaxis.tickvals[0] == pytest.approx(one.low)
        assert len(told(figures[0])) == np.isfinite(broken.loss + broken.gradient_norm).sum()


@pytest.mark.parametrize("tint", ["class", "saturation", "test_loss", "step"])
@pytest.mark.parametrize("window", [{}, {"low": -0.8, "high": 0.0, "left": -1.2, "right": -0.4}])
def test_cells_count_the_points_within_the_window(monkeypatch, iris, tint, window):
    monkeypatch.setattr(points, "DOTS", 20)
    view, scale = View(tint=tint), Scale(**window)
    drawn = figure(iris, view, scale, COLOUR)
    cells = traces(drawn, "heatmap")[0]
    xs, ys = (cells[f"{name}0"] + cells[f"d{name}"] * (np.arange(dots.CELLS + 1) - 0.5) for name in "xy")
    np.testing.assert_allclose([xs[0], xs[-1]], drawn.layout.xaxis.range)
    np.testing.assert_allclose([ys[0], ys[-1]], drawn.layout.yaxis.range)
    x, y = np.log10(np.float64(iris.loss)), np.log10(np.float64(iris.gradient_norm))
    expected = np.histogram2d(y.ravel(), x.ravel(), [ys, xs])[0]
    assert np.array_equal(cells.customdata[..., 7][~np.isnan(cells.z)], expected[expected > 0])
    assert np.array_equal(np.isnan(cells.z), expected == 0) and (expected.sum() < x.size) == bool(window)
    for row, column in zip(*np.nonzero(expected), strict=True):
        mine = (xs[column] <= x) & (x < xs[column + 1]) & (ys[row] <= y) & (y < ys[row + 1])
        walk, step = cells.customdata[row, column, :2].astype(int)
        assert mine[walk, step], "a cell names one of its points"
        hue = int(cells.z[row, column]) // dots.SHADES
        if tint == "class":
            counts = np.bincount(every_class(iris)[mine] + 1, minlength=5)[1:]
            assert hue == (counts.argmax() if counts.any() else len(NAMES))
        elif tint == "saturation":
            assert hue == min(int(iris.saturation[mine].mean(dtype=float) * dots.TINTS), dots.TINTS - 1)
        elif tint == "step":
            assert hue == min(int(np.nonzero(mine)[1].mean() / 50 * dots.TINTS + 1e-9), dots.TINTS - 1)
    fullest = np.unravel_index(expected.argmax(), expected.shape)
    assert cells.z[fullest] % dots.SHADES == dots.SHADES - 1


def test_a_small_window_of_many_points_is_drawn_in_dots(monkeypatch, iris):
    monkeypatch.setattr(points, "DOTS", 100)
    monkeypatch.setattr(cloud, "DOTS", 100)
    assert traces(figure(iris, View(), Scale(), COLOUR), "heatmap") and "counted in cells" in caption(iris, View())
    drawn = figure(iris, View(), Scale(-0.8, -0.6, -0.9, -0.7), COLOUR)
    (left, right), (low, high) = drawn.layout.xaxis.range, drawn.layout.yaxis.range
    x, y = np.log10(np.float64(iris.loss)), np.log10(np.float64(iris.gradient_norm))
    mine = (left <= x) & (x <= right) & (low <= y) & (y <= high)
    walk, step = told(drawn)[:, :2].astype(int).T
    assert 0 < mine.sum() < 100 and mine[walk, step].all() and len(walk) == mine.sum()


@pytest.mark.parametrize("tint", ["class", "accuracy"])
def test_histograms_beside_count_every_point_drawn(broken, tint):
    drawn = figure(broken, View(tint=tint), Scale(), COLOUR)
    bars, finite = traces(drawn, "bar"), np.isfinite(broken.loss + broken.gradient_norm)
    for count, along, axis in (("y", "x", "xaxis"), ("x", "y", "yaxis")):
        mine = [bar for bar in bars if (bar.orientation == "h") == (along == "y")]
        assert sum(bar[count].sum() for bar in mine) == finite.sum()
        reach = np.concatenate([mine[0][along][:1] - mine[0].width / 2, mine[0][along][-1:] + mine[0].width / 2])
        np.testing.assert_allclose(reach, drawn.layout[axis].range, rtol=1e-5)
        if tint == "class":
            counts = np.bincount(every_class(broken)[finite], minlength=len(NAMES))
            assert {bar.name: bar[count].sum() for bar in mine} == {
                n: c for n, c in zip(NAMES, counts, strict=True) if c
            }
    assert drawn.layout.xaxis2.domain[0] > drawn.layout.xaxis.domain[1]


def test_colours_reach_as_far_in_every_column(iris, xor):
    other = replace(iris, test_loss=10 * iris.test_loss)
    view = View(tint="test_loss")
    row = common([span(one, view) for one in (iris, other, xor)], view)
    reach = [np.log10(iris.test_loss.min()), np.log10(other.test_loss.max())]  # XOR has no test part, and no say
    np.testing.assert_allclose([*row[4:]], reach, rtol=1e-5)
    for result in (iris, other):
        dots_ = traces(figure(result, view, scale_of(row), COLOUR), "scattergl")[1]
        np.testing.assert_allclose([dots_.marker.cmin, dots_.marker.cmax], reach, rtol=1e-5)
        np.testing.assert_allclose(10.0 ** np.float64(dots_.marker.color), dots_.customdata[:, 5], rtol=1e-4)
    drawn = figure(xor, view, scale_of(row), COLOUR)
    assert note(drawn, "no colour").text == "no colour: there are no test patterns"
    assert len(traces(drawn, "scattergl")[0].x) == xor.loss.size


@pytest.mark.parametrize("tint", ["test_loss", "saturation", "step", "walk", "accuracy"])
def test_a_tint_names_itself_and_its_colours(iris, tint):
    drawn = figure(iris, View(tint=tint, log=False), Scale(), COLOUR)
    bar = next(trace for trace in drawn.data if trace.name == "colours").marker
    coloured = traces(drawn, "scattergl")[1]
    assert bar.colorbar.title.text in caption(iris, View(tint=tint)) or tint == "saturation"
    assert (bar.cmin, bar.cmax) == (coloured.marker.cmin, coloured.marker.cmax)
    assert bar.cmin <= coloured.marker.color.min() and coloured.marker.color.max() <= bar.cmax + 1e-6
    walk, step = coloured.customdata[:, :2].astype(int).T
    values = {"step": step, "walk": walk} if tint in ("step", "walk") else {tint: getattr(iris, tint)[walk, step]}
    np.testing.assert_allclose(coloured.marker.color, values[tint], rtol=1e-6)


def test_the_levels_of_xor_and_the_global_minimum_are_marked(xor, iris):
    for log in (True, False):
        drawn = figure(xor, View(log=log), Scale(), COLOUR)
        places = [10.0**shape.x0 if log else shape.x0 for shape in drawn.layout.shapes]
        np.testing.assert_allclose(places, [0.346574, 0.477386, 0.693147], atol=1e-6)
        assert all(f"{level:.3f}" in " ".join(n.text for n in drawn.layout.annotations) for level in places)
        assert not figure(iris, View(log=log), Scale(), COLOUR).layout.shapes
    mark = note(drawn, "◉")
    assert (mark.x, mark.y) == (0, 0) and note(figure(iris, View(), Scale(), COLOUR), "↙")
    narrow = figure(xor, View(log=False), Scale(left=0.4, right=0.6), COLOUR)
    assert len(narrow.layout.shapes) == 1 and not [n for n in narrow.layout.annotations if n.text == "◉"]


def test_with_a_penalty_nothing_is_called_the_minimum():
    result = answer("dataset=xor&widths=2&walks=2&walk_steps=5&l2=0.01")
    assert "global minimum" not in [one.name for one in figure(result, View(), Scale(), COLOUR).layout.annotations]


@pytest.mark.parametrize("log", [True, False])
def test_a_brushed_box_is_what_its_points_are(iris, log):
    view, box = View(log=log), (-1.2, -0.7, -1.0, -0.3) if log else (0.06, 0.2, 0.1, 0.5)
    found = selected(iris, view, Scale(), box)
    x, y = (np.log10(one) if log else one for one in (np.float64(iris.loss), np.float64(iris.gradient_norm)))
    mine = np.asarray((box[0] <= x) & (x <= box[1]) & (box[2] <= y) & (y <= box[3]))
    kinds = every_class(iris)
    assert found["points"] == mine.sum() > 10 and set(found["walks"]) == set(np.nonzero(mine)[0])
    assert found["classified"] == (kinds[mine] != UNKNOWN).sum()
    for code, name in enumerate(NAMES):
        assert found["shares"][name].share == pytest.approx((kinds[mine] == code).sum() / found["classified"])
    assert found["saturation"] == pytest.approx(iris.saturation[mine].mean(dtype=float), rel=1e-6)
    assert found["test_loss"] == pytest.approx(iris.test_loss[mine].mean(dtype=float), rel=1e-6)
    assert found["steps"] == (np.nonzero(mine)[1].min(), np.nonzero(mine)[1].max())
    norms: np.ndarray = np.where(mine, iris.gradient_norm, np.nan)
    named = {one["name"]: (one["walk"], one["step"]) for one in found["named"]}
    assert all(mine[at] for at in named.values())
    assert norms[named["lowest gradient"]] == np.nanmin(norms) and norms[named["highest gradient"]] == np.nanmax(norms)
    for one in found["named"]:
        at = (one["walk"], one["step"])
        assert (one["x"], one["y"]) == (np.asarray(x)[at], np.asarray(y)[at])


def test_a_box_around_everything_has_the_clouds_shares_and_an_empty_one_none(iris):
    whole = selected(iris, View(), Scale(), (-99, 99, -99, 99))
    assert whole["points"] == iris.loss.size and whole["shares"] == shares(iris, "full", 1e-8)
    empty = selected(iris, View(), Scale(), (50, 51, 50, 51))
    assert empty["points"] == 0 and empty["steps"] == () and empty["named"] == [] and math.isnan(empty["saturation"])


def test_a_box_on_the_shelf_finds_what_lies_there(broken):
    shelf = figure(broken, View(), Scale(), COLOUR).layout.yaxis.tickvals[0]
    found = selected(broken, View(), Scale(), (-99, 99, shelf - 0.1, shelf + 0.1))
    assert found["points"] == 9 and list(found["walks"]) == [7, 8]


def test_captions_say_which_walks_which_rule_and_how_many_points(xor, iris, broken):
    down = summarise(xor).negative
    assert caption(xor, View()) == (
        "12 walks × 81 points: progressive gradient, b = 2, steps ≤ 0.2, seed 0, float32 · λ < −10⁻⁸ |λ|max at "
        f"{cloud.with_interval(down['full'])} · full Hessian, zero up to 10⁻⁸ |λ|max, all points · of the 10 % of "
        f"least loss, r of log gradient norm and saturation {cloud.correlated(summarise(xor).valleys.plain)}"
    )
    authors = caption(iris, View(rule="tensors"))
    assert "(authors), only exact 0 is zero, a sample of 90 of 306 points · in ( ) what rounding" in authors
    robust = cloud.with_interval(summarise(iris).negative["tensors64"])
    assert f"λ < −10⁻⁶ |λ|max in float64 at {robust} · per weight tensor" in authors
    assert "zero up to 0.01 |λ|max" in caption(iris, View(tolerance=0.01))
    assert "saturation, φ" in caption(xor, View(tint="saturation")) and cloud.size(xor) == "12 walks"
    views = [View(tint=tint, rule=rule) for tint in dots.LABELS for rule in ("full", "tensors")]
    assert max(len(caption(broken, view)) for view in views) <= 480


def test_nothing_classified_is_said(iris):
    plain = answer("dataset=iris&widths=4&walks=2&walk_steps=5&classified=0")
    drawn = figure(plain, View(), Scale(), COLOUR)
    assert note(drawn, "no point is classified") and "no point is classified" in caption(plain, View())
    assert len(traces(drawn, "scattergl")[0].x) == plain.loss.size and dict(head(plain))["convex, full H"] == "–"


def test_nothing_finite_is_a_sentence(xor):
    lost = replace(xor, loss=np.full_like(xor.loss, np.inf), broken_at=np.zeros_like(xor.broken_at))
    drawn = figure(lost, View(), Scale(), COLOUR)
    assert not drawn.data and "No point" in drawn.layout.annotations[0].text
    assert np.isnan(span(lost, View())).all() and "12 walks overflowed" in caption(lost, View())


@pytest.mark.parametrize("log", [True, False])
def test_points_that_are_all_alike_are_drawn(xor, log):
    for value in (0.0, 0.3):
        still = replace(xor, loss=np.full_like(xor.loss, value), gradient_norm=np.zeros_like(xor.loss))
        assert len(told(figure(still, View(log=log), Scale(), COLOUR))) == xor.loss.size


def test_large_walk_numbers_stay_exact():
    result = answer("dataset=xor&widths=2&walks=2&walk_steps=5&first_walk=1073741825")
    assert set(told(figure(result, View(), Scale(), COLOUR))[:, 0]) == {1073741825, 1073741826}


def test_the_head_has_the_numbers_over_walks(iris, xor):
    found = dict(head(iris))
    assert len(found) == 5 and found["E_t at end"].startswith(f"{iris.loss[:, -1].mean():.3g} ± ")
    assert found["l stag"].startswith(f"{np.mean(iris.length[0]):.3g} ± ") and dict(head(xor))["E_g at end"] == "–"


def test_the_page_is_told_that_a_box_may_be_brushed_and_arrays_are_small(iris):
    drawn = figure(iris, View(), Scale(), COLOUR)
    assert drawn.layout.meta == {"cloud": True, "log": True, "chosen": []} and drawn.layout.dragmode == "select"
    assert all(trace.x.dtype == np.float32 for trace in drawn.data if trace.type in ("scattergl", "bar"))
    assert told(drawn).dtype == np.float32


@pytest.mark.parametrize("log", [True, False])
def test_the_point_from_which_others_start_is_where_its_walk_was(iris, broken, log):
    drawn = figure(iris, View(log=log), Scale(point=(4, 17)), COLOUR)
    place = np.array([iris.loss[4, 17], iris.gradient_norm[4, 17]], float)
    np.testing.assert_allclose(drawn.layout.meta["chosen"], np.log10(place) if log else place)
    for point in ((4, 51), (6, 0)):  # no such step, no such walk
        assert figure(iris, View(), Scale(point=point), COLOUR).layout.meta["chosen"] == []
    assert figure(broken, View(), Scale(point=(3, 60)), COLOUR).layout.meta["chosen"] == []  # not finite


def test_small_multiples_are_counted_in_cells(xor):
    drawn = figure(xor, View(multiples=True), Scale(), COLOUR)
    assert traces(drawn, "heatmap") and not traces(drawn, "scattergl")
    assert "counted in cells" in caption(xor, View(multiples=True)) and "over" not in caption(xor, View(multiples=True))
