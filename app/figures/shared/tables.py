"""Tables across columns: what the grid of the page must know of them, and their rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """`rows(pairs, view)` from the columns of the page and a panel's answers in them, from left to right. An `early`
    one is filled while its answers still come.
    """

    columns: Callable[[], list[dict]]
    rows: Callable[..., list[dict]]
    about: str
    early: bool = False


def number_column(name: str, heading: str, note: str) -> dict:
    """A column of numbers, sorted by them and read as their texts."""
    return {
        "field": name, "headerName": heading, "headerTooltip": note, "type": "rightAligned", "width": 150,
        "valueFormatter": {"function": "params.value == null ? '–' : params.data.texts[params.colDef.field]"},
    }  # fmt: skip


def hidden_column(name: str) -> dict:
    """One that only the file holds."""
    return {"field": name, "headerName": name.replace("_", " "), "hide": True}


def cell(value: float) -> float | None:
    """A number as JSON knows it; None where there is none."""
    return float(value) if np.isfinite(value) else None
