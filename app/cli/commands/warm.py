"""`lossatlas warm lessons` and `lossatlas warm kernels`."""

import contextlib
import os
import subprocess
import sys
from typing import NoReturn

import click

from lossatlas.app.cli.serve import ROOT
from lossatlas.app.cli.terminal import Told, workers_of
from lossatlas.app.state.lesson import LESSONS, BadLesson, Lesson
from lossatlas.app.stream.lesson_answers import check, survey, warm
from lossatlas.compute.service.cache import Cache, CacheUnusable
from lossatlas.compute.service.kept import kept_in
from lossatlas.compute.service.pool import PoolLost
from lossatlas.compute.spec.names import nearest
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.settings import BadSetting, read_settings

BAD_INPUT, NO_ANSWER, INTERRUPTED = 2, 1, 130
COMPILE = "from lossatlas.app.cli.compiling import main; main()"
GO_ON = "What is done is stored; the same command goes on from there."


@click.command()
@click.argument("what", type=click.Choice(["lessons", "kernels"]))
@click.option("--lesson", "names", multiple=True, help="Only this lesson; can be given again.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(0, 256),
              help="Workers started here; 0 computes in this process.")  # fmt: skip
@click.option("--scheduler", default="", help="Compute on this dask scheduler, tcp://host:port, instead.")
def command(what: str, names: tuple[str, ...], workers: int, scheduler: str) -> None:
    """Into the cache of `lossatlas serve`, ahead of an audience: the lessons' pictures, or the compiled kernels."""
    if what == "kernels":
        compile_kernels()
        return
    try:
        chosen = _chosen(names)
        found = read_settings(os.environ | ({"LOSSATLAS_SCHEDULER": scheduler} if scheduler else {}))
        cache = Cache(found.cache, found.cache_size)
        for lesson in chosen:
            check(lesson)
        missing = survey(chosen, cache, found)
    except (BadSpec, BadLesson, BadSetting, CacheUnusable) as reason:
        _end(str(reason), BAD_INPUT)
    failed, nothing = 0, contextlib.nullcontext()
    try:
        with workers_of(found.scheduler, workers, found.cache) if missing.waiting else nothing as pool:
            for sentence in warm(missing, cache, pool, found, Told()):
                click.echo(f"\n{sentence}", err=True)
                failed += 1
    except KeyboardInterrupt:
        _end(f"\nStopped. {GO_ON}", INTERRUPTED)
    except PoolLost as reason:
        _end(f"\n{reason} {GO_ON}", NO_ANSWER)
    steps = sum(len(lesson.steps) for lesson in chosen)
    without = f"; {failed} panels have no answer, as said above" if failed else ""
    click.echo(f"{len(chosen)} lessons, {steps} steps: all that they show is in {found.cache}{without}.")


def compile_kernels() -> None:
    """In a process of its own, as numba is told where to keep them when it is loaded."""
    try:
        found = read_settings(os.environ)
        Cache(found.cache, found.cache_size).close()  # makes the folder, for nobody else to write to
    except (BadSetting, CacheUnusable) as reason:
        _end(str(reason), BAD_INPUT)
    words = [sys.executable, "-c", COMPILE]
    sys.exit(subprocess.run(words, cwd=ROOT, env=os.environ | kept_in(found.cache), check=False).returncode)


def _chosen(names: tuple[str, ...]) -> list[Lesson]:
    for name in names:
        if name not in LESSONS:
            raise BadSpec(f"There is no lesson called {name[:60]!r}.{nearest(name, LESSONS)}")
    return [lesson for name, lesson in LESSONS.items() if not names or name in names]


def _end(sentence: str, code: int) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(code)
