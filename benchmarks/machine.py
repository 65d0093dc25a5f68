"""Where a benchmark ran, printed above every table, and how long a call takes."""

import datetime
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

try:
    from lossatlas.compute.numerics.kernels import strips
except ImportError:
    strips = None  # type: ignore[assignment]

CPU_INFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
PACKAGES = ("torch", "numba", "numpy")


def describe() -> str:
    """Date, kind of machine, cores, load and versions in one line."""
    return (
        f"{datetime.date.today()}, {kind()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, {', '.join(f'{package} {_version(package)}' for package in PACKAGES)}"
    )


def kind() -> str:
    """What speed hangs on: processor, the instructions that numbers are computed by, caches of a core."""
    return ", ".join([processor(), instructions(), *caches()])


def processor() -> str:
    """Name, family and model: a cloud's name of its processors says little."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    said = dict(line.replace("\t", "").split(": ", 1) for line in reversed(lines) if ": " in line)
    if "cpu family" not in said:
        return said.get("model name") or platform.processor() or platform.machine()
    return f"{said['model name']} (family {said['cpu family']}, model {said['model']})"


def instructions() -> str:
    """Of our kernels and of torch, which may be held to fewer than the processor has (README, `make nightly`)."""
    theirs = torch.backends.cpu.get_cpu_capability()
    return f"kernels by {8 * strips.WIDTH * 4} bits, torch by {theirs}" if strips else f"no numba, torch by {theirs}"


def caches() -> list[str]:
    """L1 and L2 of the first core."""
    found = [
        f"L{level} {(place / 'size').read_text().strip().replace('K', ' KB')}"
        for place in sorted(CACHES.glob("index*"))
        if (level := (place / "level").read_text().strip()) in "12"
        and (place / "type").read_text().strip() != "Instruction"
    ]
    return found


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
