"""How long does a reader wait? From a change in the page to the first coarse and to the finished surfaces, in Chromium.

Warm pool and browser. The clock is the page's own: it starts when the address changes and ends when plotly has drawn.
"""

import statistics

from benchmarks.machine import describe
from benchmarks.reading import reading
from tests.browser.driver import Reader

IRIS = "dataset=iris&widths=4&points=65"
MNIST = "dataset=mnist&widths=10&test_share=0&points=65"
CLOCK = """query => new Promise(resolve => {
    const began = performance.now(), before = lossatlas.drawn, times = {};
    history.pushState(null, "", "?" + query);
    dispatchEvent(new PopStateEvent("popstate"));
    let moved = false;
    const surfaces = () => Object.entries(lossatlas.panels).filter(([name]) => name.endsWith("slice"));
    const drawn = Object.fromEntries(surfaces().map(([name, panel]) => [name, panel.drawn]));
    const look = () => {
        const now = performance.now() - began;
        moved = moved || lossatlas.phase === "computing";
        const fresh = surfaces().some(([name, panel]) => panel.drawn > (drawn[name] || 0));
        if (times.first === undefined && fresh) times.first = now;
        if (moved && lossatlas.ready) { times.last = now; return resolve(times); }
        setTimeout(look, 5);
    };
    look();
})"""

CLICK = CLOCK.replace(
    """    history.pushState(null, "", "?" + query);
    dispatchEvent(new PopStateEvent("popstate"));
""",
    """    document.getElementById("chip-relu").click();
""",
)


def times(one: Reader, query: str) -> tuple[float, float]:
    """Seconds to the first surface of any column, and to all panels finished and drawn."""
    found = one.page.evaluate(CLOCK, query)
    return found["first"] / 1000, found["last"] / 1000


def click(one: Reader, seed: int) -> tuple[float, float]:
    """The same for a click on an activation that joins one that is there already."""
    one.open(f"{IRIS}&activation=tanh&seed={seed}")
    one.wait()
    one.page.wait_for_timeout(500)
    found = one.page.evaluate(CLICK)
    return found["first"] / 1000, found["last"] / 1000


def show(name: str, found: list[tuple[float, float]]) -> None:
    first, last = (statistics.median(values) for values in zip(*found, strict=True))
    print(f"{name:46}{first:8.2f} s{last:10.2f} s   median of {len(found)}")


def main() -> None:
    with reading() as one:
        one.open(IRIS)
        one.wait()
        print(describe())
        print(f"{'change':46}{'first surface':>10}{'finished':>10}")
        show("Iris 4-4-3, click on a second activation", [click(one, seed) for seed in range(30, 37)])
        show("Iris 4-4-3, the same from cache", [click(one, seed) for seed in range(30, 37)])
        show("Iris 4-4-3, 3 activations, new seed", [times(one, f"{IRIS}&seed={seed}") for seed in range(50, 57)])
        show("Iris 4-4-3, 3 activations, new plane", [times(one, f"{IRIS}&direction_seed={n}") for n in range(1, 8)])
        show(
            "Iris 4-4-3, 1 activation, new seed",
            [times(one, f"{IRIS}&activation=tanh&seed={n}") for n in range(70, 77)],
        )
        show("Iris 4-4-3, 3 activations, from cache", [times(one, f"{IRIS}&seed={seed}") for seed in range(50, 57)])
        show("MNIST 784-10-10, 10,000, 3 activations", [times(one, MNIST)])
        show("MNIST 784-10-10, from cache", [times(one, IRIS), times(one, MNIST)][1:])
        print("errors in the browser:", one.errors)


if __name__ == "__main__":
    main()
