"""The loss of a Problem and its gradient, for one point or a batch. The only place autodiff is called.

Every evaluation runs over patterns in blocks of fixed size and adds their losses in float64, so that a value depends on
how many points are asked for together by rounding only.
"""

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.kernels.products import products
from lossatlas.compute.problem.layers import affine, forward, statistics_count
from lossatlas.compute.problem.nets import BLOCK, Problem, activation_of, split, torch_dtype
from lossatlas.compute.problem.sources import prepare


@dataclass(frozen=True)
class Part:
    """Training or test patterns: inputs (N, D), targets (N, K) and, for classes, labels (N,)."""

    x: Tensor
    y: Tensor
    labels: Tensor | None

    def __len__(self) -> int:
        return len(self.x)

    def first(self, count: int) -> "Part":
        """The first patterns only."""
        return Part(self.x[:count], self.y[:count], None if self.labels is None else self.labels[:count])


@dataclass(frozen=True)
class Loss:
    """The loss of a problem as functions of theta. `act` serves a whole batch."""

    problem: Problem
    parts: dict[str, Part]
    act: Callable[[Tensor], Tensor]

    def data_term(self, theta: Tensor, part: str = "train") -> Tensor:
        """Mean loss over the patterns, float64: () for theta (P,), (B,) for a batch; NaN for an empty part."""
        return self.measure(theta, part)[0]

    def accuracy(self, theta: Tensor, part: str = "train") -> Tensor:
        """Share of patterns put in the right class, shaped as `data_term`; NaN for a regression."""
        return self.measure(theta, part)[1]

    @torch.no_grad()
    def measure(self, theta: Tensor, part: str = "train", statistics: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Data term and accuracy from one pass over the patterns.

        BatchNorm takes the `statistics` (..., Q) given, or else those that theta has on all training patterns.
        """
        where, found = self.parts[part], _Sums(theta)
        with self._products(theta, where.x):
            if statistics is None and len(where):
                statistics = self.statistics(theta)
            for rows in self.blocks(len(where)):
                found.add(self.problem, self.outputs(theta, where.x[rows], statistics), where, rows)
        return found.means(where)

    def _products(self, theta: Tensor, x: Tensor) -> AbstractContextManager[None]:
        return products(math.prod(theta.shape[:-1]) * len(x) * sum(layer.products for layer in self.problem.layers))

    def outputs(self, theta: Tensor, x: Tensor, statistics: Tensor | None = None) -> Tensor:
        """Net outputs (N, K), or (B, N, K) of a batch; BatchNorm without statistics takes those of x."""
        return forward(self.problem.layers, self.act, theta, x, statistics)

    @torch.no_grad()
    def outputs_at(self, theta: Tensor, x: Tensor) -> Tensor:
        """Net outputs (N, K) of one theta (P,) for any inputs x (N, D) of its dtype, N > 0; BatchNorm takes the
        statistics that theta has on all training patterns.
        """
        statistics = self.statistics(theta)
        with self._products(theta, x):
            return torch.cat([self.outputs(theta, x[rows], statistics) for rows in self.blocks(len(x))])

    @torch.no_grad()
    def statistics(self, theta: Tensor) -> Tensor | None:
        """Mean and (population) variance of every unit with BatchNorm over all training patterns: (..., Q), in theta's
        dtype; None for a network without. Layer after layer, since each depends on those before it.
        """
        layers, x = self.problem.layers, self.parts["train"].x
        found = theta[..., :0]
        for place, layer in enumerate(layers):
            if not layer.norm:
                continue
            sums = torch.zeros(2, *theta.shape[:-1], layer.units, dtype=torch.float64)
            for rows in self.blocks(len(x)):
                z = forward(layers, self.act, theta, x[rows], found, until=place).double()
                over = (-4, -2, -1) if layer.side else (-2,)
                sums += torch.stack([z.sum(over), z.square().sum(over)])
            mean, square = sums / (len(x) * layer.places)
            found = torch.cat([found, mean.to(theta), (square - mean.square()).clamp_min(0.0).to(theta)], -1)
        return found if statistics_count(layers) else None

    def with_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient of the total training loss, and the data term and accuracy of the same pass."""
        found = _Sums(theta)
        return (self._gradient(theta, found), *found.means(self.parts["train"]))

    def gradient(self, theta: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Gradient of the total training loss, shaped as theta and in its dtype; over some patterns if given."""
        if chosen is None:
            return self._gradient(theta, None)
        where, summed = self.parts["train"], torch.zeros_like(theta)
        for rows in self._pieces(len(chosen)):
            summed += self._backward(theta, where.x[chosen[rows]], where.y[chosen[rows]])[1]
        return summed / len(chosen) + 2 * self.problem.l2 * theta

    def _gradient(self, theta: Tensor, found: "_Sums | None") -> Tensor:
        where, total = self.parts["train"], torch.zeros_like(theta)
        for rows in self._pieces(len(where)):
            z, part = self._backward(theta, where.x[rows], where.y[rows])
            total += part
            if found is not None:
                found.add(self.problem, z, where, rows)
        return total / len(where) + 2 * self.problem.l2 * theta

    def _backward(self, theta: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs, and the gradient of the summed loss of these patterns.

        Of a plain MLP the layers are walked by hand, autodiff only differentiates the activation: for small networks
        the graph of a whole pass costs more than its arithmetic.
        """
        with self._products(theta, x):
            return (self._walk_back if self.problem.plain else self._by_graph)(theta, x, y)

    def _by_graph(self, theta: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        point = theta.detach().requires_grad_()
        z = self.outputs(point, x)
        (gradient,) = torch.autograd.grad(z, point, self._slope(z.detach(), y))
        return z.detach(), gradient

    def _slope(self, z: Tensor, y: Tensor) -> Tensor:
        """The criterion's gradient in the outputs z (..., N, K)."""
        criterion = self.problem.criterion
        if criterion.slope is not None:
            return criterion.slope(z, y)
        z.requires_grad_()
        return torch.autograd.grad(criterion.function(z, y).sum(), z)[0]

    def _walk_back(self, theta: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        layers, inputs, graphs = split(self.problem.shapes, theta.detach()), [x], []
        z = affine(self.problem.layers[0], x, *layers[0])
        for weight, bias in layers[1:]:
            z.requires_grad_()
            graphs.append((z, self.act(z)))
            inputs.append(graphs[-1][1].detach())
            z = inputs[-1] @ weight.mT + bias.unsqueeze(-2)
        slope, parts = self._slope(z, y), list[Tensor]()
        for layer in reversed(range(len(layers))):
            parts[:0] = [_product(slope.mT, inputs[layer]).flatten(-2), slope.sum(-2)]
            if layer:
                before, after = graphs[layer - 1]
                (slope,) = torch.autograd.grad(after, before, slope @ layers[layer][0])
        return z.detach(), torch.cat(parts, -1)

    def activated(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The hidden units' f(z) and f′(z), detached; at a kink f′ is torch's own one-sided choice."""
        with torch.enable_grad():
            point = z.detach().requires_grad_()
            outputs = self.act(point)
            (slopes,) = torch.autograd.grad(outputs.sum(), point)
        return outputs.detach(), slopes

    def penalty(self, theta: Tensor) -> Tensor:
        """λ‖θ‖² over all weights and biases, float64, shaped as `data_term`."""
        return self.problem.l2 * theta.double().square().sum(-1)

    def total(self, theta: Tensor, part: str = "train") -> Tensor:
        """Data term and penalty."""
        return self.data_term(theta, part) + self.penalty(theta)

    def _pieces(self, count: int) -> Iterator[slice]:
        """Patterns whose gradient is taken at a time: BatchNorm ties all of them together."""
        return iter([slice(0, count)]) if self.problem.norm == "batch" else self.blocks(count)

    def blocks(self, count: int) -> Iterator[slice]:
        """Patterns at a time, as slices."""
        size = max(64, min(4096, BLOCK // sum(self.problem.sizes[1:])))
        return (slice(begin, begin + size) for begin in range(0, count, size))


def _product(slopes: Tensor, inputs: Tensor) -> Tensor:
    """slopes (..., H, N) @ inputs (..., N, D); inputs that all points share are multiplied once."""
    if slopes.dim() > inputs.dim():
        return (slopes.flatten(0, 1) @ inputs).unflatten(0, slopes.shape[:2])
    return slopes @ inputs


class _Sums:
    """Losses and right answers added up over blocks of patterns, in float64."""

    def __init__(self, theta: Tensor):
        self.loss, self.right = torch.zeros(2, *theta.shape[:-1], dtype=torch.float64)

    def add(self, problem: Problem, z: Tensor, where: Part, rows: slice) -> None:
        """Add the outputs z (..., n, K) of some patterns."""
        losses = problem.criterion.values(z, where.y[rows])
        self.loss = self.loss + losses.sum(-1, dtype=torch.float64)
        if where.labels is not None:
            self.right = self.right + right(problem, z, where.labels[rows]).sum(-1, dtype=torch.float64)

    def means(self, where: Part) -> tuple[Tensor, Tensor]:
        nothing = torch.full_like(self.loss, torch.nan)
        if not len(where):
            return nothing, nothing
        return self.loss / len(where), self.right / len(where) if where.labels is not None else nothing


def right(problem: Problem, z: Tensor, labels: Tensor) -> Tensor:
    """1 where outputs z (..., N, K) name the right class, 0 where not, NaN where z is: (..., N) in z's dtype."""
    said = z[..., 0] > problem.criterion.cut if problem.outputs == 1 else z.argmax(-1)
    return torch.where(z.isnan().any(-1), torch.nan, (said == labels).to(z.dtype))


def make_loss(problem: Problem) -> Loss:
    """The loss of a problem; its data are prepared once a process."""
    return Loss(problem, parts_of(*patterns_asked(problem)), activation_of(problem))


def patterns_asked(problem: Problem) -> tuple[tuple, torch.dtype, int]:
    """What `parts_of` takes: equal for problems with the same patterns."""
    given = (problem.dataset, problem.data_seed, problem.test_share, problem.noise, problem.max_samples)
    return given, torch_dtype(problem), problem.outputs


@functools.lru_cache(maxsize=4)
def parts_of(given: tuple, dtype: torch.dtype, outputs: int) -> dict[str, Part]:
    """The training and the test part."""
    data = prepare(*given)
    return {
        "train": _part(data.x_train, data.y_train, data.classes, dtype, outputs),
        "test": _part(data.x_test, data.y_test, data.classes, dtype, outputs),
    }


def _part(x: np.ndarray, labels: np.ndarray, classes: int, dtype: torch.dtype, outputs: int) -> Part:
    inputs = torch.as_tensor(np.array(x), dtype=dtype)
    if classes == 0:
        return Part(inputs, torch.as_tensor(np.array(labels), dtype=dtype), None)
    numbers = torch.as_tensor(np.array(labels))
    if outputs == 1:
        return Part(inputs, numbers[:, None].to(dtype), numbers)
    return Part(inputs, torch.nn.functional.one_hot(numbers, classes).to(dtype), numbers)
