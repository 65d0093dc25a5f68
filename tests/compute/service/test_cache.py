"""The cache of answers: what is kept, what is a miss, and what nobody can make it do."""

import io
import multiprocessing
import os
import pickle
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lossatlas.compute.service.cache import LARGEST_SHARE, Cache, CacheUnusable

LIMIT = 4_000_000
PATH_SAYS = "LOSSATLAS_CACHE"  # every refusal tells what to do


def key(number: int) -> str:
    return f"slice-{number:040x}"


@pytest.fixture
def cache(cache_folder):
    opened = Cache(cache_folder, LIMIT)
    yield opened
    opened.close()


def rows(folder: Path, statement: str, *values) -> list[tuple]:
    """What somebody with access to the folder can do to the database."""
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as connection:
        return connection.execute(statement, values).fetchall()


def test_what_was_put_is_had_again_also_after_reopening(cache, cache_folder):
    for number, data in enumerate([b"", b"\0", random.Random(0).randbytes(200_000)]):
        assert cache.get(key(number)) is None
        cache.put(key(number), data)
        assert cache.get(key(number)) == data
        assert Cache(cache_folder, LIMIT).get(key(number)) == data
    cache.put(key(0), b"newer")
    assert cache.get(key(0)) == b"newer"


@pytest.mark.parametrize(
    "bad", ["", "slice", "slice-12", "Slice-" + "0" * 40, "../x-" + "0" * 40, key(1) + "\n", 7, None]
)
def test_a_key_of_another_form_is_refused(cache, bad):
    with pytest.raises(ValueError, match="cache key"):
        cache.get(bad)
    with pytest.raises(ValueError, match="cache key"):
        cache.put(bad, b"")


def test_stays_within_its_limit_and_drops_the_least_recently_used(cache, cache_folder):
    data = bytes(100_000)
    for number in range(100):
        cache.put(key(number), data)
        assert cache.get(key(0)) == data  # used all the time, so never the least recent
        assert cache.info().bytes <= LIMIT
    assert cache.get(key(1)) is None and cache.get(key(99)) == data
    on_disk = sum(file.stat().st_size for file in cache_folder.iterdir())
    assert on_disk < 2 * LIMIT  # the write-ahead log stands beside the database


def test_an_answer_too_large_pushes_nothing_out(cache):
    cache.put(key(1), b"kept")
    cache.put(key(2), bytes(LIMIT // LARGEST_SHARE + 1))
    assert cache.get(key(2)) is None and cache.get(key(1)) == b"kept"


def test_info_and_clear(cache, cache_folder):
    for number in range(30):
        cache.put(key(number), bytes(10_000))
    info = cache.info()
    assert (info.folder, info.answers, info.limit) == (cache_folder, 30, LIMIT)
    assert 300_000 < info.bytes < 600_000
    assert cache.clear() == 30
    assert cache.info().answers == 0 and cache.info().bytes < 100_000 and cache.get(key(3)) is None


def test_a_flipped_bit_and_a_swapped_answer_are_misses(cache, cache_folder):
    for number in (1, 2, 3):
        cache.put(key(number), b"answer %d" % number)
    ((stored,),) = rows(cache_folder, "SELECT value FROM Cache WHERE key = ?", key(1))
    rows(cache_folder, "UPDATE Cache SET value = ? WHERE key = ?", stored[:-1] + b"\xff", key(1))
    rows(
        cache_folder,
        "UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = ?) WHERE key = ?",
        key(3),
        key(2),
    )
    assert cache.get(key(1)) is None and cache.get(key(2)) is None and cache.get(key(3)) == b"answer 3"
    cache.put(key(1), b"again")
    assert cache.get(key(1)) == b"again"


@pytest.mark.parametrize("value", [None, 7, 0.5, "text", b"", b"short", bytes(5000)], ids=repr)
@pytest.mark.parametrize("mode", [0, 1, 2, 3, 4, 99, "x", None])
def test_a_foreign_row_is_a_miss(cache, cache_folder, mode, value):
    cache.put(key(1), b"x")
    rows(cache_folder, "UPDATE Cache SET mode = ?, value = ?", mode, value)
    assert cache.get(key(1)) is None


class Bomb:
    """Unpickled, it makes the file it names."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def test_no_pickle_runs_from_row_file_or_key(cache, cache_folder, tmp_path):
    marker = tmp_path / "ran"
    bomb = pickle.dumps(Bomb(marker))
    (cache_folder / "bomb.val").write_bytes(bomb)
    for number in (1, 2, 3):
        cache.put(key(number), b"x")
    rows(cache_folder, "UPDATE Cache SET mode = 4, value = ? WHERE key = ?", bomb, key(1))
    rows(cache_folder, "UPDATE Cache SET mode = 4, value = NULL, filename = 'bomb.val' WHERE key = ?", key(2))
    rows(cache_folder, "UPDATE Cache SET key = ?, raw = 0 WHERE key = ?", bomb, key(3))
    for opened in (cache, Cache(cache_folder, LIMIT)):
        assert [opened.get(key(number)) for number in (1, 2, 3)] == [None] * 3
        opened.info()
    cache.clear()
    assert not marker.exists()
    pickle.load(io.BytesIO(bomb))
    assert marker.exists()  # the bomb was live


@pytest.mark.parametrize("mode", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("name", ["../outside.val", "{absolute}", "../../tmp/../outside.val"])
def test_a_file_name_in_a_row_leads_nowhere(cache, cache_folder, mode, name):
    outside = cache_folder.parent / "outside.val"
    outside.write_bytes(b"secret")
    name = name.format(absolute=outside)
    for act in (lambda: cache.get(key(1)), lambda: cache.put(key(1), b"y"), cache.clear):
        cache.put(key(1), b"x")
        rows(cache_folder, "UPDATE Cache SET mode = ?, filename = ?, value = NULL", mode, name)
        assert act() in (None, 1)
    assert outside.read_bytes() == b"secret"


def test_eviction_removes_no_file_that_a_row_names(cache, cache_folder):
    outside = cache_folder.parent / "outside.val"
    outside.write_bytes(b"secret")
    for number in range(60):
        cache.put(key(number), bytes(100_000))
        rows(cache_folder, "UPDATE Cache SET filename = '../outside.val'")
    assert cache.info().answers < 60 and outside.read_bytes() == b"secret"


def test_settings_planted_in_the_database_do_not_rule(cache, cache_folder, tmp_path):
    cache.put(key(1), b"x")
    cache.close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    rows(cache_folder, "INSERT INTO Settings VALUES ('_directory', ?)", str(elsewhere))
    reopened = Cache(cache_folder, LIMIT)
    reopened.put(key(2), b"y")
    assert reopened.get(key(2)) == b"y" and not list(elsewhere.iterdir())


def _foreign_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE Cache (something)")


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _scribble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = random.Random(1).randbytes(len(data) - 4096)
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "noise": lambda path: path.write_bytes(random.Random(2).randbytes(50_000)),
    "text": lambda path: path.write_text("not a database\n" * 500),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": _truncate,
    "scribbled": _scribble,
    "foreign": _foreign_database,
    "removed": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_starts_empty_at_opening(cache, cache_folder, damage):
    for number in range(20):
        cache.put(key(number), bytes(20_000))
    cache.close()
    for log in ("cache.db-wal", "cache.db-shm"):
        (cache_folder / log).unlink(missing_ok=True)
    DAMAGES[damage](cache_folder / "cache.db")
    reopened = Cache(cache_folder, LIMIT)
    assert all(reopened.get(key(number)) in (None, bytes(20_000)) for number in range(20))
    _works_again(reopened)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_database_damaged_in_use_mends_itself(cache, cache_folder, damage):
    for number in range(20):
        cache.put(key(number), bytes(20_000))
    rows(cache_folder, "PRAGMA wal_checkpoint(TRUNCATE)")
    DAMAGES[damage](cache_folder / "cache.db")
    assert all(cache.get(key(number)) in (None, bytes(20_000)) for number in range(20))
    _works_again(cache)


def _works_again(cache: Cache) -> None:
    for _ in range(3):  # the first ones may meet the damage
        cache.put(key(99), b"fresh")
        cache.get(key(99))
    assert cache.get(key(99)) == b"fresh"
    assert cache.info().answers >= 1
    cache.clear()
    assert cache.info().answers == 0


def test_a_folder_removed_in_use_is_made_again(cache, cache_folder):
    cache.put(key(1), b"x")
    shutil.rmtree(cache_folder)
    assert cache.get(key(1)) is None
    cache.put(key(1), b"y")
    assert cache.get(key(1)) == b"y"
    assert Cache(cache_folder, LIMIT).get(key(1)) == b"y"


def test_the_folder_is_private(cache, cache_folder):
    assert stat.S_IMODE(cache_folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o702])
def test_a_folder_that_others_can_write_is_refused(cache_folder, mode):
    cache_folder.mkdir()
    cache_folder.chmod(mode)
    with pytest.raises(CacheUnusable, match=f"mode {mode:o}.*{PATH_SAYS}"):
        Cache(cache_folder, LIMIT)
    assert not list(cache_folder.iterdir())


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/self/lossatlas", "with $HOME in it", "x" * 300])
def test_an_unusable_place_is_refused_with_a_sentence(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(CacheUnusable, match=PATH_SAYS):
        Cache(tmp_path / place, LIMIT)


def test_a_folder_without_write_permission_is_refused(cache_folder):
    cache_folder.mkdir(mode=0o500)
    if os.access(cache_folder, os.W_OK):
        pytest.skip("This user writes where the mode forbids it.")
    with pytest.raises(CacheUnusable, match=PATH_SAYS):
        Cache(cache_folder, LIMIT)


def _work(folder: Path, seed: int) -> None:
    """One process of many: four threads that put and get the same keys, each answer made from its key."""
    cache = Cache(folder, LIMIT)
    failures: list[str] = []

    def thread(number: int) -> None:
        choose = random.Random(100 * seed + number)
        for _ in range(60):
            name = choose.randrange(60)
            found = cache.get(key(name))
            if found not in (None, _answer(name)):
                failures.append(key(name))
            cache.put(key(name), _answer(name))

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    sys.exit(len(failures))


def _answer(name: int) -> bytes:
    return bytes([name]) * (1000 + 2000 * name)


def test_processes_and_threads_share_it(cache_folder):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, args=(cache_folder, seed)) for seed in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    cache = Cache(cache_folder, LIMIT)
    assert sum(cache.get(key(name)) == _answer(name) for name in range(60)) > 20
    assert cache.info().bytes <= LIMIT


# A process that puts 41 answers. In the middle of the last one, at this statement of SQLite's, it says so; then it
# stays there, or goes on.
WRITER = """
import functools, sqlite3, sys
from pathlib import Path
from lossatlas.compute.service.cache import Cache

folder, statement, then = sys.argv[1:]
number = -1

class Told(sqlite3.Connection):
    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.set_trace_callback(self.begins)

    def begins(self, sql):
        if number == 40 and sql.startswith(statement):
            print("in the middle", flush=True)
            if then == "stays":
                sys.stdin.read()

sqlite3.connect = functools.partial(sqlite3.connect, factory=Told)
cache = Cache(Path(folder), 4_000_000)
for number in range(41):
    cache.put(f"slice-{number:040x}", bytes([number]) * 150_000)
sys.stdin.read()
"""


@pytest.mark.parametrize(("statement", "then"), [("INSERT", "stays"), ("COMMIT", "stays"), ("COMMIT", "goes on")])
def test_a_writer_killed_in_the_middle_leaves_whole_answers(cache_folder, statement, then):
    words = [sys.executable, "-c", WRITER, str(cache_folder), statement, then]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout and writer.stdout.readline() == b"in the middle\n"
        writer.kill()
    cache = Cache(cache_folder, LIMIT)
    answers = {number: cache.get(key(number)) for number in range(41)}
    assert all(data in (None, bytes([number]) * 150_000) for number, data in answers.items())
    assert answers[39] is not None and (answers[40] is None or then == "goes on")
    _works_again(cache)


def test_imports_neither_torch_nor_dask():
    code = "import sys, lossatlas.compute.service.cache, lossatlas.compute.spec.settings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "dask", "distributed", "dash"} & set(loaded)
