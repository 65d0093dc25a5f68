"""`lossatlas list`: what there is to choose from, read from the registries."""

from collections.abc import Mapping
from typing import Any

import click

from lossatlas.compute.analyses.table import ANALYSES
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.sources import datasets

TABLES: dict[str, Mapping[str, Any]] = {
    "activations": ACTIVATIONS,
    "datasets": datasets(),
    "losses": CRITERIA,
    "analyses": ANALYSES,
}


@click.command()
@click.argument("table", required=False, type=click.Choice(list(TABLES)))
def command(table: str | None) -> None:
    """List activations, data sets, losses and analyses, or one of these tables."""
    for name in [table] if table else TABLES:
        click.echo(f"{name}:")
        for key, entry in TABLES[name].items():
            click.echo(f"  {key:24} {entry.label} – {entry.note}")
