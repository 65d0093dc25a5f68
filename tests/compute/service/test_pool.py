"""The pool as it runs: a real scheduler and two real workers in a process of their own."""

import math
import os
import signal
import stat
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lossatlas.compute.analyses.slices import SliceResult
from lossatlas.compute.analyses.table import ANALYSES, Analysis, key_for, question
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.limits import check_cost, duration
from lossatlas.compute.service.pool import Pool, PoolLost
from lossatlas.compute.service.stored import look_up
from lossatlas.compute.service.watch import Watch
from lossatlas.compute.spec.options import BadSpec, option
from lossatlas.compute.spec.results import Damaged, Failure, pack, unpack
from lossatlas.compute.spec.tasks import CannotAnswer, Task

SMALL = "dataset=iris&steps=30&points=33"


@pytest.fixture
def cache(tmp_path):
    kept = Cache(tmp_path / "cache", 10**8)
    yield kept
    kept.close()


def all_news(watch: Watch, seconds: float = 60.0) -> list:
    found, end = [], time.monotonic() + seconds
    while watch.open() and time.monotonic() < end:
        if (update := watch.next(1.0)) is not None:
            found.append(update)
    assert not watch.open(), "the questions were not answered in time"
    return found


def runs_by_key(pool: Pool) -> dict[str, int]:
    """How often each task ended on a worker."""

    def count(dask_scheduler):
        ends = [entry[0] for entry in dask_scheduler.transition_log if entry[1:3] == ("processing", "memory")]
        return {key: ends.count(key) for key in set(ends)}

    return pool.client().run_on_scheduler(count)


# ------------------------------------------------------------------------------------------ same spec, same bytes


@pytest.mark.parametrize("analysis", ANALYSES)
def test_here_pool_and_cache_give_the_same_bytes(analysis, pool, cache):
    own = {"slice": "&steps=30&seed=11&points=33", "cloud": "&walk_steps=30&walk_seed=11&walks=4"}
    query = f"dataset={'moons' if analysis == 'boundary' else 'iris'}&activation=relu&widths=5-3"
    spec = question(analysis, query + own.get(analysis, "&steps=30&seed=11"))
    on_pool = ask(spec, pool=pool, cache=cache)
    assert pack(on_pool) == pack(ask(spec)) == pack(look_up(spec, cache)) == cache.get(key_for(spec))


def test_a_stored_training_is_used_and_changes_nothing(pool, cache):
    ask(question("training", f"{SMALL[:-10]}&seed=12"), cache=cache)
    spec = question("slice", f"{SMALL}&seed=12")
    before = runs_by_key(pool)
    assert pack(ask(spec, pool=pool, cache=cache)) == pack(ask(spec))
    fresh = runs_by_key(pool).keys() - before.keys()
    assert fresh and not any(key.startswith("training") for key in fresh)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04torn", b"\x80\x04\x95pickle", pack(Failure("x", "y"))])
def test_a_torn_or_foreign_answer_is_computed_again(damage, cache):
    spec = question("line", "dataset=xor&widths=2&steps=0&line_points=5")
    cache.put(key_for(spec), damage)
    assert look_up(spec, cache) is None
    with pytest.raises(Damaged):
        unpack(SliceResult, damage)
    assert pack(ask(spec, cache=cache)) == cache.get(key_for(spec))


# ------------------------------------------------------------------------------------------ single flight, interest


def test_six_readers_in_two_processes_worth_of_pools_cost_one_computation(pool, tmp_path):
    pools = [pool, Pool(pool.address)]
    caches = [Cache(tmp_path / str(n), 10**8) for n in range(6)]  # no help from a common cache
    spec = question("slice", "dataset=wine&steps=200&points=65&seed=21")
    answers: list = [None] * 6
    before = runs_by_key(pool)

    def read(n: int) -> None:
        answers[n] = ask(spec, pool=pools[n % 2], cache=caches[n])

    readers = [threading.Thread(target=read, args=(n,)) for n in range(6)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    assert len({pack(answer) for answer in answers}) == 1
    fresh = {key: count for key, count in runs_by_key(pool).items() if key not in before}
    assert fresh[key_for(spec)] == 1 and set(fresh.values()) == {1}
    pools[1].close()


def test_an_answer_that_is_stored_while_it_is_asked_for_arrives(pool, cache, monkeypatch):
    spec = question("line", "dataset=xor&widths=2&steps=10&line_points=21&extent=1")
    stored, looks = ask(spec, cache=cache), []

    def look(spec, cache):
        looks.append(spec)
        return look_up(spec, cache) if len(looks) > 1 else None  # at the first look it is not there yet

    monkeypatch.setattr("lossatlas.compute.service.watch.look_up", look)
    with Watch(pool, cache) as watch:
        watch.add("line", spec)
        (update,) = all_news(watch, 20.0)
    assert update.final and update.cached and pack(update.result) == pack(stored)


def test_levels_come_coarse_first_each_whole(pool):
    with Watch(pool, None) as watch:
        watch.add("slow", question("slice", "dataset=digits&widths=30&steps=0&points=65&seed=31"))
        news = all_news(watch)
    sizes = [len(update.result.loss) for update in news if update.result is not None]
    assert sizes == sorted(sizes) and sizes[-1] == 65 and len(set(sizes)) == len(sizes) > 1
    shares = [update.share for update in news]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)
    assert news[-1].final and not any(update.final for update in news[:-1])


def test_two_questions_in_a_row_both_end_and_share_a_training(pool):
    with Watch(pool, None) as watch:
        watch.add("training", question("training", "dataset=wine&steps=50&seed=41"))
        all_news(watch)
        watch.add("line", question("line", "dataset=wine&steps=50&seed=41"))  # its training is finished already
        news = all_news(watch)
    assert news[-1].tag == "line" and news[-1].final


def test_work_that_nobody_wants_is_dropped_after_the_lease(pool, monkeypatch):
    monkeypatch.setattr("lossatlas.compute.service.watch.LEASE", 0.2)
    spec = question("slice", "dataset=mnist&widths=10&steps=0&points=129&seed=51")
    with Watch(pool, None) as watch:
        watch.add("left", spec)
        watch.next(5.0)
    deadline = time.monotonic() + 15
    known = [1]
    while known and time.monotonic() < deadline:
        time.sleep(0.2)
        known = pool.client().run_on_scheduler(lambda dask_scheduler: [k for k in dask_scheduler.tasks if "slice" in k])
    assert not known


# ------------------------------------------------------------------------------------------ failures are values


@dataclass(frozen=True)
class Doom:
    """A question whose task misbehaves."""

    problem: Problem = Problem()
    how: str = option("exit", choices={"exit": "x", "memory": "x", "reason": "x", "fault": "x"}, label="x", help="x.")


def test_work_of_a_higher_rank_waits(pool, monkeypatch):
    sent, send = list[float](), Watch._send

    def noted(watch, task, args, priority, worker):
        sent.append(priority)
        send(watch, task, args, priority, worker)

    monkeypatch.setattr(Watch, "_send", noted)
    dear, cheap = (question("slice", f"{SMALL}&direction_seed={seed}&points={n}") for seed, n in ((101, 129), (102, 9)))
    with Watch(pool, None) as watch:
        watch.add("asked first", cheap, rank=1)
        count = len(sent)
        watch.add("asked second", dear)
        all_news(watch)
    assert count > 1 and max(sent[:count]) < min(sent[count:])  # distributed takes the highest first


def misbehave(how: str):
    if how == "exit":
        os._exit(1)
    if how == "memory":
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
    if how == "reason":
        raise CannotAnswer("It cannot be done. Do another.", "no")
    raise KeyError("a bug")


@pytest.fixture
def doom(monkeypatch):
    def levels(spec: Doom) -> list[Task]:
        first = Task(f"doom-{spec.how}-first", misbehave, (spec.how,), 1.0)
        return [Task(f"doom-{spec.how}", np.asarray, (first,), 1.0, spec=spec)]

    monkeypatch.setitem(ANALYSES, "doom", Analysis("x", Doom, SliceResult, levels, lambda s: (1, "x"), (1,), "x."))
    return Doom


@pytest.mark.parametrize(("how", "kind", "words"), [
    ("exit", "worker lost", "lost three times"), ("memory", "memory", "not enough memory"),
    ("reason", "no", "cannot be done"), ("fault", "fault", "KeyError"),
])  # fmt: skip
def test_a_failure_is_a_value_with_a_sentence(how, kind, words, doom, pool, cache):
    answer = ask(doom(how=how), pool=pool, cache=cache)
    assert isinstance(answer, Failure) and answer.kind == kind and words in answer.sentence
    assert look_up(doom(how=how), cache) is None
    if how in ("memory", "reason"):
        assert ask(doom(how=how)) == answer


def test_a_worker_killed_in_mid_job_changes_nothing(pool):
    spec = question("slice", "dataset=mnist&widths=10&steps=0&points=65&seed=61&max_samples=5000")
    pids = list(pool.client().run(os.getpid).values())
    with Watch(pool, None) as watch:
        watch.add("only", spec)
        assert watch.next(20.0) is not None
        os.kill(pids[0], signal.SIGKILL)
        news = all_news(watch)
    assert pack(news[-1].result) == pack(ask(spec))
    assert pids[0] not in pool.client().run(os.getpid).values()


def test_a_scheduler_that_is_not_there_is_one_sentence(monkeypatch):
    monkeypatch.setattr("lossatlas.compute.service.pool.PATIENCE", 0.5)
    with pytest.raises(PoolLost, match=r"No dask scheduler answers at tcp://127\.0\.0\.1:9\."):
        ask(question("line", "dataset=xor&widths=2"), pool=Pool("tcp://127.0.0.1:9"))


def test_an_asker_without_patience_gets_a_time_out_and_drops_the_work(pool):
    with pytest.raises(TimeoutError, match="not there after"):
        ask(question("slice", "dataset=mnist&widths=10&steps=0&points=257&seed=71"), pool=pool, patience=0.1)


def test_dasks_scratch_folder_is_private_and_within_the_cache(pool):
    folders = pool.client().run(lambda dask_worker: (dask_worker.local_directory, os.stat(dask_worker.local_directory)))
    for folder, _ in folders.values():
        parents = Path(folder).parents
        scratch = next(parent for parent in parents if parent.name == "scratch")
        assert stat.S_IMODE(scratch.stat().st_mode) == 0o700


@pytest.mark.parametrize("forget", ["client", "scheduler"])
def test_work_that_was_lost_in_silence_is_noticed(pool, monkeypatch, forget):
    monkeypatch.setattr("lossatlas.compute.service.watch.SILENCE", 0.2)
    client = pool.client()
    with Watch(pool, None) as watch:
        watch.add("only", question("slice", f"dataset=mnist&widths=40&steps=300&seed={907 + (forget == 'client')}"))
        key = next(reversed(watch._questions[0].tasks))
        for _ in range(100):  # the scheduler takes in many tasks one by one
            watch._missing = set()
            watch._check()
            if not watch._missing:
                break
            time.sleep(0.1)
        watch._check()  # all is known
        if forget == "client":
            client.futures.pop(key)
        else:
            monkeypatch.setattr(client, "run_on_scheduler", lambda function, keys: [key])
        with pytest.raises(PoolLost):
            while watch.open():
                watch.next(0.3)
                watch._check()  # a training reports segments in between, each of which counts as news


# ------------------------------------------------------------------------------------------ cost


def test_a_question_that_takes_hours_is_refused_with_its_estimate_and_the_limit():
    spec = question("slice", "dataset=mnist&widths=2000&points=513")
    with pytest.raises(BadSpec, match=r"about \d+\.\d h on one core, and the limit is 30 min"):
        check_cost(spec, 1800.0)
    assert check_cost(question("slice", "dataset=iris"), 1800.0) < 5


@pytest.mark.parametrize("query", [
    "dataset=mnist&network=lenet&norm=batch&channels=60-160",  # BatchNorm ties a full batch together
    "dataset=mnist&widths=4000-400",  # 40 vectors of parameters
])  # fmt: skip
def test_a_question_that_does_not_fit_in_memory_is_refused_with_its_estimate_and_the_limit(query):
    with pytest.raises(BadSpec, match=r"needs about [\d.]+ GB of memory in a worker, and the limit is 1 GB"):
        check_cost(question("slice", query), math.inf, 1e9)
    assert check_cost(question("slice", "dataset=mnist&widths=10&points=129"), math.inf, 3e8) > 0


def test_durations_read_as_people_say_them():
    assert [duration(s) for s in (0.001, 0.24, 9.99, 45, 200, 7200)] == [
        "0.1 s",
        "0.2 s",
        "10 s",
        "45 s",
        "3 min",
        "2.0 h",
    ]
