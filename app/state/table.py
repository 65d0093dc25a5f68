"""TABLES: the tables across columns, by the panel whose answers they sum up; of seeds, and of clouds."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossatlas.app.figures.cloud import correlated, with_interval
from lossatlas.app.figures.shared.points import tolerance
from lossatlas.app.look.columns import Column as Side
from lossatlas.app.look.view import View
from lossatlas.app.state.headline import digits, percent
from lossatlas.compute.analyses.summaries import LOW, mean_of, over_steps, shares, valleys, without_gradient
from lossatlas.compute.numerics.classes import NAMES
from lossatlas.compute.numerics.intervals import Correlation, interval
from lossatlas.compute.numerics.stagnation import COUNTERS


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


def seed_columns() -> list[dict]:
    """What the grid must know of its columns: those hidden are for the file."""
    first = [
        {"field": "activation", "headerName": "column", "pinned": "left", "width": 112},
        {"field": "seeds", "headerName": "seeds", "width": 90, "headerTooltip": "One seed, or the mean over several."},
    ]
    rest = [_shown(name, column.heading, column.note) for name, column in COLUMNS.items()]
    return first + rest + [{"field": name, "headerName": name.replace("_", " "), "hide": True} for name in HIDDEN]


def _shown(name: str, heading: str, note: str) -> dict:
    return {
        "field": name, "headerName": heading, "headerTooltip": note, "type": "rightAligned", "width": 150,
        "valueFormatter": {"function": "params.value == null ? '–' : params.data.texts[params.colDef.field]"},
    }  # fmt: skip


def seed_rows(results: Iterable[tuple[Side, Any]], view: View) -> list[dict]:
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


def _count(result) -> str:
    """How many seeds the mean is over: those whose training did not diverge."""
    ended, count = int(np.isfinite(result.train_loss).sum()), len(result.seed)
    return f"{count} seeds" if ended == count else f"{ended} of {count} seeds"


def _cell(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _one(result) -> dict:
    values, texts = {}, {}
    for name, column in COLUMNS.items():
        value = float(getattr(result, name)[0])
        values[name], texts[name] = _cell(value), _sign(result, column, value) + column.text(value)
    error = float(result.trace_error[0])
    if error > 0:
        texts["trace"] += f" ± {digits(error, 2)}"
    return {**values, "trace_error": _cell(error), "texts": texts}


def _mean(result) -> dict:
    values: dict[str, float | None] = {}
    texts = {}
    for name, column in COLUMNS.items():
        found = interval(getattr(result, name))
        low, high = max(found.low, column.low), min(found.high, column.high)  # NaN stays: it is the first argument
        values |= {name: _cell(found.mean), f"{name}_low": _cell(low), f"{name}_high": _cell(high)}
        texts[name] = _sign(result, column, found.mean) + column.text(found.mean)
        if found.count > 1:
            texts[name] += f" [{column.text(low)}, {column.text(high)}]".replace(" %", "")
    return {**values, "texts": texts}


def _sign(result, column: Column, value: float) -> str:
    """≈ before what comes from an estimated density."""
    return "≈ " if column.rough and result.method == "estimated" and np.isfinite(value) else ""


# ---------------------------------------------------------------------------------------------- clouds

CLOUD_COLUMNS = {
    "runs_authors": ("n stag", "Stagnant stretches of a walk, by the study's counter, which runs on over short ones."),
    "length_authors": ("l stag", "Their mean length in steps, by the study's counter."),
    "runs_reset": ("n, corrected", "Stagnant stretches, by a counter that begins anew with each."),
    "length_reset": ("l, corrected", "Their mean length in steps, by a counter that begins anew with each."),
    "loss": ("E_t at end", "Training loss at the end of the walks."),
    "test_loss": ("E_g at end", "Test loss at the end of the walks."),
    "convex": ("convex", "Share of classified points, by the rule chosen."),
    "saddle": ("saddle", "Share of classified points, by the rule chosen."),
    "singular": ("singular", "Share of classified points, by the rule chosen."),
    "concave": ("concave", "Share of classified points, by the rule chosen."),
    "saturation": ("saturation", "Mean over all visited points, by the activation's own measure."),
    "valleys": (
        "valleys, r",
        f"Pearson's r of log gradient norm and saturation at the {100 * LOW:.0f} % of points of least loss: positive "
        "where narrow valleys go with saturated units.",
    ),
    "valleys_partial": ("r at equal loss", "The same with the logarithm of the loss held fixed."),
    "still": (
        "∇ = 0",
        "Share of visited points whose gradient is exactly 0 in the number format: compare dtype=float64.",
    ),
    "broken": ("overflowed", "Walks that met an infinite or NaN loss or gradient; they are kept."),
}


WITH_INTERVALS = ("valleys", "valleys_partial", "still")  # beside the classes


def cloud_columns() -> list[dict]:
    """What the grid must know of the columns."""
    first = [
        {"field": "activation", "headerName": "column", "pinned": "left", "width": 112},
        {"field": "walks", "headerName": "walks", "width": 90, "headerTooltip": "How many walks each mean is over."},
    ]
    ranged = (*NAMES, *WITH_INTERVALS)
    means = [name for name in CLOUD_COLUMNS if name not in (*ranged, "broken")]
    hidden = (
        *(f"{name}_sd" for name in means), *(f"{name}_{end}" for name in ranged for end in ("low", "high")),
        "dtype", "rule", "tolerance", "dataset", "network", "walk", "seed", "range", "longest_step", "steps", "batch",
    )  # fmt: skip
    return first + [_shown(name, *told) for name, told in CLOUD_COLUMNS.items()] + [
        {"field": name, "headerName": name.replace("_", " "), "hide": True} for name in hidden
    ]  # fmt: skip


def cloud_rows(results: Iterable[tuple[Side, Any]], view: View) -> list[dict]:
    """A row a column of the page: means ± standard deviations over walks, shares with their intervals."""
    return [_of_cloud(side, result, view) for side, result in results]


def _of_cloud(side: Side, result, view: View) -> dict:
    problem, walk = result.spec.problem, result.spec.walking
    means = {
        f"{what}_{counter}": mean_of(values)
        for what in ("runs", "length")
        for counter, values in zip(COUNTERS, getattr(result, what), strict=True)
    }
    means |= {"loss": mean_of(result.loss[:, -1]), "test_loss": mean_of(result.test_loss[:, -1])}
    means["saturation"] = mean_of(over_steps(result.saturation))
    kinds = shares(result, view.rule, tolerance(view)) | {"still": without_gradient(result)}
    found = valleys(result)
    pairs: dict[str, Correlation] = {"valleys": found.plain, "valleys_partial": found.partial}
    values = {name: _cell(mean.mean) for name, mean in means.items()} | {n: _cell(s.share) for n, s in kinds.items()}
    values |= {name: _cell(pair.r) for name, pair in pairs.items()}
    values |= {f"{name}_sd": _cell(mean.sd) for name, mean in means.items()}
    values |= {f"{name}_{end}": _cell(getattr(one, end))
               for name, one in (kinds | pairs).items() for end in ("low", "high")}  # fmt: skip
    texts = {name: f"{digits(mean.mean)} ± {digits(mean.sd, 2)}" if mean.count else "–" for name, mean in means.items()}
    texts |= {name: with_interval(share) for name, share in kinds.items()}
    texts |= {name: correlated(pair) for name, pair in pairs.items()}
    broken = int((result.broken_at >= 0).sum())
    return {
        "id": side.name, "activation": side.label, "hue": side.hue,
        "walks": len(result.loss), "rule": view.rule, "dataset": problem.dataset, "network": problem.architecture,
        "range": walk.walk_range, "longest_step": walk.walk_size, "steps": walk.walk_steps, "batch": walk.walk_batch,
        "walk": walk.walk, "seed": walk.walk_seed, "tolerance": tolerance(view),
        "dtype": result.dtype, **values, "broken": broken, "texts": texts | {"broken": f"{broken:,}"},
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------- which there are


@dataclass(frozen=True)
class Table:
    """`rows(pairs, view)` from the columns of the page and a panel's answers in them, from left to right."""

    columns: Callable[[], list[dict]]
    rows: Callable[..., list[dict]]
    about: str


TABLES = {
    "replicates": Table(
        seed_columns,
        seed_rows,
        "The first line of a column is the page's own seed, its trace ± standard error where it is estimated; the "
        "second the mean over seeds with its 95 % interval (Student's t, cut at what is possible). ≈ stands before "
        "what an estimated density gives roughly. A click on a heading sorts; the file CSV holds all digits.",
    ),
    "cloud": Table(
        cloud_columns,
        cloud_rows,
        "Means over walks ± population standard deviation, as in the study; shares and correlations with 95 % "
        "intervals over walks. A valley is the narrower, the larger the gradient norm is where the loss is low. A "
        "click on a heading sorts; the file CSV holds all digits.",
    ),
}
