"""docs/landscape.png: the default page of the running program, for README."""

from pathlib import Path

from benchmarks.serving import atlas
from tests.browser.driver import browser, reader
from tests.conftest import find_chromium

OUT = Path(__file__).parent.parent / "docs" / "landscape.png"


def main() -> None:
    path = find_chromium()
    if path is None:
        raise SystemExit("No Chromium found; install one or name it in CHROME_PATH.")
    with atlas() as (address, _), browser(path) as chromium:
        one = reader(chromium, address, width=1440, height=900)
        one.open()
        one.wait()
        one.page.wait_for_timeout(1000)
        one.page.screenshot(path=OUT)
        print(f"Wrote {OUT}")


if __name__ == "__main__":
    main()
