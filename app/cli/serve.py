"""The supervisor behind `lossatlas serve`: it keeps the compute host and gunicorn running until told to stop.

It imports neither torch nor dask nor dash, so that it starts at once and outlives whatever they do.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import lossatlas
from lossatlas.compute.service.cache import Cache, CacheUnusable
from lossatlas.compute.service.kept import kept_in
from lossatlas.compute.service.parent import PARENT
from lossatlas.compute.spec.settings import BadSetting, Settings, read_settings

HOST_COMMAND = (sys.executable, "-m", "lossatlas.compute.service.host")
WEB_COMMAND = (sys.executable, "-m", "gunicorn", "-c", "python:lossatlas.app.cli.gunicorn_conf")
# Where the children stand, and so the first place they import from: a folder called lossatlas where the
# reader happens to be must not be taken for ours.
ROOT = Path(lossatlas.__file__).resolve().parents[1]

FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0  # seconds before a restart, doubled each time
GOOD_RUN = 60.0  # seconds after which a death counts as the first again
GRACE = 4.0  # seconds from SIGTERM to SIGKILL; gunicorn lets its readers go within 3
TICK = 0.1  # seconds
REFUSED = 2  # exit code of a command that cannot do what it was asked
BOOT_FAILURES = (3, 4)  # gunicorn's exit codes when the page cannot be loaded


@dataclass(frozen=True)
class ServeOptions:
    """What `lossatlas serve` was asked for; `workers` None is one per core."""

    host: str = "127.0.0.1"
    port: int = 8050
    workers: int | None = None
    web_workers: int = 2
    threads: int = 128  # per web worker; a page that is computing holds one, and so does a follower in a room
    scheduler: str = ""
    gpus: bool = False


class Refused(Exception):
    """A request to serve that cannot be met; its message is one sentence fit for a reader."""


class Child:
    """A command kept running. Its process leads a session of its own: Ctrl-C reaches the supervisor alone."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], fatal: Sequence[int]):
        self.name, self.command, self.environment = name, list(command), dict(environment)
        self.fatal = tuple(fatal)  # exit codes after which a restart would end in the same way
        self.process: subprocess.Popen | None = None
        self.deaths = 0
        self.started = self.due = 0.0  # seconds of the monotonic clock

    def tend(self) -> int | None:
        """Start what is due, notice a death. The exit code, if it is one of the fatal ones."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self._start(now)
            return None
        code = self.process.poll()
        if code is None:
            return None
        self.signal(signal.SIGKILL)  # what it left behind holds its port and its memory
        self.process = None
        if code in self.fatal:
            return code
        self.deaths = 1 if now - self.started > GOOD_RUN else self.deaths + 1
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (self.deaths - 1))
        self.due = now + wait
        _say(f"The {self.name} ended ({_cause(code)}) and starts again in {wait:.1f} s.")
        return None

    def _start(self, now: float) -> None:
        # The parent's death signal follows the thread that starts the child: this must be the main one.
        self.process = subprocess.Popen(
            self.command, env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True, umask=0o077
        )
        self.started = now

    def signal(self, number: int) -> None:
        """SIGKILL goes to the whole session's group; anything else to the child, which tells its own."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self.process.pid, number)
            elif self.process.poll() is None:
                self.process.send_signal(number)

    def gone(self) -> bool:
        return self.process is None or self.process.poll() is not None


class Stop:
    """Ctrl-C, SIGTERM and a closed terminal, remembered; the second one means at once."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.asked = 0

    def __enter__(self) -> "Stop":
        self._before = {number: signal.signal(number, self._ask) for number in self.SIGNALS}
        return self

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def supervise(
    options: ServeOptions,
    host_command: Sequence[str] = HOST_COMMAND,
    web_command: Sequence[str] = WEB_COMMAND,
) -> int:
    """Serve until Ctrl-C or SIGTERM; the exit code. Call it in the main thread.

    2 means refused, before anything was started or by the compute host (`--gpus` without CUDA); 1 means that
    the page could not be loaded. The child has then said why.
    """
    try:
        settings = _check(options)
    except Refused as refused:
        _say(str(refused))
        return REFUSED
    children = make_children(options, settings, host_command, web_command)
    with Stop() as stop:
        try:
            return _watch(children, options, stop)
        finally:
            _end(children, stop)


def make_children(
    options: ServeOptions, settings: Settings, host_command: Sequence[str], web_command: Sequence[str]
) -> list[Child]:
    """The compute host, unless there is a scheduler already, and the web server, which comes last."""
    environment = os.environ | {PARENT: str(os.getpid()), "LOSSATLAS_CACHE": str(settings.cache)}
    environment |= kept_in(settings.cache)
    children = []
    scheduler = settings.scheduler
    if not scheduler:
        port = free_port()  # picked once: after a restart of the host the web workers find it again
        scheduler = f"tcp://127.0.0.1:{port}"
        workers = options.workers or os.cpu_count() or 1
        arguments = ["--port", str(port), "--workers", str(workers), *(["--gpus"] if options.gpus else [])]
        children.append(Child("compute host", [*host_command, *arguments], environment, (REFUSED,)))
    arguments = ["--bind", _netloc(options.host, options.port)]
    arguments += ["--workers", str(options.web_workers), "--threads", str(options.threads)]
    web = environment | {"LOSSATLAS_SCHEDULER": scheduler}
    return [*children, Child("web server", [*web_command, *arguments], web, BOOT_FAILURES)]


def _watch(children: Sequence[Child], options: ServeOptions, stop: Stop) -> int:
    web, ready = children[-1], False
    while not stop.asked:
        for child in children:
            code = child.tend()
            if code is not None:
                return 1 if child is web else code
        if not ready and web.process is not None and _answers(options, "/ready"):
            ready = True
            web.fatal = ()  # the page can be loaded: a later failure is worth another try
            print(f"lossatlas is at {_address(options)}", flush=True)
        time.sleep(TICK)
    return 0


def _end(children: Sequence[Child], stop: Stop) -> None:
    for child in children:
        child.signal(signal.SIGTERM)
    asked, deadline = stop.asked, time.monotonic() + GRACE
    while not all(child.gone() for child in children) and time.monotonic() < deadline and stop.asked == asked:
        time.sleep(TICK / 2)
    for child in children:
        child.signal(signal.SIGKILL)
        if child.process is not None:
            child.process.wait()


def _check(options: ServeOptions) -> Settings:
    """The settings, once port, cache and scheduler are seen to be usable.

    Raises:
        Refused: one of them is not.
    """
    given = {"LOSSATLAS_SCHEDULER": options.scheduler} if options.scheduler else {}
    try:
        settings = read_settings(os.environ | given)
        Cache(settings.cache, settings.cache_size).close()
    except (BadSetting, CacheUnusable) as error:
        raise Refused(str(error)) from error
    _check_address(options)
    if settings.scheduler:
        _check_scheduler(settings.scheduler)
    return settings


def _check_address(options: ServeOptions) -> None:
    try:
        family, *_, place = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn: TIME_WAIT is no hindrance
            probe.bind(place)
            probe.listen(1)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Refused(
            f"lossatlas cannot listen at {_netloc(options.host, options.port)}: {reason}. "
            "Choose another port with --port, or another address with --host."
        ) from error


def _check_scheduler(address: str) -> None:
    place = urlsplit(address)
    try:
        socket.create_connection((place.hostname, place.port), timeout=5).close()
    except OSError as error:
        raise Refused(
            f"No dask scheduler answers at {address}: {error.strerror or error}. "
            "Start it first, or leave the scheduler out to compute on this machine."
        ) from error


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reachable(options: ServeOptions) -> str:
    """An address for this machine's own browser; 0.0.0.0 and :: mean every address, and are none."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(options.host, options.host)


def _address(options: ServeOptions) -> str:
    return f"http://{_netloc(_reachable(options), options.port)}"


def _answers(options: ServeOptions, path: str) -> bool:
    connection = http.client.HTTPConnection(_reachable(options), options.port, timeout=0.5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _cause(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
