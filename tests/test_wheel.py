"""The wheel as a reader gets it: installed where the checkout is out of sight, beside files of somebody else."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, free_port, wait_for

ASKED = ("slice", "dataset=iris&widths=4&activation=tanh&steps=20&points=9")
SOMEBODYS = 'raise SystemExit("somebody else\'s file was imported")\n'
BUILD = "import setuptools.build_meta as backend; print(backend.build_wheel({folder!r}))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what git would hand out, so that nothing of an earlier build gets in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = subprocess.run(words, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).exists() and not name.startswith(("docs/", "benchmarks/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    subprocess.run(
        [sys.executable, "-c", BUILD.format(folder=str(out))], cwd=source, check=True, capture_output=True, timeout=100
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel, and sees the libraries that the tests have."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    show = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.run([python, "-c", show], capture_output=True, check=True, text=True).stdout.strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    libraries = {sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("site-packages"))}
    (packages / "libraries.pth").write_text("\n".join(sorted(libraries)))  # no .pth of theirs is read: no checkout
    return python


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder where an app.py, a compute.py and assets/ of somebody else lie."""
    for name in ("app.py", "compute.py", "assets/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(SOMEBODYS)
    return tmp_path


def run(python: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(python), *words], cwd=folder, capture_output=True, text=True, timeout=100,
        env=environment | {"LOSSATLAS_CACHE": str(folder / "cache")},
    )  # fmt: skip


def test_a_wheel_holds_the_one_package_and_all_that_it_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not re.fullmatch(r"lossatlas-[\w.]+\.dist-info", top)} == {"lossatlas"}
    words = ["git", "ls-files", "app", "compute", "assets", "lossatlas"]
    tracked = subprocess.run(words, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split()
    wanted = {name if name.startswith("lossatlas/") else f"lossatlas/{name}" for name in tracked}
    assert wanted - {"lossatlas/app", "lossatlas/compute", "lossatlas/assets"} - names == set()


def test_an_installed_one_answers_with_the_same_bytes_beside_somebody_elses_files(installed, beside):
    ended = run(installed, beside, "-m", "lossatlas", "run", *ASKED, "--out", "there.npz", "--no-cache")
    assert ended.returncode == 0, ended.stderr
    here = run(
        Path(sys.executable), ROOT, "-m", "lossatlas", "run", *ASKED, "--out", str(beside / "here.npz"), "--no-cache"
    )
    assert here.returncode == 0, here.stderr
    assert (beside / "there.npz").read_bytes() == (beside / "here.npz").read_bytes()


def test_an_installed_door_opens_and_no_file_of_the_checkout_is_in_sight(installed, beside):
    code = (
        "import json, sys, lossatlas; lossatlas.ask, lossatlas.draw;"
        "print(json.dumps([getattr(module, '__file__', None) or '' for module in list(sys.modules.values())]))"
    )
    ended = run(installed, beside, "-c", code)
    assert ended.returncode == 0, ended.stderr
    files = json.loads(ended.stdout)
    ours = [file for file in files if "lossatlas" in Path(file).parts]
    assert len(ours) > 50 and all(Path(file).is_relative_to(installed.parent.parent) for file in ours)
    assert not [
        file for file in files if Path(file).is_relative_to(ROOT / "app") or Path(file).is_relative_to(ROOT / "compute")
    ]


@pytest.fixture
def served(installed: Path, beside: Path) -> Iterator[str]:
    address = f"http://127.0.0.1:{(port := free_port())}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(
        [str(installed), "-m", "lossatlas", "serve", "--port", str(port), "--workers", "1", "--web-workers", "1"],
        cwd=beside, env=environment | {"LOSSATLAS_CACHE": str(beside / "cache")},
    )  # fmt: skip
    try:
        wait_for(address)
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def test_an_installed_page_comes_with_its_assets_and_streams(served):
    def get(path: str) -> str:
        with urllib.request.urlopen(served + path, timeout=60) as answer:
            return answer.read().decode()

    page = get("/")
    named = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
    assert any(name.split("?")[0].endswith(".css") for name in named)
    assert any("js" in name.split("?")[0].rpartition(".")[2] for name in named)
    assert all(get(name) for name in named)
    assert "event: done" in get("/stream?dataset=xor&widths=2&steps=5&activation=tanh&points=5&line_points=5")
