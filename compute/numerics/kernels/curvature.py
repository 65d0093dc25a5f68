"""Products of the Hessian of the total loss with many vectors at once, and of its two parts.

H = G + R: the Gauss–Newton matrix G = Jᵀ C J, with J the outputs' Jacobian and C the criterion's curvature, and the
residual R, which the criterion's gradient weighs (Schraudolph 2002, "Fast curvature matrix-vector products"). The
penalty's 2λ counts to G. Of a plain MLP the layers are walked by hand: Pearlmutter's R-operator (1994) for a block of
vectors, in which each layer's products are one matrix product. Other networks take torch.func.

With R the derivative along a vector, δ the gradient in a layer's pre-activations z and a = f(z),
    Rz = V a₋ + v + W Ra₋,  Ra = f′ Rz,  Rδ = f′ (W₊ᵀ Rδ₊ + V₊ᵀ δ₊) + f″ (W₊ᵀ δ₊) Rz,
    R∇W = Rδ a₋ᵀ + δ Ra₋ᵀ,
and G v is what is left without the terms in which δ stands. Arrays hold units, vectors, patterns, in this order.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, vjp, vmap

from lossatlas.compute.numerics.kernels.hessians import derivatives
from lossatlas.compute.numerics.kernels.products import products as faster
from lossatlas.compute.numerics.loss import Loss, Part
from lossatlas.compute.problem.nets import Problem, offsets, split
from lossatlas.compute.spec.options import BadSpec

MATRICES = {"hessian": "Hessian H", "gauss_newton": "Gauss–Newton part G", "residual": "residual part R = H − G"}
NUMBERS = 1 << 21  # pre-activations of 16 vectors at a time (measured, 2^16 to 2^22)
ENTRIES = 1 << 22  # numbers at a time between the products of the dense matrix, and of what autodiff keeps
TOGETHER = 64  # vectors at a time
KEPT = 1 << 28  # bytes of a pass that may stay between products; a larger one is made anew (chosen by eye)

Product = Callable[[Tensor], Tensor]


def products(loss: Loss, theta: Tensor, vectors: Tensor, part: str = "train", matrix: str = "hessian") -> Tensor:
    """The matrix at theta (P,) times each of the vectors (K, P): (K, P), in the dtype of the problem.

    Errors and arguments as `operator`.
    """
    return operator(loss, theta, part, matrix)(vectors)


def operator(loss: Loss, theta: Tensor, part: str = "train", matrix: str = "hessian") -> Product:
    """vectors (K, P) -> products (K, P), for many calls at one theta: the pass through the network is done once.

    Derivatives at kinks and jumps are those of `hessians`. A product depends on the vectors asked for together by no
    more than rounding.

    Raises:
        BadSpec: BatchNorm on a part other than the training's, whose statistics it takes.
    """
    check_part(loss.problem, part)
    where = loss.parts[part]
    point = theta.detach().to(where.x.dtype)
    sums = (_by_hand if _by_hand_is_right(loss) else _by_autodiff)(loss, point, where)

    def product(vectors: Tensor) -> Tensor:
        given = vectors.detach().to(where.x.dtype)
        return torch.cat([_combined(loss, sums, matrix, len(where), some) for some in given.split(TOGETHER)])

    return product


def check_part(problem: Problem, part: str) -> None:
    """Raises BadSpec where the curvature on a part depends on another."""
    if part != "train" and problem.norm == "batch":
        raise BadSpec(
            f"BatchNorm takes its means and variances from the training patterns, so that its curvature is known on "
            f"these only; got part={part}. Choose part=train or norm=none."
        )


def dense(loss: Loss, theta: Tensor, part: str = "train", matrix: str = "hessian") -> Tensor:
    """The matrix itself (P, P), exactly symmetric, in the dtype of the problem. Errors as `operator`.

    For one hidden layer in closed form, by the sums that `hessians` has, yet unit by unit: for one large network it
    is several times as fast, and needs no table of where each number goes.
    """
    check_part(loss.problem, part)
    where = loss.parts[part]
    point = theta.detach().to(where.x.dtype)
    if matrix != "residual" and _by_hand_is_right(loss) and len(loss.problem.hidden) == 1:
        found = _one_hidden(loss, point, where, matrix == "hessian")
        found.diagonal().add_(2 * loss.problem.l2)
        return found
    P, product = len(point), operator(loss, point, part, matrix)
    found = point.new_zeros(P, P)
    for begin in range(0, P, TOGETHER):
        rows = slice(begin, min(begin + TOGETHER, P))
        unit = found.new_zeros(rows.stop - begin, P)
        unit.diagonal(begin).fill_(1.0)
        found[rows] = product(unit)
    return _symmetric(found)


def _symmetric(found: Tensor) -> Tensor:
    return (found + found.T).div_(2)


def _by_hand_is_right(loss: Loss) -> bool:
    return loss.problem.plain and loss.problem.criterion.curvature is not None


# (vectors, whole) -> the products summed over all patterns: of the Hessian, or without `whole` of its Gauss–Newton part
_Sums = Callable[[Tensor, bool], Tensor]


def _combined(loss: Loss, sums: _Sums, matrix: str, count: int, vectors: Tensor) -> Tensor:
    if matrix == "residual":
        return (sums(vectors, True) - sums(vectors, False)) / count
    return sums(vectors, matrix == "hessian") / count + 2 * loss.problem.l2 * vectors


# ---------------------------------------------------------------------------------------------- plain MLPs


@dataclass(frozen=True)
class _Hidden:
    """Of one layer after the first: W, and of the layer below a (H, n), f′ and f″ Wᵀ δ (H, 1, n); δ (H₊, n) above."""

    weight: Tensor
    below: Tensor
    slope: Tensor
    bend: Tensor
    delta: Tensor


@dataclass(frozen=True)
class _Pass:
    """What a pass of some patterns leaves: x (D, n), the later layers, and C as criteria have it, c and q (K, 1, n)."""

    x: Tensor
    layers: tuple[_Hidden, ...]
    c: Tensor
    q: Tensor | None


def _by_hand(loss: Loss, theta: Tensor, where: Part) -> _Sums:
    numbers = sum(loss.problem.sizes[1:])
    kept: list[_Pass] | None = None
    size = max(64, NUMBERS // (16 * numbers))

    def passes() -> Iterator[_Pass]:
        for begin in range(0, len(where), size):
            rows = slice(begin, begin + size)
            yield _pass(loss, theta, where.x[rows], where.y[rows])

    if 4 * len(where) * numbers * theta.element_size() <= KEPT:
        kept = list(passes())

    def sums(vectors: Tensor, whole: bool) -> Tensor:
        parts = _parts(loss, vectors)
        buffers = [vectors.new_zeros(len(weights) * len(vectors), weights.shape[2]) for weights, _, _ in parts]
        biases = [torch.zeros_like(bias) for _, _, bias in parts]
        work = len(vectors) * len(where) * sum(layer.products for layer in loss.problem.layers)
        with faster(2 * work):
            for some in kept if kept is not None else passes():
                _add(some, parts, buffers, biases, whole)
        flat = []
        for buffer, bias in zip(buffers, biases, strict=True):
            flat += [buffer.view(len(bias), len(vectors), -1).transpose(0, 1).flatten(1), bias[..., 0].T]
        return torch.cat(flat, 1)

    return sums


def _pass(loss: Loss, theta: Tensor, x: Tensor, y: Tensor) -> _Pass:
    layers, inputs, slopes = split(loss.problem.shapes, theta), [x.T], []
    for weight, bias in layers[:-1]:
        a, *both = derivatives(loss.act, weight @ inputs[-1] + bias[:, None])
        inputs.append(a)
        slopes.append(both)
    weight, bias = layers[-1]
    r, c, q = loss.problem.criterion.curvature((weight @ inputs[-1] + bias[:, None])[None], y.T)  # type: ignore[misc]
    delta, found = r[0], []
    for (weight, _), below, (first, second) in zip(layers[:0:-1], inputs[:0:-1], slopes[::-1], strict=True):
        back = weight.T @ delta
        found.append(_Hidden(weight, below, first[:, None], (second * back)[:, None], delta))
        delta = first * back
    return _Pass(x.T, tuple(found[::-1]), c[0][:, None], None if q is None else q[0][:, None])


def _parts(loss: Loss, vectors: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The vectors layer by layer: weights (H, K, D) and their transposes (D, K, H), biases (H, K, 1)."""
    found, cuts = [], offsets(loss.problem.shapes)
    for place, (units, inputs) in enumerate(loss.problem.shapes[::2]):
        begin, middle, end = cuts[2 * place : 2 * place + 3]
        weights = vectors[:, begin:middle].unflatten(1, (units, inputs))
        across = weights.permute(2, 0, 1).contiguous() if place else weights
        found.append((weights.transpose(0, 1).contiguous(), across, vectors[:, middle:end].T[..., None]))
    return found


def _add(
    some: _Pass, parts: list[tuple[Tensor, Tensor, Tensor]], buffers: list[Tensor], biases: list[Tensor], whole: bool
) -> None:
    """Add the products of some patterns: to the weights' (H K, D) and the biases' (H, K, 1) of every layer."""
    moves, rz = [], _times(parts[0][0], some.x).add_(parts[0][2])  # (H, K, n)
    for layer, (weights, _, bias) in zip(some.layers, parts[1:], strict=True):
        moves.append((rz, rz * layer.slope))
        rz = _times(weights, layer.below).add_(bias)
        rz += _of(layer.weight, moves[-1][1])
    change = _curved(some, rz)
    for place in range(len(some.layers), 0, -1):
        layer, (below, raised) = some.layers[place - 1], moves[place - 1]
        _outer(buffers[place], change, layer.below)
        biases[place] += change.sum(2, keepdim=True)
        back = _of(layer.weight.T, change)
        if whole:
            count = change.shape[1]
            turned = (layer.delta @ raised.flatten(0, 1).T).view(len(change), -1, count)  # δ Raᵀ
            buffers[place].view(len(change), count, -1).add_(turned.transpose(1, 2))
            back += _times(parts[place][1], layer.delta)
        change = back.mul_(layer.slope)
        if whole:
            change.addcmul_(layer.bend, below)
    _outer(buffers[0], change, some.x)
    biases[0] += change.sum(2, keepdim=True)


def _curved(some: _Pass, u: Tensor) -> Tensor:
    """C u, u (K, K', n)."""
    return u * some.c if some.q is None else coupled(some.q, u)


def coupled(q: Tensor, u: Tensor) -> Tensor:
    """C u over outputs that are coupled, q_k (u_k − Σ q_l u_l), for q (K, 1, n) and u counted from that of the largest
    share, as C does not see what all have in common: else two numbers near u would leave a small one.
    """
    beyond = u - torch.take_along_dim(u, q.argmax(0, keepdim=True), 0)
    return q * (beyond - (q * beyond).sum(0))


def _times(vectors: Tensor, hidden: Tensor) -> Tensor:
    """(H, K, D) times (D, n): (H, K, n)."""
    return (vectors.flatten(0, 1) @ hidden).unflatten(0, vectors.shape[:2])


def _of(weight: Tensor, moved: Tensor) -> Tensor:
    """(H, D) times (D, K, n): (H, K, n)."""
    return (weight @ moved.flatten(1)).unflatten(1, moved.shape[1:])


def _outer(buffer: Tensor, change: Tensor, hidden: Tensor) -> None:
    """Add (H, K, n) times the transpose of (D, n): (H K, D)."""
    torch.addmm(buffer, change.flatten(0, 1), hidden.T, out=buffer)


def _one_hidden(loss: Loss, theta: Tensor, where: Part, whole: bool) -> Tensor:
    """The mean over the patterns of the Hessian of one hidden layer, or without `whole` of its Gauss–Newton part."""
    D, H, _ = loss.problem.sizes
    found, w1, b1 = theta.new_zeros(len(theta), len(theta)), H * D, H * (D + 1)
    size = min(max(64, ENTRIES // D), len(where))
    blocks = [slice(begin, begin + size) for begin in range(0, len(where), size)]
    passes = [_pass(loss, theta, where.x[rows], where.y[rows]) for rows in blocks]
    most = max(1, ENTRIES // (D * max(D, size)))  # units at a time
    with faster(len(where) * w1 * w1):
        for h in range(H):
            mine, bias = slice(h * D, (h + 1) * D), w1 + h
            for begin in range(h, H, most):
                units = slice(begin, min(begin + most, H))
                inner = _mean([_inner(some, h, units, whole) for some in passes], len(where))
                for g, block, side, corner in zip(range(begin, units.stop), *inner, strict=True):
                    other = slice(g * D, (g + 1) * D)
                    found[mine, other] = found[other, mine] = _symmetric(block)
                    found[mine, w1 + g] = found[w1 + g, mine] = found[other, bias] = found[bias, other] = side
                    found[bias, w1 + g] = found[w1 + g, bias] = corner
            across, sums = _mean([_across(some, h, whole) for some in passes], len(where))
            found[mine, b1:], found[b1:, mine], found[bias, b1:], found[b1:, bias] = across, across.T, sums, sums
    (last,) = _mean([(_outputs(some),) for some in passes], len(where))
    found[b1:, b1:] = _symmetric(last)
    return found


def _mean(parts: list[tuple[Tensor, ...]], count: int) -> list[Tensor]:
    """Sums over the passes, of each tensor apart, by the number of patterns."""
    return [functools.reduce(torch.add, same) / count for same in zip(*parts, strict=True)]


def _inner(some: _Pass, h: int, units: slice, whole: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Of unit h with others: W₁ W₁ (G, D, D), W₁ b₁ (G, D), b₁ b₁ (G,)."""
    (layer,) = some.layers
    weights, slope = layer.weight[:, units], layer.slope[:, 0]
    m = weights.T @ _mixed(some, h)  # (G, n), W₂ᵀ C W₂
    m *= slope[units] * slope[h]
    if whole and units.start == h:
        m[0] += layer.bend[h, 0]
    scaled = some.x * m[:, None]
    return (scaled.flatten(0, 1) @ some.x.T).unflatten(0, scaled.shape[:2]), m @ some.x.T, m.sum(1)


def _mixed(some: _Pass, h: int) -> Tensor:
    """Row h of W₂ᵀ C: (K, n)."""
    return _curved(some, some.layers[0].weight[:, h, None, None])[:, 0]


def _across(some: _Pass, h: int, whole: bool) -> tuple[Tensor, Tensor]:
    """Of unit h with the outputs, in theta's order: W₁ (D, K (H + 1)) and b₁ (K (H + 1),)."""
    (layer,) = some.layers
    mixed = _mixed(some, h) * layer.slope[h]
    weights = mixed[:, None] * layer.below  # (K, H, n)
    if whole:
        weights[:, h] += layer.slope[h] * layer.delta
    rows = torch.cat([weights.flatten(0, 1), mixed])
    return some.x @ rows.T, rows.sum(1)


def _outputs(some: _Pass) -> Tensor:
    """Σ C ã ãᵀ in theta's order (K (H + 1), K (H + 1))."""
    (layer,) = some.layers
    H, K = len(layer.below), len(some.c)
    augmented = torch.cat([layer.below, torch.ones_like(layer.below[:1])])
    found = augmented.new_zeros(K, H + 1, K, H + 1)
    for k in range(K):
        for other in range(K) if some.q is not None else [k]:
            bend = some.c[k, 0] if some.q is None or k == other else -some.q[k, 0] * some.q[other, 0]
            found[k, :, other] = (augmented * bend) @ augmented.T
    order = torch.cat([torch.arange(K * (H + 1)).view(K, H + 1)[:, :H].flatten(), torch.arange(K) * (H + 1) + H])
    return found.view(K * (H + 1), -1)[order][:, order]


# ---------------------------------------------------------------------------------------------- other networks


def _by_autodiff(loss: Loss, theta: Tensor, where: Part) -> _Sums:
    """Reverse over reverse; J v as the pull-back of the pull-back (Townsend 2017), as forward mode would begin with
    seconds of compiling torch's own rules.
    """
    blocks = [slice(0, len(where))] if loss.problem.norm != "none" else list(loss.blocks(len(where)))
    criterion = loss.problem.criterion.function

    def sums(vectors: Tensor, whole: bool) -> Tensor:
        total = torch.zeros_like(vectors)
        for rows in blocks:
            x, y = where.x[rows], where.y[rows]
            at_a_time = max(1, ENTRIES // (len(x) * sum(loss.problem.sizes)))
            outputs = functools.partial(loss.outputs, x=x)
            one = (_of_hessian if whole else _of_gauss_newton)(outputs, criterion, theta, y)
            total += vmap(one, chunk_size=at_a_time)(vectors)
        return total

    return sums


def _of_hessian(outputs: Callable, criterion: Callable, theta: Tensor, y: Tensor) -> Product:
    def total(point: Tensor) -> Tensor:
        return criterion(outputs(point), y).sum()

    pull: Callable = vjp(grad(total), theta)[1]

    def product(v: Tensor) -> Tensor:
        return pull(v)[0]

    return product


def _of_gauss_newton(outputs: Callable, criterion: Callable, theta: Tensor, y: Tensor) -> Product:
    def total(z: Tensor) -> Tensor:
        return criterion(z, y).sum()

    z, back, *_ = vjp(outputs, theta)
    push: Callable = vjp(lambda u: back(u)[0], torch.zeros_like(z))[1]
    bend: Callable = vjp(grad(total), z)[1]

    def product(v: Tensor) -> Tensor:
        return back(bend(push(v)[0])[0])[0]

    return product
