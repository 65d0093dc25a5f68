"""A running atlas with an empty cache, for the benchmarks that look at the page."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def atlas(workers: int = 2) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address and the supervisor of `lossatlas serve`."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), "--workers", str(workers)]
        server = subprocess.Popen(command, env=os.environ | {"LOSSATLAS_CACHE": f"{folder}/cache"})
        address = f"http://127.0.0.1:{port}"
        try:
            wait(address)
            yield address, server
        finally:
            server.terminate()
            server.wait(20)


def wait(address: str, most: float = 60.0) -> None:
    """Until the page answers and its workers have computed something."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/export/line.csv?dataset=xor&widths=2&steps=2", timeout=most):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{address} did not answer within {most:.0f} s")
