"""The figures of saturation: what is drawn is what was counted."""

import numpy as np
import pytest

from lossatlas.app.figures import saturation
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.saturation import Saturation, SaturationResult
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import parse

COLOUR = "#2868f8"


def answer(query: str) -> SaturationResult:
    found = ask(parse(Saturation, f"dataset=iris&steps=12&{query}"))
    assert isinstance(found, SaturationResult)
    return found


def trace(figure, name: str):
    return next(part for part in figure.data if part.name == name)


@pytest.mark.parametrize("query", ["widths=4&activation=tanh", "widths=5-3&activation=relu&z_range=1", "widths=3"])
def test_bars_and_what_lies_outside_are_the_whole_layer(query):
    result = answer(query)
    drawn = saturation.figure(result, View(), Scale(), COLOUR)
    for layer in np.unique(result.layer):
        mine = result.layer == layer
        outside = (result.below + result.above)[mine].sum() / (120 * mine.sum())
        assert trace(drawn, f"layer {layer}").y.sum() + outside == pytest.approx(1, abs=1e-6)
    assert ("outside" in saturation.caption(result, View())) == bool((result.below + result.above).any())


def test_the_curve_is_the_activations_and_the_flat_stretches_are_shaded():
    result = answer("widths=4&activation=hardtanh&z_range=4")
    drawn = saturation.figure(result, View(), Scale(), COLOUR)
    np.testing.assert_allclose(trace(drawn, "f").customdata, np.clip(result.curve[0], -1, 1), rtol=1e-6)
    ends = [(shape.x0, shape.x1) for shape in drawn.layout.shapes]
    np.testing.assert_allclose(ends, [(-4, -1), (1, 4)], atol=0.05)  # the curve's resolution


def test_columns_share_one_height():
    first, second = (answer(f"widths=4&activation={name}&z_range=5") for name in ("tanh", "relu"))
    tops = [saturation.span(result, View())[1] for result in (first, second)]
    assert tops[0] != tops[1]
    for result in (first, second):
        drawn = saturation.figure(result, View(), Scale(0.0, max(tops)), COLOUR)
        assert drawn.layout.yaxis.range == (0, pytest.approx(1.04 * max(tops))) and drawn.layout.xaxis.range == (-5, 5)


def test_the_training_is_drawn_where_there_is_one_and_names_its_measure():
    result = answer("widths=4-4&activation=leaky_relu&moments=6")
    drawn = saturation.figure(result, View(), Scale(), COLOUR)
    assert np.array_equal(trace(drawn, "training 2").y, result.layer_flat[:, 1].astype(np.float32))
    tanh = answer("widths=4&activation=tanh&moments=1")
    assert not [part for part in saturation.figure(tanh, View(), Scale(), COLOUR).data if "training" in part.name]
    assert "φ" in saturation.caption(tanh, View())


def test_the_map_has_a_row_for_each_unit_and_says_which_are_dead():
    result = answer("widths=5-3&activation=threshold")
    drawn = trace(saturation.figure(result, View(units="units"), Scale(), COLOUR), "units")
    assert drawn.z.shape == (8, 40) and np.array_equal(drawn.z.max(1), np.ones(8))
    assert drawn.text[6][0] == "layer 2, unit 1" and drawn.customdata[0][0][2] == 1
    assert "8 of 8 units dead" in saturation.caption(result, View()) and saturation.size(result) == "8 units"


@pytest.mark.parametrize("query", ["widths=4&activation=tanh", "widths=5-3&activation=relu&z_range=1"])
def test_outputs_are_drawn_in_the_activations_range(query):
    result, view = answer(query), View(units="outputs")
    drawn = saturation.figure(result, view, Scale(), COLOUR)
    for layer in np.unique(result.layer):
        mine, bars = result.layer == layer, trace(drawn, f"layer {layer}")
        np.testing.assert_allclose(bars.y, result.outputs[mine].sum(0) / (120 * mine.sum()), rtol=1e-6)
        np.testing.assert_allclose(
            [bars.x[0] - bars.width / 2, bars.x[-1] + bars.width / 2], result.output_edges[[0, -1]]
        )
    beyond = bool((result.outputs_below + result.outputs_above).any())
    assert ("% of outputs outside" in saturation.caption(result, view)) == beyond
    lowest = f"xaxis{result.layer[-1]}" if result.layer[-1] > 1 else "xaxis"
    assert drawn.layout[lowest].title.text == "output f(z)"
    highest = max(part.y.max() for part in drawn.data if part.type == "bar")
    assert saturation.span(result, view) == (0, pytest.approx(float(highest)))


@pytest.mark.parametrize(("widths", "columns"), [("4", 1), ("4-4", 1), ("4-4-4", 2), ("4-4-4-4", 2)])
def test_layers_and_their_words_do_not_overlap(widths, columns):
    layout = saturation.figure(answer(f"widths={widths}&activation=tanh"), View(), Scale(), COLOUR).layout
    count = widths.count("-") + 1
    boxes = [(*layout[f"xaxis{n}"].domain, *layout[f"yaxis{n}"].domain) for n in range(1, count + 1)]
    assert len({box[:2] for box in boxes}) == columns
    for one, (left, right, bottom, top) in enumerate(boxes):
        told = next(note for note in layout.annotations if note.name == f"layer {one + 1}")
        assert told.y == pytest.approx(top + saturation.LINE) and bottom >= layout.yaxis9.domain[1] + 0.15
        for other in boxes[one + 1 :]:
            assert other[1] < left or other[0] > right or other[3] + saturation.LINE <= bottom + 1e-9 or other[2] >= top


def test_arrays_are_float32_and_many_layers_are_cut_and_counted():
    result = answer("widths=4-4-4-4-4-4&activation=gelu")
    drawn = saturation.figure(result, View(), Scale(), COLOUR)
    assert {part.y.dtype for part in drawn.data} == {np.dtype(np.float32)}
    assert "the last 2 of 6 layers not drawn" in saturation.caption(result, View())
    assert len(drawn.to_json()) < 60_000
