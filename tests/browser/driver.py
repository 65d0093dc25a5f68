"""A reader in Chromium: one browser, pages that remember what went wrong and what they asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ARGUMENTS = """
    --headless --no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update
    --disable-sync --use-angle=swiftshader --enable-unsafe-swiftshader
""".split()  # noqa: SIM905 - reads as it is typed
PATIENCE = 60_000  # ms; drawing in software is slow
# The page puts nothing on the window: what tests look at, they put there themselves. Modules are evaluated once, so
# that this one sees the page's own.
SEEN = """document.addEventListener("DOMContentLoaded", () => document.getElementById("declared")
    && import("/assets/seen.mjs").then(({seen}) => { window.lossatlas = seen; }))"""


@dataclass
class Reader:
    """A page of the atlas, with errors and requests since it was opened."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, query: str = "") -> None:
        address = f"{self.address}/?{query}" if query else f"{self.address}/"
        self.page.goto(address, wait_until="commit")  # a short job may be over before the page has loaded

    def wait(self, phase: str = "done") -> None:
        """Until the page says that it is in this phase, and has drawn what it has."""
        self.page.wait_for_function(
            "phase => window.lossatlas?.phase === phase && (phase !== 'done' || window.lossatlas.ready)",
            arg=phase,
            timeout=PATIENCE,
        )

    def choose(self, name: str, label: str) -> None:
        """Pick from a menu as a reader does: click, click."""
        self.page.click(f"#option-{name}")
        self.page.get_by_role("option", name=label, exact=True).click()

    def panels(self) -> dict[str, dict]:
        """State and number of drawings of each panel in use."""
        return self.page.evaluate("window.lossatlas.panels")

    def see(self, column: int, panel: str) -> None:
        """Scroll to a picture, and wait until it is drawn: out of sight surfaces are not."""
        name = f"#slot-{column}-{panel}"
        drawn = "id => !document.querySelector(id).dataset.resting && document.querySelector(`${id} .plot`)._fullData"
        self.page.locator(name).scroll_into_view_if_needed()
        self.page.wait_for_function(drawn, arg=name, timeout=PATIENCE)

    def heights(self, column: int, panel: str = "slice") -> list[list[float]]:
        """z of the surface that is drawn, as plotly has it."""
        self.see(column, panel)
        return self.page.evaluate(
            "([id]) => Array.from(document.getElementById(id)._fullData[0].z, row => Array.from(row))",
            [f"plot-{column}-{panel}"],
        )

    def half_width(self, column: int) -> float:
        """The end of the first axis of a surface."""
        self.see(column, "slice")
        return self.page.evaluate(
            "id => document.getElementById(id)._fullLayout.scene.xaxis.range[1]", f"plot-{column}-slice"
        )

    def wait_for_work(self) -> None:
        """Until some panel is being computed."""
        self.page.wait_for_function(
            "Object.values(window.lossatlas?.panels ?? {}).some(panel => panel.state === 'computing')", timeout=PATIENCE
        )

    def message(self) -> str:
        return self.page.inner_text("#message")


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield found
        found.close()


def reader(
    found: Browser | BrowserContext, address: str, width: int = 1280, height: int = 720, theme: str = "light"
) -> Reader:
    """A new reader: of a browser with nothing remembered, of a context with the scripts that it has loaded before."""
    one = Reader((found if isinstance(found, BrowserContext) else found.new_context()).new_page(), address)
    one.page.set_viewport_size({"width": width, "height": height})
    one.page.add_init_script(SEEN)
    one.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    one.page.on("pageerror", lambda error: one.errors.append(str(error)))
    one.page.on("console", lambda line: one.errors.append(line.text) if line.type == "error" else None)
    one.page.on("request", lambda request: one.requests.append(request.url))
    return one
