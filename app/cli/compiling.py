"""Compiles every kernel, and tells how far it is: a process of its own, see commands/warm.py."""

import os
import time
from dataclasses import dataclass, field

import click

from lossatlas.app.cli.terminal import Told
from lossatlas.compute.service import warm


@dataclass
class Compiled:
    """How many of all kernels are compiled."""

    total: int
    done: int = 0
    what: str = ""
    began: float = field(default_factory=time.monotonic)

    @property
    def share(self) -> float:
        return self.done / self.total

    @property
    def left(self) -> float:
        """Seconds, as if all took as long."""
        return (time.monotonic() - self.began) * (1 / self.share - 1) if self.done else float("nan")


def main() -> None:
    """Compile, and say it in one line."""
    progress, tell = Compiled(warm.count()), Told()
    for name in warm.kernels():
        progress.done, progress.what = progress.done + 1, name
        tell(progress)
    taken = time.monotonic() - progress.began
    click.echo(
        f"Kernels for {progress.total} activations and losses are in {os.environ['NUMBA_CACHE_DIR']}; {taken:.0f} s."
    )
