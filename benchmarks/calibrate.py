"""How good are the estimates of compute/numerics/cost.py? Measured against estimated seconds, one thread."""

import torch

from benchmarks.machine import describe, seconds
from lossatlas.compute.analyses.table import levels_of, question
from lossatlas.compute.numerics.cost import loss_seconds, slice_seconds, training_seconds
from lossatlas.compute.numerics.kernels.plan import losses_at
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.problem.initial import initial
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.limits import seconds_of
from lossatlas.compute.service.running import one_thread

QUESTIONS = (
    "dataset=xor&widths=2",
    "dataset=iris&widths=4",
    "dataset=heart&widths=10",
    "dataset=digits&widths=100-50",
    "dataset=mnist&widths=10",
    "dataset=mnist&widths=128-64",
    "dataset=mnist&widths=10&dtype=float64",
)
STEPS, POINTS = 20, 33


def main() -> None:
    with one_thread():
        print(describe())
        print(
            f"{'question':42}{'loss':>16}{'slice point':>18}{'training step':>18}{'whole slice':>16}   "
            "measured / estimated"
        )
        for query in QUESTIONS:
            print(f"{query:42}" + "".join(f"{measured:9.2g}/{estimated:<7.2g}" for measured, estimated in pairs(query)))


def pairs(query: str) -> list[tuple[float, float]]:
    """(measured, estimated) seconds of a loss, a slice point, a training step and a whole question."""
    spec = question("slice", f"{query}&points={POINTS}&steps={STEPS}")
    problem, loss = spec.problem, make_loss(spec.problem)
    theta = initial(problem, 0, "uniform", 1.0)
    point = torch.as_tensor(theta, dtype=loss.parts["train"].x.dtype)
    directions = torch.eye(2, len(theta)).numpy().astype(float)
    grid = torch.rand(400, 2).double().numpy()
    losses_at(loss, theta, directions, grid[:9], "train")  # compiled and checked
    return [
        (seconds(lambda: loss.data_term(point), 9), loss_seconds(problem)),
        (seconds(lambda: losses_at(loss, theta, directions, grid, "train")) / 400, slice_seconds(problem)),
        (seconds(lambda: run_training(Training(problem, spec.start))) / STEPS, training_seconds(problem, 0, 1.0)),
        (seconds(lambda: ask(spec), 1), seconds_of(levels_of(spec))),
    ]


if __name__ == "__main__":
    main()
