"""The table of clouds: of each column its stagnation, losses, classes and valleys."""

import math
from collections.abc import Iterable

from lossatlas.app.figures.cloud import correlated, told_shares, with_interval
from lossatlas.app.figures.shared.points import rounded, tolerance
from lossatlas.app.figures.shared.tables import Table, cell, hidden_column, number_column
from lossatlas.app.look.columns import Column as Side
from lossatlas.app.look.ticks import digits
from lossatlas.app.look.view import View
from lossatlas.compute.analyses.clouds import CloudResult
from lossatlas.compute.analyses.summaries import (
    LOW,
    by_counter,
    mean_of,
    negative,
    over_steps,
    relied,
    shares,
    valleys,
    without_gradient,
)
from lossatlas.compute.numerics.classes import NAMES
from lossatlas.compute.numerics.intervals import Correlation

CLASS = (
    "Share of classified points, by the rule chosen; under the authors' rule in round brackets the least and largest "
    "by other orders of weights and solvers, which differ by rounding alone."
)
COLUMNS = {
    "runs_authors": ("n stag", "Stagnant stretches of a walk, by the study's counter, which runs on over short ones."),
    "length_authors": ("l stag", "Their mean length in steps, by the study's counter."),
    "runs_reset": ("n, corrected", "Stagnant stretches, by a counter that begins anew with each."),
    "length_reset": ("l, corrected", "Their mean length in steps, by a counter that begins anew with each."),
    "loss": ("E_t at end", "Training loss at the end of the walks."),
    "test_loss": ("E_g at end", "Test loss at the end of the walks."),
    "negative": (
        "λ < 0",
        "Share of classified points with a negative eigenvalue beyond the tolerance of the rule chosen; for the "
        "authors' rule beyond 1e-6 of the largest in float64, which rounding does not decide.",
    ),
    "convex": ("convex", CLASS),
    "saddle": ("saddle", CLASS),
    "singular": ("singular", CLASS),
    "concave": ("concave", CLASS),
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


ROUNDED = ("least", "most")  # by order of weights and solver
WITH_INTERVALS = ("negative", "valleys", "valleys_partial", "still")  # beside the classes


def columns() -> list[dict]:
    """What the grid must know of the columns."""
    first = [
        {"field": "activation", "headerName": "column", "pinned": "left", "width": 112},
        {"field": "walks", "headerName": "walks", "width": 90, "headerTooltip": "How many walks each mean is over."},
    ]
    ranged = (*NAMES, *WITH_INTERVALS)
    means = [name for name in COLUMNS if name not in (*ranged, "broken")]
    hidden = (
        *(f"{name}_sd" for name in means), *(f"{name}_{end}" for name in ranged for end in ("low", "high")),
        *(f"{name}_{end}" for name in NAMES for end in ROUNDED),
        "dtype", "rule", "tolerance", "dataset", "network", "walk", "seed", "range", "longest_step", "steps", "batch",
    )  # fmt: skip
    shown = [number_column(name, *told) for name, told in COLUMNS.items()]
    return [*first, *shown, *(hidden_column(name) for name in hidden)]


def rows(results: Iterable[tuple[Side, CloudResult]], view: View) -> list[dict]:
    """A row a column of the page: means ± standard deviations over walks, shares with their intervals."""
    return [_row(side, result, view) for side, result in results]


def _row(side: Side, result: CloudResult, view: View) -> dict:
    problem, walk = result.spec.problem, result.spec.walking
    means = {
        f"{what}_{counter}": mean
        for what in ("runs", "length")
        for counter, mean in by_counter(getattr(result, what)).items()
    }
    means |= {"loss": mean_of(result.loss[:, -1]), "test_loss": mean_of(result.test_loss[:, -1])}
    means["saturation"] = mean_of(over_steps(result.saturation))
    kinds = shares(result, view.rule, tolerance(view)) | {"still": without_gradient(result)}
    kinds["negative"] = negative(result, *relied(view.rule, tolerance(view)))
    found = valleys(result)
    pairs: dict[str, Correlation] = {"valleys": found.plain, "valleys_partial": found.partial}
    values = {name: cell(mean.mean) for name, mean in means.items()} | {n: cell(s.share) for n, s in kinds.items()}
    values |= {name: cell(pair.r) for name, pair in pairs.items()}
    values |= {f"{name}_sd": cell(mean.sd) for name, mean in means.items()}
    values |= {f"{name}_{end}": cell(getattr(one, end))
               for name, one in (kinds | pairs).items() for end in ("low", "high")}  # fmt: skip
    ends = dict.fromkeys(NAMES, (math.nan, math.nan)) | rounded(result, view)
    values |= {f"{name}_{end}": cell(share) for name in NAMES
               for end, share in zip(ROUNDED, ends[name], strict=True)}  # fmt: skip
    texts = {name: f"{digits(mean.mean)} ± {digits(mean.sd, 2)}" if mean.count else "–" for name, mean in means.items()}
    texts |= {name: with_interval(share) for name, share in kinds.items()} | told_shares(result, view)
    texts |= {name: correlated(pair) for name, pair in pairs.items()}
    broken = int((result.broken_at >= 0).sum())
    return {
        "id": side.name, "activation": side.label, "hue": side.hue,
        "walks": len(result.loss), "rule": view.rule, "dataset": problem.dataset, "network": problem.architecture,
        "range": walk.walk_range, "longest_step": walk.walk_size, "steps": walk.walk_steps, "batch": walk.walk_batch,
        "walk": walk.walk, "seed": walk.walk_seed, "tolerance": tolerance(view),
        "dtype": result.dtype, **values, "broken": broken, "texts": texts | {"broken": f"{broken:,}"},
    }  # fmt: skip


TABLE = Table(
    columns,
    rows,
    "Means over walks ± population standard deviation, as in the study; shares and correlations with 95 % "
    "intervals over walks. A valley is the narrower, the larger the gradient norm is where the loss is low. A "
    "click on a heading sorts; the file CSV holds all digits.",
)
