"""A running atlas, or its pool of workers alone, with an empty cache: for the benchmarks that look from outside."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from lossatlas.compute.service.pool import Pool

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
        found, end = Pool(f"tcp://127.0.0.1:{port}"), time.monotonic() + START
        while found.workers() < workers:
            if time.monotonic() > end:
                raise TimeoutError(f"{workers} workers did not start within {START:.0f} s")
            time.sleep(0.1)
        yield found
        found.close()


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
