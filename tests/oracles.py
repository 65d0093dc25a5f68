"""Second routes to the same numbers: plain torch modules in float64, one point at a time."""

import itertools
from dataclasses import replace

import numpy as np
import torch
from mpmath import mp, mpf
from torch import nn

from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.problem.sources import dataset_of, prepare

DIGITS = 80

MODULES = {
    "identity": nn.Identity(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "relu": nn.ReLU(), "silu": nn.SiLU(),
    "hardtanh": nn.Hardtanh(), "softsign": nn.Softsign(), "relu6": nn.ReLU6(), "selu": nn.SELU(), "gelu": nn.GELU(),
    "mish": nn.Mish(),
}  # fmt: skip


class _Own(nn.Module):
    """An activation that torch has no module for, or that takes a parameter."""

    def __init__(self, problem: Problem):
        super().__init__()
        self.problem = problem

    def forward(self, z):
        p = self.problem
        if p.mixed:
            one, other = (_act(replace(p, activation=name, mix_with="none")) for name in (p.activation, p.mix_with))
            return (1 - p.mix) * one(z) + p.mix * other(z)
        if p.activation == "elu":
            return nn.functional.elu(z, p.alpha)
        if p.activation == "leaky_relu":
            return nn.functional.leaky_relu(z, p.slope)
        return ACTIVATIONS[p.activation].function(z, p.parameter_value)


def _act(problem: Problem) -> nn.Module:
    return _Own(problem) if problem.mixed else MODULES.get(problem.activation) or _Own(problem)


class _Block(nn.Module):
    """One hidden layer: affine, BatchNorm, pooling, activation, skip, as torch has them."""

    def __init__(self, problem: Problem, map_: nn.Module, units: int, skip: bool = False):
        super().__init__()
        image = isinstance(map_, nn.Conv2d)
        norm = nn.BatchNorm2d if image else nn.BatchNorm1d
        self.map, self.norm = map_, norm(units) if problem.norm == "batch" else nn.Identity()
        self.pool = nn.MaxPool2d(2) if image else nn.Identity()
        self.act, self.skip = _act(problem), skip

    def forward(self, h):
        out = self.act(self.pool(self.norm(self.map(h))))
        return h + out if self.skip else out


def _blocks(problem: Problem) -> list[nn.Module]:
    side = dataset_of(problem.dataset).side
    if problem.network == "lenet":
        (first, second), kernel = problem.channels, {8: 3, 28: 5}[side]
        left = (side // 2 - kernel + 1) // 2
        sizes = [second * left**2, *problem.dense]
        found: list[nn.Module] = [
            nn.Unflatten(1, (1, side, side)),
            _Block(problem, nn.Conv2d(1, first, kernel, padding=kernel // 2), first),
            _Block(problem, nn.Conv2d(first, second, kernel), second),
            nn.Flatten(),
        ]
    else:
        sizes, found = [dataset_of(problem.dataset).inputs, *problem.widths], []
    for place, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        skip = problem.network == "mlp" and problem.skip and place > 0
        found.append(_Block(problem, nn.Linear(fan_in, fan_out), fan_out, skip))
    return [*found, nn.Linear(sizes[-1], problem.outputs)]


def module(problem: Problem, theta: np.ndarray) -> nn.Sequential:
    """The plain torch network holding theta, float64, in training mode."""
    net = nn.Sequential(*_blocks(problem)).double()
    nn.utils.vector_to_parameters(torch.as_tensor(theta, dtype=torch.float64), net.parameters())
    return net


def plain_loss(problem: Problem, theta: np.ndarray, part: str = "train") -> torch.Tensor:
    """Data term by torch's own losses, differentiable in the module's parameters: (loss, net)."""
    return loss_of(problem, module(problem, theta), part)


def loss_of(problem: Problem, net: nn.Sequential, part: str) -> torch.Tensor:
    data = prepare(problem.dataset, problem.data_seed, problem.test_share, problem.noise, problem.max_samples)
    x = torch.as_tensor(np.array(data.x_train if part == "train" else data.x_test))
    y = torch.as_tensor(np.array(data.y_train if part == "train" else data.y_test))
    z = net(x)
    if data.classes == 0:
        target = y
    elif problem.outputs == 1:
        target = y[:, None].double()
    else:
        target = nn.functional.one_hot(y, data.classes).double()
    if problem.loss == "softmax_cross_entropy":
        return nn.functional.cross_entropy(z, y)
    if problem.loss == "squared_error":
        return nn.functional.mse_loss(z, target)
    if problem.loss == "sigmoid_squared_error":
        return nn.functional.mse_loss(torch.sigmoid(z), target)
    nothing = torch.zeros_like(z)  # −y log σ(z) − (1 − y) log(1 − σ(z)), exact for large z too
    return (target * torch.logaddexp(nothing, -z) + (1 - target) * torch.logaddexp(nothing, z)).mean()


def plain_gradient(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Gradient of data term and penalty by backward()."""
    net = module(problem, theta)
    total = loss_of(problem, net, "train") + problem.l2 * sum(p.square().sum() for p in net.parameters())
    total.backward()
    return torch.cat([torch.as_tensor(p.grad).flatten() for p in net.parameters()]).numpy()


def exact_criterion(name: str, z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Loss of one pattern, its gradient r (K,) and curvature C (K, K) in the outputs z (K,), by the textbook's formulas
    in DIGITS digits: so many that what these lose in differences is not missed.
    """
    with mp.workdps(DIGITS):
        outputs, targets = [mpf(float(v)) for v in z], [mpf(float(v)) for v in y]
        value, slope, bend = _IN_DIGITS[name](outputs, targets)
        return float(value), np.array([float(v) for v in slope]), np.array([[float(v) for v in row] for row in bend])


def _mean_of_outputs(of_one):
    """(loss, gradient, curvature) of a mean over outputs, from those of one output."""

    def of_all(outputs, targets):
        K = len(outputs)
        parts = [of_one(z, y) for z, y in zip(outputs, targets, strict=True)]
        bend = [[parts[k][2] / K if k == other else mpf(0) for other in range(K)] for k in range(K)]
        return sum(part[0] for part in parts) / K, [part[1] / K for part in parts], bend

    return of_all


def _cross_entropy(z, y):
    p = 1 / (1 + mp.exp(-z))
    return -y * mp.log(p) - (1 - y) * mp.log(1 - p), p - y, p * (1 - p)


def _square_of_sigmoid(z, y):
    p = 1 / (1 + mp.exp(-z))
    first = p * (1 - p)
    return (p - y) ** 2, 2 * (p - y) * first, 2 * (first**2 + (p - y) * first * (1 - 2 * p))


def _softmax(outputs, targets):
    powers = [mp.exp(z) for z in outputs]
    p = [power / sum(powers) for power in powers]
    bend = [[p[k] * ((k == other) - p[other]) for other in range(len(p))] for k in range(len(p))]
    value = -sum(y * mp.log(share) for y, share in zip(targets, p, strict=True))
    return value, [share - y for share, y in zip(p, targets, strict=True)], bend


_IN_DIGITS = {
    "sigmoid_cross_entropy": _mean_of_outputs(_cross_entropy),
    "softmax_cross_entropy": _softmax,
    "squared_error": _mean_of_outputs(lambda z, y: ((z - y) ** 2, 2 * (z - y), mpf(2))),
    "sigmoid_squared_error": _mean_of_outputs(_square_of_sigmoid),
}
