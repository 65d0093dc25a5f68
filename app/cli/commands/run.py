"""`lossatlas run slice 'dataset=iris&widths=4&activation=tanh&seed=0' --out slice.npz`"""

import sys
from pathlib import Path

import click

from lossatlas.app.export.answers import FORMATS, Format, check_drawable, format_of
from lossatlas.app.state.sentences import data_and_question
from lossatlas.compute.analyses.table import ANALYSES, question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache, CacheUnusable
from lossatlas.compute.service.limits import check_cost, duration
from lossatlas.compute.service.pool import Pool, PoolLost
from lossatlas.compute.spec.options import BadSpec, options_of
from lossatlas.compute.spec.results import Failure
from lossatlas.compute.spec.settings import BadSetting, read_settings

BAD_INPUT, NO_ANSWER = 2, 1


def _options_help() -> str:
    lines = ["\b", "Options of a question, as name=value joined by &:"]
    shown: set[str] = set()
    for analysis in ANALYSES.values():
        for name, found in options_of(analysis.spec).items():
            if name not in shown:
                shown.add(name)
                lines.append(f"  {name:15} {found.label} [{found.default}]")
    return "\n".join(lines)


@click.command(epilog=_options_help())
@click.argument("analysis", metavar=f"[{'|'.join(ANALYSES)}]")
@click.argument("query", default="")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help=f"File: {', '.join(FORMATS)}.")
@click.option("--scheduler", default="", help="Compute on this dask scheduler, tcp://host:port.")
@click.option("--no-cache", is_flag=True, help="Neither read nor store the answer.")
def command(analysis: str, query: str, out: Path | None, scheduler: str, no_cache: bool) -> None:
    """Answer one question; without --out print its key numbers. No server is needed."""
    try:
        settings = read_settings()
        spec = question(analysis, query)
        form = format_of(out.suffix.lstrip(".").lower()) if out else None
        if out:
            check_drawable(spec, out.suffix.lstrip(".").lower())
            if not out.parent.is_dir():
                raise BadSpec(f"The folder {out.parent} does not exist. Make it, or choose another --out.")
        seconds = check_cost(spec, settings.max_seconds, settings.max_memory)
        cache = None if no_cache else Cache(settings.cache, settings.cache_size)
        answer = _ask(spec, seconds, Pool(scheduler) if scheduler else None, cache)
    except (BadSpec, BadSetting, CacheUnusable, PoolLost) as reason:
        click.echo(str(reason), err=True)
        sys.exit(BAD_INPUT)
    if isinstance(answer, Failure):
        click.echo(answer.sentence, err=True)
        sys.exit(NO_ANSWER)
    if out and form:
        _write(out, form, answer)
        click.echo(f"Wrote {out}", err=True)
    click.echo(data_and_question(spec))
    _print(answer)


def _ask(spec, seconds: float, pool: Pool | None, cache: Cache | None):
    label = f"about {duration(seconds)}"
    with click.progressbar(length=1000, label=label, file=sys.stderr, show_percent=True) as bar:
        answer = ask(spec, pool=pool, cache=cache, progress=lambda share: bar.update(round(1000 * share) - bar.pos))
        bar.update(1000 - bar.pos)
    return answer


def _write(out: Path, form: Format, answer) -> None:
    try:
        out.write_bytes(form.write(answer))
    except (BadSpec, OSError) as reason:
        click.echo(str(reason), err=True)
        sys.exit(BAD_INPUT)


def _print(answer) -> None:
    for name in ("center_loss", "gradient_norm", "extent", "diverged_at"):
        value = getattr(answer, name, None)
        if value is not None and getattr(value, "ndim", 0) < 2:
            click.echo(f"{name} {value if not hasattr(value, 'shape') or value.shape == () else value[-1]}")
    for sentence in (*answer.notes, *(f"Warning: {warning}" for warning in answer.warnings)):
        click.echo(sentence)
