"""The table across activations: for each one the page's own seed, and the mean over seeds with its interval."""

from collections.abc import Iterable

import numpy as np

from app.heads import digits, percent
from app.theme import hue
from compute.activations import ACTIVATIONS
from compute.intervals import interval

COLUMNS = {  # name in the answer -> (heading, whether it is a share, what it is)
    "train_loss": ("train loss", False, "Data term on the training patterns, without the penalty."),
    "test_loss": ("test loss", False, "Data term on the test patterns."),
    "train_accuracy": ("train acc.", True, "Share of training patterns classified right."),
    "test_accuracy": ("test acc.", True, "Share of test patterns classified right."),
    "largest": ("λ max", False, "Largest eigenvalue of the Hessian."),
    "smallest": ("λ min", False, "Smallest eigenvalue of the Hessian."),
    "trace": ("trace", False, "Trace of the Hessian; estimated with its standard error."),
    "negative": ("λ < 0", True, "Share of negative eigenvalues."),
    "zero": ("λ ≈ 0", True, "Share of eigenvalues that count as zero."),
    "positive": ("λ > 0", True, "Share of positive eigenvalues."),
    "effective_rank": ("eff. rank", False, "Effective rank: exp of the entropy of |λ| / Σ|λ|."),
    "keskar": ("Keskar", False, "Keskar's sharpness: the largest rise of the loss found in a box, 100 Δ / (1 + loss)."),
    "sam": ("SAM", False, "Rise of the loss after SAM's step of length ρ along the gradient."),
    "saturation": ("saturation", False, "Mean over hidden units, by the activation's own measure."),
    "flat": ("|f′| < 0.1", True, "Share of hidden units' derivatives below 0.1 in size."),
    "dead": ("dead", True, "Share of hidden units whose derivative is 0 on all patterns."),
}  # fmt: skip


DENSITY = ("negative", "zero", "positive", "effective_rank")


def column_defs() -> list[dict]:
    """What the grid must know of its columns; a cell is {value, text}, sorted by its value."""
    first = [
        {"field": "activation", "headerName": "activation", "pinned": "left", "width": 112},
        {"field": "seeds", "headerName": "seeds", "width": 84, "headerTooltip": "One seed, or the mean over several."},
    ]
    rest = [
        {
            "field": name, "headerName": heading, "headerTooltip": note, "type": "rightAligned", "width": 124,
            "valueFormatter": {"function": "params.value == null ? '–' : params.data.texts[params.colDef.field]"},
        }
        for name, (heading, _, note) in COLUMNS.items()
    ]  # fmt: skip
    ends = [{"field": f"{name}_{end}", "hide": True} for name in COLUMNS for end in ("low", "high")]  # for the CSV
    return first + rest + ends


def rows(results: Iterable) -> list[dict]:
    """Two rows an activation: the first seed alone, and the mean with its 95 % interval."""
    found = []
    for result in results:
        activation = result.spec.problem.activation
        start = {"activation": ACTIVATIONS[activation].label, "hue": hue(activation)}
        found.append({**start, "id": f"{activation} one", "seeds": f"seed {int(result.seed[0])}", **_one(result)})
        if len(result.seed) > 1:
            found.append({**start, "id": f"{activation} mean", "seeds": _count(result), **_mean(result)})
    return found


def _count(result) -> str:
    """How many seeds the mean is over: those whose training did not diverge."""
    ended, count = int(np.isfinite(result.train_loss).sum()), len(result.seed)
    return f"{count} seeds" if ended == count else f"{ended} of {count} seeds"


def _cell(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _one(result) -> dict:
    values, texts = {}, {}
    for name, (_, share, _) in COLUMNS.items():
        value = float(getattr(result, name)[0])
        values[name], texts[name] = _cell(value), _rough(result, name) + _text(value, share)
    if result.trace_error[0] > 0:
        texts["trace"] += f" ± {digits(float(result.trace_error[0]), 2)}"
    return {**values, "texts": texts}


def _mean(result) -> dict:
    values: dict[str, float | None] = {}
    texts = {}
    for name, (_, share, _) in COLUMNS.items():
        found = interval(getattr(result, name))
        mean, low, high = found.mean, found.low, found.high
        values |= {name: _cell(mean), f"{name}_low": _cell(low), f"{name}_high": _cell(high)}
        texts[name] = _rough(result, name) + _text(mean, share)
        if found.count > 1:
            texts[name] += f" ± {percent((high - low) / 2) if share else digits((high - low) / 2, 2)}"
    return {**values, "texts": texts}


def _rough(result, name: str) -> str:
    """A sign before what comes from an estimated density."""
    return "≈ " if result.method == "estimated" and name in DENSITY and np.isfinite(getattr(result, name)).any() else ""


def _text(value: float, share: bool) -> str:
    return percent(value) if share else digits(value)
