"""The drawing of a network, and the loss along each weight: every weight in its place, at every step."""

import json

import numpy as np
import pytest

from lossatlas.app.figures import saturation_along, slice, training, weight_slices, weights
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from tests.app.figures.test_boundary import unpacked

WATCHED = View(place="training")


def drawn(picture, result, view: View = WATCHED, scale: Scale | None = None) -> dict:
    return json.loads(picture.figure(result, view, scale or Scale(), "#2868f8").to_json())


def test_every_edge_joins_its_units_and_is_as_wide_as_its_weight():
    result = ask(question("weights", "dataset=iris&widths=3-2&steps=250"))
    figure = drawn(weights, result)
    frames = figure["layout"]["meta"]["frames"]
    assert len(frames["values"]) == weights.MOST_FRAMES and {0, 250} <= set(frames["values"])
    asked = next(trace for trace in figure["data"] if trace.get("name") == "edges")
    index, count = asked["meta"]["weights"], 4 * 3 + 3 * 2 + 2 * 3
    assert asked["text"][0] == "W1[0,0]" and asked["text"][-1] == "W3[2,1]" and len(index) == count
    line = figure["data"][index.index(4)]  # W1[1,0]: input 0 to unit 1
    assert (line["x"], line["y"]) == ([0, 1], [1 - 0.5 / 4, 0.5])
    kept = np.flatnonzero(np.isin(result.step, frames["values"]))
    expected, largest = result.theta[kept][:, index], np.abs(result.theta).max()
    wide, colour, dash = frames["tables"]
    widths = np.array(wide["values"])[unpacked(wide["at"])]
    np.testing.assert_allclose(
        widths, weights.WIDEST * np.abs(expected) / largest, atol=weights.WIDEST / weights.LEVELS
    )
    np.testing.assert_array_equal(np.array(colour["values"])[unpacked(colour["at"])] == weights.POSITIVE, expected >= 0)
    np.testing.assert_array_equal(np.array(dash["values"])[unpacked(dash["at"])] == "solid", expected >= 0)
    np.testing.assert_array_equal(unpacked(frames["traces"][str(count)]["customdata"]), expected.astype("f4"))


def test_columns_share_the_width_of_a_size_and_biases_are_coloured():
    result = ask(question("weights", "dataset=xor&widths=2&steps=5"))
    alone, beside = drawn(weights, result), drawn(weights, result, scale=Scale(0.0, 100.0))
    assert max(t["line"]["width"] for t in beside["data"][:6]) < max(t["line"]["width"] for t in alone["data"][:6]) / 4
    units = next(trace for trace in alone["data"] if trace.get("name") == "units")
    assert units["text"] == ["b1[0]", "b1[1]", "b2[0]"] and units["marker"]["cmax"] == -units["marker"]["cmin"]
    assert "largest" in weights.caption(result, WATCHED)
    normed = ask(question("weights", "dataset=circles&widths=3&norm=batch&steps=5"))
    assert "γ and β" in weights.caption(normed, WATCHED) and len(drawn(weights, normed)["data"]) == 9 + 3


def test_slices_have_a_picture_a_tensor_on_one_height_and_name_their_weights():
    result = ask(question("weight_slices", "dataset=iris&widths=4&steps=20&weight_points=5"))
    figure = drawn(weight_slices, result)
    curves = {trace["name"]: trace for trace in figure["data"]}
    assert list(curves) == list(result.names) and curves["b1[2]"]["meta"]["weight"] == 18
    assert len({trace["yaxis"] for trace in figure["data"]}) == 4
    heights = [figure["layout"][axis]["range"] for axis in ("yaxis", "yaxis2", "yaxis3", "yaxis4")]
    assert heights == [heights[0]] * 4
    low, high = weight_slices.span(result, WATCHED)
    assert heights[0][0] < low < high < heights[0][1] and abs(10**low - result.loss.min()) < 1e-6
    boxes = [figure["layout"][f"{axis}axis{n}"]["domain"] for n in ("", 2, 3, 4) for axis in "xy"]
    assert all(0 <= begin < end <= 1 + 1e-9 for begin, end in boxes)
    assert "total loss" in weight_slices.caption(result, View(place="training", show="accuracy"))
    deep = ask(question("weight_slices", "dataset=xor&widths=2-2-2-2-2&steps=5&weight_points=5"))
    assert "the last 4 tensors not drawn" in weight_slices.caption(deep, WATCHED)
    assert len({trace["xaxis"] for trace in drawn(weight_slices, deep)["data"]}) == weight_slices.MOST


def test_a_dot_on_the_map_and_on_the_surface_is_where_the_training_was():
    result = ask(question("slice", "dataset=circles&widths=3&steps=40&points=9&directions=trajectory"))
    steps = ask(question("training", "dataset=circles&widths=3&steps=40")).step
    figure = drawn(slice, result, View(place="training", mode="contour"))
    frames = figure["layout"]["meta"]["frames"]
    assert frames["values"] == steps.tolist() and figure["layout"]["meta"]["box"]
    ((place, rows),) = frames["traces"].items()
    assert figure["data"][int(place)]["name"] == "moment"
    dots = np.concatenate([unpacked(rows["x"]), unpacked(rows["y"])], 1)
    np.testing.assert_allclose(dots, result.path, rtol=1e-6, atol=1e-7)  # trajectory planes hold the whole path
    for log, heights in ((True, np.log10(result.path_loss)), (False, result.path_loss)):
        surface = drawn(slice, result, View(place="training", log=log))
        moved = surface["layout"]["meta"]["frames"]["layout"]
        notes = surface["layout"]["scene"]["annotations"]
        names = [path for path in moved if path.endswith(".z")]
        assert [notes[int(path.split("[")[1].split("]")[0])]["name"].split()[0] for path in names] == ["moment"] * 2
        np.testing.assert_allclose(unpacked(moved[names[0]]), heights, rtol=1e-6)  # texts know no log axis
        assert heights[-1] == pytest.approx(next(one["z"] for one in notes if one["name"].startswith("center")), 1e-5)
        assert all(moved[names[0].replace(".z", ".visible")])


def test_a_dot_outside_the_window_is_left_out_and_no_surface_lies_about_heights():
    query = "dataset=circles&widths=3&steps=40&points=9"
    windowed = ask(question("slice", f"{query}&window=-0.01,0.01,-0.01,0.01"))
    rows = drawn(slice, windowed, View(place="training", mode="contour"))["layout"]["meta"]["frames"]["traces"]
    ((_, rows),) = rows.items()
    inside = (np.abs(windowed.path) <= 0.01).all(1)
    np.testing.assert_array_equal(np.isfinite(unpacked(rows["x"])[:, 0]), inside)
    assert inside.any() and not inside.all()
    test_part = ask(question("slice", f"{query}&part=test"))
    assert "frames" not in drawn(slice, test_part)["layout"]["meta"]  # its heights are not the path's losses
    assert "frames" in drawn(slice, test_part, View(place="training", mode="contour"))["layout"]["meta"]
    assert "frames" not in drawn(slice, test_part, View(mode="contour"))["layout"]["meta"]


def test_cursors_cross_the_curves_at_every_recorded_step():
    for analysis, picture in (("training", training), ("saturation", saturation_along)):
        result = ask(question(analysis, "dataset=circles&widths=3-3&steps=40"))
        figure = drawn(picture, result)
        moved = figure["layout"]["meta"]["frames"]["layout"]
        for path, steps in moved.items():
            shape = figure["layout"]["shapes"][int(path.split("[")[1].split("]")[0])]
            assert shape["name"] == "moment" and shape["x0"] == 40 and steps == result.step.tolist()
        assert len(moved) == 2 and "meta" not in drawn(picture, result, View())["layout"]


def test_saturation_along_the_training_draws_what_was_measured():
    result = ask(question("saturation", "dataset=circles&widths=3-3&steps=40"))
    curves = saturation_along.figure(result, WATCHED, Scale(), "#2868f8").data
    for layer, curve in enumerate(curves):
        np.testing.assert_allclose(curve.y, result.layer_saturation[:, layer], rtol=1e-6)
    assert len(curves) == 2 and "of each layer" in saturation_along.caption(result, WATCHED)
    still = ask(question("saturation", "dataset=circles&steps=0"))
    assert "0 training steps" in str(drawn(saturation_along, still)) and saturation_along.caption(still, WATCHED) == ""
    without = ask(question("saturation", "dataset=circles&activation=identity&steps=9"))
    assert "|f′|" in saturation_along.caption(without, WATCHED)
    assert "flat slopes" in str(drawn(saturation_along, without))
