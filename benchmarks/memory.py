"""How much memory does a worker need for a 129×129 slice of 784-10-10 on 10,000 digits? Peak resident size; Linux.

Below 600 MB is wished. Most of it is torch itself, which the workers of one machine share with their fork server.
"""

import os
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.serving import pool
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask

WISHED = 600  # MB
QUESTIONS = {
    "idle": "",
    "784-10-10 tanh, random point": "dataset=mnist&test_share=0&widths=10&steps=0&points=129",
    "784-10-10 tanh, trained": "dataset=mnist&test_share=0&widths=10&steps=20&points=129",
    "784-128-64-10 tanh, 33×33": "dataset=mnist&test_share=0&widths=128-64&steps=0&points=33",
}


def main() -> None:
    print(describe())
    print(f"peak resident memory of a worker, MB (wished: below {WISHED} for 784-10-10)")
    for name, query in QUESTIONS.items():
        with pool(1) as one:
            if query:
                ask(question("slice", query), pool=one)
            for pid in one.client().run(os.getpid).values():
                print(f"{name:32}{peak(pid):8.0f}")


def peak(pid: int) -> float:
    """The most that a process has had in memory, MB of 10^6 bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
