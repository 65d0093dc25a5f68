"""What does opening the page cost? Bytes, requests, elements and the browser's main thread, of a first visit and a
second, and how soon pictures stand. The budget of bytes and elements is held by tests/app/routes/test_packing.py and
tests/browser/test_scripts.py; times are of this machine, and mean something as ratios within one run only.
"""

import statistics
from dataclasses import dataclass

from playwright.sync_api import Browser

from benchmarks.machine import describe
from benchmarks.reading import PATIENCE, reading
from tests.browser.driver import SEEN

VISITS = 5  # after the first one
BUDGET = {"bytes": (2_000_000, 30_000), "elements": 4500}  # of a first visit and a second, but for the answers
MARKS = """(() => {
    const marks = window.marks = {};
    const look = () => {
        const drawn = [...document.querySelectorAll(".plot")].filter((plot) => plot._fullData && plot.offsetParent);
        const note = (name, holds) => { if (holds) marks[name] ??= performance.now() / 1000; };
        note("controls", document.getElementById("option-seed"));
        note("first picture", drawn.length);
        note("surface", drawn.some((plot) => plot._fullData[0]?.type === "surface"));
        note("nine panels", drawn.length >= 9);
        note("ready", window.lossatlas?.ready);
        if (!marks.ready) setTimeout(look, 20);
    };
    look();
})()"""
TIMES = ("first picture", "surface", "nine panels", "controls")


@dataclass(frozen=True)
class Visit:
    """`answers` are bytes of the stream, `sent` all others; `main` seconds of the browser's main thread; `marks` are
    seconds since the page was opened.
    """

    requests: int
    sent: int
    answers: int
    elements: int
    main: float
    marks: dict[str, float]


def visit(context: Browser, address: str) -> Visit:
    """Open the page as a reader does, and wait until all is there."""
    page = context.new_page()
    told, addresses, sizes = context.new_cdp_session(page), {}, {}  # type: ignore[attr-defined]
    told.send("Network.enable")
    told.send("Performance.enable")
    told.on("Network.requestWillBeSent", lambda event: addresses.update({event["requestId"]: event["request"]["url"]}))
    told.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    page.add_init_script(SEEN)
    page.add_init_script(MARKS)
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.marks.ready", timeout=PATIENCE)
    metrics = {one["name"]: one["value"] for one in told.send("Performance.getMetrics")["metrics"]}
    streamed = [name for name, url in addresses.items() if "/stream" in url]
    found = Visit(
        sum(size > 0 for size in sizes.values()),
        sum(size for name, size in sizes.items() if name not in streamed),
        sum(size for name, size in sizes.items() if name in streamed),
        page.evaluate("document.querySelectorAll('*').length"),
        metrics["TaskDuration"],
        page.evaluate("window.marks"),
    )
    page.close()
    return found


def show(name: str, visits: list[Visit]) -> None:
    middle = {mark: statistics.median(one.marks[mark] for one in visits) for mark in TIMES}
    times = "".join(f"{middle[mark]:>15.2f}" for mark in TIMES)
    one = visits[-1]
    print(
        f"{name:12}{one.sent / 1000:>8.0f} KB{one.answers / 1000:>8.0f} KB{one.requests:>10}{one.elements:>10}"
        f"{statistics.median(each.main for each in visits):>10.2f}{times}"
    )


def main() -> None:
    with reading() as one:
        one.open()
        one.wait()
        context = one.page.context.browser.new_context()  # type: ignore[union-attr]
        context.set_default_timeout(PATIENCE)
        print(describe())
        heads = "".join(f"{mark:>15}" for mark in TIMES)
        print(f"{'visit':12}{'page':>11}{'answers':>11}{'requests':>10}{'elements':>10}{'main, s':>10}{heads}")
        show("first", [visit(context, one.address)])  # type: ignore[arg-type]
        show("again", [visit(context, one.address) for _ in range(VISITS)])  # type: ignore[arg-type]
        first, second = (size / 1000 for size in BUDGET["bytes"])  # type: ignore[attr-defined]
        print(f"budget: {first:,.0f} KB at first, {second:.0f} again, {BUDGET['elements']:,} elements")


if __name__ == "__main__":
    main()
