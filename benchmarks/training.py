"""Is it faster to train activations × seeds as one batch than one after the other? One thread, one run."""

from collections.abc import Iterator
from functools import partial

from benchmarks.machine import paired
from benchmarks.table import Row, report
from lossatlas.compute.numerics.paths.reach import run_training, train_many
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.spec.options import parse

QUESTIONS = {
    "XOR 2-2-1": "dataset=xor&widths=2&steps=200",
    "Iris 4-4-3": "dataset=iris&widths=4&steps=200",
    "Heart 32-10-1": "dataset=heart&widths=10&steps=100",
    "784-10-10, 8,000": "dataset=mnist&widths=10&steps=5",
}
ACTIVATIONS, SEEDS = ("tanh", "relu", "elu"), 10


def rows() -> Iterator[Row]:
    """Thirty networks; the unit is one step of one of them, its recording included."""
    for name, query in QUESTIONS.items():
        specs = [
            parse(Training, f"{query}&activation={activation}&seed={seed}")
            for activation in ACTIVATIONS
            for seed in range(SEEDS)
        ]
        steps = len(specs) * specs[0].start.steps
        alone, batch = paired(partial(one_by_one, specs), partial(train_many, specs))
        yield Row(f"training step {name}, {len(specs)} networks", "one after the other", alone / steps, batch / steps)


def one_by_one(specs: list[Training]) -> None:
    for spec in specs:
        run_training(spec)


if __name__ == "__main__":
    report(rows())
