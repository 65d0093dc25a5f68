"""One line of the one table: the same work by a peer and by us, on one thread in one process.

A script with such lines offers `rows() -> Iterator[Row | Skipped]`; `python -m benchmarks.compare` prints them all.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.machine import describe
from benchmarks.peaks import Peaks, measure
from lossatlas.compute.service.running import one_thread

HEADING = (
    f"{'work':46}{'peer':24}{'peer µs':>10}{'ours µs':>10}{'ratio':>9}{'gate':>7}"
    f"{'error: peer':>13}{'ours':>7}{'loop':>7}{'GEMM':>7}{'exp':>7}{'floor':>7}{'least':>7}   note"
)


@dataclass(frozen=True)
class Row:
    """Seconds are medians of at least three, of processor time, for one unit of the work (a point, a walk's step).

    Attributes:
        peer_error, our_error, loop_error: largest relative error against float64 over the points both evaluated; of a
            plain float32 loop over them too.
        gate: the ratio to be reached. least: the share of the machine's floor to be reached.
        products: floating point operations in matrix products that our way needs for a unit, two a multiply-add.
        exponentials: exponentials or their like that our way needs for a unit: one for a tanh, a sigmoid, an ELU.
    """

    work: str
    peer: str
    peer_seconds: float
    our_seconds: float
    peer_error: float = math.nan
    our_error: float = math.nan
    loop_error: float = math.nan
    gate: float = math.nan
    products: float = 0.0
    exponentials: float = 0.0
    note: str = ""
    least: float = math.nan

    @property
    def ratio(self) -> float:
        return self.peer_seconds / self.our_seconds

    def shares(self, peaks: Peaks) -> tuple[float, float]:
        """Which part of our time the products and the exponentials alone would take at the measured peaks."""
        return (
            self.products / self.our_seconds / peaks.products,
            self.exponentials / self.our_seconds / peaks.exponentials,
        )

    def show(self, peaks: Peaks) -> str:
        """The line. The floor is the time of the products and exponentials alone, at the measured peaks."""
        parts = self.shares(peaks)
        short = self.gate > self.ratio or self.least > sum(parts)
        return (
            f"{self.work:46}{self.peer:24}{self.peer_seconds * 1e6:10.4g}{self.our_seconds * 1e6:10.4g}"
            f"{times(self.ratio):>9}{'' if math.isnan(self.gate) else f'{self.gate:g}×':>7}"
            f"{error(self.peer_error):>13}{error(self.our_error):>7}{error(self.loop_error):>7}"
            f"{share(parts[0]):>7}{share(parts[1]):>7}{share(sum(parts)):>7}"
            f"{'' if math.isnan(self.least) else share(self.least):>7}"
            f"   {'SHORT OF THE GATE ' if short else ''}{self.note}"
        )


@dataclass(frozen=True)
class Skipped:
    """Work that was not measured, and why."""

    work: str
    why: str

    def show(self, _: Peaks) -> str:
        return f"{self.work:46}not measured: {self.why}"


def error(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0e}"


def times(value: float) -> str:
    return f"{value:,.0f}×" if value >= 100 else f"{value:.3g}×"


def share(value: float) -> str:
    return f"{value:.0%}" if value else "–"


def report(rows: Iterable[Row | Skipped]) -> None:
    """Print where it is measured, then the table line by line as it is."""
    with one_thread():
        print(describe())
        peaks = measure()
        print(HEADING)
        for row in rows:
            print(row.show(peaks).rstrip(), flush=True)
