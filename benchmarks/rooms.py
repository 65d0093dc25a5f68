"""How long until a presenter's step reaches every follower? From the presenter's message to the state's event, and to
the first finished picture and the end of the page's stream, at 30 followers of one machine, without their browsers;
in a lesson also to the step's measured facts, which a browser asks for once the page is done.
"""

import argparse
import json
import queue
import statistics
import threading
import time
import urllib.request
from dataclasses import dataclass, field

from benchmarks.machine import describe
from benchmarks.serving import atlas
from lossatlas.app.state.lesson import LESSONS

PATIENCE = 300.0  # seconds; on a busy machine


@dataclass(frozen=True)
class Step:
    """What the presenter's page says, which question the followers' pages then ask, and where the facts are, if any."""

    said: str
    asked: str
    facts: str = ""


LOOKS = ("mode=contour", "log=0", "activation=tanh,sine", "place=curvature&replicates=3&along=3", "seed=5")
FREELY = [Step(said, said) for said in (f"dataset=iris&widths=4&points=65&{look}" for look in LOOKS)]


def steps_of(lesson: str) -> list[Step]:
    return [
        Step(f"lesson={lesson}&page={page}", step.state, f"/lessons/{lesson}/{page}/facts" if step.facts else "")
        for page, step in enumerate(LESSONS[lesson].steps, 1)
    ]


@dataclass
class Follower:
    """A follower's two streams, as its browser holds them; times are of the monotonic clock."""

    address: str
    code: str
    steps: dict[str, Step]  # by what the presenter's page says; without them it looks at no picture
    told: queue.Queue = field(default_factory=queue.Queue)  # (revision, state event, first picture, done, facts)

    def start(self) -> None:
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        with urllib.request.urlopen(f"{self.address}/rooms/{self.code}/events", timeout=PATIENCE) as answer:
            name = b""
            for line in answer:
                if line.startswith(b"event: "):
                    name = line[7:].strip()
                elif line.startswith(b"data: ") and name == b"state":
                    heard, data = time.monotonic(), json.loads(line[6:])
                    drawn = looked(self.address, self.steps[data["state"]]) if self.steps else ()
                    self.told.put((data["revision"], heard, *drawn))


def looked(address: str, step: Step) -> tuple[float, float, float]:
    """When the page's stream brought its first finished picture, when it was done, and when the facts were there."""
    drawn = pictures(address, step.asked)
    if step.facts:
        with urllib.request.urlopen(f"{address}{step.facts}", timeout=PATIENCE) as answer:
            assert all(fact["here"] for fact in json.load(answer))
    return (*drawn, time.monotonic())


def pictures(address: str, state: str) -> tuple[float, float]:
    """When the page's stream brought its first finished picture, and when it was done."""
    first, end = 0.0, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{address}/stream?{state}", timeout=PATIENCE) as answer:
            for line in answer:
                if not first and b'"figure"' in line and (b'"state": "cached"' in line or b'"state": "done"' in line):
                    first = time.monotonic()
                if line.startswith(b"event: done"):
                    return first, time.monotonic()
        time.sleep(0.5)  # a stream that was cut off: browsers ask again after `retry`
    raise TimeoutError(f"{state} was not finished within {PATIENCE:.0f} s")


def post(address: str, path: str, data: dict) -> dict:
    request = urllib.request.Request(
        f"{address}{path}", json.dumps(data).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def measure(address: str, steps: list[Step], followers: int, rounds: int, looks: bool) -> dict[str, list[float]]:
    """Seconds from each message to what it leads to, over all followers and steps."""
    for step in steps if looks else ():
        pictures(address, step.asked)  # the answers are in the cache, the figures drawn
    room = post(address, "/rooms", {"state": steps[-1].said})
    known = {step.said: step for step in steps} if looks else {}
    found = [Follower(address, room["code"], known) for _ in range(followers)]
    for one in found:
        one.start()
    for one in found:
        one.told.get(timeout=PATIENCE)
    times: dict[str, list[float]] = {
        name: [] for name in ("state event", "first picture", "page done", "facts")[: 4 if looks else 1]
    }
    for step in steps * rounds:
        time.sleep(1.0)
        began = time.monotonic()
        answer = post(address, f"/rooms/{room['code']}", {"secret": room["secret"], "state": step.said})
        for one in found:
            revision, *heard = one.told.get(timeout=PATIENCE)
            assert revision == answer["revision"]
            for name, at in zip(times, heard, strict=True):
                times[name].append(at - began)
    return times


def show(name: str, found: list[float]) -> None:
    ordered = sorted(found)
    p95 = ordered[int(0.95 * len(ordered))]
    print(f"{name:16}{statistics.median(found):8.3f} s{p95:8.3f} s{ordered[-1]:8.3f} s   of {len(found)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--followers", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--address", help="a running atlas, instead of one with an empty cache")
    parser.add_argument("--lesson", choices=LESSONS, help="go through the steps of a lesson, instead of five pages")
    parser.add_argument("--states", action="store_true", help="the states' events alone, no pictures")
    given = parser.parse_args()
    print(describe())
    print(f"{'to the followers':16}{'p50':>8}  {'p95':>8}  {'last':>8}")
    steps = steps_of(given.lesson) if given.lesson else FREELY
    if given.address:
        times = measure(given.address, steps, given.followers, given.rounds, not given.states)
    else:
        with atlas() as (address, _):
            times = measure(address, steps, given.followers, given.rounds, not given.states)
    for name, found in times.items():
        show(name, found)


if __name__ == "__main__":
    main()
