"""The symlog axis: an exact inverse, in order, with ticks where the eye expects them."""

import itertools
import math

import numpy as np
import pytest

from lossatlas.app.figures.shared.symlog import DECADES, symlog

ENDS: list[tuple[float, float]] = [
    (-4e-4, 0.55),
    (-0.2, 0.39),
    (0, 0.25),
    (-3, 0),
    (-1e-9, 1e-9),
    (0, 9.99e8),
    (2.0, 7.0),
    (-1e-14, 1.0),
]


@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_heights_are_taken_back_exactly_and_keep_the_order(ends):
    axis = symlog(*ends)
    sizes = np.geomspace(1e-6 * axis.threshold, max(map(abs, ends)), 200)
    values = np.concatenate([-sizes[::-1], [0.0], sizes])
    heights = axis.heights(values)
    np.testing.assert_allclose(axis.values(heights), values, rtol=1e-12)
    assert (np.diff(heights) > 0).all() and heights[200] == 0
    np.testing.assert_allclose(heights, -heights[::-1])


def test_the_axis_is_linear_inside_and_a_decade_is_one_outside():
    axis = symlog(-1.0, 1.0)
    assert axis.threshold == 10.0**-DECADES
    inner = axis.heights(np.array([1e-3, 2e-3]) * axis.threshold)
    assert inner[1] / inner[0] == pytest.approx(2, rel=1e-3)  # its slope falls by a thousandth over a thousandth
    outer = axis.heights(np.array([1e3, 1e4]) * axis.threshold)
    assert outer[1] - outer[0] == pytest.approx(1, abs=1e-3)  # log10(1 + 1e-3), less a tenth of it


@pytest.mark.parametrize("most", [3, 4, 6, 9])
@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_ticks_are_zero_and_powers_of_ten_in_order_in_range_and_apart(ends, most):
    axis, (low, high) = symlog(*ends), (min(ends[0], 0.0), max(ends[1], 0.0))
    ticks = axis.ticks(low, high, most)
    assert 0.0 in ticks and 2 <= len(ticks) <= most and low <= ticks[0] and ticks[-1] <= high
    heights = axis.heights(np.array(ticks))
    assert np.diff(heights).min() > 0.9 * np.ptp(axis.heights(np.array([low, high]))) / (2 * most)
    assert all(math.log10(abs(tick)) == pytest.approx(round(math.log10(abs(tick)))) for tick in ticks if tick)


@pytest.mark.parametrize("ends", [*ENDS, (0.0, 0.0), (1e-300, 1e-300)], ids=str)
def test_the_axis_holds_zero_and_both_ends_and_its_texts_tell_the_ticks_apart(ends: tuple[float, float]):
    axis = symlog(*ends)
    drawn = axis.axis(*ends, 5)
    low, high = drawn["range"]
    assert low < 0 < high and np.isfinite([low, high]).all()
    assert all(low <= height <= high for height in axis.heights(np.array(ends)))
    assert len(set(drawn["ticktext"])) == len(drawn["ticktext"]) == len(drawn["tickvals"])
    assert all(a < b for a, b in itertools.pairwise(drawn["tickvals"]))


def test_texts_are_short():
    assert symlog(-0.2, 0.4).axis(-0.2, 0.4, 7)["ticktext"] == ["-0.1", "-10⁻³", "-10⁻⁵", "0", "10⁻⁵", "10⁻³", "0.1"]
    assert symlog(0, 20).note == "linear within ±10⁻⁴"
