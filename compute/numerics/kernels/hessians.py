"""Hessians of the training loss at many points: in closed form for one hidden layer, by torch.func for other networks.

With z = W₂ a + b₂, a = f(W₁ x + b₁), the criterion's gradient r and curvature C in z, and a 1 behind x and a for the
biases, one pattern adds
    W₁ W₁   f′_h f′_g (W₂ᵀ C W₂)_hg x xᵀ, and f″_h (W₂ᵀ r)_h x xᵀ where h = g
    W₁ W₂   f′_h (W₂ᵀ C)_hk x a_g, and f′_h r_k x where h = g
    W₂ W₂   C_kl a aᵀ
so that all three are matrix products over the patterns, for many points at once.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vjp, vmap

from lossatlas.compute.numerics.loss import Loss
from lossatlas.compute.spec.options import BadSpec

MOST_BYTES = 2**31  # of one call at its peak (chosen by eye: half of what a small worker has)
NUMBERS = 1 << 18  # at a time in the largest array between the products: 1 MB in float32 (measured, 2^15 to 2^21)
COLUMNS = 1 << 22  # numbers at a time of products of two inputs; where all fit they are made once a call


def hessians(loss: Loss, thetas: Tensor, penalty: bool = True) -> Tensor:
    """Second derivatives of the total training loss, or without `penalty` of the data term: (B, P, P).

    As autograd has it at a kink and for functions that jump: every derivative of a step is 0, so the threshold
    activation leaves the curvature of the output layer only. Exactly symmetric. A point's Hessian depends on the
    others asked for together by no more than rounding.

    Args:
        thetas: (B, P). Computed in the problem's dtype.

    Raises:
        BadSpec: it would take more than MOST_BYTES of memory; asked for fewer points at a time, it may fit.
    """
    points = thetas.detach().to(loss.parts["train"].x.dtype)
    _refuse(loss, len(points))
    closed = loss.problem.plain and len(loss.problem.hidden) == 1 and loss.problem.criterion.curvature is not None
    found = _closed(loss, points) if closed else _by_autodiff(loss, points)
    if penalty and loss.problem.l2:
        found.diagonal(dim1=1, dim2=2).add_(2 * loss.problem.l2)
    return found


def _refuse(loss: Loss, count: int) -> None:
    P = loss.problem.parameters
    need = P * P * ((count + 1) * loss.parts["train"].x.element_size() + 12)  # with what it is put together from
    if need > MOST_BYTES:
        raise BadSpec(
            f"Hessians asked for together must fit in {MOST_BYTES / 1e9:.2f} GB of memory; {count} of "
            f"{loss.problem.architecture} with {P:,} parameters take about {need / 1e9:.2f} GB. "
            "Ask for fewer points or a smaller network."
        )


@dataclass(frozen=True)
class _Patterns:
    """Inputs and targets of some patterns as columns: x (D, n), a 1 below it (D + 1, n), y (K, n)."""

    x: Tensor
    augmented: Tensor
    y: Tensor

    def products(self, pairs: Tensor) -> Tensor:
        """x_i x_j for pairs (2, C): (C, n)."""
        return self.augmented[pairs[0]] * self.augmented[pairs[1]]


def _closed(loss: Loss, points: Tensor) -> Tensor:
    D, H, K = loss.problem.sizes
    where, P, B = loss.parts["train"], loss.problem.parameters, len(points)
    units, inputs = _pairs(H), _pairs(D + 1)
    outputs = _pairs(K) if loss.problem.criterion.coupled else torch.arange(K).repeat(2, 1)
    rows = max(units.shape[1], H * K * (H + 1), outputs.shape[1] * (H + 1))  # of the largest array, for one point
    n = max(1, min(len(where), 16 * NUMBERS // rows))  # patterns at a time
    most = max(1, NUMBERS // (rows * n))  # points at a time
    blocks = [_patterns(where.x[begin : begin + n], where.y[begin : begin + n]) for begin in range(0, len(where), n)]
    kept = blocks[0].products(inputs).mT if len(blocks) == 1 and inputs.shape[1] * n <= COLUMNS else None
    place = _places(D, H, K, outputs.shape[1] > K)
    result = points.new_empty(B, P * P)
    for begin in range(0, B, most):
        theta = points[begin : begin + most]
        parts = (_compact(loss, theta, block, units, inputs, outputs, kept) for block in blocks)
        compact = functools.reduce(torch.add, parts) / len(where)
        torch.index_select(compact, 1, place, out=result[begin : begin + most])
    return result.view(B, P, P)


def _pairs(count: int) -> Tensor:
    """All i ≤ j below `count`: (2, count (count + 1) / 2)."""
    return torch.triu_indices(count, count)


def _patterns(x: Tensor, y: Tensor) -> _Patterns:
    x = x.T.contiguous()
    return _Patterns(x, torch.cat([x, torch.ones_like(x[:1])]), y.T.contiguous())


def _compact(
    loss: Loss, theta: Tensor, some: _Patterns, units: Tensor, inputs: Tensor, outputs: Tensor, kept: Tensor | None
) -> Tensor:
    """The different numbers of each Hessian, summed over some patterns, and a 0 behind them (see `_places`)."""
    B, n = len(theta), some.x.shape[1]
    first, second, r, (c, q), a, w2 = _pass(loss, theta, some)
    augmented = torch.cat([a, torch.ones_like(a[:, :1])], 1)  # (B, H + 1, n)
    H = a.shape[1]
    curvature, mixed, inner = _through(w2, c, q, units, outputs)
    inner *= first[:, units[0]] * first[:, units[1]]
    inner[:, units[0] == units[1]] += second * torch.bmm(w2.mT, r)
    across = (mixed * first[:, :, None])[:, :, :, None] * augmented[:, None, None]  # (B, H, K, H + 1, n)
    across.diagonal(dim1=1, dim2=3)[..., :H] += (first[:, :, None] * r[:, None]).permute(0, 2, 3, 1)
    curved = curvature[:, :, None] * augmented[:, None]  # (B, kl, H + 1, n)
    parts = [
        _with_products(inner.reshape(-1, n), some, inputs, kept),
        across.reshape(-1, n) @ some.augmented.mT,
        torch.bmm(curved.flatten(1, 2), augmented.mT),
        theta.new_zeros(B, 1),
    ]
    return torch.cat([part.reshape(B, -1) for part in parts], 1)


def _pass(
    loss: Loss, theta: Tensor, some: _Patterns
) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor | None], Tensor, Tensor]:
    """f′, f″ (B, H, n), r (B, K, n), C, the activations (B, H, n) and W₂ (B, K, H)."""
    D, H, K = loss.problem.sizes
    w1, b1, w2, b2 = theta.split([H * D, H, K * H, K], 1)
    w2 = w2.reshape(-1, K, H)
    z = (w1.reshape(-1, D) @ some.x + b1.reshape(-1, 1)).view(-1, H, some.x.shape[1])
    a, first, second = derivatives(loss.act, z)
    r, c, q = loss.problem.criterion.curvature(torch.baddbmm(b2.unsqueeze(2), w2, a), some.y)  # type: ignore[misc]
    return first, second, r, (c, q), a, w2


def derivatives(act: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """f, f′ and f″ of every number."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        value = act(z)
        (first,) = torch.autograd.grad(value.sum(), z, create_graph=True)
        second = None
        if first.requires_grad:
            (second,) = torch.autograd.grad(first.sum(), z, allow_unused=True)
    return value.detach(), first.detach(), torch.zeros_like(z) if second is None else second


def _through(w2: Tensor, c: Tensor, q: Tensor | None, units: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """C (B, kl, n) for the pairs of outputs, W₂ᵀ C (B, H, K, n), and W₂ᵀ C W₂ (B, pairs, n) for those of units. Of
    coupled outputs C is put together whole, so that each of its entries has all digits.
    """
    if q is None:
        return c, w2.mT[..., None] * c[:, None], torch.bmm((w2[:, :, units[0]] * w2[:, :, units[1]]).mT, c)
    whole = -q[:, :, None] * q[:, None]
    whole.diagonal(dim1=1, dim2=2).copy_(c.mT)
    mixed = torch.bmm(w2.mT, whole.flatten(2)).unflatten(2, c.shape[1:])
    return whole[:, outputs[0], outputs[1]], mixed, (w2.mT[:, None] @ mixed)[:, units[0], units[1]]


def _with_products(rows: Tensor, some: _Patterns, inputs: Tensor, kept: Tensor | None) -> Tensor:
    """Σ rows x_i x_j over the patterns, rows (R, n), for all pairs of inputs: (R, pairs)."""
    if kept is not None:
        return rows @ kept
    step = max(1, COLUMNS // rows.shape[1])
    return torch.cat([rows @ some.products(pairs).mT for pairs in inputs.split(step, 1)], 1)


@functools.lru_cache(maxsize=1)
def _places(D: int, H: int, K: int, coupled: bool) -> Tensor:
    """Where in the compact form of `_compact` each of the P² numbers of the Hessian stands."""
    units, inputs, outputs = (_pair_numbers(count) for count in (H, D + 1, K))
    if not coupled:
        outputs = np.where(np.eye(K, dtype=bool), np.arange(K, dtype=np.int32), np.int32(-1))
    first = np.concatenate([np.stack(np.divmod(np.arange(H * D), D), 1), _last(H, D)])  # (unit, input) in theta's order
    last = np.concatenate([np.stack(np.divmod(np.arange(K * H), H), 1), _last(K, H)])  # (output, unit)
    (h, i), (k, g) = first.T.astype(np.int32), last.T.astype(np.int32)
    pairs = (D + 1) * (D + 2) // 2
    begin = [0, H * (H + 1) // 2 * pairs]
    begin.append(begin[1] + H * K * (H + 1) * (D + 1))
    begin.append(begin[2] + (int(outputs.max()) + 1) * (H + 1) ** 2)
    upper = units[h[:, None], h] * pairs + inputs[i[:, None], i]
    across = begin[1] + ((h[:, None] * K + k) * (H + 1) + g) * (D + 1) + i[:, None]
    pair = outputs[k[:, None], k]
    low, high = np.minimum(g[:, None], g), np.maximum(g[:, None], g)  # one of two that differ by rounding
    lower = np.where(pair < 0, begin[3], begin[2] + (pair * (H + 1) + low) * (H + 1) + high)
    return torch.as_tensor(np.block([[upper, across], [across.T, lower]]).ravel())


def _pair_numbers(count: int) -> np.ndarray:
    """(count, count), symmetric: which of `_pairs` is (i, j)."""
    number = np.zeros((count, count), dtype=np.int32)
    rows, columns = np.triu_indices(count)
    number[rows, columns] = number[columns, rows] = np.arange(len(rows))
    return number


def _last(count: int, place: int) -> np.ndarray:
    """(0, place), (1, place), …: the biases."""
    return np.stack([np.arange(count), np.full(count, place)], 1)


def _by_autodiff(loss: Loss, points: Tensor) -> Tensor:
    """Reverse over reverse, some rows of one point at a time; the two triangles are averaged.

    Forward over reverse would begin with five seconds of compiling torch's own rules.
    """
    where, P = loss.parts["train"], loss.problem.parameters
    blocks = [slice(0, len(where))] if loss.problem.norm != "none" else list(loss.blocks(len(where)))
    result = points.new_zeros(len(points), P, P)
    for found, theta in zip(result, points, strict=True):
        for rows in blocks:
            found += _rows(loss, theta, where.x[rows], where.y[rows])
    result /= len(where)
    for found in result:
        found.copy_((found + found.mT) / 2)
    return result


def _rows(loss: Loss, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The Hessian of the summed loss of these patterns."""
    at_a_time = max(1, 16 * NUMBERS // (len(x) * sum(loss.problem.sizes)))

    def summed(point: Tensor) -> Tensor:
        return loss.problem.criterion.function(loss.outputs(point, x), y).sum()

    pull, P = vjp(grad(summed), theta)[1], len(theta)
    found = theta.new_empty(P, P)
    for rows in torch.arange(P).split(at_a_time):
        unit = torch.nn.functional.one_hot(rows, P).to(theta)
        found[rows] = vmap(lambda direction: pull(direction)[0])(unit)
    return found
