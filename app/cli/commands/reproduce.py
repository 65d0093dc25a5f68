"""`lossatlas reproduce bosman2023 --scale 0.1 --out report.html`"""

import contextlib
import os
import platform
import sys
import time
from collections.abc import Collection, Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import click

from lossatlas.app.cli.terminal import Told, workers_of
from lossatlas.app.export.report import Made, write
from lossatlas.app.export.report_tables import as_csv, as_latex, tables_of
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.service.cache import Cache, CacheUnusable
from lossatlas.compute.service.limits import duration
from lossatlas.compute.service.pool import PoolLost
from lossatlas.compute.spec.names import nearest
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.settings import BadSetting, read_settings
from lossatlas.compute.study.claims import findings
from lossatlas.compute.study.design import ACTIVATIONS as STUDIED
from lossatlas.compute.study.design import DESIGNS, SPLITS, Row, settings
from lossatlas.compute.study.reproduction import Stopped, carry_out, stored_row

BAD_INPUT, NO_ANSWER, INTERRUPTED = 2, 1, 130
GO_ON = "What is done is stored; the same command goes on from there."


@click.command()
@click.argument("study", type=click.Choice(["bosman2023"]))
@click.option("--scale", default=1.0, show_default=True, type=click.FloatRange(0, 1, min_open=True),
              help="Share of the study's walks; 0.1 is a quick look.")  # fmt: skip
@click.option("--out", default="report.html", show_default=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The report.")  # fmt: skip
@click.option("--tables", type=click.Path(file_okay=False, path_type=Path), help="Folder for CSV and LaTeX tables.")
@click.option("--dataset", "datasets", default=",".join(DESIGNS), show_default=True, help="Data sets, with commas.")
@click.option("--activation", "more", default="", help="Activations beside tanh, ReLU and ELU, with commas.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**31 - 1), help="Seed of the walks.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(0, 256),
              help="Workers started here; 0 computes in this process.")  # fmt: skip
@click.option("--scheduler", default="", help="Compute on this dask scheduler, tcp://host:port, instead.")
def command(
    study: str, scale: float, out: Path, tables: Path | None, datasets: str, more: str, seed: int, workers: int,
    scheduler: str,
) -> None:  # fmt: skip
    """Compute the study's experiment and write a report; what is stored is not computed again."""
    try:
        named = _named("data set", datasets, DESIGNS)
        activations = dict.fromkeys((*STUDIED, *_named("activation", more, ACTIVATIONS)))
        specs = settings(scale, named, tuple(activations), seed)
        found = read_settings(os.environ | ({"LOSSATLAS_SCHEDULER": scheduler} if scheduler else {}))
        _check_folders(out, tables)
        cache = Cache(found.cache, found.cache_size)
    except (BadSpec, BadSetting, CacheUnusable) as reason:
        _end(str(reason), BAD_INPUT)
    began, nothing = time.monotonic(), contextlib.nullcontext()
    try:
        missing = any(stored_row(spec, cache) is None for spec in specs)
        with workers_of(found.scheduler, workers, found.cache) if missing else nothing as pool:
            rows = {row.spec: row for row in carry_out(specs, cache, pool, Told())}
    except KeyboardInterrupt:
        _end(f"\nStopped. {GO_ON}", INTERRUPTED)
    except (Stopped, PoolLost) as reason:
        _end(f"\n{reason} {GO_ON}", NO_ANSWER)
    ordered = [rows[spec] for spec in specs]
    made = Made(tuple(_facts(ordered, scale, time.monotonic() - began, workers, found.scheduler)))
    _write(out, tables, ordered, made)


def _named(kind: str, text: str, table: Collection[str]) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in table:
            raise BadSpec(f"There is no {kind} called {name[:60]!r} here.{nearest(name, table)}")
    return list(dict.fromkeys(names))


def _check_folders(out: Path, tables: Path | None) -> None:
    for folder in (out.absolute().parent, *([tables.absolute().parent] if tables else [])):
        if not folder.is_dir():
            raise BadSpec(f"The folder {folder} does not exist. Make it, or choose another place.")


def _end(sentence: str, code: int) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(code)


def _facts(rows: list[Row], scale: float, seconds: float, workers: int, scheduler: str) -> Iterator[tuple[str, str]]:
    yield (
        "made",
        f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}, by lossatlas reproduce bosman2023 --scale {scale:g} "
        f"--dataset {','.join(dict.fromkeys(row.spec.problem.dataset for row in rows))}",
    )
    yield "scale", f"{scale:g} of the study's ten walks a parameter; at least ten walks a setting"
    yield "splits", f"{SPLITS} of every data set with a test part, which share the walks of a setting"
    yield "seed of the walks", ", ".join(map(str, dict.fromkeys(row.spec.walking.walk_seed for row in rows)))
    where = f"the scheduler at {scheduler}" if scheduler else f"{workers} workers" if workers else "one process"
    yield "computed by", f"{where}, one thread each, in {', '.join(dict.fromkeys(row.dtype for row in rows))}"
    for dataset in dict.fromkeys(row.spec.problem.dataset for row in rows):
        mine = [row for row in rows if row.spec.problem.dataset == dataset]
        yield f"time of {dataset}", f"{duration(sum(row.seconds for row in mine))} for {len(mine)} settings"
    yield "time of this run", f"{duration(seconds)}; what was stored before took none"
    yield "processor", f"{_processor()}, {os.cpu_count()} cores"
    yield "system", f"{platform.system()}, Python {platform.python_version()}"
    for package in ("lossatlas", "torch", "numpy", "numba", "plotly"):
        with contextlib.suppress(ImportError):
            yield package, version(package)


def _processor() -> str:
    """Its name, where the system tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _write(out: Path, tables: Path | None, rows: list[Row], made: Made) -> None:
    try:
        out.write_text(write(rows, findings(rows), made), encoding="utf-8")
        if tables:
            tables.mkdir(exist_ok=True)
            for dataset in dict.fromkeys(row.spec.problem.dataset for row in rows):
                mine = [row for row in rows if row.spec.problem.dataset == dataset]
                for name in tables_of(mine):
                    (tables / f"{dataset}-{name}.csv").write_text(as_csv(mine, name), encoding="utf-8")
                    (tables / f"{dataset}-{name}.tex").write_text(as_latex(mine, name), encoding="utf-8")
    except OSError as reason:
        _end(f"{out} could not be written: {reason.strerror or reason}. Choose another --out.", BAD_INPUT)
    click.echo(f"Wrote {out}", err=True)
