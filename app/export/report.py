"""The reproduction as one HTML page that needs nothing beside it: claims, clouds, tables, settings, how it was made."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.io

from lossatlas.app.export.report_tables import HEAD, TABLES, as_csv, as_latex, tables_of, texts
from lossatlas.app.export.standalone import asset, packed_plotly, script
from lossatlas.app.figures import multiples
from lossatlas.app.layout.bar import page
from lossatlas.app.look.markup import quoted
from lossatlas.compute.analyses.table import canonical
from lossatlas.compute.numerics.classes import AUTHORS, RULES
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.problem.sources import dataset_of, datasets
from lossatlas.compute.spec.options import to_query
from lossatlas.compute.study.claims import CLAIMS, Finding, told
from lossatlas.compute.study.design import DESIGNS, SPLITS, Row, splits_of

SCRIPT = "pages/report.mjs"


@dataclass(frozen=True)
class Made:
    """How the report was made: rows of a table, as (what, which)."""

    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class File:
    """A table to be kept; `address` holds it."""

    name: str
    ending: str
    address: str


@dataclass(frozen=True)
class Table:
    """A table of one data set as it is read; the first `heads` of a line say what it is of."""

    title: str
    files: tuple[File, ...]
    head: list[str]
    lines: list[list[str]]
    heads: int = len(HEAD)


@dataclass(frozen=True)
class Part:
    """What is said of one data set."""

    name: str
    label: str
    note: str
    problem: Problem
    caption: str
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Verdict:
    """A line of the first table: what became of a claim on each data set, None where it says nothing."""

    claim: str
    rule: str
    found: tuple[Finding | None, ...]


def write(rows: Sequence[Row], found: Sequence[Finding], made: Made) -> str:
    """The page as a file."""
    return page("report.html", colours=asset("colours.css"), **content(rows, found, made))


def content(rows: Sequence[Row], found: Sequence[Finding], made: Made) -> dict[str, Any]:
    """What templates/findings.html and figures.html speak of."""
    of = {name: [row for row in rows if row.spec.problem.dataset == name] for name in _datasets(rows)}
    return {
        "rules": RULES,
        "authors": AUTHORS,
        "splits": SPLITS,
        "claims": CLAIMS,
        "labels": {name: entry.label for name, entry in datasets().items()},
        "verdicts": _verdicts(found, list(of)),
        "counts": _counts,
        "found_of": {name: [one for one in found if one.claim == name] for name in CLAIMS},
        "compared": _compared,
        "datasets": [_part(name, mine) for name, mine in of.items()],
        "legend": multiples.legend(),
        "settings": [(to_query(canonical(row.spec)), _texts(row)) for row in rows],
        "notes": list(dict.fromkeys(note for row in rows for note in row.notes)),
        "made": made.facts,
        "figures": quoted({name: _figure(mine) for name, mine in of.items()}),
        "plotly": packed_plotly(),
        "script": script(SCRIPT),
    }


def _datasets(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.spec.problem.dataset for row in rows))


def _verdicts(found: Sequence[Finding], datasets: Sequence[str]) -> list[Verdict]:
    by = {(one.claim, one.rule, one.dataset): one for one in found}
    asked = dict.fromkeys((one.claim, one.rule) for one in found)
    return [Verdict(name, rule, tuple(by.get((name, rule, part)) for part in datasets)) for name, rule in asked]


def _counts(one: Finding) -> str:
    above = sum(c.estimate.low > 0 for c in one.comparisons)
    below = sum(c.estimate.high < 0 for c in one.comparisons)
    return f"{above} above 0, {below} below, of {len(one.comparisons)}"


def _compared(one: Finding) -> list[tuple[str, str, str]]:
    """Where, what, and the number with its interval."""
    return [(c.place, c.measured, told(c.estimate)) for c in one.comparisons]


def _figure(rows: list[Row]) -> dict:
    """A figure for plotly, the colours of its dots under the authors' rule in place, and those of every rule."""
    figure = multiples.figure(rows, AUTHORS)
    shades = {rule: [_bytes(multiples.colours(row, rule)) for row in rows] for rule in RULES}
    return {"figure": json.loads(plotly.io.to_json(figure)), "rules": shades}


def _bytes(values: np.ndarray) -> dict:
    return {"dtype": "i1", "bdata": base64.b64encode(values.tobytes()).decode()}


def _part(name: str, rows: list[Row]) -> Part:
    tables = tuple(_table(name, rows, table) for table in tables_of(rows))
    label, note = dataset_of(name).label, DESIGNS[name].note
    return Part(name, label, note, rows[0].spec.problem, multiples.caption(rows), tables)


def _table(name: str, rows: list[Row], table: str) -> Table:
    files = tuple(
        File(f"{name}-{table}.{ending}", ending, _link(mime, text))
        for ending, mime, text in (
            ("csv", "text/csv", as_csv(rows, table)), ("tex", "text/x-tex", as_latex(rows, table)),
        )
    )  # fmt: skip
    head, *lines = texts(rows, table)
    return Table(TABLES[table][0], files, head, lines)


def _link(mime: str, text: str) -> str:
    return f"data:{mime};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def _texts(row: Row) -> tuple[str, ...]:
    walk = row.spec.walking
    stored = f"{row.parts} ({row.stored})" if row.stored else str(row.parts)
    return (
        f"{walk.walks:,}", str(splits_of(row.spec.problem)), f"{walk.walk_steps:,}", str(walk.walk_seed),
        f"{row.whole('classified'):,}",
        f"{row.seconds:.1f}", stored, " ".join(row.warnings),
    )  # fmt: skip
