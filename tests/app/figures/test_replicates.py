"""The scatter of saturation against flatness: a dot a seed, and a correlation that says how sure it is."""

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lossatlas.app.figures import replicates
from lossatlas.app.look.view import FLATNESS, Scale, View
from lossatlas.compute.analyses.replicates import Replicates, ReplicatesResult
from lossatlas.compute.numerics.intervals import correlation
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import parse

COLOUR = "#2868f8"


@functools.cache
def answer(query: str = "activation=tanh") -> ReplicatesResult:
    found = ask(parse(Replicates, f"dataset=iris&widths=4&steps=20&replicates=6&{query}"))
    assert isinstance(found, ReplicatesResult)
    return found


def changed(result: ReplicatesResult, arrays: dict[str, Any]) -> ReplicatesResult:
    return replace(result, **arrays)


def first(result: ReplicatesResult, count: int) -> ReplicatesResult:
    """The first seeds alone."""
    names = ("seed", *(name for name, _ in replicates.FACTS))
    return changed(result, {name: getattr(result, name)[:count] for name in names})


def draw(result: ReplicatesResult, view: View | None = None, scale: Scale | None = None):
    return replicates.figure(result, view or View(), scale or Scale(), COLOUR)


def trace(figure, name: str):
    return next(part for part in figure.data if part.name == name)


def note(figure) -> str:
    return next(part.text for part in figure.layout.annotations if part.name == "correlation")


@pytest.mark.parametrize("against", FLATNESS)
def test_a_dot_a_seed_and_the_first_is_ringed(against):
    result, view = answer(), View(against=against)
    drawn = draw(result, view)
    dots, ring = trace(drawn, "seeds"), trace(drawn, "own seed")
    assert np.array_equal(dots.x, result.saturation.astype(np.float32))
    assert np.array_equal(dots.y, getattr(result, against).astype(np.float32))
    assert (ring.x[0], ring.y[0]) == (dots.x[0], dots.y[0]) and ring.marker.symbol == "circle-open"
    assert f"<b>seed {result.seed[3]}</b>" in dots.text[3] and "effective rank" in dots.text[3]
    assert replicates.span(result, view) == (getattr(result, against).min(), getattr(result, against).max())
    assert "log scale" in drawn.layout.yaxis.title.text and FLATNESS[against] in replicates.caption(result, view)


def test_the_note_is_the_correlation_with_what_the_axis_measures():
    result = answer()
    found = correlation(result.saturation, np.log10(result.largest))
    assert f"r = {found.r:.2f} with log λmax".replace("-", "−") in note(draw(result))
    assert f"[{found.low:.2f}, {found.high:.2f}], n = 6".replace("-", "−") in note(draw(result))
    linear = correlation(result.saturation, result.largest)
    row = Scale(-1.0, float(result.largest.max()))  # another column holds a value that a log axis cannot
    assert f"r = {linear.r:.2f}<br>".replace("-", "−") in note(draw(result, scale=row))
    assert draw(result, scale=row).layout.yaxis.type == "linear"


def test_few_or_constant_seeds_have_no_interval_or_no_correlation():
    result = answer()
    few = first(result, 3)
    assert "3 seeds: too few for an interval" in note(draw(few))
    assert "constant" in note(draw(replace(result, saturation=np.full(6, 0.4))))
    assert {note(draw(first(result, count))) for count in (1, 2)} == {"too few seeds for a correlation"}


def test_values_of_zero_and_below_make_the_axis_linear_and_stay_what_they_are():
    result = replace(answer(), trace=np.array([-0.2, 0.0, 0.1, 0.5, 1.0, 2.0]))
    drawn = draw(result, View(against="trace"))
    assert drawn.layout.yaxis.type == "linear" and "linear scale" in drawn.layout.yaxis.title.text
    low, high = drawn.layout.yaxis.range
    assert low < -0.2 and high > 2.0 and trace(drawn, "seeds").y[0] == np.float32(-0.2)


def test_missing_seeds_are_counted_and_without_any_a_sentence_says_why():
    result = answer()
    holed = replace(result, largest=np.where(np.arange(6) == 2, np.nan, result.largest))
    assert "1 of 6 seeds not finite" in replicates.caption(holed, View()) and "n = 5" in note(draw(holed))
    diverged = changed(result, {name: np.full(6, np.nan) for name, _ in replicates.FACTS})
    assert not draw(diverged).data and "diverged" in draw(diverged).layout.annotations[0].text
    assert all(map(math.isnan, replicates.span(diverged, View()))) and not replicates.caption(diverged, View())
    untested = replace(result, test_loss=np.full(6, np.nan))
    assert "no test loss" in draw(untested, View(against="test_loss")).layout.annotations[0].text


def test_an_activation_without_a_measure_shows_its_flat_share():
    result = answer("activation=leaky_relu")
    drawn = draw(result)
    assert np.array_equal(trace(drawn, "seeds").x, result.flat.astype(np.float32))
    assert "|f′| < 0.1" in drawn.layout.xaxis.title.text and tuple(drawn.layout.xaxis.range) == (-0.03, 1.03)
    assert replicates.size(result) == "6 seeds"
    assert {part.y.dtype for part in drawn.data} == {np.dtype(np.float32)}
