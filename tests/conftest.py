"""What every test may ask for: a Chromium, and a cache folder of its own."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lossatlas.compute.analyses import table
from lossatlas.compute.analyses.planes import plane
from lossatlas.compute.numerics.kernels import fused
from lossatlas.compute.numerics.paths import reach
from lossatlas.compute.service.pool import Pool
from lossatlas.compute.service.running import one_thread

ROOT = Path(__file__).resolve().parent.parent
START = 60.0  # seconds a server may take on a busy machine

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_report_header() -> str:
    """The instructions that numbers are computed by: they decide how sums are rounded."""
    mine = f"numba for {fused.strips.CPU}, {fused.strips.WIDTH} floats at a time" if fused.AVAILABLE else "no numba"
    return f"instructions: torch {torch.backends.cpu.get_cpu_capability()}, {mine}"


def find_chromium() -> str | None:
    """CHROME_PATH if it names one, else the first browser on the PATH; None where there is none."""
    names = (os.environ.get("CHROME_PATH", ""), *BROWSERS)
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium that browser tests drive; without one they skip, or fail where REQUIRE_BROWSER=1."""
    if found := find_chromium():
        return found
    sentence = "No Chromium found; install one or name it in CHROME_PATH."
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"{sentence} REQUIRE_BROWSER=1 forbids skipping.", pytrace=False)
    pytest.skip(sentence)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def as_a_worker_computes() -> Iterator[None]:
    """Answers are of one thread; sums shared between threads differ in the last bit, as their number does by machine.

    For tests that hold an answer to the bit against what they compute themselves.
    """
    with one_thread():
        yield


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """A scheduler and two workers as `lossatlas serve` starts them."""
    port = free_port()
    environment = os.environ | {"LOSSATLAS_CACHE": str(tmp_path_factory.mktemp("pool") / "cache")}
    words = [sys.executable, "-m", "lossatlas.compute.service.host", "--port", str(port), "--workers", "2"]
    host = subprocess.Popen(words, cwd=ROOT, env=environment)
    found = Pool(f"tcp://127.0.0.1:{port}")
    end = time.monotonic() + START
    while found.workers() < 2 and time.monotonic() < end:
        time.sleep(0.1)
    yield found
    found.close()
    host.terminate()
    host.wait(20)


@pytest.fixture(scope="session")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a whole `lossatlas serve` with an empty cache."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    environment = os.environ | {"LOSSATLAS_CACHE": str(tmp_path_factory.mktemp("atlas") / "cache")}
    server = subprocess.Popen(
        [sys.executable, "-m", "lossatlas", "serve", "--port", str(port), "--workers", "2"],
        cwd=ROOT,
        env=environment,
    )
    wait_for(address)
    yield address
    server.terminate()
    server.wait(20)


def wait_for(address: str) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{address} did not answer within {START:.0f} s")


@pytest.fixture(autouse=True)
def tasks_are_made_anew() -> None:
    """Tasks remembered from an earlier test were made with its constants: a test may change how work is cut."""
    for remembered in (table.remembered_levels, plane.plane_task, reach.reach):
        remembered.cache_clear()


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for a cache, named in LOSSATLAS_CACHE; not made yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LOSSATLAS_CACHE", str(folder))
    return folder
