"""The pictures of a morph: every frame is what was found there, and nothing but the frame changes."""

import functools
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lossatlas.app.export.answers import FORMATS
from lossatlas.app.figures import morph, morph_curve
from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.frames import unpacked
from lossatlas.app.look.view import Scale, View
from lossatlas.app.state.page import read_state
from lossatlas.compute.analyses.morphs import Morph, MorphResult
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask

COLOUR = "#2868f8"
VIEWS = [View(), View(log=False), View(mode="contour"), View(mode="contour", log=False), View(show="data")]
OVER = "activation=elu&morph=parameter"


@functools.cache
def answer(query: str = "activation=tanh&morph_to=relu") -> MorphResult:
    found = ask(question("morph", f"dataset=iris&widths=2&steps=15&morph_frames=5&morph_points=9&{query}"))
    assert isinstance(found, MorphResult)
    return found


def told(figure) -> dict:
    """The figure as the browser has it, and what it is told of the frames."""
    read = json.loads(figure.to_json())
    return read["layout"]["meta"]["frames"]


def frames(figure, number: int, name: str) -> list[np.ndarray]:
    """One property of one trace in every frame."""
    told = figure.layout.meta["frames"]
    return [np.asarray(unpacked(told["traces"][str(number)][name], k)) for k in range(len(told["values"]))]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_every_frame_is_its_own_grid_on_one_scale(view):
    result = answer()
    drawn = morph.figure(result, view, Scale(), COLOUR)
    grids = frames(drawn, 0, "z")
    expected = result.data if view.show == "data" else result.loss
    if view.mode == "contour" and view.log:
        expected = np.log10(expected)
    np.testing.assert_allclose(np.stack(grids).transpose(0, 2, 1), expected, rtol=1e-6, atol=1e-7)
    assert np.array_equal(drawn.data[0].z, grids[0]) and grids[0].dtype == np.float32
    low, high = morph.span(result, view)
    axis = drawn.layout.coloraxis
    assert axis.cmin == pytest.approx(low) and axis.cmax == pytest.approx(high)
    if view.mode == "surface":
        bottom, top = drawn.layout.scene.zaxis.range
        assert bottom <= low and high <= top
        assert not drawn.layout.scene.annotations  # a text's height could not follow the frames
    else:
        assert drawn.layout.dragmode is False


def test_what_a_player_is_told_names_every_frame_and_traces_that_exist():
    for query, name, labels in (
        ("activation=tanh&morph_to=relu", "t", ["t = 0.00", "t = 0.25", "t = 0.50", "t = 0.75", "t = 1.00"]),
        (OVER, "α", ["α = 0.25", "α = 0.5", "α = 1", "α = 2", "α = 4"]),
    ):
        result = answer(query)
        for picture in (morph, morph_curve):
            for view in VIEWS:
                drawn = picture.figure(result, view, Scale(), COLOUR)
                found = told(drawn)
                assert found["name"] == name and found["labels"] == labels
                assert found["values"] == pytest.approx(result.values.tolist())
                assert found["traces"]
                for number, attributes in found["traces"].items():
                    assert 0 <= int(number) < len(drawn.data)
                    assert set(attributes) <= set(drawn.data[int(number)].to_plotly_json())
                    assert all(unpacked(rows, 4) is not None for rows in attributes.values())


def test_the_center_is_a_pin_that_stands_on_the_surface_of_every_frame():
    for view in (View(), View(log=False)):
        drawn = morph.figure(answer(), view, Scale(), COLOUR)
        feet, tops = np.stack(frames(drawn, 1, "z")).T
        assert np.array_equal(frames(drawn, 1, "z"), frames(drawn, 2, "z"))  # casing and core
        np.testing.assert_allclose(feet, answer().center_loss, rtol=1e-6)
        top = morph.span(answer(), view)[1]
        np.testing.assert_allclose(tops, 10**top if view.log else top, rtol=1e-6)


def test_columns_share_one_height_over_all_frames():
    results = [answer(), answer("activation=elu&morph_to=relu")]
    common = Scale(*parts.common([morph.span(result, View()) for result in results], View()))
    first, second = (morph.figure(result, View(), common, COLOUR).layout for result in results)
    assert first.scene.zaxis.range == second.scene.zaxis.range and first.coloraxis == second.coloraxis
    assert common.low == pytest.approx(min(np.log10(result.loss.min()) for result in results))


def test_frames_that_are_gaps_stay_gaps():
    whole = answer()
    gone = np.array([0, 3])
    holes = {}
    for name in ("loss", "data", "penalty", "center_loss", "train_loss", "test_loss"):
        values = getattr(whole, name).copy()
        values[gone] = np.nan
        holes[name] = values
    result = replace(whole, **holes)
    for view in VIEWS[:3]:
        grids = frames(morph.figure(result, view, Scale(), COLOUR), 0, "z")
        assert [bool(np.isnan(grid).all()) for grid in grids] == [True, False, False, True, False]
    assert "162 of 405 values not finite" in morph.caption(result, View())
    drawn = morph_curve.figure(result, View(), Scale(), COLOUR)
    assert np.isnan(drawn.data[0].y).tolist() == [True, False, False, True, False]
    nothing = replace(result, **{name: np.full_like(value, np.nan) for name, value in holes.items()})
    assert not morph.figure(nothing, View(), Scale(), COLOUR).data
    assert morph.head(nothing)[0][1] == "–"


def test_the_curve_shows_where_each_training_ended_and_the_units_own_function():
    result = answer("activation=tanh&morph_to=relu&l2=0.01")
    drawn = morph_curve.figure(result, View(), Scale(), COLOUR)
    training, test, line, dots, first, last, now = drawn.data
    np.testing.assert_allclose(training.y, result.center_loss, rtol=1e-6)  # the part shown is the training part
    np.testing.assert_allclose(test.y, result.test_loss + result.penalty[:, 4, 4], rtol=1e-6)
    assert np.array_equal(training.x, result.values)
    number = drawn.data.index(now)
    np.testing.assert_allclose(frames(drawn, number, "y"), result.curve, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose([first.y, last.y], [np.tanh(result.z), np.maximum(result.z, 0)], rtol=1e-6, atol=1e-7)
    for k, x in enumerate(frames(drawn, drawn.data.index(line), "x")):
        assert x.tolist() == [result.values[k]] * 2
        assert frames(drawn, drawn.data.index(dots), "y")[k].tolist() == [training.y[k], test.y[k]]
    bottom, top = drawn.layout.yaxis.range
    assert line.y == pytest.approx((10**bottom, 10**top)) and drawn.layout.yaxis.type == "log"


def test_a_scale_goes_along_a_log_axis():
    drawn = morph_curve.figure(answer(OVER), View(), Scale(), COLOUR)
    assert drawn.layout.xaxis.type == "log" and drawn.layout.xaxis.title.text == "α"
    low, high = drawn.layout.xaxis.range
    assert low < np.log10(0.25) and np.log10(4) < high
    assert morph_curve.figure(answer(), View(), Scale(), COLOUR).layout.xaxis.type is None


def test_accuracy_and_penalty_are_shown_where_they_are():
    result = answer("activation=tanh&morph_to=relu&accuracy=1&l2=0.01")
    drawn = morph.figure(result, View(show="accuracy"), Scale(), COLOUR)
    np.testing.assert_allclose(np.stack(frames(drawn, 0, "z")).transpose(0, 2, 1), 100 * result.accuracy, rtol=1e-6)
    curve = morph_curve.figure(result, View(show="accuracy"), Scale(), COLOUR)
    np.testing.assert_allclose(curve.data[0].y, 100 * result.train_accuracy, rtol=1e-6)
    assert [one.name for one in morph_curve.figure(result, View(show="penalty"), Scale(), COLOUR).data][:2] == [
        "training", "frame",
    ]  # fmt: skip


def test_captions_and_heads_say_from_what_to_what():
    result = answer()
    caption = morph.caption(result, View())
    assert "tanh → ReLU, 5 frames, each trained anew" in caption and "total loss, 120 training patterns" in caption
    lowest = int(result.train_loss.argmin())
    assert f"at {result.spec.told(lowest)}" in morph_curve.caption(result, View())
    assert morph.size(result) == "5 frames of 9×9" and morph_curve.size(result) == "5 trainings"
    rows = dict(morph.head(result))
    assert rows["lowest train at"] == result.spec.told(lowest)
    assert list(rows)[:4] == ["train at 0", "train at 1", "test at 0", "test at 1"]
    assert "ELU, α 0.25 → 4" in morph.caption(answer(OVER), View())
    size = len(morph.figure(answer(), View(), Scale(), COLOUR).to_json())
    assert size < 5 * 9 * 9 * 4 * 2 + 6_000


def test_files_hold_all_frames_and_the_html_plays_them():
    result = answer()
    frame = pd.read_csv(io.BytesIO(FORMATS["csv"].write(result)), comment="#")
    assert len(frame) == 5 * 81
    np.testing.assert_array_equal(frame["loss"].to_numpy().reshape(5, 9, 9), result.loss)
    read = json.loads(FORMATS["json"].write(result))
    np.testing.assert_array_equal(read["loss"], result.loss)
    page = FORMATS["html"].write(result).decode()
    assert "Plotly.addFrames" in page and page.count('"name":"t = 0.25"') == 1 and '"label":"Play"' in page
    assert "<script src=" not in page


def test_columns_are_named_by_what_they_go_through():
    state = read_state("place=morph&activation=tanh,elu&morph_to=sine&mix_with=relu")
    assert [column.label for column in state.columns] == ["tanh → sine", "ELU → sine"]
    assert state.panels == ("morph", "morph-curve")
    assert not state.spec(Morph, state.columns[0]).problem.mixed
    over = read_state("place=morph&activation=tanh,elu&morph=parameter")
    assert [column.label for column in over.columns] == ["tanh", "ELU, α 0.25 → 4"]
    mixed = read_state("activation=tanh,relu&mix_with=relu&mix=0.3")
    assert [column.label for column in mixed.columns] == ["tanh → ReLU, t = 0.30", "ReLU"]
    several = read_state("compare=mix&columns=0,0.5,1&mix_with=relu&activation=tanh")
    problems = [state.spec(Morph, column).problem for column in several.columns]
    assert [one.activation for one in problems] == ["tanh", "tanh", "relu"]
