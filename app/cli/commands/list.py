"""`lossatlas list`: what there is to choose from, read from the registries; with --markdown as docs/registries.md."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from lossatlas.compute.analyses.table import ANALYSES, every_option
from lossatlas.compute.problem.activations import ACTIVATIONS, Activation
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.optimisers import OPTIMISERS
from lossatlas.compute.problem.schedules import SCHEDULES
from lossatlas.compute.problem.sources import datasets
from lossatlas.compute.spec.names import meaning
from lossatlas.compute.spec.options import text


@dataclass(frozen=True)
class Table:
    """A registry, and what its table in docs says of each entry, by the column's heading."""

    heading: str
    entries: Mapping[str, Any]
    columns: dict[str, Callable[[Any], str]]
    below: str = ""


def _range(entry: Activation) -> str:
    return " … ".join(f"{bound:.4g}".replace("inf", "∞").replace("-", "−") for bound in (entry.low, entry.high))


def _also(entry: Any) -> str:
    return ", ".join(f"`{name}`" for name in entry.also) or "–"


TABLES = {
    "activations": Table(
        "Activations",
        ACTIVATIONS,
        {
            "range": _range,
            "smoothness": lambda entry: entry.smoothness,
            "parameter": lambda entry: entry.parameter or "–",
            "derivative vanishes": lambda entry: entry.flat,
            "also called": _also,
            "source": lambda entry: entry.source,
        },
        "Facts are those for the default parameter; pictures state those for the parameter asked for: leaky ReLU with "
        "slope 0 is ReLU, ELU with α ≠ 1 has a kink at 0.",
    ),
    "datasets": Table(
        "Data sets",
        datasets(),
        {
            "patterns × inputs": lambda entry: f"{entry.size:,} × {entry.inputs}",
            "classes": lambda entry: str(entry.classes or "regression"),
            "scaling": lambda entry: entry.scaling,
            "also called": _also,
            "source": lambda entry: entry.source,
            "licence": lambda entry: entry.licence,
        },
        "A part of the patterns (20 % unless asked otherwise) is kept for testing; scaling and imputation are fitted "
        "on the training part only. A set without a test part says so.",
    ),
    "losses": Table(
        "Losses",
        CRITERIA,
        {"what it is": meaning, "also called": _also, "source": lambda entry: entry.source},
        "An L2 penalty λ‖θ‖² can be added to each; it is computed and shown apart.",
    ),
    "optimisers": Table(
        "Optimisers",
        OPTIMISERS,
        {
            "what it does": meaning,
            "options": lambda entry: ", ".join(f"`{name}`" for name in entry.options) or "–",
            "also called": _also,
            "source": lambda entry: entry.source,
        },
    ),
    "schedules": Table(
        "Schedules of the learning rate",
        SCHEDULES,
        {"what it is": meaning, "also called": _also, "source": lambda entry: entry.source},
    ),
    "analyses": Table("Analyses", ANALYSES, {"what it answers": meaning}),
    "options": Table(
        "Options of a question",
        every_option(),
        {"default": lambda entry: f"`{text(entry.default)}`", "what it is": meaning, "also called": _also},
        "Another name is no way to ask: it is answered with the one here.",
    ),
}


@click.command()
@click.argument("table", required=False, type=click.Choice(list(TABLES)))
@click.option("--markdown", is_flag=True, help="Tables with every fact, as docs/registries.md holds them.")
def command(table: str | None, markdown: bool) -> None:
    """List activations, data sets, losses, optimisers, schedules, analyses and options, or one of these tables."""
    if markdown:
        click.echo("# What there is\n\nMade by `lossatlas list --markdown`, from the registries of the program.")
    for name in [table] if table else TABLES:
        click.echo(_markdown(TABLES[name]) if markdown else _lines(name, TABLES[name]))


def _lines(name: str, table: Table) -> str:
    rows = [f"  {key:24} {entry.label} – {meaning(entry)}" for key, entry in table.entries.items()]
    return "\n".join([f"{name}:", *rows])


def _markdown(table: Table) -> str:
    head = ["name", "label", *table.columns]
    rows = [
        [f"`{name}`", entry.label, *(read(entry) for read in table.columns.values())]
        for name, entry in table.entries.items()
    ]
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    below = f"\n\n{table.below}" if table.below else ""
    return f"\n## {table.heading}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + below
