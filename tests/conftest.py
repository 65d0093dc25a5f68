"""What every test may ask for: a Chromium, and a cache folder of its own."""

import os
import shutil
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """CHROME_PATH if it names one, else the first browser on the PATH; None where there is none."""
    names = (os.environ.get("CHROME_PATH", ""), *BROWSERS)
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium that browser tests drive; without one they skip, or fail where REQUIRE_BROWSER=1."""
    if found := find_chromium():
        return found
    sentence = "No Chromium found; install one or name it in CHROME_PATH."
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"{sentence} REQUIRE_BROWSER=1 forbids skipping.", pytrace=False)
    pytest.skip(sentence)


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for a cache, named in LOSSATLAS_CACHE; not made yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LOSSATLAS_CACHE", str(folder))
    return folder
