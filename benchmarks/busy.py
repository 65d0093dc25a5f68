"""Does the page still respond while all workers are busy? /healthz, asked over and over; below 100 ms is wished."""

import threading
import time
import urllib.request

import numpy as np
import psutil

from benchmarks.machine import describe
from benchmarks.serving import atlas
from tests.browser.test_page import processes

WISHED = 100  # ms
WORKERS = 2
DURATION, PAUSE = 15.0, 0.02  # seconds of asking, and between two requests
JOB = "dataset=mnist&test_share=0&widths=128-64&steps=0&extent=1&points=129&activation=tanh,relu,elu"
READERS = 4


def asked(address: str, duration: float) -> np.ndarray:
    """Milliseconds of every answer, each over a connection of its own."""
    found, end = [], time.monotonic() + duration
    while time.monotonic() < end:
        began = time.monotonic()
        with urllib.request.urlopen(f"{address}/healthz", timeout=60) as answer:
            answer.read()
        found.append(1e3 * (time.monotonic() - began))
        time.sleep(PAUSE)
    return np.array(found)


def read(address: str, number: int, begun: threading.Event) -> None:
    """A reader of a long job, until the server goes away."""
    try:
        with urllib.request.urlopen(f"{address}/stream?{JOB}&direction_seed={number}", timeout=60) as answer:
            for _ in answer:
                begun.set()
    except OSError:
        return


def spent(workers: list[psutil.Process]) -> float:
    """Processor seconds of some processes so far."""
    return sum(sum(worker.cpu_times()[:2]) for worker in workers)


def watch(state: str, address: str, workers: list[psutil.Process], duration: float) -> None:
    """Print how /healthz answered, and how busy the workers were meanwhile."""
    began, before = time.monotonic(), spent(workers)
    times = asked(address, duration)
    cores = (spent(workers) - before) / (time.monotonic() - began)
    middle, late = np.percentile(times, [50, 95])
    print(f"{state:28}{middle:8.1f}{late:8.1f}{times.max():8.1f}{len(times):10}{cores:10.2f} of {WORKERS}", flush=True)


def main() -> None:
    with atlas(WORKERS) as (address, _):
        print(describe())
        print(f"{f'/healthz, ms (below {WISHED})':28}{'p50':>8}{'p95':>8}{'max':>8}{'requests':>10}   cores of workers")
        workers = processes(address)["dask worker"]
        watch("idle", address, workers, DURATION / 3)
        begun = threading.Event()
        for number in range(READERS):
            threading.Thread(target=read, args=(address, number, begun), daemon=True).start()
        begun.wait(60)
        time.sleep(2)
        watch(f"busy, {READERS} readers", address, workers, DURATION)


if __name__ == "__main__":
    main()
