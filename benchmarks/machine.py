"""Where a benchmark ran: printed above every table."""

import datetime
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

CPU_INFO = Path("/proc/cpuinfo")


def describe() -> str:
    """Date, processor, cores, load and versions in one line."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())
    load = os.getloadavg()[0]
    return (
        f"{datetime.date.today()}, {name}, {os.cpu_count()} cores, load {load:.1f}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """Median processor time of a call, seconds."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return statistics.median(found)
