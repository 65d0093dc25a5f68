"""A running atlas, or its pool of workers alone, with an empty cache: for the benchmarks that look from outside."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lossatlas.compute.service.host import WARM
from lossatlas.compute.service.pool import Pool, PoolLost

START = 60.0  # seconds a server may take on a busy machine


@contextmanager
def atlas(workers: int = 2) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address and the supervisor of `lossatlas serve`."""
    port = _free_port()
    with _running(["lossatlas", "serve", "--port", str(port), "--workers", str(workers)]) as server:
        _wait(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}", server


@contextmanager
def pool(workers: int) -> Iterator[Pool]:
    """A scheduler and its workers, as `lossatlas serve` starts them."""
    port = _free_port()
    with _running(["lossatlas.compute.service.host", "--port", str(port), "--workers", str(workers)]):
        yield from _joined(port, workers)


@contextmanager
def hosts(count: int, workers: int) -> Iterator[Pool]:
    """A scheduler by dask's own command, and as many hosts beside it with some workers each, as one puts them on a
    cluster for `--scheduler`.
    """
    port = _free_port()
    worker = f"worker tcp://127.0.0.1:{port} --nthreads 1 --nworkers {workers} --no-dashboard --preload {WARM}"
    with ExitStack() as stack:
        stack.enter_context(_running(["dask", *f"scheduler --host 127.0.0.1 --port {port} --no-dashboard".split()]))
        for _ in range(count):
            stack.enter_context(_running(["dask", *worker.split()]))
        yield from _joined(port, count * workers)


def _joined(port: int, workers: int) -> Iterator[Pool]:
    """The pool once its workers are there."""
    found, end = Pool(f"tcp://127.0.0.1:{port}"), time.monotonic() + START
    while not _there(found) >= workers:
        if time.monotonic() > end:
            raise TimeoutError(f"{workers} workers did not start within {START:.0f} s")
        time.sleep(0.1)
    yield found
    found.close()


def _there(found: Pool) -> int:
    try:
        return found.workers()
    except PoolLost:  # the scheduler is on its way
        return 0


@contextmanager
def _running(module: list[str]) -> Iterator[subprocess.Popen]:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"LOSSATLAS_CACHE": f"{folder}/cache"}
        # What it prints is no part of a result.
        child = subprocess.Popen([sys.executable, "-m", *module], env=environment, stdout=subprocess.DEVNULL)
        try:
            yield child
        finally:
            child.terminate()
            child.wait(20)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _wait(address: str) -> None:
    """Until the page answers and its workers have computed something."""
    end = time.monotonic() + START
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/export/line.csv?dataset=xor&widths=2&steps=2", timeout=START):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{address} did not answer within {START:.0f} s")
