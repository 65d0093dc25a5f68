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
    first: float = 0.0  # when one was done

    @property
    def share(self) -> float:
        return self.done / self.total

    def add(self, what: str) -> None:
        self.done, self.what = self.done + 1, what
        self.first = self.first or time.monotonic()

    @property
    def left(self) -> float:
        """Seconds, as if all took as long as those after the first, which compiles what they share."""
        others = self.done - 1
        return (time.monotonic() - self.first) / others * (self.total - self.done) if others > 0 else float("nan")


def main() -> None:
    """Compile, and say it in one line."""
    progress, tell = Compiled(warm.count()), Told()
    for name in warm.kernels():
        progress.add(name)
        tell(progress)
    taken = time.monotonic() - progress.began
    click.echo(
        f"Kernels for {progress.total} activations and losses are in {os.environ['NUMBA_CACHE_DIR']}; {taken:.0f} s."
    )
