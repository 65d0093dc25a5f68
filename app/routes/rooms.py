"""Rooms: a presenter's page state, followed by other browsers. No accounts: whoever has a room's code may follow.

    POST /rooms                 {state, camera}           -> {code, secret}
    POST /rooms/<code>          {secret, state, camera}   -> {revision}
    POST /rooms/<code>/close    {secret}                  -> {}
    GET  /rooms/<code>/events   server-sent events: `state`, `followers`; `closed` or `busy` ends them
    GET  /rooms/<code>/qr.svg   the address of the room, to be photographed
    GET  /room                  a form for the code

A follower's stream holds a thread for as long as the lecture lasts. One thread a process looks at the store for all.
"""

import io
import json
import logging
import os
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import segno
from flask import Flask, Response, redirect, request

from lossatlas.app.layout.bar import page
from lossatlas.app.look.view import View
from lossatlas.app.routes.origin import is_foreign
from lossatlas.app.routes.refusals import refused
from lossatlas.app.state.page import read_state
from lossatlas.app.stream import alive
from lossatlas.app.stream.sse import Event, Places, encoded
from lossatlas.compute.service.rooms import (
    LENGTH,
    NoRoom,
    NotYours,
    Room,
    Rooms,
    TooManyRooms,
    camera_of,
    code_of,
    no_room,
)
from lossatlas.compute.spec.options import BadSpec, options_of, read_query

BEAT = 1.0  # seconds between comments on a quiet stream, by which a closed page is noticed
PAUSE = 0.1  # seconds between two looks at the store
TROUBLE = 1.0  # seconds until the next look after a failed one
REPORT = 5.0  # seconds after which a process says again how many follow through it
LARGEST_BODY = 16_000  # bytes; a state takes at most 4,000 characters
OWN = tuple(name for name, option in options_of(View).items() if option.belongs == "browser")  # not passed on
NO_CACHE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

LONGEST_HOST = 255  # characters of a name in the Domain Name System

_log = logging.getLogger(__name__)
_places = Places(64)


def allow_followers(most: int) -> None:
    """Set how many followers' streams this process may hold; before the first one."""
    global _places
    _places = Places(most)


class Refusal(Exception):
    """A request that is answered with a sentence instead."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


STATUS = {BadSpec: 400, NoRoom: 404, NotYours: 403, TooManyRooms: 503, OSError: 503}


def shared(query: str) -> str:
    """The state that a room shows: the query without what is each browser's own.

    Raises:
        BadSpec: it describes no page.
    """
    kept = {name: value for name, value in read_query(query).items() if name not in OWN}
    state = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in kept.items())
    read_state(state)
    return state


def _quoted(text: str) -> str:
    return quote(text, safe=",", errors="replace")


class Watcher:
    """Looks at the store a few times a second while there are streams, wakes them, and says how many follow."""

    def __init__(self, rooms: Rooms):
        self._rooms, self._process = rooms, f"{os.getpid()}-{secrets.token_hex(4)}"
        self._changed = threading.Condition()
        self._early = threading.Event()
        self._streams: Counter[str] = Counter()  # by code
        self._following: Counter[str] = Counter()  # those of them that count as followers
        self._found: dict[str, Room | None] = {}  # None: closed
        self._thread: threading.Thread | None = None
        self._told: Counter[str] = Counter()
        self._told_at = 0.0

    @contextmanager
    def seat(self, code: str, counts: bool) -> Iterator[None]:
        """A place in a room for the time of one stream."""
        with self._changed:
            self._streams[code] += 1
            self._following[code] += counts
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rooms", daemon=True)
                self._thread.start()
        self.hurry()
        try:
            yield
        finally:
            with self._changed:
                self._streams[code] -= 1
                self._following[code] -= counts
                if not self._streams[code]:
                    del self._streams[code], self._following[code]
                    self._found.pop(code, None)
            self.hurry()

    def next(self, code: str, last: Room, patience: float) -> Room | None:
        """The room once it differs from `last`, or after `patience` seconds; None if it was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._found.get(code, last) != last, patience)
            return self._found.get(code, last)

    def hurry(self) -> None:
        """Look at once: this process has changed something."""
        self._early.set()

    def _run(self) -> None:
        while True:
            with self._changed:
                codes = list(self._streams)
            try:
                self._tell()
                self._take(codes, self._rooms.look(codes) if codes else {})
                pause = PAUSE if codes else None
            except Exception:  # whatever it is: nobody else wakes the followers, who wait until it has passed
                _log.exception("The rooms did not answer.")
                pause = TROUBLE
            self._early.wait(pause)
            self._early.clear()

    def _tell(self) -> None:
        """Write how many follow through this process, when it has changed and every few seconds."""
        with self._changed:
            following = +self._following
        late = time.monotonic() - self._told_at > REPORT
        if following != self._told or (late and following):
            self._rooms.count(self._process, following)
            self._told, self._told_at = following, time.monotonic()

    def _take(self, codes: list[str], found: dict[str, Room]) -> None:
        with self._changed:
            newest = {code: found.get(code) for code in codes if code in self._streams}
            if newest != self._found:
                self._found = newest
                self._changed.notify_all()


def events(code: str, rooms: Rooms, watcher: Watcher, counts: bool) -> Iterator[str]:
    """The stream of one browser in a room; `counts`: as a follower."""
    yield f"retry: {random.randint(500, 1500)}\n\n"  # after a restart not all at once
    places = _places
    if not places.free.acquire(blocking=False):
        yield encoded(Event("busy", {"sentence": f"{places.most} browsers follow here already. Trying again soon."}))
        return
    try:
        with watcher.seat(code, counts):
            yield from _until_closed(code, rooms, watcher)
    except OSError as error:  # the browser asks again by itself
        _log.warning("The rooms did not answer: %s.", error)
    finally:
        places.free.release()


def _until_closed(code: str, rooms: Rooms, watcher: Watcher) -> Iterator[str]:
    room = rooms.look([code]).get(code)
    revision, followers = 0, -1
    while room is not None:
        if room.revision > revision:  # the watcher may still hold what was there before
            revision = room.revision
            yield encoded(Event("state", {"revision": revision, "state": room.state, "camera": room.camera}))
        if room.followers != followers:
            followers = room.followers
            yield encoded(Event("followers", {"count": followers}))
        last, room = room, watcher.next(code, room, BEAT)
        if not alive.ALIVE():
            return
        if room == last:
            yield encoded(None)
    yield encoded(Event("closed", {"sentence": no_room(code)}))


class Desk:
    """The rooms as this process sees them."""

    def __init__(self, folder: Path):
        self.rooms = Rooms(folder)
        self.watcher = Watcher(self.rooms)

    def open(self, given: dict) -> dict:
        code, secret = self.rooms.open(*_shown(given))
        return {"code": code, "secret": secret}

    def show(self, code: str, given: dict) -> dict:
        revision = self.rooms.show(code, _secret(given), *_shown(given))
        self.watcher.hurry()
        return {"revision": revision}

    def close(self, code: str, given: dict) -> dict:
        self.rooms.close(code, _secret(given))
        self.watcher.hurry()
        return {}


def _shown(given: dict) -> tuple[str, tuple[float, ...]]:
    """State and camera of a request.

    Raises:
        BadSpec: the state describes no page.
        Refusal: they are of another kind.
    """
    state = given.get("state", "")
    if not isinstance(state, str):
        raise Refusal(400, "state is a query string.")
    try:
        return shared(state), camera_of(given.get("camera", ()))
    except BadSpec:
        raise
    except ValueError as reason:
        raise Refusal(400, str(reason)) from reason


def _secret(given: dict) -> str:
    secret = given.get("secret")
    if not isinstance(secret, str) or len(secret) > 100:
        raise Refusal(400, "secret is the text that came with the room's code.")
    return secret


def _body() -> dict:
    """The request's JSON object. Its content type keeps other sites' pages out: they would have to ask for leave."""
    if request.mimetype != "application/json":
        raise Refusal(415, "Rooms are asked for in JSON.")
    if request.content_length is None or request.content_length > LARGEST_BODY:
        raise Refusal(413, f"A request about a room has at most {LARGEST_BODY:,} bytes.")
    try:
        given = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise Refusal(400, "That is no JSON.") from None
    if not isinstance(given, dict):
        raise Refusal(400, "A request about a room is a JSON object.")
    return given


def address_of(code: str) -> str:
    """Where followers go, by the name under which this browser knows the server."""
    return f"{request.host_url}?room={code}"


def qr_code(address: str) -> bytes:
    """The address as an SVG that scales: black on white, with the margin of four modules that ISO/IEC 18004 asks."""
    drawn = io.BytesIO()
    code = segno.make_qr(address, error="m")
    code.save(drawn, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True, nl=False)
    return drawn.getvalue()


def add_routes(server: Flask, folder: Path) -> None:
    """Everything about rooms, which are kept in `folder`."""
    desk = Desk(folder)

    @server.before_request
    def ours_alone() -> Response | None:
        if request.path.startswith("/rooms") and is_foreign():
            return told(403, {"sentence": "Another site's page may not enter rooms."})
        return None

    @server.post("/rooms")
    def open_room() -> Response:
        return answered(lambda: desk.open(_body()))

    @server.post("/rooms/<code>")
    def show_in_room(code: str) -> Response:
        return answered(lambda: desk.show(code_of(code), _body()))

    @server.post("/rooms/<code>/close")
    def close_room(code: str) -> Response:
        return answered(lambda: desk.close(code_of(code), _body()))

    @server.get("/rooms/<code>/events")
    def room_events(code: str) -> Response:
        counts = request.args.get("as") != "presenter"
        stream = events(code_of(code), desk.rooms, desk.watcher, counts)
        return Response(stream, mimetype="text/event-stream", headers=NO_CACHE)

    @server.get("/rooms/<code>/qr.svg")
    def room_qr(code: str) -> Response:
        known = code_of(code)
        if not known or len(request.host) > LONGEST_HOST:
            return refused(no_room(known), 404)
        return Response(qr_code(address_of(known)), mimetype="image/svg+xml", headers=NO_CACHE)

    @server.get("/room")
    def room_form() -> Response:
        return entered(request.args.get("code"), desk.rooms)


def answered(action: Callable[[], dict]) -> Response:
    """What the action tells, or the sentence why it cannot."""
    try:
        return told(200, action())
    except Refusal as refusal:
        return told(refusal.status, {"sentence": str(refusal)})
    except tuple(STATUS) as error:
        status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
        return told(status, {"sentence": str(error)})


def told(status: int, data: dict) -> Response:
    return Response(json.dumps(data), status, mimetype="application/json", headers=NO_CACHE)


def entered(text: str | None, rooms: Rooms) -> Response:
    """Into the room whose code was typed, or the form, with a sentence if there is no such room."""
    if text is None:
        return _form("", "")
    code = code_of(text)
    try:
        found = bool(code) and code in rooms.look([code])
    except OSError as error:
        return _form(text, str(error))
    return redirect(f"/?room={code}", 303) if found else _form(text, no_room(code))  # type: ignore[return-value]


def _form(typed: str, sentence: str) -> Response:
    words = page("room.html", typed=typed[:40], sentence=sentence, length=LENGTH)
    return Response(words, 404 if sentence else 200, mimetype="text/html", headers=NO_CACHE)
