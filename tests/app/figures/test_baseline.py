"""A column beside others: differences and ratios to the baseline, its curves over theirs, the mean of all columns."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lossatlas.app.figures import line, slice
from lossatlas.app.figures.shared import baseline
from lossatlas.app.look.view import Scale, View
from lossatlas.app.state.page import read_state
from lossatlas.app.stream.page import Page
from lossatlas.app.stream.serving import made
from lossatlas.compute.analyses.slices import SliceResult
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.settings import Settings

QUICK = "dataset=xor&widths=2&steps=20&extent=1&dtype=float64"


@pytest.fixture(scope="module")
def pair():
    return tuple(ask(question("slice", f"{QUICK}&points=9&activation={name}")) for name in ("tanh", "relu"))


def minus(result, base, view: View) -> SliceResult:
    """A difference that can be taken."""
    found = baseline.minus(result, base, view)
    assert found is not None
    return found


def test_a_difference_is_taken_point_by_point(pair):
    tanh, relu = pair
    found = minus(relu, tanh, View(log=False))
    assert np.array_equal(found.loss, relu.loss - tanh.loss) and found.loss.any()
    assert np.array_equal(minus(relu, tanh, View(log=True)).loss, relu.loss / tanh.loss)
    assert not minus(tanh, tanh, View(log=False)).loss.any()


def test_a_coarser_grid_is_compared_at_its_own_points_and_a_finer_one_waits(pair):
    tanh, relu = pair
    coarse = ask(question("slice", f"{QUICK}&points=5&activation=relu"))
    found = minus(coarse, tanh, View(log=False))
    assert np.array_equal(found.loss, coarse.loss - tanh.loss[::2, ::2])
    assert baseline.minus(relu, coarse, View()) is None


def test_equal_has_the_middle_colour(pair):
    scale = baseline.even(Scale(-0.2, 1.5, point=(0.1, 0.2)))
    assert (scale.low, scale.high, scale.point) == (-1.5, 1.5, (0.1, 0.2))
    shown = minus(pair[1], pair[0], View(log=False))
    drawn = baseline.difference(slice, shown, View(log=False), scale, "#000000", "tanh")
    assert (drawn.layout.coloraxis.cmin, drawn.layout.coloraxis.cmax) == (-1.5, 1.5)
    assert drawn.layout.annotations[0].text == "↑ loss − that of tanh" and len(drawn.data) == 1


@pytest.mark.parametrize("log", [False, True])
def test_the_mean_of_equal_curves_is_the_curve_and_has_no_spread(log):
    result = ask(question("line", f"{QUICK}&line_points=11"))
    view = View(log=log)
    x, y = line.curve(result, view)
    drawn = baseline.banded(line.figure(result, view, Scale(), "#000000"), [(x, y)] * 3, view)
    low, high, middle = (np.asarray(trace.y) for trace in drawn.data[:3])
    for found in (low, high, middle):
        np.testing.assert_allclose(found, y, rtol=1e-6)
    double = baseline.banded(line.figure(result, view, Scale(), "#000000"), [(x, y), (x, 3 * y)], view)
    expected = np.sqrt(3) * y if log else 2 * y
    np.testing.assert_allclose(np.asarray(double.data[2].y), expected, rtol=1e-6)
    assert baseline.mean_note([(x, y), (x, y)], view).startswith("grey: mean")


@pytest.mark.parametrize(("log", "missing"), [(True, 0.0), (True, np.nan), (False, np.nan), (False, np.inf)])
def test_the_mean_is_left_out_only_where_a_column_has_no_value_and_the_caption_says_so(log, missing):
    result, view = ask(question("line", f"{QUICK}&line_points=11")), View(log=log)
    x, y = line.curve(result, view)
    other = y.copy()
    other[4] = missing
    curves = [(x, y), (x, other)]
    for trace in baseline.banded(line.figure(result, view, Scale(), "#000000"), curves, view).data[:3]:
        assert np.flatnonzero(np.isnan(np.asarray(trace.y))).tolist() == [4]
        np.testing.assert_allclose(np.delete(np.asarray(trace.y), 4), np.delete(y, 4), rtol=1e-6)
    assert "population sd, left out at 1 place where one has " in baseline.mean_note(curves, view)
    assert baseline.mean_note([(x, y), (x, y)], view).endswith("of 2 columns (population sd)")


def test_curves_at_other_places_have_no_mean():
    x, y = np.arange(3.0), np.ones(3)
    assert not baseline.comparable([(x, y), (x + 1, y)]) and not baseline.comparable([(x, y)])
    assert baseline.mean_note([(x, y), (x[:2], y[:2])], View()).startswith("no mean")


def test_the_baseline_is_dotted_over_the_others():
    tanh, relu = (ask(question("line", f"{QUICK}&line_points=11&activation={name}")) for name in ("tanh", "relu"))
    drawn, reference = (line.figure(result, View(), Scale(), "#123456") for result in (relu, tanh))
    over = baseline.overlaid(drawn, reference, "tanh").data[-1]
    assert (over.name, over.line.dash, over.line.color) == ("tanh", "dot", baseline.GREY)
    np.testing.assert_array_equal(np.asarray(over.y), np.asarray(reference.data[0].y))


def events(query: str, pool) -> list[dict]:
    told = made(Page(read_state(query)), pool, None, Settings(Path()))
    return [event.data | {"figure": json.loads(event.figure_json)} for event in told if event and event.figure_json]


def heights(event: dict) -> dict:
    return event["figure"]["data"][0]["z"]


def test_the_page_shows_the_difference_in_all_columns_but_the_baseline(pool):
    query = f"{QUICK}&points=9&activation=tanh,relu,elu&log=0"
    plain = {one["column"]: one for one in events(query, pool) if one["panel"] == "slice"}
    shown = {one["column"]: one for one in events(f"{query}&baseline=2&difference=1", pool) if one["panel"] == "slice"}
    assert "loss − that of ReLU" in shown[0]["caption"] and "that of" not in shown[1]["caption"]
    assert heights(plain[1]) == heights(shown[1]) and heights(plain[0]) != heights(shown[0])
    assert shown[0]["query"] == plain[0]["query"]


def test_without_a_shared_scale_each_map_has_its_own_colour_bar_and_a_difference_equality_in_the_middle(pool):
    query = f"{QUICK}&points=9&activation=tanh,relu&mode=contour"
    axes = {}
    for shared in (0, 1):
        found = events(f"{query}&shared={shared}&baseline=1&difference=1", pool)
        last = {one["column"]: one for one in found if one["panel"] == "slice"}
        axes[shared] = [last[column]["figure"]["layout"]["coloraxis"] for column in (0, 1)]
    assert [axis.get("showscale") for axis in axes[1]] == [False, False]  # the page's own bar tells
    loss, ratio = axes[0]
    assert loss["showscale"] and loss["colorbar"]["title"]["text"] == "loss"
    for value, tick in zip(loss["colorbar"]["tickvals"], loss["colorbar"]["ticktext"], strict=True):
        assert 10**value == pytest.approx(float(tick)) and loss["cmin"] <= value <= loss["cmax"]
    assert ratio["cmin"] == -ratio["cmax"] < 0 and ratio["colorbar"]["title"]["text"] == "loss ÷ that of tanh"


def test_the_mean_is_drawn_once_every_column_is_there(pool):
    found = events(f"{QUICK}&points=9&compare=seed&columns=0,1,2&activation=tanh&band=1&log=0", pool)
    last = {one["column"]: one for one in found if one["panel"] == "training"}
    assert all("mean ± 1 sd of 3 columns" in one["caption"] for one in last.values())
    means = [next(trace["y"] for trace in one["figure"]["data"] if trace["name"] == "mean") for one in last.values()]
    assert means[0] == means[1] == means[2]
    assert replace(View(), band=True) != View()
