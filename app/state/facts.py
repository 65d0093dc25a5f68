"""MEASURES: the numbers that lessons state of an answer, each a pure function of the answer that a panel shows."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lossatlas.compute.analyses.clouds import CloudResult
from lossatlas.compute.analyses.lines import LineResult
from lossatlas.compute.analyses.slices import SliceResult
from lossatlas.compute.analyses.summaries import negative, shares, spread
from lossatlas.compute.numerics.classes import ROBUST, RULES
from lossatlas.compute.numerics.stationary import LEVELS

LOW = 0.1  # a loss below which a walk or training on XOR has found the minimum: no other level is so low
STILL = 0.01  # gradient norm below which a point of a walk counts as standing still (chosen by eye)
NEAR = 0.01  # distance from a level within which a loss counts as being at it (chosen by eye)
XOR_LEVELS = np.array(LEVELS["sigmoid_cross_entropy"])


def middle(result: LineResult) -> int:
    """Where a line's center stands."""
    return len(result.axis) // 2


def falls_to_the_right(result: LineResult) -> float:
    """1 if each point of a line from the center on lies lower than the one before, else 0."""
    return float((np.diff(result.loss[middle(result) :]) < 0).all())


def lowest_at(result: LineResult) -> float:
    """The coordinate of a line's lowest point."""
    return float(result.axis[np.nanargmin(result.loss)])


def bend(result: LineResult) -> float:
    """Second difference of a line's loss from its two ends and its center: its curvature, if the line is short."""
    step = float(result.axis[-1])
    return float((result.loss[0] - 2 * result.loss[middle(result)] + result.loss[-1]) / step**2)


def below_center(result: SliceResult) -> float:
    """How far the lowest point of a slice lies below its center."""
    return float(result.center_loss - np.nanmin(result.loss))


def still(result: CloudResult) -> np.ndarray:
    """Losses of the points of a cloud whose gradient norm is below STILL."""
    return result.loss[result.gradient_norm < STILL].astype(np.float64)


def still_at_levels(result: CloudResult) -> float:
    """Share of the points of a cloud on XOR that stand still, whose loss is at one of the four levels."""
    return float((np.abs(still(result)[:, None] - XOR_LEVELS).min(1) < NEAR).mean())


def still_at_ln2(result: CloudResult) -> float:
    """Share of the points of a cloud on XOR that stand still, whose loss is at ln 2."""
    return float((np.abs(still(result) - np.log(2)) < NEAR).mean())


def lowest_of_blocks(result: CloudResult) -> float:
    """The most negative eigenvalue of any weight tensor's block in a cloud, as a share of the point's largest |λ|."""
    lowest, highest, _ = np.moveaxis(getattr(result, ROBUST), -1, 0)
    return float(np.nanmin(lowest / np.maximum(-lowest, highest)))


def moved_by_rounding(result: CloudResult) -> float:
    """How far the convex share of a cloud under the authors' rule moves with order of weights and solver."""
    least, most = spread(result)["convex"]
    return most - least


MEASURES: dict[str, Callable[[Any], float]] = {
    # of a slice or a line
    "center_loss": lambda result: float(result.center_loss),
    "lowest": lambda result: float(np.nanmin(result.loss)),
    "highest": lambda result: float(np.nanmax(result.loss)),
    "relief": lambda result: float(np.nanmax(result.loss) - np.nanmin(result.loss)),
    # of a slice
    "below_center": below_center,
    "explained": lambda result: float(result.explained.sum()),
    "farthest_off_plane": lambda result: float(result.off_plane.max()),
    # of a line
    "center_accuracy": lambda result: float(result.accuracy[middle(result)]),
    "right_end_loss": lambda result: float(result.loss[-1]),
    "falls_to_the_right": falls_to_the_right,
    "lowest_at": lowest_at,
    "bend": bend,
    # of a training: start and end with the penalty, final_loss without
    "start_loss": lambda result: float(result.train_loss[0] + result.penalty[0]),
    "end_loss": lambda result: float(result.train_loss[-1] + result.penalty[-1]),
    "start_gradient": lambda result: float(result.gradient_norm[0]),
    "final_loss": lambda result: float(result.train_loss[-1]),
    "end_gradient": lambda result: float(result.gradient_norm[-1]),
    "end_length": lambda result: float(np.linalg.norm(result.theta[-1].astype(np.float64))),
    "first_weight": lambda result: float(result.theta[-1, 0]),
    "moved": lambda result: float(np.linalg.norm(result.theta[-1].astype(np.float64) - result.theta[0])),
    # of a spectrum
    "largest_eigenvalue": lambda result: float(result.largest[0]),
    "smallest_eigenvalue": lambda result: float(result.smallest[0]),
    "negative_count": lambda result: float(result.counts[0]),
    "zero_count": lambda result: float(result.counts[1]),
    "loss_at_point": lambda result: float(result.loss),
    # of the curvature along a training
    "loss_at_the_end": lambda result: float(result.loss[-1]),
    # of the sharpness
    "sharpness": lambda result: float(result.largest),
    "sharpness_ratio": lambda result: float(result.largest / result.before_largest),
    "output_difference": lambda result: float(result.difference),
    # of the saturation
    "mean_saturation": lambda result: float(result.saturation.mean()),
    "start_saturation": lambda result: float(result.layer_saturation[0].mean()),
    "flat_share": lambda result: float(result.flat.mean()),
    "dead_share": lambda result: float(result.dead.mean()),
    # of a cloud
    "share_ending_low": lambda result: float((result.loss[:, -1] < LOW).mean()),
    "still_at_levels": still_at_levels,
    "still_at_ln2": still_at_ln2,
    "convex_by_tensor": lambda result: shares(result, "tensors", 0.0)["convex"].share,
    "saddle_by_tensor": lambda result: shares(result, "tensors", 0.0)["saddle"].share,
    "moved_by_rounding": moved_by_rounding,
    "negative_by_tensor": lambda result: negative(result, ROBUST, RULES[ROBUST].tolerance).share,
    "convex_by_full": lambda result: shares(result, "full", 1e-8)["convex"].share,
    "negative_by_full": lambda result: negative(result, "full", 1e-8).share,
    "singular_by_full": lambda result: shares(result, "full", 1e-8)["singular"].share,
    "singular_at_a_hundredth": lambda result: shares(result, "full", 1e-2)["singular"].share,
    "lowest_of_blocks": lowest_of_blocks,
    "mean_test_loss": lambda result: float(result.test_loss[:, -1].mean()),
}
