"""The layers of a network as plain records, and the forward pass through them for one parameter vector or a batch.

A layer is an affine map (dense, or a convolution), then BatchNorm where asked, 2×2 maximum pooling after a
convolution, the activation, and its own input added where it skips. The last layer is the affine map alone.
Theta holds, layer by layer, W, b and, with BatchNorm, γ, β: the order of `parameters()` of the plain torch module.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d

NORM_FLOOR = 1e-5  # added to a variance before its root (Ioffe & Szegedy 2015, algorithm 1; torch's default)


@dataclass(frozen=True)
class Layer:
    """`shape` of the weight: (units, inputs), or (filters, channels, k, k) for images of `side` × `side` pixels."""

    shape: tuple[int, ...]
    side: int = 0  # 0: dense
    padding: int = 0
    norm: bool = False
    skip: bool = False

    @property
    def units(self) -> int:
        return self.shape[0]

    @property
    def fan_in(self) -> int:
        return math.prod(self.shape[1:])

    @property
    def fan_out(self) -> int:
        return self.units * math.prod(self.shape[2:])

    @property
    def places(self) -> int:
        """At how many pixels the weight is applied; 1 for a dense layer."""
        return (self.side + 2 * self.padding - self.shape[2] + 1) ** 2 if self.side else 1

    @property
    def numbers(self) -> int:
        """Pre-activations of one pattern."""
        return self.units * self.places

    @property
    def products(self) -> int:
        """Multiplications for one pattern."""
        return math.prod(self.shape) * self.places

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shapes by the letter of each tensor."""
        bias = (self.units,)
        return {"W": self.shape, "b": bias, "γ": bias, "β": bias} if self.norm else {"W": self.shape, "b": bias}


def count(layers: Sequence[Layer]) -> int:
    """P."""
    return sum(math.prod(shape) for layer in layers for shape in layer.tensors.values())


def statistics_count(layers: Sequence[Layer]) -> int:
    """Q: a mean and a variance for every unit with BatchNorm."""
    return sum(2 * layer.units for layer in layers if layer.norm)


def tensors(layers: Sequence[Layer], theta: Tensor) -> list[list[Tensor]]:
    """theta (..., P) as the tensors of each layer, as views with the leading dimensions kept."""
    found, begin = [], 0
    for layer in layers:
        parts = []
        for shape in layer.tensors.values():
            end = begin + math.prod(shape)
            parts.append(theta[..., begin:end].unflatten(-1, shape))
            begin = end
        found.append(parts)
    return found


def forward(
    layers: Sequence[Layer],
    act: Callable[[Tensor], Tensor],
    theta: Tensor,
    x: Tensor,
    statistics: Tensor | None = None,
    until: int | None = None,
) -> Tensor:
    """Outputs (N, K) of theta (P,), or (B, N, K) of a batch (B, P), for patterns x (N, D).

    Args:
        statistics: (..., Q) means and variances for BatchNorm, layer by layer; without them those of x are taken.
        until: stop at this layer and return its pre-activations (..., N, units[, pixels, pixels]).
    """
    first = layers[0]
    cut = math.prod(first.shape)
    weight, bias = theta[..., :cut].unflatten(-1, first.shape), theta[..., cut : cut + first.units]
    z = affine(first, images(first, x), weight, bias)
    return onward(layers, act, z, theta[..., cut + first.units :], statistics, until)


def images(layer: Layer, x: Tensor) -> Tensor:
    """Patterns (N, D) as the layer reads them: (N, channels, side, side) for a convolution."""
    return x.unflatten(1, (layer.shape[1], layer.side, layer.side)) if layer.side else x


def onward(
    layers: Sequence[Layer],
    act: Callable[[Tensor], Tensor],
    z: Tensor,
    later: Tensor,
    statistics: Tensor | None = None,
    until: int | None = None,
    reduced: bool = False,
) -> Tensor:
    """The rest of `forward` from the first pre-activations z and all parameters (..., P − W − b) that follow them;
    `reduced`: z is pooled already.
    """
    given, norm = _after_first(layers, later), 0
    hidden = z
    for place, layer in enumerate(layers):
        if place:
            z = affine(layer, hidden, *given[place][:2])
        if place == until or place == len(layers) - 1:
            return z
        if layer.norm:
            z = normalise(layer, z, given[place][-2], given[place][-1], _moments(layer, z, statistics, norm))
            norm += 2 * layer.units
        out = act(pooled(z) if layer.side and not (reduced and place == 0) else z)
        if layer.side and not layers[place + 1].side:
            out = out.flatten(-3)
        hidden = hidden + out if layer.skip else out
    raise ValueError("A network has at least one layer.")


def _after_first(layers: Sequence[Layer], later: Tensor) -> list[list[Tensor]]:
    """The tensors of every layer; of the first, γ and β only."""
    first, found = layers[0], []
    cut = 2 * first.units if first.norm else 0
    found.append([later[..., :cut][..., n : n + first.units] for n in range(0, cut, first.units)])
    return found + tensors(layers[1:], later[..., cut:])


def affine(layer: Layer, hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """W h + b for every pattern, under one weight or as many as a batch has."""
    if not layer.side:
        if hidden.dim() == weight.dim() == 3:
            return torch.baddbmm(bias.unsqueeze(1), hidden, weight.mT)
        if weight.dim() == 3:  # all points see the same patterns: one product, not one a point
            flat = hidden @ weight.flatten(0, 1).mT
            return flat.unflatten(1, weight.shape[:2]).transpose(0, 1) + bias.unsqueeze(-2)
        return hidden @ weight.mT + bias
    if weight.dim() == 4:
        return conv2d(hidden, weight, bias, padding=layer.padding)
    if hidden.dim() == 4:  # all points see the same images
        z = conv2d(hidden, weight.flatten(0, 1), bias.flatten(), padding=layer.padding)
        return z.unflatten(1, weight.shape[:2]).transpose(0, 1)  # (B, N, filters, pixels, pixels)
    if hidden.is_cuda:
        stacked = hidden.transpose(0, 1).flatten(1, 2)
        z = conv2d(stacked, weight.flatten(0, 1), bias.flatten(), padding=layer.padding, groups=len(weight))
        return z.unflatten(1, weight.shape[:2]).transpose(0, 1)
    # One call a point: on a CPU three times as fast as one grouped convolution, 7 against 23 ms for LeNet-5's second
    # layer on 2,000 images.
    points = zip(hidden, weight, bias, strict=True)
    return torch.stack([conv2d(h, w, b, padding=layer.padding) for h, w, b in points])


def pooled(z: Tensor) -> Tensor:
    """The largest of each 2×2 pixels, (..., S, S) to (..., S/2, S/2); NaN if one is."""
    if torch.is_grad_enabled() and z.requires_grad:
        return max_pool2d(z.flatten(0, -4), 2).unflatten(0, z.shape[:-3])  # the gradient of ties as torch has it
    rows = torch.maximum(z[..., ::2, :], z[..., 1::2, :])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


def normalise(layer: Layer, z: Tensor, gain: Tensor, shift: Tensor, moments: tuple[Tensor, Tensor]) -> Tensor:
    """BatchNorm of pre-activations. A variance below 0, which a moved statistic may reach, counts as 0."""
    mean, variance = moments
    scale = gain / torch.sqrt(variance.clamp_min(0.0) + NORM_FLOOR)
    return z * _beside(layer, scale) + _beside(layer, shift - mean * scale)


def _beside(layer: Layer, values: Tensor) -> Tensor:
    """(..., units) shaped so that it multiplies (..., N, units[, pixels, pixels])."""
    return values[..., None, :, None, None] if layer.side else values[..., None, :]


def _moments(layer: Layer, z: Tensor, statistics: Tensor | None, begin: int) -> tuple[Tensor, Tensor]:
    """Mean and variance (..., units), given or of z itself."""
    if statistics is not None:
        middle = begin + layer.units
        return statistics[..., begin:middle], statistics[..., middle : middle + layer.units]
    over = (-4, -2, -1) if layer.side else (-2,)
    return z.mean(over), z.var(over, correction=0)
