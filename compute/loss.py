"""The loss of a Problem and its gradient, for one point or a batch. The only place autodiff is called.

Every evaluation runs over patterns in blocks of fixed size and adds their losses in float64, so that a value does not
depend on how many points are asked for together.
"""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from compute.criteria import CRITERIA
from compute.datasets import prepare
from compute.nets import Problem, activation_of, forward, torch_dtype

BLOCK = 1 << 21  # numbers of all layers at a time for one point: 16 MB in float64, whatever the widths


@dataclass(frozen=True)
class Part:
    """Training or test patterns: inputs (N, D), targets (N, K) and, for classes, labels (N,)."""

    x: Tensor
    y: Tensor
    labels: Tensor | None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Loss:
    """The loss of a problem as functions of theta. `act` serves a whole batch."""

    problem: Problem
    parts: dict[str, Part]
    act: Callable[[Tensor], Tensor]

    def data_term(self, theta: Tensor, part: str = "train") -> Tensor:
        """Mean loss over the patterns, float64: () for theta (P,), (B,) for a batch; NaN for an empty part."""
        return self._mean(theta, part, CRITERIA[self.problem.loss].function, lambda where: where.y)

    def accuracy(self, theta: Tensor, part: str = "train") -> Tensor:
        """Share of patterns put in the right class, shaped as `data_term`; NaN for a regression."""
        if self.parts[part].labels is None:
            return torch.full(theta.shape[:-1], torch.nan, dtype=torch.float64)
        return self._mean(theta, part, functools.partial(right, self.problem), lambda where: where.labels)

    def penalty(self, theta: Tensor) -> Tensor:
        """λ‖θ‖² over all weights and biases, float64, shaped as `data_term`."""
        return self.problem.l2 * theta.double().square().sum(-1)

    def total(self, theta: Tensor, part: str = "train") -> Tensor:
        """Data term and penalty."""
        return self.data_term(theta, part) + self.penalty(theta)

    @property
    def block(self) -> int:
        """Patterns at a time."""
        return max(64, min(4096, BLOCK // sum(self.problem.sizes[1:])))

    @torch.no_grad()
    def _mean(self, theta: Tensor, part: str, function, target) -> Tensor:
        where = self.parts[part]
        sums = torch.zeros(theta.shape[:-1], dtype=torch.float64)
        for begin in range(0, len(where), self.block):
            z = forward(self.problem.shapes, self.act, theta, where.x[begin : begin + self.block])
            sums += function(z, target(where)[begin : begin + self.block]).sum(-1, dtype=torch.float64)
        return sums / len(where) if len(where) else torch.full_like(sums, torch.nan)

    def gradient(self, theta: Tensor, rows: Tensor | None = None) -> Tensor:
        """Gradient of the total training loss, shaped as theta and in its dtype; over the patterns `rows` if given."""
        theta = theta.detach().requires_grad_()
        where = self.parts["train"]
        x, y = (where.x, where.y) if rows is None else (where.x[rows], where.y[rows])
        result = torch.zeros_like(theta)
        for begin in range(0, len(x), self.block):
            z = forward(self.problem.shapes, self.act, theta, x[begin : begin + self.block])
            losses = CRITERIA[self.problem.loss].function(z, y[begin : begin + self.block])
            result += torch.autograd.grad(losses.sum() / len(x), theta)[0]
        return result + 2 * self.problem.l2 * theta.detach()


def right(problem: Problem, z: Tensor, labels: Tensor) -> Tensor:
    """1 where outputs z (..., N, K) name the right class, else 0: (..., N) in z's dtype."""
    said = z[..., 0] > CRITERIA[problem.loss].cut if problem.outputs == 1 else z.argmax(-1)
    return (said == labels).to(z.dtype)


def make_loss(problem: Problem) -> Loss:
    """The loss of a problem; its data are prepared once a process."""
    given = (problem.dataset, problem.data_seed, problem.test_share, problem.noise, problem.max_samples)
    return Loss(problem, _parts(given, torch_dtype(problem), problem.outputs), activation_of(problem))


def make_joint_loss(problems: list[Problem]) -> Loss:
    """One loss for a batch of as many points, the b-th under the b-th problem's activation.

    Problems may differ in activation and its parameter only.
    """
    groups = [list(group) for _, group in itertools.groupby(problems, lambda p: (p.activation, p.sharpness))]
    acts, sizes = [activation_of(group[0]) for group in groups], [len(group) for group in groups]
    if len(groups) == 1:
        return make_loss(problems[0])
    return replace(
        make_loss(problems[0]),
        act=lambda z: torch.cat([act(rows) for act, rows in zip(acts, z.split(sizes), strict=True)]),
    )


@functools.lru_cache(maxsize=4)
def _parts(given: tuple, dtype: torch.dtype, outputs: int) -> dict[str, Part]:
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
