"""How long does the server alone take, without a browser? From request to first surface and to the last event."""

import random
import statistics
import time
import urllib.request

from benchmarks.machine import describe
from benchmarks.serving import atlas

IRIS = "dataset=iris&widths=4&points=65"


def times(address: str, query: str) -> tuple[float, float]:
    """Seconds to the first event with a surface, and to the end."""
    began, first = time.monotonic(), 0.0
    with urllib.request.urlopen(f"{address}/stream?{query}", timeout=120) as answer:
        for line in answer:
            if not first and b'"panel": "slice"' in line and b'"figure"' in line:
                first = time.monotonic() - began
    return first, time.monotonic() - began


def show(name: str, found: list[tuple[float, float]]) -> None:
    first, last = (statistics.median(values) for values in zip(*found, strict=True))
    print(f"{name:42}{first:8.2f} s{last:10.2f} s   median of {len(found)}")


def main() -> None:
    with atlas() as (address, _):
        seeds = random.Random(0).sample(range(1000, 9000), 7)
        print(describe())
        print(f"{'question':42}{'first surface':>10}{'finished':>10}")
        show("Iris 4-4-3, 1 activation, fresh", [times(address, f"{IRIS}&activation=tanh&seed={s}") for s in seeds])
        show("Iris 4-4-3, 3 activations, fresh", [times(address, f"{IRIS}&seed={s + 1}") for s in seeds])
        show("Iris 4-4-3, 3 activations, from cache", [times(address, f"{IRIS}&seed={s + 1}") for s in seeds])


if __name__ == "__main__":
    main()
