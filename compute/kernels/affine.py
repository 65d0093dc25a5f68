"""Losses on a line or plane with the first layer as a sum of stored responses.

On θ = c + Σ t_k d_k the first pre-activation is X W(c)ᵀ + Σ t_k X W(d_k)ᵀ: a few products once, then a cheap sum for
each grid point. For 784-10-10 that leaves 2 % of the multiplications.
"""

import numpy as np
import torch
from torch import Tensor

from compute.criteria import CRITERIA
from compute.loss import Loss, right
from compute.nets import split

PATTERNS = 2048  # at a time (see CHUNK)
CHUNK = 1 << 17  # numbers of the widest layer, or of later parameters, at a time: 512 KB in float32 stay in L2


@torch.no_grad()
def losses_at(
    loss: Loss, center: np.ndarray, directions: np.ndarray, coordinates: np.ndarray, part: str, accuracy: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Data term and accuracy at the points center + coordinates @ directions.

    Args:
        center: (P,). directions: (D, P). coordinates: (G, D).
        accuracy: count right answers too; without it the second array is empty.

    Returns:
        Two float64 arrays (G,) and (G,) or (0,). Sums over patterns are in float64.
    """
    where = loss.parts[part]
    dtype = where.x.dtype
    given = torch.as_tensor(np.concatenate([center[None], directions]), dtype=dtype)
    t = torch.as_tensor(coordinates, dtype=dtype)
    counted = accuracy and where.labels is not None
    sums = np.zeros((1 + counted, len(coordinates)))
    for begin in range(0, len(where), PATTERNS):
        rows = slice(begin, begin + PATTERNS)
        labels = where.labels[rows] if counted and where.labels is not None else None
        _add_block(loss, given, t, where.x[rows], where.y[rows], labels, sums)
    means = sums / len(where) if len(where) else np.full_like(sums, np.nan)
    return means[0], means[1] if counted else np.empty(0)


def _add_block(
    loss: Loss, given: Tensor, t: Tensor, x: Tensor, y: Tensor, labels: Tensor | None, sums: np.ndarray
) -> None:
    """Add to `sums` the losses, and where labels are given the right answers, of one block of patterns."""
    shapes, widest = loss.problem.shapes, max(loss.problem.sizes[1:])
    weight, bias = split(shapes, given)[0]  # (1 + D, H, inputs), (1 + D, H)
    response = (x @ weight.mT + bias.unsqueeze(-2)).flatten(1)  # (1 + D, n · H)
    later = given[:, weight[0].numel() + bias[0].numel() :]
    step = max(1, CHUNK // max(len(x) * widest, later.shape[1]))
    for begin in range(0, len(t), step):
        here = t[begin : begin + step]
        first = torch.addmm(response[:1], here, response[1:]).view(len(here), len(x), -1)
        z = _later_layers(loss, first, torch.addmm(later[:1], here, later[1:]))
        place = slice(begin, begin + step)
        sums[0, place] += CRITERIA[loss.problem.loss].function(z, y).sum(-1, dtype=torch.float64).numpy()
        if labels is not None:
            sums[1, place] += right(loss.problem, z, labels).sum(-1, dtype=torch.float64).numpy()


def _later_layers(loss: Loss, z: Tensor, parameters: Tensor) -> Tensor:
    """Outputs (g, n, K) from first pre-activations z (g, n, H) and all later parameters (g, P − first layer)."""
    for weight, bias in split(loss.problem.shapes[2:], parameters):
        z = torch.baddbmm(bias.unsqueeze(1), loss.act(z), weight.mT)
    return z
