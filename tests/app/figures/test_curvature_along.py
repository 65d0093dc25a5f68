"""The figure of curvature along a training: what is drawn is what was found, at the steps where it was found."""

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lossatlas.app.figures import curvature_along
from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.symlog import symlog
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.curvature_along import Evolution, EvolutionResult
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import parse

COLOUR = "#2868f8"


@functools.cache
def answer(query: str = "widths=4&activation=tanh") -> EvolutionResult:
    found = ask(parse(Evolution, f"dataset=iris&steps=40&along=5&{query}"))
    assert isinstance(found, EvolutionResult)
    return found


def estimated() -> EvolutionResult:
    exact = answer()
    return replace(exact, method="estimated", trace_error=0.1 * np.abs(exact.trace))


def changed(result: EvolutionResult, arrays: dict[str, Any]) -> EvolutionResult:
    return replace(result, **arrays)


def draw(result: EvolutionResult, scale: Scale | None = None):
    return curvature_along.figure(result, View(), scale or Scale(), COLOUR)


def trace(figure, name: str):
    return next(part for part in figure.data if part.name == name)


def test_ends_and_trace_stand_at_their_steps():
    result = answer()
    drawn, axis = draw(result), symlog(*curvature_along.span(result, View()), curvature_along.DECADES)
    for name in ("largest", "smallest"):
        for rank in range(result.largest.shape[1]):
            line = trace(drawn, f"{name} {rank + 1}")
            values = axis.values(line.y.astype(float))
            np.testing.assert_allclose(values, getattr(result, name)[:, rank], rtol=1e-5, atol=1e-9)
            assert np.array_equal(line.x, result.step)
    assert trace(drawn, "largest 1").line.width > trace(drawn, "largest 2").line.width
    np.testing.assert_allclose(axis.values(trace(drawn, "trace").y.astype(float)), result.trace, rtol=1e-5)


def test_the_signs_fill_the_whole():
    result = answer()
    drawn = draw(result)
    areas = [trace(drawn, word) for word in curvature_along.WORDS]
    np.testing.assert_allclose(sum(area.y for area in areas), 1, atol=1e-6)
    assert {area.stackgroup for area in areas} == {"sign"} and len({area.fillcolor for area in areas}) == 3
    assert np.array_equal(np.stack([area.customdata for area in areas], 1), result.counts)


def test_an_estimates_error_is_a_band_as_wide_as_it():
    result = estimated()
    drawn, axis = draw(result), symlog(*curvature_along.span(result, View()), curvature_along.DECADES)
    band = axis.values(trace(drawn, "error").y.astype(float))
    np.testing.assert_allclose(band[:5], result.trace - result.trace_error, rtol=1e-5)
    np.testing.assert_allclose(band[5:], (result.trace + result.trace_error)[::-1], rtol=1e-5)
    assert "± standard error" in curvature_along.caption(result, View()) and "estimated" in curvature_along.caption(
        result, View()
    )
    assert "error" not in [part.name for part in draw(answer()).data]


def test_columns_share_one_axis_and_names_stand_apart():
    results = [answer(), answer("widths=4&activation=relu")]
    common = Scale(*parts.hull([curvature_along.span(result, View()) for result in results], View()))
    first, second = (draw(result, common).layout for result in results)
    assert first.yaxis == second.yaxis and first.xaxis.range == second.xaxis.range
    heights = sorted(note.y for note in first.annotations if note.text in ("λmax", "λmin", "trace"))
    low, high = first.yaxis.range
    assert len(heights) == 3 and np.diff(heights).min() > 0.99 * curvature_along.TEXT * (high - low)
    assert low < heights[0] and heights[-1] < high


def test_gaps_stay_gaps_and_are_counted():
    exact = answer()
    holes = {name: np.where(exact.step > 20, np.nan, 1.0) for name in ("largest", "smallest", "trace", "counts")}
    gone = {n: getattr(exact, n) * (v if getattr(exact, n).ndim == 1 else v[:, None]) for n, v in holes.items()}
    broken = changed(exact, gone)
    assert np.isnan(trace(draw(broken), "largest 1").y).sum() == int((exact.step > 20).sum()) > 0
    assert "2 of 5 steps left as gaps" in curvature_along.caption(broken, View())
    nothing = changed(exact, {name: np.full_like(getattr(exact, name), np.nan, float) for name in holes})
    assert not draw(nothing).data and all(map(math.isnan, curvature_along.span(nothing, View())))


def test_captions_say_how_and_where_it_began_and_ended():
    text = curvature_along.caption(answer(), View())
    assert "exact, P = 35" in text and "training patterns" in text and "λmax" in text and "→" in text
    assert curvature_along.size(answer()) == "5 steps" and len(draw(answer()).to_json()) < 20_000
    assert {part.y.dtype for part in draw(answer()).data} == {np.dtype(np.float32)}


@pytest.mark.parametrize("heights", [[0.5, 0.5, 0.5], [0.0, 1.0, 0.98], [1.0, 1.0], [0.0, 0.01], [0.3]], ids=str)
def test_names_are_pushed_apart_within_the_axis_and_keep_their_order(heights):
    placed = np.array(parts.spread(heights, 0.1, (0.0, 1.0)))
    assert placed.min() >= 0.05 - 1e-9 and placed.max() <= 0.95 + 1e-9
    assert (np.diff(np.sort(placed)) >= 0.1 - 1e-9).all()
    order = np.argsort(heights, kind="stable")
    assert np.array_equal(np.argsort(placed, kind="stable"), order)
    assert parts.spread([0.2, 0.5, 0.8], 0.1, (0.0, 1.0)) == pytest.approx([0.2, 0.5, 0.8])


def test_too_many_names_share_what_room_there_is():
    placed = np.sort(parts.spread([0.9] * 20, 0.1, (0.0, 1.0)))
    assert np.diff(placed) == pytest.approx(0.05) and placed[0] == pytest.approx(0.025)
