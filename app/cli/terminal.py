"""What long commands share: workers of their own, and progress in the terminal."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import click

from lossatlas.app.cli.serve import HOST_COMMAND, ROOT, free_port
from lossatlas.compute.service.kept import kept_in
from lossatlas.compute.service.limits import duration
from lossatlas.compute.service.parent import PARENT
from lossatlas.compute.service.pool import Pool

START = 60.0  # seconds that the workers may take to come


class Progress(Protocol):
    """`share` of the work is done, in [0, 1]; `left` is in seconds, NaN while unknown; `what` came last."""

    @property
    def share(self) -> float: ...
    @property
    def left(self) -> float: ...
    @property
    def what(self) -> str: ...


class Told:
    """Progress on stderr: one line that changes on a terminal, else a line a minute."""

    def __init__(self) -> None:
        self._live, self._last = sys.stderr.isatty(), 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if not self._live and now - self._last < 60 and progress.share < 1:
            return
        self._last = now
        left = f", about {duration(progress.left)} left" if progress.left > 0 else ""
        text = f"{100 * progress.share:3.0f} %{left}  {progress.what}"
        click.echo(f"\r\033[K{text}" if self._live else text, err=True, nl=not self._live or progress.share >= 1)


@contextlib.contextmanager
def workers_of(scheduler: str, workers: int, cache: Path) -> Iterator[Pool | None]:
    """The pool asked for; one started here ends with the block."""
    if scheduler:
        yield (pool := Pool(scheduler))
        pool.close()
        return
    if not workers:
        yield None
        return
    port = free_port()
    environment = os.environ | {PARENT: str(os.getpid()), "LOSSATLAS_CACHE": str(cache)} | kept_in(cache)
    words = [*HOST_COMMAND, "--port", str(port), "--workers", str(workers)]
    host = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    pool = Pool(f"tcp://127.0.0.1:{port}")
    try:
        end = time.monotonic() + START
        while pool.workers() < workers and time.monotonic() < end and host.poll() is None:
            time.sleep(0.1)
        yield pool
    finally:
        pool.close()
        host.terminate()
        host.wait()
