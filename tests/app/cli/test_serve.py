"""The supervisor with stand-ins for the compute host and gunicorn: start, restart, refusal, stop, death."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from lossatlas.app.cli.serve import FIRST_WAIT, GOOD_RUN, LONGEST_WAIT, Child

ROOT = Path(__file__).resolve().parents[3]
SOON = 15.0  # seconds; what is waited for happens within one on an idle machine

HOST = """
import os, signal, sys, time
from pathlib import Path
from lossatlas.compute.service.parent import watch_parent
notes = Path(sys.argv[1])
watch_parent()
with (notes / "host").open("a") as file:
    file.write(f"{os.getpid()} {sys.argv[sys.argv.index('--port') + 1]}\\n")
if (notes / "stubborn").exists():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if (notes / "refuse").exists():
    print("No CUDA device.", file=sys.stderr)
    sys.exit(2)
if (notes / "crash").exists():
    sys.exit(1)
time.sleep(600)
"""

WEB = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from lossatlas.compute.service.parent import watch_parent
notes = Path(sys.argv[1])
watch_parent()
with (notes / "web").open("a") as file:
    file.write(f"{os.getpid()} {os.environ['LOSSATLAS_SCHEDULER']}\\n")
if (notes / "unloadable").exists():
    sys.exit(3)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if (notes / "healthy").exists() else 503)
        self.end_headers()

    def log_message(self, *_):
        pass

host, port = sys.argv[sys.argv.index("--bind") + 1].rsplit(":", 1)
ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""

SUPERVISE = """
import sys
from lossatlas.app.cli.serve import ServeOptions, supervise
notes, port, scheduler = sys.argv[1:]
options = ServeOptions(port=int(port), workers=2, scheduler=scheduler)
commands = [(sys.executable, f"{notes}/{name}.py", notes) for name in ("host", "web")]
sys.exit(supervise(options, *commands))
"""


class Served:
    """A supervisor of stand-ins; their process ids are read from the notes they leave."""

    def __init__(self, notes: Path):
        self.notes, self.port = notes, free_port()
        self.process: subprocess.Popen[str] | None = None
        (notes / "host.py").write_text(HOST)
        (notes / "web.py").write_text(WEB)

    def note(self, name: str) -> None:
        (self.notes / name).touch()

    def start(self, scheduler: str = "") -> "subprocess.Popen[str]":
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(self.notes), str(self.port), scheduler],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        return self.process

    def lines(self, name: str) -> list[list[str]]:
        file = self.notes / name
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def pids(self, name: str) -> list[int]:
        return [int(line[0]) for line in self.lines(name)]

    def wait_for(self, name: str, count: int) -> list[int]:
        until(lambda: len(self.pids(name)) >= count)
        return self.pids(name)

    def end(self) -> None:
        """Leave nothing behind, whatever the test found."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        for pid in self.pids("host") + self.pids("web"):
            if lives(pid):
                os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def served(tmp_path, cache_folder):
    supervisor = Served(tmp_path)
    yield supervisor
    supervisor.end()


def test_the_address_is_printed_once_the_page_is_healthy(served):
    process = served.start()
    served.wait_for("host", 1), served.wait_for("web", 1)
    until(lambda: _connects(served.port))
    time.sleep(0.5)  # unhealthy for a while: silent
    served.note("healthy")
    assert process.stdout.readline() == f"lossatlas is at http://127.0.0.1:{served.port}\n"
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/healthz") as answer:
        assert answer.status == 200
    ((_, port),), ((_, scheduler),) = served.lines("host"), served.lines("web")
    assert scheduler == f"tcp://127.0.0.1:{port}"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=SOON)
    assert (process.returncode, out, err) == (0, "", "")


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("name", ["host", "web"])
def test_a_killed_child_starts_again_and_the_other_stays(served, name):
    process = served.start()
    (first,) = served.wait_for(name, 1)
    (other,) = served.wait_for({"host": "web", "web": "host"}[name], 1)
    os.kill(first, signal.SIGKILL)
    _, second = served.wait_for(name, 2)
    assert lives(second) and lives(other) and not lives(first)
    assert len({port for _, port in served.lines(name)}) == 1  # the scheduler's address is kept
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SOON)
    assert process.returncode == 0 and "SIGKILL" in err and not lives(second) and not lives(other)


def test_both_stop_on_ctrl_c_also_a_stubborn_one(served):
    served.note("stubborn")
    process = served.start()
    (host,), (web,) = served.wait_for("host", 1), served.wait_for("web", 1)
    time.sleep(0.3)  # let the host begin to ignore SIGTERM
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=SOON)
    assert process.returncode == 0 and time.monotonic() - began < 8
    assert not lives(host) and not lives(web)


def test_ctrl_c_reaches_the_supervisor_alone(served):
    process = served.start()
    (host,), (web,) = served.wait_for("host", 1), served.wait_for("web", 1)
    assert len({os.getsid(pid) for pid in (process.pid, host, web)}) == 3


def test_nothing_outlives_a_killed_supervisor(served):
    process = served.start()
    (host,), (web,) = served.wait_for("host", 1), served.wait_for("web", 1)
    process.kill()
    process.communicate()
    until(lambda: not lives(host) and not lives(web))


def test_a_refusal_of_the_compute_host_ends_everything(served):
    served.note("refuse")
    _, err = served.start().communicate(timeout=SOON)
    assert served.process.returncode == 2 and "No CUDA device." in err
    assert len(served.pids("host")) == 1 and not any(map(lives, served.pids("web")))


def test_a_page_that_cannot_be_loaded_ends_everything(served):
    served.note("unloadable")
    served.start().communicate(timeout=SOON)
    assert served.process.returncode == 1 and len(served.pids("web")) == 1
    assert not any(map(lives, served.pids("host")))


def test_a_child_that_keeps_dying_is_started_ever_more_rarely(served):
    served.note("crash")
    process = served.start()
    began = time.monotonic()
    served.wait_for("host", 4)
    assert time.monotonic() - began > FIRST_WAIT * (1 + 2 + 4)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=SOON)
    assert [part in err for part in ("in 0.2 s", "in 0.4 s", "in 0.8 s")] == [True] * 3


def test_the_wait_is_bounded_and_forgets_after_a_good_run(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    child = Child("child", [sys.executable, "-c", "raise SystemExit(1)"], os.environ, ())
    waits = []
    for run in [0.1] * 8 + [GOOD_RUN + 1, 0.1]:
        child.tend()
        assert child.process is not None
        child.process.wait()
        now += run
        child.tend()
        waits.append(round(child.due - now, 3))
        now = child.due
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST_WAIT, LONGEST_WAIT, 0.2, 0.4]


def test_a_scheduler_elsewhere_needs_no_compute_host(served):
    with socket.create_server(("127.0.0.1", 0)) as scheduler:
        address = f"tcp://127.0.0.1:{scheduler.getsockname()[1]}"
        served.start(address)
        served.wait_for("web", 1)
        assert served.lines("web")[0][1] == address and not served.pids("host")


def test_a_port_in_use_is_refused_before_anything_starts(served):
    with socket.create_server(("127.0.0.1", served.port)):
        _refused(served, "", f"127.0.0.1:{served.port}", "--port")


def test_a_scheduler_that_is_not_there_is_refused(served):
    _refused(served, address := f"tcp://127.0.0.1:{free_port()}", address)


def test_a_scheduler_of_another_form_is_refused(served):
    _refused(served, "127.0.0.1", "tcp://")


def test_a_cache_that_cannot_be_used_is_refused(served, cache_folder):
    cache_folder.write_text("a file")
    _refused(served, "", str(cache_folder), "LOSSATLAS_CACHE")


def _refused(served: Served, scheduler: str, *parts: str) -> None:
    process = served.start(scheduler)
    out, err = process.communicate(timeout=SOON)
    assert process.returncode == 2 and out == "" and err.count("\n") == 1
    assert all(part in err for part in parts)
    assert not served.pids("host") and not served.pids("web")
