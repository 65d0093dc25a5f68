"""`lossatlas run slice 'dataset=iris&widths=4&activation=tanh&seed=0' --out slice.npz`"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from lossatlas.app.export.answers import FORMATS, Format, check_drawable, format_of
from lossatlas.app.look.view import View
from lossatlas.app.panels import PANELS
from lossatlas.app.state.alt_texts import told
from lossatlas.app.state.sentences import data_and_question
from lossatlas.compute.analyses.table import ANALYSES, every_option, name_of, question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache, CacheUnusable
from lossatlas.compute.service.limits import check_cost, duration
from lossatlas.compute.service.pool import Pool, PoolLost
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import UNASKABLE, Failure
from lossatlas.compute.spec.settings import BadSetting, read_settings

BAD_INPUT, NO_ANSWER = 2, 1


def _options_help() -> str:
    lines = [f"  {name:15} {option.label} [{option.default}]" for name, option in every_option().items()]
    return "\n".join(["\b", "Options of a question, as name=value joined by &:", *lines])


@click.command(epilog=_options_help())
@click.argument("analysis", metavar=f"[{'|'.join(ANALYSES)}]")
@click.argument("query", default="")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help=f"File: {', '.join(FORMATS)}.")
@click.option("--scheduler", default="", help="Compute on this dask scheduler, tcp://host:port.")
@click.option("--no-cache", is_flag=True, help="Neither read nor store the answer.")
def command(analysis: str, query: str, out: Path | None, scheduler: str, no_cache: bool) -> None:
    """Answer one question and print its key numbers; with --out write it to a file, too. No server is needed."""
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
        sys.exit(BAD_INPUT if answer.kind in UNASKABLE else NO_ANSWER)
    if out and form:
        _write(out, form, answer)
        click.echo(f"Wrote {out}", err=True)
    click.echo(data_and_question(spec))
    _print(answer)


def _ask(spec: object, seconds: float, pool: Pool | None, cache: Cache | None) -> Any:
    label = f"about {duration(seconds)}"
    with click.progressbar(length=1000, label=label, file=sys.stderr, show_percent=True) as bar:
        answer = ask(spec, pool=pool, cache=cache, progress=lambda share: bar.update(round(1000 * share) - bar.pos))
        bar.update(1000 - bar.pos)
    return answer


def _write(out: Path, form: Format, answer: object) -> None:
    try:
        out.write_bytes(form.write(answer))
    except (BadSpec, OSError) as reason:
        click.echo(str(reason), err=True)
        sys.exit(BAD_INPUT)


def _print(answer: Any) -> None:
    for line in (*_numbers(answer), *answer.notes, *(f"Warning: {warning}" for warning in answer.warnings)):
        click.echo(line)


def _numbers(answer: Any) -> Iterator[str]:
    """What the page says: the numbers at a column's head, and the words for its picture."""
    name = name_of(answer.spec)
    if name in PANELS:
        head = PANELS[name].head
        yield from (f"{label:16}{value}" for label, value in (head(answer) if head else []))
        yield told(name, answer, View())
