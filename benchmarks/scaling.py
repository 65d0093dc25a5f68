"""How does grown work scale? A slice, a cloud and many seeds on one worker, two, four, and on two hosts with
two workers each, by the wall's clock; and whether every answer has the bytes that one worker gives.

Efficiency is the time of one worker over that of n times n. Where n is more than the machine's cores, what n could give
at best is the number of cores: the last column says which share of that was reached.
"""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from benchmarks.machine import describe, once
from benchmarks.serving import hosts, pool
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.pool import Pool
from lossatlas.compute.spec.results import pack

WORKS = {
    "slice 784-10-10, 10,000, 513×513": ("slice", "dataset=mnist&test_share=0&widths=10&steps=0&extent=1&points=513"),
    "cloud Heart 32-10-1, 300 walks": ("cloud", "dataset=heart&widths=10&walks=300&classified=0.02"),
    "48 seeds of 784-10-10, 8,000": ("replicates", "dataset=mnist&widths=10&steps=100&replicates=48"),
}
SETUPS: dict[str, tuple[int, Callable[[], AbstractContextManager[Pool]]]] = {
    "1 worker": (1, partial(pool, 1)),
    "2 workers": (2, partial(pool, 2)),
    "4 workers": (4, partial(pool, 4)),
    "2 hosts of 2": (4, partial(hosts, 2, 2)),
}
WARMING = "dataset=mnist&test_share=0&widths=10&steps=2&points=9&direction_seed={}"


def main() -> None:
    print(describe())
    print(f"{'work':36}{'setup':16}{'s':>8}{'speed':>8}{'efficiency':>12}{'of the cores':>14}   bytes")
    alone: dict[str, tuple[float, bytes]] = {}
    for setup, (workers, started) in SETUPS.items():
        with started() as there:
            for n in range(2 * workers):
                ask(question("slice", WARMING.format(n)), pool=there)  # data loaded, kernels there, on every worker
            for work, (analysis, query) in WORKS.items():
                seconds, answer = timed(analysis, query, there)
                first, expected = alone.setdefault(work, (seconds, answer))
                speed, cores = first / seconds, min(workers, os.cpu_count() or 1)
                same = "the same" if answer == expected else "OTHERS"
                line = f"{work:36}{setup:16}{seconds:8.1f}{speed:7.2f}×{speed / workers:12.0%}{speed / cores:14.0%}"
                print(f"{line}   {same}", flush=True)


def timed(analysis: str, query: str, there: Pool) -> tuple[float, bytes]:
    found = []
    seconds = once(lambda: found.append(ask(question(analysis, query), pool=there)), time.monotonic)
    return seconds, pack(found[0])


if __name__ == "__main__":
    main()
