"""Is it faster to train activations × seeds as one batch than one after the other? One thread, one run."""

from functools import partial

import torch

from benchmarks.machine import describe, seconds
from compute.options import parse
from compute.train import Training, run_training, train_many

QUESTIONS = {
    "XOR 2-2-1": "dataset=xor&widths=2&steps=200",
    "Iris 4-4-3": "dataset=iris&widths=4&steps=200",
    "Heart 32-10-1": "dataset=heart&widths=10&steps=100",
    "784-10-10, 10,000": "dataset=mnist&widths=10&steps=5",
}
ACTIVATIONS, SEEDS = ("tanh", "relu", "elu"), 10


def one_by_one(specs: list[Training]) -> None:
    for spec in specs:
        run_training(spec)


def main() -> None:
    torch.set_num_threads(1)
    print(describe())
    print(f"{len(ACTIVATIONS) * SEEDS} networks        each alone s   one batch s   ratio")
    for name, query in QUESTIONS.items():
        specs = [
            parse(Training, f"{query}&activation={activation}&seed={seed}")
            for activation in ACTIVATIONS
            for seed in range(SEEDS)
        ]
        alone, batch = seconds(partial(one_by_one, specs)), seconds(partial(train_many, specs))
        print(f"{name:22}{alone:10.2f}{batch:14.2f}{alone / batch:9.1f}×")


if __name__ == "__main__":
    main()
