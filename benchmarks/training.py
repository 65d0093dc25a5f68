"""Trainings by compiled loops against torch's eager steps, and thirty networks against one. One thread, one run."""

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.machine import paired
from benchmarks.table import Row, report
from lossatlas.compute.numerics.kernels.strips import WIDE
from lossatlas.compute.numerics.paths import train
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.spec.options import parse

# Each with what has to be reached: Heart's networks are wide enough for the registers to count.
QUESTIONS = {
    "XOR 2-2-1": ("dataset=xor&widths=2", 300.0),
    "Iris 4-4-3": ("dataset=iris&widths=4", 80.0),
    "Heart 32-10-1": ("dataset=heart&widths=10", 25.0 if WIDE else 8.0),
    "784-10-10, 8,000": ("dataset=mnist&widths=10&steps=20", 2.0),
}
TOGETHER = "dataset=iris&widths=4", ("tanh", "relu", "elu"), 10  # activations, seeds
WIDTHS = (64, 128, 256, 512, 1024)


def rows() -> Iterator[Row]:
    """The unit is a step of Adam, its recording included."""
    for name, (query, gate) in QUESTIONS.items():
        spec = parse(Training, query)
        yield against_torch(f"training step {name}", spec, gate)
    query, activations, seeds = TOGETHER
    specs = [parse(Training, f"{query}&activation={act}&seed={seed}") for act in activations for seed in range(seeds)]
    one_by_one(specs)
    alone, together = paired(partial(run_training, specs[0]), partial(one_by_one, specs), 7)
    steps = specs[0].start.steps
    yield Row("training step Iris, 30 networks", "one network", alone / steps, together / steps / len(specs), gate=0.95)


def crossover() -> Iterator[Row]:
    """Where torch's products of wide layers win: cost.WIDEST_LOOPED."""
    for width in WIDTHS:
        for query in (
            f"dataset=digits&widths={width}-{width}",
            f"dataset=mnist&widths={width}-{width}&max_samples=2000",
        ):
            yield against_torch(f"training step {query[8:]}", parse(Training, f"{query}&steps=5"), 1.0)


def against_torch(name: str, spec: Training, gate: float) -> Row:
    """The whole training, by either way."""
    by_torch, compiled = (partial(trained, way, spec) for way in (train._advance_by_torch, train._advance_compiled))
    compiled()
    torch, ours = (seconds / spec.start.steps for seconds in paired(by_torch, compiled))
    return Row(name, "torch, eager", torch, ours, gate=gate)


def trained(way: Callable[[Training, train.State, int], train.State], spec: Training) -> None:
    train._finish(spec, way(spec, train._begin(spec), spec.start.steps))


def one_by_one(specs: list[Training]) -> None:
    for spec in specs:
        run_training(spec)


if __name__ == "__main__":
    report(row for some in (rows, crossover) for row in some())
