"""How much faster are many progressive gradient walks at once than a Python loop that takes each alone with autograd?

One thread, one run, float32, random draws included on both sides: microseconds a step of a walk, recorded loss and
gradient norm included. The error is that of the gradients at the walks' starts against float64, relative to the
largest entry.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn

from benchmarks.machine import paired
from benchmarks.table import Row, report
from lossatlas.compute.numerics.kernels import gradients
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.walks import Walks, begin, run_walks
from lossatlas.compute.spec.options import parse

QUESTIONS = {  # ten walks for each parameter, as the study has them, fewer for Heart, where they take a minute; gates
    "XOR 2-2-1 tanh": ("dataset=xor&widths=2", 400),
    "Iris 4-4-3 tanh": ("dataset=iris&widths=4", 8),
    "Iris 4-4-3 ELU": ("dataset=iris&widths=4&activation=elu", 8),
    "Heart 32-10-1 tanh": ("dataset=heart&widths=10&walks=64", 5),
    "Heart 32-10-1 ReLU": ("dataset=heart&widths=10&walks=64&activation=relu", 5),
}
LOOPED = 3  # walks that the loop is timed on
ACTIVATIONS = {"tanh": nn.Tanh, "elu": nn.ELU, "relu": nn.ReLU}


def rows() -> Iterator[Row]:
    for name, (query, gate) in QUESTIONS.items():
        yield row(f"walk step {name}", parse(Walks, query), gate)


def row(name: str, spec: Walks, gate: float) -> Row:
    compiled = gradients.trusted(spec.problem)
    run_walks(replace(spec, walk=replace(spec.walk, walks=1, walk_steps=1)))  # what is compiled is ready
    alone, ours = paired(partial(loop, spec), partial(run_walks, spec))
    plain, mine = errors(spec, compiled)
    steps, kind = spec.walk.walk_steps, "compiled" if compiled else "torch"
    return Row(
        name, "loop over walks", alone / (LOOPED * steps), ours / (spec.count * steps), plain, mine, plain, gate,
        note=f"{kind}; {LOOPED} and {spec.count} walks",
    )  # fmt: skip


def loop(spec: Walks) -> None:
    """Some of the walks, one after another, in plain torch."""
    part = make_loss(spec.problem).parts["train"]
    for number, theta in enumerate(torch.as_tensor(begin(spec, 0, LOOPED).theta)):
        draws = np.random.default_rng((spec.walk.walk_seed, number)).random(
            (spec.walk.walk_steps, len(theta)), np.float32
        )
        take(module(spec, theta), part.x, part.y, torch.as_tensor(draws) * spec.longest)


def take(net: nn.Module, x: torch.Tensor, y: torch.Tensor, draws: torch.Tensor) -> np.ndarray:
    """One walk by modules and autograd; loss and gradient norm (T, 2) at each step."""
    parameters, found = list(net.parameters()), np.empty((len(draws), 2))
    sizes = [p.numel() for p in parameters]
    for t, row in enumerate(draws):
        loss = nn.functional.binary_cross_entropy_with_logits(net(x), y)
        slopes = torch.autograd.grad(loss, parameters)
        norm = torch.cat([slope.flatten() for slope in slopes]).norm()
        found[t] = loss.item(), norm.item()
        with torch.no_grad():
            for p, slope, size in zip(parameters, slopes, row.split(sizes), strict=True):
                p.add_(torch.where(slope > 0, -1.0, 1.0) * size.view_as(p))
    return found


def module(spec: Walks, theta: torch.Tensor) -> nn.Sequential:
    inputs, hidden, outputs = spec.problem.sizes
    act = ACTIVATIONS[spec.problem.activation]()
    net = nn.Sequential(nn.Linear(inputs, hidden), act, nn.Linear(hidden, outputs)).to(theta.dtype)
    nn.utils.vector_to_parameters(theta, net.parameters())
    return net


def errors(spec: Walks, compiled: bool) -> tuple[float, float]:
    """Of autograd's float32 gradients at the first starts, and of ours."""
    thetas = begin(spec, 0, 20).theta
    loss = make_loss(spec.problem)
    exact = np.stack([slope(spec, torch.as_tensor(theta, dtype=torch.float64)) for theta in thetas])
    plain = np.stack([slope(spec, torch.as_tensor(theta)) for theta in thetas])
    mine = gradients.with_gradient(loss, thetas)[0] if compiled else loss.gradient(torch.as_tensor(thetas)).numpy()
    return tuple(float(np.abs(found - exact).max() / np.abs(exact).max()) for found in (plain, mine))  # type: ignore[return-value]


def slope(spec: Walks, theta: torch.Tensor) -> np.ndarray:
    """Autograd's gradient at one point, in the point's precision."""
    part, net = make_loss(spec.problem).parts["train"], module(spec, theta)
    loss = nn.functional.binary_cross_entropy_with_logits(net(part.x.to(theta.dtype)), part.y.to(theta.dtype))
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))]).double().numpy()


if __name__ == "__main__":
    report(rows())
