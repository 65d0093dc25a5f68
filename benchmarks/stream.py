"""How long does the server alone take, without a browser? From request to first surface and to the last event."""

import json
import random
import statistics
import time
import urllib.request

from benchmarks.machine import describe
from benchmarks.serving import atlas

IRIS = "dataset=iris&widths=4&points=65"
MNIST = "dataset=mnist&widths=10&test_share=0&points=65"
COLUMNS, WISHED = 3, 8  # of the page; pictures a second


def times(address: str, query: str) -> tuple[float, float]:
    """Seconds to the first event with a surface, and to the end."""
    began, first = time.monotonic(), 0.0
    with urllib.request.urlopen(f"{address}/stream?{query}", timeout=120) as answer:
        for line in answer:
            if not first and b'"panel": "slice"' in line and b'"figure"' in line:
                first = time.monotonic() - began
    return first, time.monotonic() - began


def turning(address: str, turns: int) -> float:
    """Pictures a second while the plane turns: each angle is asked for once every column has a picture of the last."""
    began = time.monotonic()
    for turn in range(turns):
        seen: set[int] = set()
        with urllib.request.urlopen(f"{address}/stream?{MNIST}&turn={0.5 * turn + 1}", timeout=120) as answer:
            for line in answer:
                if b'"panel": "slice"' in line and b'"figure"' in line:
                    seen.add(json.loads(line[6:])["column"])
                if len(seen) == COLUMNS:
                    break
    return COLUMNS * turns / (time.monotonic() - began)


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
        turning(address, 1)  # trains
        print(f"MNIST 784-10-10, a plane that turns: {turning(address, 40):.1f} pictures a second; {WISHED} are wished")


if __name__ == "__main__":
    main()
