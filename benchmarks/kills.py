"""What does kill -9 of a process in mid-job cost a reader? The same job undisturbed and with each kind killed."""

import os
import signal
import time

from benchmarks.machine import describe
from benchmarks.serving import atlas
from tests.browser.driver import Reader, browser, reader
from tests.browser.test_page import processes
from tests.conftest import find_chromium

JOB = "dataset=mnist&widths=10&steps=250&activation=tanh,relu&points=65"


def job(one: Reader, address: str, seed: int, kind: str) -> float:
    """Seconds from opening the job to finished, with one kind of process killed a second after it began."""
    began = time.monotonic()
    one.open(f"{JOB}&seed={seed}")
    one.wait_for_work()
    time.sleep(1)
    for process in processes(address)[kind] if kind else []:
        os.kill(process.pid, signal.SIGKILL)
    one.wait()
    return time.monotonic() - began


def main() -> None:
    path = find_chromium()
    if path is None:
        raise SystemExit("No Chromium found; install one or name it in CHROME_PATH.")
    with atlas() as (address, _), browser(path) as chromium:
        one = reader(chromium, address)
        one.page.set_default_timeout(300_000)
        print(describe())
        for seed, kind in enumerate(["", "", "dask worker", "web worker", "compute host"]):
            print(f"{kind or 'nothing'} killed: finished after {job(one, address, seed, kind):.1f} s")
        print("script errors in the browser:", [error for error in one.errors if "ERR_" not in error])


if __name__ == "__main__":
    main()
