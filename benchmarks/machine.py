"""Where a benchmark ran, printed above every table, and how long a call takes."""

import datetime
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
PACKAGES = ("torch", "numba", "numpy")


def describe() -> str:
    """Date, processor, cores, load and versions in one line."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())
    return (
        f"{datetime.date.today()}, {name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, {', '.join(f'{package} {_version(package)}' for package in PACKAGES)}"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def once(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Processor time of a call, seconds: of this process, all threads together."""
    began = clock()
    work()
    return clock() - began


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """Median processor time of a call."""
    return statistics.median(once(work) for _ in range(times))


def paired(
    one: Callable[[], object],
    other: Callable[[], object],
    times: int = 3,
    clock: Callable[[], float] = time.process_time,
) -> tuple[float, float]:
    """Median times of two calls, taken in turn, so that a busy spell of the machine meets both."""
    pairs = [(once(one, clock), once(other, clock)) for _ in range(times)]
    first, second = (statistics.median(values) for values in zip(*pairs, strict=True))
    return first, second
