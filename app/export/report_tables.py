"""Tables of the reproduction: a row for each activation, range and step size; as texts, CSV and LaTeX."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lossatlas.compute.numerics.classes import AUTHORS, EXACT, NAMES, ROBUST, ROUTES, RULES
from lossatlas.compute.numerics.intervals import interval
from lossatlas.compute.numerics.stagnation import COUNTERS
from lossatlas.compute.study.design import SPLITS, Row, pace

DASH = "–"  # a number that there is not


def _mean(row: Row, name: str) -> str:
    value, sd = row.number(f"{name}.mean"), row.number(f"{name}.sd")
    return DASH if math.isnan(value) else f"{value:.4g} ({sd:.2g})" if sd < 99.5 else f"{value:.4g} ({sd:.4g})"


def _share(row: Row, name: str) -> str:
    share, low, high = (row.number(f"{name}.{end}") for end in ("share", "low", "high"))
    return DASH if math.isnan(share) else f"{share:.3f} [{low:.3f}, {high:.3f}]"


def _rounded(row: Row, name: str) -> str:
    """A share under the authors' rule, and the least and largest by every order of weights and solver."""
    if math.isnan(own := row.number(f"shares.{AUTHORS}.{name}.share")):
        return DASH
    ways = [own, *(row.number(f"routes.{route}.{name}.share") for route in (*ROUTES, EXACT))]
    return f"{_share(row, f'shares.{AUTHORS}.{name}')} ({min(ways):.3f} to {max(ways):.3f})"


def _over_splits(row: Row, name: str) -> str:
    found = interval(row.by_split(name))
    return DASH if math.isnan(found.mean) else f"{found.mean:.4g} [{found.low:.4g}, {found.high:.4g}]"


def _plain(row: Row, name: str) -> str:
    return DASH if math.isnan(value := row.number(name)) else f"{value:.4g}"


def _r(row: Row, name: str) -> str:
    r, low, high = (row.number(f"{name}.{end}") for end in ("r", "low", "high"))
    return DASH if math.isnan(r) else f"{r:.2f} [{low:.2f}, {high:.2f}]"


def _count(row: Row, name: str) -> str:
    return f"{row.whole(name):,}"


@dataclass(frozen=True)
class Column:
    """`text(row, name)` is what is read; a CSV has the numbers `name` + each of `ends`."""

    label: str
    name: str
    text: Callable[[Row, str], str]
    ends: tuple[str, ...]


def _means(label: str, name: str) -> Column:
    return Column(label, name, _mean, (".mean", ".sd", ".count"))


def _shares(label: str, name: str) -> Column:
    return Column(label, name, _share, (".share", ".low", ".high"))


SHORT = {"authors": "authors’ counter", "reset": "corrected"}
TABLES = {
    "walks": (
        "Walks: stagnation, and errors at their end. Mean (sd) over walks.",
        (
            Column("walks", "walks", _count, ("",)),
            Column("overflowed", "broken", _count, ("",)),
            *(_means(f"n_stag, {SHORT[name]}", f"runs.{name}") for name in COUNTERS),
            *(_means(f"l_stag, {SHORT[name]}", f"length.{name}") for name in COUNTERS),
            _means("E_t at the end", "last.loss"),
            _means("E_g at the end", "last.test_loss"),
        ),
    ),
    "splits": (
        "E_g at the end of the walks, the mean of each split of the data, and over splits with Student’s 95 % "
        "interval: it covers split and walks.",
        (
            Column("over splits", "test_loss", _over_splits, ()),
            *(Column(f"split {n}", f"split.{n}.test_loss", _plain, ("",)) for n in range(SPLITS)),
        ),
    ),
    "curvature": (
        "Curvature of the classified points, with 95 % intervals over walks, or over splits where the data are split: "
        "these cover both. First what rounding does not decide; last the authors’ rule, with the least and largest "
        "share over orders of weights and solvers in round brackets.",
        (
            Column("classified", "classified", _count, ("",)),
            *(_shares(f"a negative eigenvalue, {RULES[rule].label}", f"negative.{rule}") for rule in (ROBUST, "full")),
            *(_shares(f"{name}, {RULES['full'].label}", f"shares.full.{name}") for name in NAMES),
            *(Column(f"{name}, {RULES[AUTHORS].label}", name, _rounded, ()) for name in NAMES),
        ),
    ),
    "rounding": (
        "The same float32 blocks under the authors’ rule, by other orders of weights and solvers: shares that differ "
        "by rounding alone, with intervals as above.",
        (
            *(_shares(f"{name}, as the authors", f"shares.{AUTHORS}.{name}") for name in NAMES),
            *(
                _shares(f"{name}, {label}", f"routes.{route}.{name}")
                for route, label in {**{key: way.label for key, way in ROUTES.items()}, EXACT: EXACT}.items()
                for name in NAMES
            ),
        ),
    ),
    "saturation": (
        "Saturation, mean (sd) over walks, and how it goes with the width of valleys: Pearson’s r of log gradient norm "
        "and saturation among the tenth of points with the least loss, with 95 % intervals over draws of walks, or of "
        "splits.",
        (
            _means("saturation", "whole.saturation"),
            _means("at the end", "last.saturation"),
            Column("r", "valleys.plain", _r, (".r", ".low", ".high")),
            Column("r at equal loss", "valleys.partial", _r, (".r", ".low", ".high")),
        ),
    ),
}
HEAD = ("activation", "range", "step")


def tables_of(rows: Sequence[Row]) -> list[str]:
    """Those that hold a number of these rows: of data that are not split there is no table of splits."""
    return [
        name for name, (_, columns) in TABLES.items()
        if any(column.text(row, column.name) != DASH for row in rows for column in columns)
    ]  # fmt: skip


def _place(row: Row) -> tuple[str, str, str]:
    return row.spec.problem.activation, f"±{row.spec.walking.walk_range:g}", pace(row.spec)


def texts(rows: Sequence[Row], table: str) -> list[list[str]]:
    """The head and a line for each row, as they are read."""
    columns = TABLES[table][1]
    lines = [[*_place(row), *(column.text(row, column.name) for column in columns)] for row in rows]
    return [[*HEAD, *(column.label for column in columns)], *lines]


def as_csv(rows: Sequence[Row], table: str) -> str:
    """Every number unrounded, under its name; empty where there is none."""
    names = [column.name + end for column in TABLES[table][1] for end in column.ends]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["dataset", *HEAD, *names])
    for row in rows:
        numbers = (row.number(name) for name in names)
        writer.writerow(
            [row.spec.problem.dataset, *_place(row), *("" if math.isnan(one) else repr(one) for one in numbers)]
        )
    return out.getvalue()


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "±": r"$\pm$", "–": "--",
    "’": "'",
}  # fmt: skip


def as_latex(rows: Sequence[Row], table: str) -> str:
    r"""A `tabular` for \usepackage{booktabs}."""
    head, *lines = texts(rows, table)
    body = [" & ".join(map(_escaped, line)) + r" \\" for line in lines]
    width = "l" * len(HEAD) + "r" * (len(head) - len(HEAD))
    return "\n".join(
        [
            "% " + TABLES[table][0],
            rf"\begin{{tabular}}{{{width}}}",
            r"\toprule",
            " & ".join(map(_escaped, head)) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _escaped(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)
