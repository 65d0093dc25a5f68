"""FORMATS: an answer as a file. The bytes hold the numbers of the answer, whole and unrounded."""

import dataclasses
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.io

from lossatlas.app.export.animation import animated
from lossatlas.app.figures.shared.parts import wrapped
from lossatlas.app.look.view import View
from lossatlas.app.panels import PANELS
from lossatlas.app.state.sentences import data_and_question, question_told
from lossatlas.app.stream.pictures import draw
from lossatlas.compute.analyses.table import name_of
from lossatlas.compute.spec.names import nearest
from lossatlas.compute.spec.options import BadSpec, flat, to_query
from lossatlas.compute.spec.results import pack, to_arrays

MOST_ROWS = 200  # of a table on the page
LETTERS, LINE = 110, 18  # of a line above a figure that stands alone, and its height in px
LARGEST_JSON = 10_000_000  # bytes of arrays; as text they are about four times as large


@dataclass(frozen=True)
class Format:
    """`write(result)` gives the file's bytes."""

    write: Callable[..., bytes]
    mime: str
    note: str


def frame(result: Any) -> pd.DataFrame:
    """Columns of equal length: a row a grid point, a line point or a recorded step, or the answer's own table."""
    if hasattr(result, "table"):
        return pd.DataFrame(result.table)
    arrays = to_arrays(result)
    if "loss" in arrays and arrays["loss"].ndim == 2:
        return _grid_frame(arrays)
    columns = {name: array for name, array in arrays.items() if array.ndim == 1 and array.dtype.kind in "fi"}
    length = len(arrays[next(name for name in ("axis", "step", "extent") if name in arrays)]) if columns else 0
    kept = {name: array for name, array in columns.items() if len(array) == length and name not in ("theta", "u")}
    return pd.DataFrame(kept)


def as_csv(result: Any) -> bytes:
    """The whole table, below a line after # that says what was asked."""
    return f"# {data_and_question(result.spec)}\n{frame(result).to_csv(index=False)}".encode()


def as_rows(result: Any) -> bytes:
    """The head of the same table, for a page: columns, at most MOST_ROWS rows, null where there is no number, and how
    many rows there are in all.
    """
    whole = frame(result)
    columns = [[_known(value) for value in whole[name].to_numpy()[:MOST_ROWS]] for name in whole]
    rows = list(zip(*columns, strict=True))
    return json.dumps({"columns": list(whole.columns), "rows": rows, "count": len(whole)}, allow_nan=False).encode()


def _known(value: object) -> object:
    """A number or a text as JSON knows it, with the digits of its own precision as in the csv."""
    if isinstance(value, np.floating):
        return float(str(value)) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _grid_frame(arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    a, b = np.meshgrid(arrays["a"], arrays["b"], indexing="ij")
    grids = {name: array for name, array in arrays.items() if array.shape == a.shape}
    return pd.DataFrame({"a": a.ravel(), "b": b.ravel()} | {name: grid.ravel() for name, grid in grids.items()})


def as_json(result: Any) -> bytes:
    """Every field as lists and texts; NaN and infinity as null.

    Raises:
        BadSpec: so many numbers that the text would be many times as large as the .npz.
    """
    size = sum(array.nbytes for array in to_arrays(result).values())
    if size > LARGEST_JSON:
        raise BadSpec(
            f"json is for answers up to {LARGEST_JSON / 1e6:.0f} MB; this has {size / 1e6:.0f} MB. Choose npz."
        )
    fields = {
        item.name: flat(value) if dataclasses.is_dataclass(value) else _plain(value)
        for item in dataclasses.fields(result)
        for value in [getattr(result, item.name)]
    }
    told = {"analysis": name_of(result.spec), "question": to_query(result.spec), "says": data_and_question(result.spec)}
    return json.dumps(told | fields).encode()


def _plain(value: object) -> object:
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return (
            np.where(np.isfinite(array), array, np.nan).astype(object).tolist()
            if np.isfinite(array).all()
            else (
                pd.Series(array.ravel())
                .astype(object)
                .where(np.isfinite(array.ravel()), None)
                .to_numpy()
                .reshape(array.shape)
                .tolist()
            )
        )
    return array.tolist()


def as_html(result: Any) -> bytes:
    """A page of its own with the interactive figure in it, plotly included, that opens without a network."""
    caption = PANELS[name_of(result.spec)].picture.caption(result, View(theme="light"))
    title = wrapped(f"{question_told(result.spec)} {caption}", LETTERS)
    above = 36 + LINE * (1 + title.count("<br>"))
    figure = draw(result).update_layout(title={"text": title, "font": {"size": 14}}, margin={"t": above, "b": 50})
    buffer = io.StringIO()
    plotly.io.write_html(
        animated(figure), buffer, include_plotlyjs=True, config={"displaylogo": False}, auto_play=False
    )
    return buffer.getvalue().encode()


FORMATS = {
    "npz": Format(pack, "application/octet-stream", "numpy arrays, every field of the answer"),
    "csv": Format(
        as_csv, "text/csv; charset=utf-8", "a row for each point or step, below a line after # that says what was asked"
    ),
    "json": Format(as_json, "application/json", "every field, NaN as null"),
    "rows": Format(as_rows, "application/json", "the first rows of the csv, for the page"),
    "html": Format(as_html, "text/html; charset=utf-8", "the interactive figure, self-contained"),
}


def format_of(name: str) -> Format:
    """The format called by a file's ending.

    Raises:
        BadSpec: no such format.
    """
    if name not in FORMATS:
        raise BadSpec(f"There is no format called {name[:60]!r}.{nearest(name, FORMATS)}")
    return FORMATS[name]


def check_drawable(spec: object, ending: str) -> None:
    """Raises BadSpec if an answer to `spec` has no figure and one is asked for."""
    if ending == "html" and name_of(spec) not in PANELS:
        raise BadSpec(f"{name_of(spec)} has no figure, so it cannot be written as html. Choose npz, csv or json.")
