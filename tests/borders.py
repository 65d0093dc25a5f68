"""What two routes of one precision may differ in beyond their rounding: what lies nearer to a border than they err.

A class is the largest output, or the side of a cut; the sign of a slope is the side of 0. Such a choice is the same by
every route unless rounding can carry a number over its border, and then neither route is wrong. How far it can carry is
the rule that the paths themselves are held to (numerics/kernels/agreement.py): a number may err by ALLOWED times the
largest error of the plain route against float64, and by FLOOR units in the last place, since the plain route may have
erred less by luck. Both are relative to the size of what is summed, and measured where the test runs: what is near is
counted in float64, and no processor is preferred.
"""

import numpy as np
import torch

from lossatlas.compute.numerics.kernels.agreement import ALLOWED, FLOOR, in_double
from lossatlas.compute.numerics.loss import Loss
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.layers import forward
from lossatlas.compute.problem.nets import split


def reach(plain: np.ndarray, exact: np.ndarray, size: np.ndarray | float, dtype: str) -> np.ndarray:
    """How far any route of a dtype may be from exact numbers, shaped as `size`: their terms' moduli, summed; > 0."""
    return size * (ALLOWED * (np.abs(plain - exact) / size).max() + FLOOR[dtype] * np.finfo(dtype).eps)


def undecided(exact: np.ndarray, reach: np.ndarray, cut: float) -> np.ndarray:
    """Which patterns may be named otherwise where outputs (..., K) err by their reach: (...).

    Of several outputs the best falls and another one rises, each by its own; a single one moves against a cut that
    stands still.
    """
    if exact.shape[-1] == 1:
        return np.abs(exact[..., 0] - cut) <= reach[..., 0]
    best = exact.argmax(-1)[..., None]
    least = np.take_along_axis(exact - reach, best, -1)
    return (exact + reach >= least).sum(-1) > 1  # the best one itself is among them


def accuracies(loss: Loss, points: np.ndarray, part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Accuracy in float64 at points (B, P), or (B, P + Q) with BatchNorm's statistics, NaN where an output is, and the
    share of patterns whose class a route of the loss's own dtype may name otherwise: (B,) each.
    """
    double, where, cut = in_double(loss), loss.parts[part], CRITERIA[loss.problem.loss].cut
    plain, exact = (np.stack([_outputs(of, point, part) for point in points]) for of in (loss, double))
    finite = np.isfinite(plain) & np.isfinite(exact)
    rounded, known = np.where(finite, plain, 1.0), np.where(finite, exact, 1.0)
    sizes = np.stack([_sizes(double, point, part) for point in points]) if loss.problem.plain else np.abs(known).max()
    size = np.where(finite, sizes, 1.0)
    far = np.where(finite, reach(rounded, known, size, loss.problem.dtype), 0.0)  # the infinite is so by every route
    assert where.labels is not None
    named = exact[..., 0] > cut if exact.shape[-1] == 1 else exact.argmax(-1)
    share = np.where(np.isnan(exact).any((1, 2)), np.nan, (named == where.labels.numpy()).mean(-1))
    return share, undecided(exact, far, cut).mean(-1)


@torch.no_grad()
def _outputs(loss: Loss, point: np.ndarray, part: str) -> np.ndarray:
    """(N, K) float64 numbers, computed in the loss's dtype."""
    x, count = loss.parts[part].x, loss.problem.parameters
    theta, given = torch.as_tensor(point).to(x.dtype).split([count, len(point) - count])
    return loss.outputs(theta, x, given if len(given) else loss.statistics(theta)).double().numpy()


@torch.no_grad()
def _sizes(loss: Loss, point: np.ndarray, part: str) -> np.ndarray:
    """Σ |w| |h| + |b| of every output of an MLP, (N, K): far above an output whose terms cancel."""
    x, layers = loss.parts[part].x, loss.problem.layers
    theta = torch.as_tensor(point).to(x.dtype)
    hidden = loss.act(forward(layers, loss.act, theta, x, until=len(layers) - 2)) if len(layers) > 1 else x
    weight, bias = split(loss.problem.shapes, theta)[-1]
    return (hidden.abs() @ weight.abs().mT + bias.abs()).numpy()


def assert_accuracies(loss: Loss, points: np.ndarray, part: str, *routes: np.ndarray) -> None:
    """Each route's accuracies (B,) at the points are those of float64 but for the patterns that are undecided."""
    exact, free = accuracies(loss, points, part)
    for found in routes:
        assert found.shape == exact.shape
        right = np.where(np.isnan(exact), np.isnan(found), np.abs(found - exact) <= free + 1e-9)
        assert right.all(), f"{found} for {exact}, of which {free} may be rounding"


def steady(loss: Loss, thetas: np.ndarray) -> np.ndarray:
    """How many steps from the beginning of walks (walks, points, P) go by the signs of slopes that no route can turn:
    (walks,). After that two routes may go apart, each rightly.
    """
    points = torch.as_tensor(thetas.reshape(-1, thetas.shape[-1]))
    plain, exact = (of.gradient(points.to(of.parts["train"].x)).double().numpy() for of in (loss, in_double(loss)))
    far = reach(plain, exact, np.abs(exact).max(), loss.problem.dtype)
    open_ = (np.abs(exact) <= far).any(-1).reshape(thetas.shape[:2])
    return np.where(open_.any(1), open_.argmax(1), thetas.shape[1] - 1)
