"""Short links: texts kept by a code, in a database of their own beside the answers."""

import base64
import hashlib
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lossatlas.compute.service.cache import PATIENCE, make_private, unusable

LINKS_ROOM = 100_000_000  # bytes on disk: 25,000 of the longest links
NEW_LINKS = 60  # kept within a minute (chosen by eye): a hall's, but hours pass until one visitor has filled the store
LONGEST_LINK = 4_000  # characters
_PAGE = 4096  # bytes
_SHORTEST = 8  # letters of a code; a longer one where two texts begin alike
_CODE = re.compile(rf"[a-z2-7]{{{_SHORTEST},52}}")


class LinksFull(OSError):
    """No more short links are kept, or not just now; its message is one sentence fit for a reader."""


class Links:
    """Texts by a code made of their own letters, so that equal texts have one code. They lie in a database beside the
    answers, which neither the answers' bound nor `clear` touches: a link in a lecture's notes outlives both. None is
    ever dropped for another: beyond `room` bytes, or `pace` new texts within a minute, new ones are refused. `clock`
    gives seconds that all processes share.

    Raises:
        CacheUnusable: a folder that cannot be made, written or trusted, or a damaged database.
    """

    def __init__(
        self, folder: Path, room: int = LINKS_ROOM, pace: int = NEW_LINKS, clock: Callable[[], float] = time.time
    ):
        self._file, self._room, self._pace, self._clock = Path(folder).absolute() / "links.db", room, pace, clock
        make_private(self._file.parent)

    def put(self, text: str) -> str:
        """The code of a text, which is kept.

        Raises:
            LinksFull: the room is full, or too many were made within a minute.
            ValueError: longer than LONGEST_LINK.
        """
        if len(text) > LONGEST_LINK:
            raise ValueError(f"A link holds at most {LONGEST_LINK} characters; got {len(text)}.")
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            for code in _codes(text):
                found = connection.execute("SELECT text FROM links WHERE code = ?", (code,)).fetchone()
                if found == (text,):
                    return code
                if found is None:
                    break
            self._note(connection)
            connection.execute("INSERT INTO links VALUES (?, ?)", (code, text))
            connection.execute("COMMIT")
            return code

    def _note(self, connection: sqlite3.Connection) -> None:
        """That a text is kept now; a time from the future, of a clock set back, counts as past."""
        now = self._clock()
        connection.execute("DELETE FROM lately WHERE at NOT BETWEEN ? AND ?", (now - 60, now))
        if connection.execute("SELECT COUNT(*) FROM lately").fetchone()[0] >= self._pace:
            raise LinksFull(
                f"No short link was made, as {self._pace} were within a minute. Try again in a minute, or copy the "
                "whole link, which needs no store."
            )
        connection.execute("INSERT INTO lately VALUES (?)", (now,))

    def get(self, code: str) -> str | None:
        """The text that `put` gave this code, or None."""
        if not _CODE.fullmatch(code):
            return None
        with self._connection() as connection:
            found = connection.execute("SELECT text FROM links WHERE code = ?", (code,)).fetchone()
        text = found[0] if found else None
        return text if isinstance(text, str) and code in _codes(text) else None

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA max_page_count = {self._room // _PAGE}")
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute(f"PRAGMA page_size = {_PAGE}")
                connection.execute("CREATE TABLE IF NOT EXISTS links (code TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID")
                connection.execute("CREATE TABLE IF NOT EXISTS lately (at REAL)")  # when the newest were kept
                yield connection
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
                raise LinksFull(
                    f"No more short links are kept, as {self._room / 1e6:.0f} MB of links are stored here. Copy the "
                    "whole link, which needs no store."
                ) from error
            raise unusable(self._file.parent, error) from error


def _codes(text: str) -> list[str]:
    """The codes that a text may have, the shortest first."""
    letters = base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=").lower()
    return [letters[:count] for count in range(_SHORTEST, len(letters) + 1)]
