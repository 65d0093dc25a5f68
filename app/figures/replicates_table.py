"""The table of seeds: of each column the first seed alone, and the mean over all."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lossatlas.app.figures.shared.tables import Table, cell, hidden_column, number_column
from lossatlas.app.look.columns import Column as Side
from lossatlas.app.look.ticks import digits, percent
from lossatlas.app.look.view import View
from lossatlas.compute.analyses.replicates import ReplicatesResult
from lossatlas.compute.numerics.intervals import interval


@dataclass(frozen=True)
class Column:
    """Of a quantity that lies between `low` and `high`; `rough` where it comes from a density if that is estimated."""

    heading: str
    note: str
    low: float = -math.inf
    high: float = math.inf
    rough: bool = False

    def text(self, value: float) -> str:
        """A share in percent, other numbers in three digits."""
        return percent(value) if self.high == 1.0 else digits(value)


COLUMNS = {  # by the name of the quantity in the answer
    "train_loss": Column("train loss", "Data term on the training patterns, without the penalty.", 0.0),
    "test_loss": Column("test loss", "Data term on the test patterns.", 0.0),
    "train_accuracy": Column("train acc.", "Share of training patterns classified right.", 0.0, 1.0),
    "test_accuracy": Column("test acc.", "Share of test patterns classified right.", 0.0, 1.0),
    "largest": Column("λ max", "Largest eigenvalue of the Hessian."),
    "smallest": Column("λ min", "Smallest eigenvalue of the Hessian."),
    "trace": Column("trace", "Trace of the Hessian; estimated with its standard error."),
    "negative": Column("λ < 0", "Share of negative eigenvalues.", 0.0, 1.0, rough=True),
    "zero": Column("λ ≈ 0", "Share of eigenvalues that count as zero.", 0.0, 1.0, rough=True),
    "positive": Column("λ > 0", "Share of positive eigenvalues.", 0.0, 1.0, rough=True),
    "effective_rank": Column("eff. rank", "Effective rank: exp of the entropy of |λ| / Σ|λ|.", 0.0, rough=True),
    "keskar": Column(
        "Keskar, %", "The largest rise of the loss found in a box of ε (|θ| + 1), 100 Δ / (1 + loss).", 0.0
    ),
    "sam": Column("SAM", "Rise of the loss after a step of length ρ along the gradient."),
    "saturation": Column("saturation", "Mean over hidden units, by the activation's own measure.", 0.0),
    "flat": Column("|f′| < 0.1", "Share of hidden units' derivatives below 0.1 in size.", 0.0, 1.0),
    "dead": Column("dead", "Share of hidden units whose derivative is 0 on all patterns.", 0.0, 1.0),
}
HIDDEN = (
    *(f"{name}_{end}" for name in COLUMNS for end in ("low", "high")),
    "trace_error", "curvature", "dataset", "network",
)  # fmt: skip


def columns() -> list[dict]:
    """What the grid must know of its columns: those hidden are for the file."""
    first = [
        {"field": "activation", "headerName": "column", "pinned": "left", "width": 112},
        {"field": "seeds", "headerName": "seeds", "width": 90, "headerTooltip": "One seed, or the mean over several."},
    ]
    rest = [number_column(name, column.heading, column.note) for name, column in COLUMNS.items()]
    return first + rest + [hidden_column(name) for name in HIDDEN]


def rows(results: Iterable[tuple[Side, ReplicatesResult]], view: View) -> list[dict]:
    """Two rows a column of the page: the first seed alone, and the mean with its 95 % interval."""
    found = []
    for side, result in results:
        problem = result.spec.problem
        start = {
            "activation": side.label, "hue": side.hue,
            "curvature": result.method, "dataset": problem.dataset, "network": problem.architecture,
        }  # fmt: skip
        name = side.name
        found.append({**start, "id": f"{name} one", "seeds": f"seed {int(result.seed[0])}", **_one(result)})
        if len(result.seed) > 1:
            found.append({**start, "id": f"{name} mean", "seeds": _count(result), **_mean(result)})
    return found


def _count(result: ReplicatesResult) -> str:
    """How many seeds the mean is over: those whose training did not diverge."""
    ended, count = int(np.isfinite(result.train_loss).sum()), len(result.seed)
    return f"{count} seeds" if ended == count else f"{ended} of {count} seeds"


def _one(result: ReplicatesResult) -> dict:
    values, texts = {}, {}
    for name, column in COLUMNS.items():
        value = float(getattr(result, name)[0])
        values[name], texts[name] = cell(value), _sign(result, column, value) + column.text(value)
    error = float(result.trace_error[0])
    if error > 0:
        texts["trace"] += f" ± {digits(error, 2)}"
    return {**values, "trace_error": cell(error), "texts": texts}


def _mean(result: ReplicatesResult) -> dict:
    values: dict[str, float | None] = {}
    texts = {}
    for name, column in COLUMNS.items():
        found = interval(getattr(result, name))
        low, high = max(found.low, column.low), min(found.high, column.high)  # NaN stays: it is the first argument
        values |= {name: cell(found.mean), f"{name}_low": cell(low), f"{name}_high": cell(high)}
        texts[name] = _sign(result, column, found.mean) + column.text(found.mean)
        if found.count > 1:
            texts[name] += f" [{column.text(low)}, {column.text(high)}]".replace(" %", "")
    return {**values, "texts": texts}


def _sign(result: ReplicatesResult, column: Column, value: float) -> str:
    """≈ before what comes from an estimated density."""
    return "≈ " if column.rough and result.method == "estimated" and np.isfinite(value) else ""


TABLE = Table(
    columns,
    rows,
    "The first line of a column is the page's own seed, its trace ± standard error where it is estimated; the "
    "second the mean over seeds with its 95 % interval (Student's t, cut at what is possible). ≈ stands before "
    "what an estimated density gives roughly. A click on a heading sorts; the file CSV holds all digits.",
    early=True,
)
