"""The picture of a boundary: colours that say what the network says, moments that hold every step."""

import base64
import json

import numpy as np
import pytest

from lossatlas.app.figures import boundary
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask

WATCHED = View(place="training")
QUICK = "steps=20&boundary_points=9&boundary_moments=5"


def asked(query: str):
    return ask(question("boundary", f"{query}&{QUICK}"))


def drawn(result, view: View = WATCHED, scale: Scale | None = None) -> dict:
    return json.loads(boundary.figure(result, view, scale or Scale(), "#2868f8").to_json())


def unpacked(rows: dict) -> np.ndarray:
    """What the page reads, by the rule that app/figures/shared/frames.py states."""
    values = np.frombuffer(base64.b64decode(rows["bdata"]), rows["dtype"]).reshape(
        [int(length) for length in rows["shape"].split(",")]
    )
    return values * rows["scale"] if "scale" in rows else values


def test_two_classes_are_coloured_by_their_probability_at_every_step():
    result = asked("dataset=circles&widths=3")
    figure = drawn(result)
    frames = figure["layout"]["meta"]["frames"]
    assert frames["values"] == result.step.tolist()
    rows = unpacked(frames["traces"]["0"]["z"])
    expected = 100 / (1 + np.exp(-result.output[..., 0].astype(float)))
    np.testing.assert_allclose(rows, expected, atol=0.0051)  # in hundredths of a percent
    assert figure["data"][0]["contours"]["start"] == 50
    right = frames["layout"]["annotations[0].text"]
    assert right[-1] == f"step 20 · {100 * result.accuracy[-1]:.3g} % right"
    assert figure["layout"]["annotations"][0]["text"] == right[-1]


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "squared_error", "sigmoid_squared_error"])
def test_the_line_of_one_half_is_where_the_answer_changes(loss):
    result = asked(f"dataset=moons&widths=3&loss={loss}")
    share = boundary.shares(result)[..., -1]
    if loss == "softmax_cross_entropy":
        said = result.output.argmax(-1) == 1
    else:
        said = result.output[..., 0] > (0.5 if loss == "squared_error" else 0.0)
    np.testing.assert_array_equal(share > 50, said)
    assert said.any() and not said.all()


def test_three_classes_are_told_apart_and_stronger_where_sure():
    result = asked("dataset=blobs&widths=3")
    rows = unpacked(drawn(result)["layout"]["meta"]["frames"]["traces"]["0"]["z"])
    np.testing.assert_array_equal(rows // boundary.LEVEL, result.output.argmax(-1))
    ranked = np.sort(boundary.shares(result), -1)
    np.testing.assert_allclose(rows % boundary.LEVEL, ranked[..., -1] - ranked[..., -2], atol=0.501)


def test_patterns_have_symbols_besides_colours_and_test_patterns_are_open():
    figure = drawn(asked("dataset=blobs&widths=3"))
    dots = {trace["name"]: trace for trace in figure["data"] if trace.get("mode") == "markers"}
    assert len(dots) == 6
    symbols = [trace["marker"]["symbol"] for trace in dots.values()]
    assert len(set(symbols)) == 6
    assert all(name.endswith("test") == ("open" in dots[name]["marker"]["symbol"]) for name in dots)


def test_a_regression_is_a_curve_on_an_axis_that_holds_the_data():
    result = asked("dataset=sine&widths=5")
    figure = drawn(result, scale=Scale(*boundary.span(result, WATCHED)))
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < result.train_y.min() and result.train_y.max() < high
    rows = unpacked(figure["layout"]["meta"]["frames"]["traces"]["0"]["y"])
    np.testing.assert_array_equal(rows, result.output[..., 0])
    assert "% right" not in str(figure["layout"]["annotations"])


def test_elsewhere_than_in_the_training_no_moments_travel():
    assert "meta" not in drawn(asked("dataset=circles&widths=3"), View())["layout"]


def test_captions_say_what_is_shown():
    told = boundary.caption(asked("dataset=circles&widths=3"), WATCHED)
    assert "probability of class 1" in told and "320 training patterns" in told and "80 test patterns" in told
    assert "network's output" in boundary.caption(asked("dataset=sine&widths=5"), WATCHED)
    assert "test" not in boundary.caption(asked("dataset=xor&widths=2"), WATCHED)
