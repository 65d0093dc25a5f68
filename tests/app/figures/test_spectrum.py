"""The figures of a spectrum: every eigenvalue is drawn at its place, and what is estimated says so."""

import functools
import itertools
from dataclasses import replace

import numpy as np
import pytest

from lossatlas.app.figures import spectrum
from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.symlog import symlog
from lossatlas.app.look.view import BLOCKS, SPECTRA, Scale, View
from lossatlas.compute.analyses.spectra.question import Spectrum, SpectrumResult
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import parse

COLOUR = "#2868f8"
SMALL = "dataset=iris&widths=4&activation=tanh&steps=40"


@functools.cache
def answer(query: str) -> SpectrumResult:
    found = ask(parse(Spectrum, query))
    assert isinstance(found, SpectrumResult)
    return found


def draw(result: SpectrumResult, view: View, scale: Scale | None = None):
    return spectrum.figure(result, view, scale or Scale(), COLOUR)


def trace(figure, name: str):
    return next(part for part in figure.data if part.name == name)


def note(figure, name: str) -> str:
    return next(part.text for part in figure.layout.annotations if part.name == name)


def test_the_sorted_picture_holds_every_eigenvalue_at_its_height_and_rank():
    result = answer(SMALL)
    drawn, axis = draw(result, View()), symlog(*spectrum.span(result, View()))
    line = trace(drawn, "eigenvalues")
    np.testing.assert_allclose(axis.values(line.y.astype(float)), result.eigenvalues, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(line.x, (np.arange(35) + 0.5) / 35, rtol=1e-6)
    assert np.array_equal(line.customdata[:, 1], np.arange(35, 0, -1))
    negative, zero, positive = result.counts
    assert note(drawn, "counts") == f"{positive:.0f} positive<br>{zero:.0f} zero<br>{negative:.0f} negative"
    assert axis.note in drawn.layout.yaxis.title.text


def test_the_cumulative_picture_is_the_share_of_eigenvalues_up_to_each():
    result = answer(SMALL)
    drawn, axis = draw(result, View(spectrum="cumulative")), symlog(*spectrum.span(result, View()))
    line = trace(drawn, "eigenvalues")
    found = axis.values(line.x[1:].astype(float))
    below = [(result.eigenvalues <= value + 1e-5 * abs(value) + 1e-12).mean() for value in found]
    np.testing.assert_allclose(line.y[1:], below, atol=1e-6)
    assert line.line.shape == "hv" and line.y[0] == 0 and "linear within" in drawn.layout.xaxis.title.text


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["positive", "negative"])
def test_the_counts_stand_in_the_corner_that_the_curve_leaves_free(sign):
    result = answer(SMALL)
    one_sided = replace(result, eigenvalues=np.sort(sign * (0.1 + np.abs(result.eigenvalues))))
    drawn = draw(one_sided, View(), Scale(-7.0, 7.0))
    counts = next(part for part in drawn.layout.annotations if part.name == "counts")
    line, (low, high) = trace(drawn, "eigenvalues"), drawn.layout.yaxis.range
    assert ((line.y.astype(float) > (low + high) / 2) == (counts.y == 0)).all() and counts.x == (counts.y == 0)


def test_the_histogram_counts_every_eigenvalue_once_and_the_estimate_covers_one():
    result = answer(SMALL)
    low, high = spectrum.span(result, View())
    drawn = draw(result, View(spectrum="density"), Scale(2 * low, 1.5 * high))
    bars, steps = trace(drawn, "eigenvalues"), trace(drawn, "estimate")
    assert np.nansum(bars.y) == pytest.approx(1, abs=1e-6) and bars.customdata.sum() == 35
    assert steps.customdata.sum() == pytest.approx(35, rel=1e-5)
    middle = bars.x[bars.customdata > 0]
    assert all(np.abs(result.eigenvalues - place).min() <= bars.width / 2 for place in middle)
    assert drawn.layout.yaxis.type == "log" and 10 ** drawn.layout.yaxis.range[0] < 1 / 35


def test_the_estimated_mass_of_a_bin_is_that_of_the_smoothed_nodes():
    result = answer(f"{SMALL}&method=estimated&width=1e-7")
    edges = np.linspace(*spectrum.span(result, View()), 31) + 1e-4
    nodes, weights = result.nodes.ravel(), result.weights.ravel() / len(result.weights)
    apart = np.abs(nodes[:, None] - edges).min(0) > 2 * np.diff(result.edges)[0]  # no node within the density's bins
    sure = apart[1:] & apart[:-1]
    expected = np.histogram(nodes, edges, weights=weights)[0]
    assert sure.sum() > 20
    np.testing.assert_allclose(spectrum.mass(result, edges)[sure], expected[sure], atol=1e-9)


def test_blocks_are_drawn_and_counted_apart():
    result = answer(SMALL)
    drawn = draw(result, View(blocks="tensors"))
    axis = symlog(*spectrum.span(result, View()))
    for name, (begin, end) in zip(result.names, itertools.pairwise(result.tensor_ends), strict=True):
        line, values = trace(drawn, name), result.tensor_values[begin:end]
        np.testing.assert_allclose(axis.values(line.y[1:-1].astype(float)), values, rtol=1e-5, atol=1e-12)
        assert (line.x[0], line.x[-1]) == (0, 1) and note(drawn, name) == name
    above = draw(result, View(blocks="tensors", spectrum="cumulative")).layout.annotations
    assert {name.text for name in above if name.y == 1} == set(result.names)
    zero = (np.abs(result.tensor_values) <= result.cut).sum()
    assert f"<br>{zero} zero<br>" in note(drawn, "counts")
    assert [part.name for part in draw(result, View(blocks="layers")).data] == ["layer 1", "layer 2"]


def test_an_estimate_shows_both_ends_with_their_residuals():
    result = answer(f"{SMALL}&method=estimated&top=3")
    drawn, axis = draw(result, View()), symlog(*spectrum.span(result, View()))
    dots = trace(drawn, "ends")
    np.testing.assert_allclose(
        axis.values(dots.y.astype(float)), [*result.smallest, *result.largest], rtol=1e-5, atol=1e-12
    )
    assert (dots.error_y.array >= 0).all() and dots.error_y.array.any() and dots.customdata.shape == (6, 2)
    assert note(drawn, "counts").startswith("≈") and "16 probes × 35 steps" in spectrum.caption(result, View())
    assert (spectrum.size(result), spectrum.size(answer(SMALL))) == ("16 probes", "35 eigenvalues")


def test_the_estimates_curve_is_its_quantiles():
    result = answer(f"{SMALL}&method=estimated")
    line = trace(draw(result, View(spectrum="cumulative")), "estimate")
    for place in (10, 500, 990):
        value, share = line.customdata[place, 0], line.y[place]
        weights = result.weights / len(result.weights)
        assert weights[result.nodes < value - 1e-6 * abs(value)].sum() <= share + 1e-6
        assert weights[result.nodes <= value + 1e-6 * abs(value)].sum() >= share - 1e-6


def test_what_an_estimate_knows_of_blocks():
    result = answer(f"{SMALL}&method=estimated")
    told = draw(result, View(blocks="tensors"))
    assert not told.data and "method=exact" in told.layout.annotations[0].text.replace("<br>", " ")
    assert np.isnan(spectrum.span(result, View(blocks="tensors"))).all()
    drawn = draw(result, View(blocks="layers"))
    np.testing.assert_allclose(trace(drawn, "λmax").customdata, result.layer_largest, rtol=1e-6)
    np.testing.assert_allclose(trace(drawn, "trace").customdata[:, 0], result.layer_trace, rtol=1e-6)
    assert list(drawn.layout.xaxis.tickvals) == [1, 2]


def test_columns_share_axis_and_threshold():
    results = [answer(f"dataset=iris&widths=4&activation={name}&steps=20") for name in ("tanh", "relu")]
    common = Scale(*parts.hull([spectrum.span(result, View()) for result in results], View()))
    first, second = (draw(result, View(), common).layout.yaxis for result in results)
    assert first.range == second.range and first.tickvals == second.tickvals and first.title == second.title


@pytest.mark.parametrize("query", [SMALL, f"{SMALL}&method=estimated", "dataset=xor&widths=2&steps=0&activation=relu"])
def test_every_picture_is_drawn_light_and_labelled(query):
    result = answer(query)
    for kind, blocks in itertools.product(SPECTRA, BLOCKS):
        view = View(spectrum=kind, blocks=blocks)
        drawn = draw(result, view)
        assert {part.y.dtype for part in drawn.data} <= {np.dtype(np.float32)}
        assert len(drawn.to_json()) < 60_000 and len(spectrum.caption(result, view)) < 240
    assert spectrum.MATRICES[result.spec.matrix] in spectrum.caption(result, View())


def test_a_flat_matrix_and_a_point_on_the_plane():
    flat = answer("dataset=iris&widths=&matrix=residual&steps=0")
    assert np.isfinite(draw(flat, View()).layout.yaxis.range).all()
    away = answer(f"{SMALL}&at=0.5,-0.25")
    assert "at 0.5, −0.25 on the plane" in spectrum.caption(away, View())


def test_a_long_spectrum_is_thinned_but_not_at_its_ends():
    result, rng = answer(SMALL), np.random.default_rng(0)
    values = np.sort(rng.normal(size=9000))
    long = replace(result, eigenvalues=values, parameters=9000, largest=values[:-6:-1], smallest=values[:5])
    drawn = draw(long, View())
    line = trace(drawn, "eigenvalues")
    assert len(line.y) < 1.3 * spectrum.MOST and len(drawn.to_json()) < 120_000
    np.testing.assert_allclose(line.customdata[:100, 0], values[:100], rtol=1e-6)
    np.testing.assert_allclose(line.customdata[-100:, 0], values[-100:], rtol=1e-6)
