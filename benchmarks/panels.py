"""Do twelve pictures and more stay usable? Six activations: frames a second while a surface is turned and while the
page scrolls, memory, and contexts of the graphics card, in Chromium, which draws in software here.
"""

import time

import psutil

from benchmarks.machine import describe
from benchmarks.reading import reading
from tests.browser.driver import Reader

SIX = "dataset=iris&widths=4&points=65&activation=tanh,relu,elu,sigmoid,gelu,sine"
PAGES = {"Landscape": SIX, "Curvature": f"{SIX}&place=curvature&replicates=2&along=3"}
SECONDS = 4.0
FRAMES = """() => {
    window.counting = {frames: 0, longest: 0, began: performance.now(), last: performance.now()};
    const count = (now) => {
        if (!window.counting) return;
        window.counting.longest = Math.max(window.counting.longest, now - window.counting.last);
        window.counting.frames += 1;
        window.counting.last = now;
        requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
}"""
COUNTED = """() => {
    const {frames, longest, began} = window.counting;
    window.counting = null;
    return [1000 * frames / (performance.now() - began), longest];
}"""


def turn(one: Reader) -> None:
    """Drag the first surface to and fro; the others follow."""
    box = one.page.locator("#plot-0-slice").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    one.page.mouse.move(x, y)
    one.page.mouse.down()
    end = time.monotonic() + SECONDS
    step = 0
    while time.monotonic() < end:
        step += 1
        one.page.mouse.move(x + 40 * ((step % 20) - 10) / 10, y)
    one.page.mouse.up()


def scroll(one: Reader) -> None:
    """Down the whole page and up again."""
    end, step = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        step += 1
        one.page.mouse.wheel(0, 120 if step % 40 < 20 else -120)


def measured(one: Reader, act) -> tuple[float, float]:
    """Frames a second, and the longest pause between two in ms."""
    one.page.evaluate(FRAMES)
    act(one)
    return tuple(one.page.evaluate(COUNTED))


def heap(one: Reader) -> float:
    """JavaScript heap in use, MB of 10^6 bytes."""
    session = one.page.context.new_cdp_session(one.page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return found["JSHeapUsedSize"] / 1e6


def resident() -> float:
    """Memory of the browser's processes, shared pages by their part, MB of 10^6 bytes."""
    names = ("chrome", "chromium", "headless_shell")
    mine = [one for one in psutil.Process().children(recursive=True) if one.name().startswith(names)]
    return sum(one.memory_full_info().pss for one in mine) / 1e6


def show(name: str, one: Reader) -> None:
    count = one.page.locator(".slot:not([hidden]) .plot").count()
    before = heap(one), resident()
    turned, scrolled = measured(one, turn), measured(one, scroll)
    one.page.wait_for_timeout(3000)
    live = one.page.evaluate("lossatlas.contexts")
    print(f"{name}, {count} pictures, {live} contexts")
    print(f"  turning a surface   {turned[0]:6.1f} frames a second, longest pause {turned[1]:5.0f} ms")
    print(f"  scrolling           {scrolled[0]:6.1f} frames a second, longest pause {scrolled[1]:5.0f} ms")
    print(f"  JavaScript heap     {before[0]:6.0f} MB before, {heap(one):.0f} after")
    print(f"  browser's memory    {before[1]:6.0f} MB before, {resident():.0f} after")


def main() -> None:
    print(describe())
    with reading() as one:
        for name, query in PAGES.items():
            one.open(query)
            one.page.wait_for_function("window.lossatlas?.ready", timeout=300_000)
            one.page.wait_for_timeout(1000)
            show(name, one)
        print("errors in the browser:", one.errors)


if __name__ == "__main__":
    main()
