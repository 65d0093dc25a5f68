"""One table of small problems that every numerical test can walk through, and the named tolerances."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossatlas.compute.problem.initial import initial
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import Option, parse

EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-14}  # float64 by two routes
SINGLE: dict[str, Any] = {
    "rtol": 2e-5,
    "atol": 2e-6,
}  # float32 against float64: sums of up to some hundred rounded terms


@dataclass(frozen=True)
class Case:
    query: str
    seed: int = 1

    @property
    def problem(self) -> Problem:
        return parse(Problem, self.query)

    def theta(self) -> np.ndarray:
        """A point (P,), float64."""
        return initial(self.problem, self.seed, "uniform", 1.0)

    def __str__(self) -> str:
        return self.query


SMALL = [
    Case("dataset=xor&widths=2&activation=tanh&dtype=float64"),
    Case("dataset=xor&widths=none&dtype=float64"),
    Case("dataset=iris&widths=4&activation=relu&dtype=float64&l2=0.01"),
    Case("dataset=iris&widths=5-3&activation=elu&alpha=1.5&dtype=float64&loss=softmax_cross_entropy"),
    Case("dataset=wine&widths=3-4-3&activation=silu&dtype=float64&loss=squared_error"),
    Case("dataset=breast_cancer&widths=3&activation=softplus&beta=2&dtype=float64&loss=softmax_cross_entropy"),
    Case("dataset=sine&widths=6&activation=sine&dtype=float64&loss=squared_error&l2=0.1"),
    Case("dataset=moons&widths=4&activation=leaky_relu&dtype=float64&loss=sigmoid_squared_error&noise=0.1"),
    Case("dataset=blobs&widths=4&activation=gaussian&dtype=float64&max_samples=50"),
]

LENET: dict[str, object] = {"dataset": "digits", "network": "lenet"}
CALLED_FOR: dict[str, dict[str, object]] = {  # what makes an option matter, or possible
    "weight_a": {"directions": "weights"}, "weight_b": {"directions": "weights"}, "slope": {"activation": "leaky_relu"},
    "beta": {"activation": "softplus"}, "network": {"dataset": "digits"}, "channels": LENET, "dense": LENET,
    "skip": {"widths": (4, 4)}, "statistics": {"norm": "batch"},
    "rescale": {"activation": "relu"}, "mix": {"mix_with": "gaussian"},
    "decay": {"optimiser": "adamw"}, "smoothing": {"optimiser": "rmsprop"},
    **{name: {"optimiser": "walk"} for name in ("walk", "walk_seed", "walk_range", "walk_size", "walk_batch")},
}  # fmt: skip


def another(option: Option, but: object = None) -> Any:
    """A value of an option that is not its default, nor `but`."""
    ways: dict[Any, Callable[[], Any]] = {
        bool: lambda: not option.default,
        "widths": lambda: (7,) * len(option.default),  # type: ignore[arg-type]
        "numbers": lambda: (0.0, 0.5, -1.0, 2.0)[: option.longest],
        "float or auto": lambda: min(2.0, (option.high or 0.0) / 2),
        str: lambda: next(c for c in reversed(option.menu()) if c not in (option.default, but, "sine")),
        int: lambda: option.default + 2,  # type: ignore[operator]
        float: lambda: (option.default or 0.5) / 2,  # type: ignore[operator]
    }
    return ways[option.kind]()
