"""THUMBNAILS: a small picture of a stored answer, drawn on the server from its arrays. Backgrounds are clear, so that
one picture serves both themes.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from lossatlas.app.figures import slice
from lossatlas.app.figures.shared import parts
from lossatlas.app.look.theme import colour_scale, hue
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.clouds import CloudResult
from lossatlas.compute.analyses.curvature_along import EvolutionResult
from lossatlas.compute.analyses.lines import LineResult
from lossatlas.compute.analyses.slices import SliceResult
from lossatlas.compute.analyses.spectra.question import SpectrumResult
from lossatlas.compute.analyses.table import name_of
from lossatlas.compute.numerics.paths.train import TrainingResult

SIZE = 192  # pixels a side: twice what the gallery shows
ROOM = 8  # pixels around curves
MOST_POINTS = 20_000  # of a cloud
LOWEST = 1e-4  # of a density, as a share of its peak
QUIET = (128, 128, 128, 110)  # an axis, seen on white as on dark
VIEW = View()


def thumbnail(result: Any) -> bytes | None:
    """A PNG of SIZE × SIZE pixels, bare axes where the answer has nothing to draw; None where its analysis has none."""
    draw = THUMBNAILS.get(name_of(result.spec))
    if draw is None:
        return None
    buffer = io.BytesIO()
    draw(result).save(buffer, "PNG")
    return buffer.getvalue()


def _surface(result: SliceResult) -> Image.Image:
    """From above: rows of the result run along u, to the right; v points up. Colours from the lowest to the highest
    value of this picture alone, on a log scale.
    """
    values = parts.quantity(result, VIEW)
    if parts.nothing(values, VIEW):
        return _sheet()[0]
    heights = parts.plotted(parts.raised(values, VIEW, Scale()), VIEW)
    low, high = parts.window(values, VIEW, Scale())
    image = Image.fromarray(_coloured((heights.T[::-1] - low) / (high - low)), "RGBA")
    image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    _path(image, result)
    return image


def _coloured(shares: np.ndarray) -> np.ndarray:
    """RGBA bytes (H, W, 4) of shares in [0, 1]; clear where there is none."""
    stops = colour_scale(VIEW.palette)
    places, colours = [stop for stop, _ in stops], np.array([ImageColor.getrgb(colour) for _, colour in stops])
    filled = np.nan_to_num(shares)
    channels = [np.interp(filled, places, colours[:, channel]) for channel in range(3)]
    return np.stack([*channels, np.where(np.isnan(shares), 0.0, 255.0)], -1).round().astype(np.uint8)


def _path(image: Image.Image, result: SliceResult) -> None:
    if not len(result.path):
        return
    a_low, a_high, b_low, b_high = slice.box(result)
    low, high = np.array([a_low, b_high]), np.array([a_high, b_low])
    places = (result.path - low) / (high - low) * SIZE
    points = [tuple(point) for point in np.clip(places[np.isfinite(places).all(1)], -4 * SIZE, 4 * SIZE)]
    if not points:
        return
    pen = ImageDraw.Draw(image)
    for ink, width in ((slice.CASING, 5), (slice.CORE, 2)):
        pen.line(points, fill=ink, width=width, joint="curve")
        x, y = points[-1]
        pen.circle((x, y), 3 + width / 2, fill=ink)


def _curves(*curves: tuple[np.ndarray, np.ndarray], colour: str) -> Image.Image:
    """Lines through points in common axes, each axis from the lowest to the highest finite value; one point a dot."""
    finite = [np.column_stack(pair)[np.isfinite(pair).all(0)] for pair in curves]
    image, pen = _sheet()
    together = np.concatenate(finite)
    for place, points in enumerate(finite):
        ink = (*ImageColor.getrgb(colour), 255 if not place else 130)
        placed = [tuple(point) for point in _placed(points, together)] if len(points) else []
        if len(placed) == 1:
            pen.circle(placed[0], 5, fill=ink)
        elif placed:
            pen.line(placed, fill=ink, width=4, joint="curve")
    return image


def _sheet() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.line([(ROOM, 0), (ROOM, SIZE - ROOM), (SIZE, SIZE - ROOM)], fill=QUIET, width=2)
    return image, pen


def _placed(points: np.ndarray, together: np.ndarray) -> np.ndarray:
    """Pixels (N, 2), from the top left, of points in the box of all of them."""
    low, high = together.min(0), together.max(0)
    shares = (points - low) / np.where(high > low, high - low, 1.0)
    return np.column_stack([shares[:, 0], 1 - shares[:, 1]]) * (SIZE - 4 * ROOM) + 2 * ROOM


def _log(values: np.ndarray) -> np.ndarray:
    """log10, NaN where a value is not above 0."""
    wide = np.asarray(values, dtype=np.float64)
    return np.log10(wide, out=np.full(wide.shape, np.nan), where=wide > 0)


def _hue(result: Any) -> str:
    return hue(result.spec.problem.activation)


def _line(result: LineResult) -> Image.Image:
    return _curves((result.axis, _log(result.loss)), colour=_hue(result))


def _training(result: TrainingResult) -> Image.Image:
    return _curves((result.step, _log(result.train_loss)), (result.step, _log(result.test_loss)), colour=_hue(result))


def _spectrum(result: SpectrumResult) -> Image.Image:
    """All eigenvalues in order, far from 0 by the logarithm of how many times `cut` they are; else the density."""
    if len(values := np.sort(result.eigenvalues)[::-1]):
        return _curves((np.arange(len(values)), np.arcsinh(values / max(result.cut, 1e-300))), colour=_hue(result))
    middle = (result.edges[:-1] + result.edges[1:]) / 2
    return _curves((middle, _log(np.maximum(result.density, LOWEST * result.density.max()))), colour=_hue(result))


def _evolution(result: EvolutionResult) -> Image.Image:
    return _curves((result.step, _log(result.largest[:, 0])), colour=_hue(result))


def _cloud(result: CloudResult) -> Image.Image:
    """Loss to the right, gradient norm upwards, both by the logarithm: every point, darker where there are more."""
    points = np.column_stack([_log(result.loss).ravel(), _log(result.gradient_norm).ravel()])
    points = points[np.isfinite(points).all(1)]
    if not len(points):
        return _sheet()[0]
    points = points[:: -(-len(points) // MOST_POINTS)]
    places = _placed(points, points).astype(int) // 2
    counts = np.zeros((SIZE // 2, SIZE // 2))
    np.add.at(counts, (places[:, 1], places[:, 0]), 1)
    alpha = np.where(counts > 0, 90 + 165 * np.minimum(1.0, np.log1p(counts) / np.log(12)), 0)
    ink = np.broadcast_to(np.array(ImageColor.getrgb(_hue(result))), (*counts.shape, 3))
    dots = Image.fromarray(np.dstack([ink, alpha]).astype(np.uint8), "RGBA")
    image, _ = _sheet()
    image.alpha_composite(dots.resize((SIZE, SIZE), Image.Resampling.NEAREST))
    return image


THUMBNAILS: dict[str, Callable] = {  # by the names of ANALYSES
    "slice": _surface,
    "line": _line,
    "training": _training,
    "spectrum": _spectrum,
    "evolution": _evolution,
    "cloud": _cloud,
}
