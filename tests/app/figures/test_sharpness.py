"""The figure of sharpness: what is drawn is what was measured."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lossatlas.app.figures import sharpness
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.sharpness import RADII, RiseResult
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask

COLOUR = "#2868f8"


def answer(query: str) -> RiseResult:
    found = ask(question("sharpness", f"dataset=xor&widths=2&steps=12&{query}"))
    assert isinstance(found, RiseResult)
    return found


@pytest.fixture(scope="module")
def plain() -> RiseResult:
    return answer("activation=tanh")


@pytest.fixture(scope="module")
def compared() -> RiseResult:
    return answer("activation=relu&rescale=20")


def trace(drawn, name: str):
    return next(part for part in drawn.data if part.name == name)


def test_both_curves_are_rises_of_the_loss_and_tell_their_own_unit(plain):
    drawn = sharpness.figure(plain, View(), Scale(), COLOUR)
    assert [part.name for part in drawn.data] == ["SAM", "Keskar"]
    sam, keskar = drawn.data
    assert np.array_equal(sam.y, plain.sam.astype(np.float32)) and np.array_equal(sam.customdata, sam.y)
    np.testing.assert_allclose(keskar.y, plain.keskar * (1 + plain.loss) / 100, rtol=1e-6)
    assert np.array_equal(keskar.customdata, plain.keskar.astype(np.float32))
    assert "ρ" in sam.hovertemplate and "ε" in keskar.hovertemplate and " %</b>" in keskar.hovertemplate
    assert (sam.line.dash, keskar.line.dash, sam.line.color) == ("solid", "dash", COLOUR)
    assert drawn.layout.xaxis.type == drawn.layout.yaxis.type == "log" and {p.y.dtype for p in drawn.data} == {
        np.dtype(np.float32)
    }


def test_before_rescaling_is_grey_and_named_at_its_end(compared):
    drawn = sharpness.figure(compared, View(), Scale(), COLOUR)
    assert len(drawn.data) == 4
    assert np.array_equal(trace(drawn, "before, SAM").y, compared.before_sam.astype(np.float32))
    in_box = compared.before_keskar * (1 + compared.before_loss) / 100
    np.testing.assert_allclose(trace(drawn, "before, Keskar").y, in_box, rtol=1e-6)
    greys = {part.name for part in drawn.data if part.line.color == sharpness.GREY}
    assert greys == {"before, SAM", "before, Keskar"}
    notes = drawn.layout.annotations
    assert sorted(note.text for note in notes) == ["Keskar", "SAM", "before", "before"]
    assert {note.x for note in notes} == {math.log10(RADII[-1])}
    heights = np.sort([note.y for note in notes])
    low, high = drawn.layout.yaxis.range
    assert (np.diff(heights) >= sharpness.LINE * (high - low) * (1 - 1e-9)).all()


def test_a_row_shares_one_range_that_holds_every_curve(plain, compared):
    spans = [sharpness.span(result, View(log=False)) for result in (plain, compared)]
    low, high = min(low for low, _ in spans), max(high for _, high in spans)
    for result, (bottom, top) in zip((plain, compared), spans, strict=True):
        drawn = sharpness.figure(result, View(), Scale(low, high), COLOUR)
        ends = drawn.layout.yaxis.range
        assert ends[0] < low and high < ends[1]
        values = np.concatenate([part.y for part in drawn.data])
        assert bottom == pytest.approx(np.log10(values.min())) and top == pytest.approx(np.log10(values.max()))


def test_captions_say_what_was_measured_and_what_rescaling_left(plain, compared):
    told = sharpness.caption(plain, View())
    assert "λmax" in told and "4 training patterns" in told and "float32" in told and "rescaled" not in told
    place = RADII.index(1e-3)
    assert f"Keskar {plain.keskar[place]:.3g} % at ε = 0.001" in told
    told = sharpness.caption(compared, View())
    assert "rescaled by 20: outputs differ by at most" in told
    assert f"while λmax went from {compared.before_largest:.3g} to {compared.largest:.3g}" in told
    step = answer("activation=threshold")
    assert "λmax" not in sharpness.caption(step, View())
    assert sharpness.size(plain) == "10 radii"


def test_without_a_gradient_it_is_said_what_stands_for_sams_rise(plain):
    still = answer("activation=tanh&init=zero&steps=0")
    sam, _ = sharpness.figure(still, View(), Scale(), COLOUR).data
    assert np.array_equal(sam.y, still.sam.astype(np.float32)) and "SAM = ½ λmax ρ²" in sam.hovertemplate
    for told in (sharpness.caption(still, View()), sharpness.words(still, View())):
        assert "½ λmax ρ²" in told and "gradient is 0" in told
    for told in (sharpness.caption(plain, View()), sharpness.words(plain, View()), trace_of(plain).hovertemplate):
        assert "½" not in told


def trace_of(result: RiseResult):
    return trace(sharpness.figure(result, View(), Scale(), COLOUR), "SAM")


def test_a_loss_that_falls_leaves_a_gap_and_one_that_never_rises_a_sentence(plain):
    fallen = replace(plain, sam=np.where(plain.radii > 0.3, -0.1, plain.sam))
    drawn = trace(sharpness.figure(fallen, View(), Scale(), COLOUR), "SAM")
    assert np.array_equal(np.isnan(drawn.y), plain.radii > 0.3) and drawn.connectgaps is False
    assert "falls along the gradient at 2 of 10 radii" in sharpness.caption(fallen, View())
    flat = replace(plain, sam=np.zeros(10), keskar=np.zeros(10))
    assert not sharpness.figure(flat, View(), Scale(), COLOUR).data
    assert all(math.isnan(end) for end in sharpness.span(flat, View()))
