"""docs/landscape.png: the default page of the running program, for README."""

from pathlib import Path

from benchmarks.reading import reading

OUT = Path(__file__).parent.parent / "docs" / "landscape.png"


def main() -> None:
    with reading(width=1440, height=900) as one:
        one.open()
        one.wait()
        one.page.wait_for_timeout(1000)
        one.page.screenshot(path=OUT)
        print(f"Wrote {OUT}")


if __name__ == "__main__":
    main()
