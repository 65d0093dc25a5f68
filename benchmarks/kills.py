"""What does kill -9 of a process in mid-job cost a reader? The same job undisturbed and with each kind killed."""

import os
import signal
import time

from benchmarks.machine import describe
from benchmarks.reading import reading
from tests.browser.driver import Reader
from tests.browser.test_page import processes

JOB = "dataset=mnist&widths=10&steps=250&activation=tanh,relu&points=65"


def job(one: Reader, seed: int, kind: str) -> float:
    """Seconds from opening the job to finished, with one kind of process killed a second after it began."""
    began = time.monotonic()
    one.open(f"{JOB}&seed={seed}")
    one.wait_for_work()
    time.sleep(1)
    for process in processes(one.address)[kind] if kind else []:
        os.kill(process.pid, signal.SIGKILL)
    one.wait()
    return time.monotonic() - began


def main() -> None:
    with reading() as one:
        print(describe())
        for seed, kind in enumerate(["", "", "dask worker", "web worker", "compute host"]):
            print(f"{kind or 'nothing'} killed: finished after {job(one, seed, kind):.1f} s")
        print("script errors in the browser:", [error for error in one.errors if "ERR_" not in error])


if __name__ == "__main__":
    main()
