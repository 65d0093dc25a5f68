"""Rooms on disk: what each presenter shows just now, shared by the web processes. Texts and numbers, no names.

A database of its own beside the answers: no answer pushes a room out, and clearing the cache closes none. It is small
and of today only, so each call opens it anew (0.1 ms), which mends a file that was removed; nothing waits for the disk.
"""

import hashlib
import hmac
import json
import logging
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lossatlas.compute.service.cache import make_private

ALPHABET = "CDFGHJKMNPQRTVWXY34679"  # no two look alike on a projector, and without vowels no code is a word
LENGTH = 6  # 22^6 codes: one guess in half a million meets one of 200 rooms
LIFE = 4 * 3600.0  # seconds after the last change
MOST_ROOMS = 200
MOST_OPENINGS = 30  # a minute, by anybody
IDLE = 600.0  # seconds without a change after which a room that nobody follows gives its place to another
PRESENCE = 15.0  # seconds that a web process's count of followers holds; it says it again every few

_FILE = "rooms.db"
_VERSION = 1
_PATIENCE = 2.0  # seconds to wait for another process's write
_CAMERA = (9, 100.0)  # eye, center and up; as far as a camera may stand from the picture, in its own units
_TABLES = {
    "rooms": "code TEXT PRIMARY KEY, secret TEXT, revision INTEGER, state TEXT, camera TEXT, changed REAL",
    "followers": "code TEXT, process TEXT, count INTEGER, seen REAL, PRIMARY KEY (code, process)",
    "openings": "at REAL",
}
_log = logging.getLogger(__name__)


class RoomsUnusable(OSError):
    """The store does not answer; its message is one sentence fit for a reader."""


class NoRoom(LookupError):
    """No open room has this code; its message is one sentence fit for a reader."""


class NotYours(PermissionError):
    """The secret is not the room's."""


class TooManyRooms(RuntimeError):
    """Another room cannot be opened just now; its message is one sentence fit for a reader."""


@dataclass(frozen=True)
class Room:
    """What a room shows: a query string, and the surfaces' camera as nine numbers or none."""

    code: str
    revision: int
    state: str
    camera: tuple[float, ...]
    followers: int


def code_of(text: object) -> str:
    """The code that a reader means: capitals, without spaces and dashes; empty if it cannot be one."""
    code = re.sub(r"[\s-]", "", text).upper() if isinstance(text, str) and len(text) <= 40 else ""
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else ""


def camera_of(numbers: object) -> tuple[float, ...]:
    """Eye, center and up of a camera, checked; empty for none.

    Raises:
        ValueError: anything else than nine finite numbers, or none.
    """
    count, far = _CAMERA
    if not isinstance(numbers, list | tuple) or len(numbers) not in (0, count):
        raise ValueError(f"A camera is {count} numbers: eye, center and up.")
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in numbers):
        raise ValueError("A camera is numbers only.")
    if not all(abs(one) <= far for one in numbers):  # not so of NaN
        raise ValueError(f"A camera's numbers are at most {far:g} in size.")
    return tuple(float(one) for one in numbers)


class Rooms:
    """The rooms in a folder. `clock` gives seconds that all processes share.

    Raises:
        CacheUnusable: in every call, a folder that cannot be made, written or trusted.
        RoomsUnusable: in every call, where the database does not answer.
    """

    def __init__(self, folder: Path, most: int = MOST_ROOMS, clock: Callable[[], float] = time.time):
        self._file, self._most, self._clock = Path(folder).absolute() / _FILE, most, clock

    def open(self, state: str, camera: Sequence[float] = ()) -> tuple[str, str]:
        """A new room's code and the secret that alone may change it.

        Raises:
            TooManyRooms: there are as many as there may be, or too many were opened within a minute.
        """
        secret = secrets.token_urlsafe(24)
        with self._database() as database:
            self._make_place(database)
            code = _new_code()
            while database.execute("SELECT 1 FROM rooms WHERE code = ?", (code,)).fetchone():
                code = _new_code()
            row = (code, _digest(secret), 1, state, json.dumps(list(camera)), self._clock())
            database.execute("INSERT INTO rooms VALUES (?, ?, ?, ?, ?, ?)", row)
        return code, secret

    def show(self, code: str, secret: str, state: str, camera: Sequence[float] = ()) -> int:
        """What the room shows from now on; its revision.

        Raises:
            NoRoom: it was closed, or none has this code.
            NotYours: of another secret.
        """
        with self._database() as database:
            revision = self._check(database, code, secret) + 1
            changed = (revision, state, json.dumps(list(camera)), self._clock(), code)
            database.execute(
                "UPDATE rooms SET revision = ?, state = ?, camera = ?, changed = ? WHERE code = ?", changed
            )
        return revision

    def close(self, code: str, secret: str) -> None:
        """End the room.

        Raises:
            NoRoom, NotYours: as `show`.
        """
        with self._database() as database:
            self._check(database, code, secret)
            _forget(database, [code])

    def look(self, codes: Iterable[str]) -> dict[str, Room]:
        """The rooms of these codes that are open."""
        codes = list(codes)
        marks = ",".join("?" * len(codes))
        count = "SELECT SUM(count) FROM followers WHERE followers.code = rooms.code AND seen > ?"
        query = f"SELECT code, revision, state, camera, ({count}) FROM rooms WHERE changed > ? AND code IN ({marks})"
        now = self._clock()
        with self._database(writes=False) as database:
            rows = database.execute(query, (now - PRESENCE, now - LIFE, *codes)).fetchall()
        return {
            code: Room(code, revision, state, camera_of(json.loads(camera)), followers or 0)
            for code, revision, state, camera, followers in rows
        }

    def count(self, process: str, followers: Mapping[str, int]) -> None:
        """How many follow through this process, by code; what it said before is forgotten."""
        now = self._clock()
        with self._database() as database:
            database.execute("DELETE FROM followers WHERE process = ? OR seen <= ?", (process, now - PRESENCE))
            rows = [(code, process, count, now) for code, count in followers.items() if count]
            database.executemany("INSERT INTO followers VALUES (?, ?, ?, ?)", rows)

    def _check(self, database: sqlite3.Connection, code: str, secret: str) -> int:
        query = "SELECT secret, revision FROM rooms WHERE code = ? AND changed > ?"
        found = database.execute(query, (code, self._clock() - LIFE)).fetchone()
        if found is None:
            raise NoRoom(no_room(code))
        if not hmac.compare_digest(found[0], _digest(secret)):
            raise NotYours("Only the browser that opened a room can change or close it.")
        return found[1]

    def _make_place(self, database: sqlite3.Connection) -> None:
        """Drop what has expired, and where all places are taken the room longest left alone."""
        now = self._clock()
        _forget(database, database.execute("SELECT code FROM rooms WHERE changed <= ?", (now - LIFE,)).fetchall())
        database.execute("DELETE FROM openings WHERE at <= ?", (now - 60,))
        if _number(database, "openings") >= MOST_OPENINGS:
            raise TooManyRooms(f"{MOST_OPENINGS} rooms were opened within a minute. Try again in a minute.")
        if _number(database, "rooms") >= self._most:
            followed = "SELECT code FROM followers WHERE seen > ?"
            idle = f"SELECT code FROM rooms WHERE changed <= ? AND code NOT IN ({followed}) ORDER BY changed LIMIT 1"
            _forget(database, database.execute(idle, (now - IDLE, now - PRESENCE)).fetchall())
        if _number(database, "rooms") >= self._most:
            raise TooManyRooms(f"All {self._most} rooms of this atlas are in use. Try again in ten minutes.")
        database.execute("INSERT INTO openings VALUES (?)", (now,))

    @contextmanager
    def _database(self, writes: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction, or nothing of it. A damaged file is removed, and made anew by the next call."""
        make_private(self._file.parent)
        try:
            with closing(sqlite3.connect(self._file, timeout=_PATIENCE, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = OFF")  # a power cut may cost the rooms, never the answers
                if not _is_ours(connection):
                    _make_tables(connection)
                connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                yield connection
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
                _log.warning("The rooms in %s were damaged and start empty: %s.", self._file, error)
                for ending in ("", "-journal"):
                    self._file.with_name(_FILE + ending).unlink(missing_ok=True)
            raise RoomsUnusable(f"The rooms cannot be read or written just now ({error}). Try again.") from error


def no_room(code: str) -> str:
    """The sentence to somebody who asks for a room that is not there."""
    shown = f"There is no room {code}" if code else "That is no room's code"
    return f"{shown}: rooms end when the presenter closes them, or {LIFE / 3600:g} hours after the last change."


def _is_ours(connection: sqlite3.Connection) -> bool:
    return connection.execute("PRAGMA user_version").fetchone() == (_VERSION,)


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not _is_ours(connection):  # another process was not faster
        for name, columns in _TABLES.items():
            connection.execute(f"DROP TABLE IF EXISTS {name}")
            connection.execute(f"CREATE TABLE {name} ({columns})")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")


def _new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _number(database: sqlite3.Connection, table: str) -> int:
    return database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


def _forget(database: sqlite3.Connection, codes: Iterable) -> None:
    for code in codes:
        for table in ("rooms", "followers"):
            database.execute(f"DELETE FROM {table} WHERE code = ?", (code if isinstance(code, str) else code[0],))
