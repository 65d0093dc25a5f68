"""Answers on disk: bounded, shared by processes and threads, and harmless whoever wrote the folder.

diskcache keeps the order of use and the bound. Its pickles are shut out in both directions (whoever can write
the folder could run code: CVE-2025-69872), and so are its files: every answer is a blob inside the database,
under a SHA-256 of key and bytes. A foreign, torn or flipped one is a miss; no path is ever read from a row.
"""

import fcntl
import hashlib
import logging
import os
import re
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import diskcache

T = TypeVar("T")

# diskcache evicts ten answers at a time: one above a tenth of the limit could push out all others and itself.
LARGEST_SHARE = 16
PATIENCE = 5.0  # seconds to wait for another process's write before a look-up counts as a miss

_KEY = re.compile(r"[a-z_]+-[0-9a-f]{32,64}")
_SEAL = hashlib.sha256().digest_size
_DATABASE = ("cache.db", "cache.db-wal", "cache.db-shm")
_KNOWN = {*diskcache.DEFAULT_SETTINGS, *diskcache.core.METADATA}
_RAW = diskcache.core.MODE_RAW  # the one mode of ours; another may be a file or a pickle
_OURS = "raw = 1 AND mode = ? AND filename IS NULL AND typeof(value) = 'blob' AND typeof(store_time) = 'real'"

# What diskcache raises on a database that is damaged, or that somebody else has written.
_FAULTS = (sqlite3.Error, OSError, ValueError, TypeError, AttributeError, KeyError)
# SQLite's reasons that say nothing against the database.
_PASSING = tuple(f"SQLITE_{name}" for name in ("BUSY", "LOCKED", "FULL", "READONLY", "CANTOPEN", "NOMEM"))

_log = logging.getLogger(__name__)


class CacheUnusable(OSError):
    """The folder cannot hold a cache; its message is one sentence fit for a reader."""


class _Foreign(OSError):
    """A row that `put` did not write. diskcache takes an OSError from `fetch` for a miss."""


class _Gone(OSError):
    """The database was removed or made anew by somebody else."""


@dataclass(frozen=True)
class CacheInfo:
    """What the cache holds; `bytes` is the size of the database on disk."""

    folder: Path
    answers: int
    bytes: int
    limit: int


@dataclass(frozen=True)
class Kept:
    """One answer's key, and when it was stored, in seconds since 1970."""

    key: str
    when: float


@dataclass(frozen=True)
class _Opened:
    store: diskcache.Cache
    inode: int  # tells whether the file of this name is still the one that was opened


class _Blobs(diskcache.Disk):
    """Text keys and bytes inside the database: no pickle, no file."""

    def put(self, key: object) -> tuple[str, bool]:
        return _checked(key), True

    def get(self, key: object, raw: bool) -> str:
        if not raw or not isinstance(key, str):
            raise _Foreign("a key that lossatlas did not write")
        return key

    def store(self, value: object, read: bool, key: object = diskcache.UNKNOWN) -> tuple[int, int, None, bytes]:
        if type(value) is not bytes or read:
            raise TypeError("the cache stores bytes")
        return 0, _RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> bytes:
        if mode != _RAW or filename is not None or type(value) is not bytes or read:
            raise _Foreign("a row that lossatlas did not write")
        return value

    def remove(self, file_path: str) -> None:
        """Nothing: no row of ours names a file, and another's may name any."""


class Cache:
    """Bytes by key, the least recently used dropped beyond `limit` bytes. Trouble on disk is a miss.

    Raises:
        CacheUnusable: at opening, a folder that cannot be made, written or trusted.
    """

    def __init__(self, folder: Path | str, limit: int):
        self.folder, self.limit = Path(folder).absolute(), limit
        self._mending = threading.Lock()
        self._opened = self._open(damaged=None)

    def get(self, key: str) -> bytes | None:
        """The bytes put under this key, or None. Counts as a use."""
        _checked(key)
        sealed = self._attempt(lambda store: store.get(key), None)
        if sealed is None or sealed[:_SEAL] != _seal(key, sealed[_SEAL:]):
            return None
        return sealed[_SEAL:]

    def put(self, key: str, data: bytes) -> None:
        """Keep these bytes, unless they would take a large share of the cache or the disk has no room."""
        _checked(key)
        if len(data) * LARGEST_SHARE > self.limit:
            _log.warning("An answer of %d bytes is too large for a cache of %d bytes.", len(data), self.limit)
            return
        self._attempt(lambda store: (store.set(key, _seal(key, data) + data), store.cull()), None)

    def kept(self) -> list[Kept]:
        """What is stored, newest first."""
        return self._attempt(lambda _: self._kept(), [])

    def heads(self, keys: Iterable[str], most: int) -> dict[str, bytes]:
        """The first `most` bytes of answers, by key; the absent ones are left out. Not a use, and not checked against
        their seals: read them as anybody's.
        """
        wanted = [_checked(key) for key in keys]
        none: dict[str, bytes] = {}
        found = self._attempt(lambda _: self._read(wanted, _SEAL + most), none)
        return {key: sealed[_SEAL:] for key, sealed in found.items()}

    def peek(self, key: str) -> bytes | None:
        """As `get`, but not a use."""
        none: dict[str, bytes] = {}
        sealed = self._attempt(lambda _: self._read([_checked(key)], -1), none).get(key, b"")
        return sealed[_SEAL:] if len(sealed) >= _SEAL and sealed[:_SEAL] == _seal(key, sealed[_SEAL:]) else None

    def _kept(self) -> list[Kept]:
        with self._reading() as connection:
            rows = connection.execute(f"SELECT key, store_time FROM Cache WHERE {_OURS}", (_RAW,)).fetchall()
        found = [Kept(key, when) for key, when in rows if is_key(key)]
        return sorted(found, key=lambda one: one.when, reverse=True)

    def _read(self, keys: list[str], most: int) -> dict[str, bytes]:
        """The first bytes of rows, seals included, all if `most` is −1; no more of the file is read than that."""
        found = {}
        with self._reading() as connection:
            for key in keys:
                row = connection.execute(f"SELECT rowid FROM Cache WHERE key = ? AND {_OURS}", (key, _RAW)).fetchone()
                if row:
                    with connection.blobopen("Cache", "value", row[0], readonly=True) as blob:
                        found[key] = blob.read(most)
        return found

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own, as diskcache has no way to read a part of a row, or one without a use."""
        with closing(sqlite3.connect(self.folder / _DATABASE[0], timeout=PATIENCE)) as connection:
            connection.execute("PRAGMA query_only = 1")
            connection.execute("BEGIN")  # one snapshot: a row evicted between two statements would look like damage
            yield connection

    def info(self) -> CacheInfo:
        answers, volume = self._attempt(lambda store: (len(store), store.volume()), (0, 0))
        return CacheInfo(self.folder, answers, volume, self.limit)

    def clear(self) -> int:
        """Forget everything; how many answers that were."""
        return self._attempt(lambda store: store.clear(), 0)

    def close(self) -> None:
        """Close this thread's connection; the next call opens it again."""
        self._opened.store.close()

    def _attempt(self, action: Callable[[diskcache.Cache], T], otherwise: T) -> T:
        opened = self._opened
        try:
            if _inode(self.folder) != opened.inode:
                raise _Gone("the database was removed or made anew")
            return action(opened.store)
        except diskcache.Timeout:  # another process is writing
            return otherwise
        except _FAULTS as error:
            _log.warning("The cache in %s did not answer: %s.", self.folder, error)
            if not _passing(error) or isinstance(error, _Gone):
                self._mend(opened, error)
            return otherwise

    def _mend(self, broken: _Opened, error: Exception) -> None:
        """Open the database again, anew where it is damaged; once for all threads that met the fault."""
        with self._mending:
            if self._opened is not broken:
                return
            try:
                self._opened = self._open(damaged=None if isinstance(error, _Gone) else broken.inode)
            except CacheUnusable as unusable:
                _log.warning("%s", unusable)

    def _open(self, damaged: int | None) -> _Opened:
        """The database, made anew if it cannot be read or is still the one called damaged."""
        make_private(self.folder)
        with _alone(self.folder):
            if damaged is not None and _inode(self.folder) == damaged:
                _remove_database(self.folder)
            try:
                return self._connect()
            except _FAULTS as error:
                if _passing(error):
                    raise unusable(self.folder, error) from error
                _log.warning("The cache in %s was damaged and starts empty: %s.", self.folder, error)
            try:
                _remove_database(self.folder)
                return self._connect()
            except _FAULTS as error:
                raise unusable(self.folder, error) from error

    def _connect(self) -> _Opened:
        _check_origin(self.folder / _DATABASE[0])
        ours = {
            "eviction_policy": "least-recently-used",
            "size_limit": self.limit,
            "cull_limit": 0,  # `put` culls by itself, all the way down to the limit
            "sqlite_mmap_size": 0,  # a file truncated under a memory map kills the process
            "sqlite_cache_size": 512,  # pages a connection, and every thread holds one
        }
        settings = diskcache.DEFAULT_SETTINGS | ours  # all of them: else the folder's own would be taken
        store = diskcache.Cache(str(self.folder), timeout=PATIENCE, disk=_Blobs, **settings)
        len(store), store.volume()
        return _Opened(store, _inode(self.folder))


def is_key(key: object) -> bool:
    """Whether an answer could be stored under it."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def _checked(key: object) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError(f"A cache key is a name, a dash and 32 to 64 hex digits; got {key!r:.80}.")
    return key


def _seal(key: str, data: bytes) -> bytes:
    """Bound to the key too, so that an answer moved to another key is a miss."""
    return hashlib.sha256(key.encode() + b"\0" + data).digest()


def _inode(folder: Path) -> int:
    try:
        return os.stat(folder / _DATABASE[0]).st_ino
    except FileNotFoundError:
        return 0


def _passing(error: Exception) -> bool:
    """Whether the fault lies with the moment or the disk, so that the database itself may be sound."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorname", "").startswith(_PASSING)
    return isinstance(error, OSError)


def make_private(folder: Path) -> None:
    """Make the folder with mode 0700; refuse one that others can write."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise unusable(folder, error) from error
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or found.st_uid != os.geteuid():
        raise CacheUnusable(
            f"The cache folder {folder} belongs to another user or can be written by others (mode "
            f"{stat.S_IMODE(found.st_mode):o}), who could then plant answers. "
            f"Run 'chmod 700 {folder}' or set LOSSATLAS_CACHE to a folder of your own."
        )
    if os.path.expandvars(folder) != str(folder):  # diskcache would go to the expanded path, unchecked
        raise CacheUnusable(f"The cache folder {folder} must not contain a $; set LOSSATLAS_CACHE to another.")


def unusable(folder: Path, error: Exception) -> CacheUnusable:
    """The error that says why a folder cannot hold a cache."""
    reason = getattr(error, "strerror", None) or error
    return CacheUnusable(
        f"The cache folder {folder} cannot be used: {reason}. Set LOSSATLAS_CACHE to a folder you can write."
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time makes, opens or removes the database; the lock ends with the process."""
    try:
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise unusable(folder, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _remove_database(folder: Path) -> None:
    for name in _DATABASE:
        (folder / name).unlink(missing_ok=True)


def _check_origin(database: Path) -> None:
    """Refuse a database with settings that diskcache never writes: it would set them as its own attributes.

    Raises:
        ValueError: somebody else's, or without the automatic vacuum that keeps the file within its bound.
        sqlite3.Error: not a database, or a damaged one.
    """
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            return
        names = {name for (name,) in connection.execute("SELECT key FROM Settings")}
        if not names <= _KNOWN or connection.execute("PRAGMA auto_vacuum").fetchone() != (1,):
            raise ValueError("not a database of lossatlas")
