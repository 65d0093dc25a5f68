"""Losses on a line or plane with the first layer as a sum of stored responses.

On θ = c + Σ t_k d_k the first pre-activation is X W(c)ᵀ + Σ t_k X W(d_k)ᵀ: a few products once, then a cheap sum for
each grid point. For 784-10-10 that leaves 2 % of the multiplications. The same holds for a first convolution, whose
responses are kept as the four phases of its 2×2 pooling, so that the largest of them is found while they are summed.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from lossatlas.compute.numerics.kernels.batches import Device, in_batches
from lossatlas.compute.numerics.loss import Loss, right
from lossatlas.compute.problem.criteria import sigmoid_cross_entropy
from lossatlas.compute.problem.layers import Layer, images, onward
from lossatlas.compute.problem.nets import split

PATTERNS = 2048  # at a time
IMAGES = 64  # at a time
FACTORS = 100  # of at most 2 each in a product: float32 holds 2¹²⁷


def serves(loss: Loss, center: np.ndarray) -> bool:
    """Every network whose BatchNorm statistics, if it has some, are given beside theta."""
    return loss.problem.norm == "none" or len(center) > loss.problem.parameters


@torch.no_grad()
def losses_at(
    loss: Loss,
    center: np.ndarray,
    directions: np.ndarray,
    coordinates: np.ndarray,
    part: str,
    accuracy: bool = False,
    device: str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    """Data term and accuracy at the points center + coordinates @ directions.

    Args:
        center: (P,), or (P + Q,) with the statistics of BatchNorm. directions: (D, P) or (D, P + Q).
        coordinates: (G, D).
        accuracy: count right answers too; without it the second array is empty.

    Returns:
        Two float64 arrays (G,) and (G,) or (0,). Sums over patterns are in float64.
    """
    where, place = loss.parts[part], Device(device)
    given = torch.as_tensor(np.concatenate([center[None], directions])).to(place.name, where.x.dtype)
    t = torch.as_tensor(coordinates).to(place.name, where.x.dtype)
    counted = accuracy and where.labels is not None
    sums = torch.zeros(1 + counted, len(coordinates), dtype=torch.float64, device=place.name)
    most = place.patterns(IMAGES if loss.problem.layers[0].side else PATTERNS, loss.problem)
    for begin in range(0, len(where), most):
        rows = slice(begin, begin + most)
        x, y = where.x[rows].to(place.name), where.y[rows].to(place.name)
        labels = where.labels[rows].to(place.name) if counted and where.labels is not None else None
        _add_block(loss, given, t, x, y, labels, sums, place)
    means = (sums / len(where) if len(where) else torch.full_like(sums, torch.nan)).cpu().numpy()
    return means[0], means[1] if counted else np.empty(0)


def _add_block(
    loss: Loss, given: Tensor, t: Tensor, x: Tensor, y: Tensor, labels: Tensor | None, sums: Tensor, device: Device
) -> None:
    """Add to `sums` the losses, and where labels are given the right answers, of one block of patterns."""
    layers, criterion = loss.problem.layers, loss.problem.criterion.values
    first, cut = layers[0], math.prod(layers[0].shape) + layers[0].units
    later, count = given[:, cut:], loss.problem.parameters - cut  # parameters, then statistics
    act, plain = _quick(loss, given), loss.problem.plain
    quick = plain and criterion is sigmoid_cross_entropy
    if plain:
        begin = _begin_by_unit(first, given[:, :cut], x)
        y = (1 - 2 * y if quick else y).mT.contiguous().mT  # laid out as the outputs
    else:
        phases = len(layers) > 1 and first.side > 0 and not first.norm
        begin = _begin(first, given[:, :cut], x, phases)

    def add(place: slice) -> None:
        here = t[place]
        parameters = torch.addmm(later[:1], here, later[1:])
        if plain:
            z = _by_unit(loss, act, begin(here)[0], parameters)
        else:
            statistics = parameters[:, count:] if parameters.shape[1] > count else None
            z, reduced = begin(here)
            z = onward(layers, act, z, parameters[:, :count], statistics, reduced=reduced)
        found = [_cross_entropy(z, y) if quick else criterion(z, y).sum(-1, dtype=torch.float64)]
        if labels is not None:
            found.append(right(loss.problem, z, labels).sum(-1, dtype=torch.float64))
        sums[:, place] += torch.stack(found)  # last: a batch that runs out of memory adds nothing

    in_batches(len(t), device.points(loss.problem, len(x), later.shape[1]), add)


def _quick(loss: Loss, given: Tensor) -> Callable[[Tensor], Tensor]:
    """The activation without its graph. NumPy's tanh takes a sixteenth of the time of torch's where it is vectorised
    (AVX-512), a half where it is not.
    """
    own = loss.problem.activation if not loss.problem.mixed else ""
    if own == "tanh" and given.dtype == torch.float32 and not given.is_cuda:
        return lambda x: _by_numpy(np.tanh, x)
    return loss.act


def _by_numpy(function: Callable[..., np.ndarray], x: Tensor) -> Tensor:
    """In place, where no other elements lie between."""
    if not x.is_contiguous():
        x = x.contiguous()
    function(x.numpy(), out=x.numpy())
    return x


def _cross_entropy(z: Tensor, signs: Tensor) -> Tensor:
    """Summed sigmoid cross-entropy (g,) of outputs (g, n, K) and 1 − 2y (n, K), as the criterion has it, without
    copies of what is transposed.
    """
    q = z.mT * signs.mT
    bend = q.abs().neg_()
    bend = bend.exp_() if bend.is_cuda else _by_numpy(np.exp, bend)
    return _log_products(bend).add_(q.clamp_min_(0.0).sum(1)).sum(-1, dtype=torch.float64) / z.shape[-1]


def _log_products(e: Tensor) -> Tensor:
    """Σ_k log(1 + e_k) (g, n) of e (g, K, n) in [0, 1], which is overwritten: one logarithm of FACTORS factors. They
    are multiplied less 1, so that small e keep their digits.
    """
    found = []
    for factors in e.split(FACTORS, 1):
        first, *others = factors.unbind(1)
        for other in others:
            first.addcmul_(first, other).add_(other)
        found.append(first.log1p_())
    return found[0] if len(found) == 1 else torch.stack(found).sum(0)


def _by_unit(loss: Loss, act: Callable[[Tensor], Tensor], z: Tensor, later: Tensor) -> Tensor:
    """Outputs (g, n, K) of an MLP from first pre-activations (g, units, n): in this order the products of narrow
    layers take a sixth of the time.
    """
    for weight, bias in split(loss.problem.shapes[2:], later):
        z = torch.baddbmm(bias.unsqueeze(-1), weight, act(z))
    return z.mT


def _begin_by_unit(layer: Layer, given: Tensor, x: Tensor) -> Callable[[Tensor], tuple[Tensor, bool]]:
    """As `_begin` for a dense layer, with the first pre-activations as (g, units, n)."""
    weight, bias = given[:, : -layer.units].unflatten(1, layer.shape), given[:, -layer.units :]
    response = (weight.flatten(0, 1) @ x.mT + bias.flatten().unsqueeze(-1)).view(len(given), -1)  # (1 + D, units · n)
    return lambda t: (torch.addmm(response[:1], t, response[1:]).view(len(t), layer.units, -1), False)


def _begin(layer: Layer, given: Tensor, x: Tensor, phases: bool) -> Callable[[Tensor], tuple[Tensor, bool]]:
    """A function from coordinates (g, D) to the first pre-activations (g, n, …), pooled where `phases` are kept."""
    weight, bias = given[:, : -layer.units].unflatten(1, layer.shape), given[:, -layer.units :]
    if not layer.side:
        response = (x @ weight.mT + bias.unsqueeze(-2)).flatten(1)  # (1 + D, n · units)
        return lambda t: (torch.addmm(response[:1], t, response[1:]).view(len(t), len(x), -1), False)
    z = conv2d(images(layer, x), weight.flatten(0, 1), bias.flatten(), padding=layer.padding)
    z = z.unflatten(1, weight.shape[:2]).transpose(0, 1)  # (1 + D, n, filters, S, S)
    if not phases:
        whole = z.flatten(1)
        return lambda t: (torch.addmm(whole[:1], t, whole[1:]).view(len(t), *z.shape[1:]), False)
    four = [z[..., row::2, column::2].flatten(1) for row in (0, 1) for column in (0, 1)]
    shape = z[0, ..., ::2, ::2].shape

    def largest(t: Tensor) -> tuple[Tensor, bool]:
        found = torch.addmm(four[0][:1], t, four[0][1:])
        for phase in four[1:]:
            torch.maximum(found, torch.addmm(phase[:1], t, phase[1:]), out=found)
        return found.view(len(t), *shape), True

    return largest
