"""What the machine's owner decides, read once from the environment: places and limits, nothing of a spec."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*(|[kmgt]|[kmg]i)b?", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:tcp|tls)://(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})")


class BadSetting(ValueError):
    """An environment variable that cannot be used; its message is one sentence fit for a reader."""


@dataclass(frozen=True)
class Settings:
    """Defaults chosen by eye for a laptop: 2 GB on disk; half an hour and 3 GB of memory for one question."""

    cache: Path
    cache_size: int = 2 * 10**9  # bytes
    scheduler: str = ""  # address of a dask scheduler; none
    max_seconds: float = 1800.0  # estimated, on one worker
    max_memory: int = 3 * 10**9  # bytes, estimated, in one worker


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings that the LOSSATLAS_ variables give; an empty variable counts as not set.

    Raises:
        BadSetting: a value that is not of its kind.
    """
    given = {name: text.strip() for name, text in environment.items() if text.strip()}
    return Settings(
        cache=_folder(given),
        cache_size=_size(given, "LOSSATLAS_CACHE_SIZE", Settings.cache_size),
        scheduler=_scheduler(given),
        max_seconds=_seconds(given, "LOSSATLAS_MAX_SECONDS", Settings.max_seconds),
        max_memory=_size(given, "LOSSATLAS_MAX_MEMORY", Settings.max_memory),
    )


def _folder(given: Mapping[str, str]) -> Path:
    if "LOSSATLAS_CACHE" in given:
        return _home(given["LOSSATLAS_CACHE"]).absolute()
    base = Path(given.get("XDG_CACHE_HOME", ""))  # the XDG base directory standard ignores relative paths
    return (base if base.is_absolute() else _home("~/.cache")) / "lossatlas"


def _home(path: str) -> Path:
    if "\0" in path:
        raise BadSetting(f"LOSSATLAS_CACHE must be a folder's path; got {path[:60]!r}.")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise BadSetting(f"{path[:60]!r} has no home folder behind it; set LOSSATLAS_CACHE to a full path.") from None


def _size(given: Mapping[str, str], name: str, default: int) -> int:
    if name not in given:
        return default
    match = _SIZE.fullmatch(given[name])
    size = int(float(match[1]) * _UNITS[match[2].lower()]) if match else 0
    if size < 10**6:
        raise BadSetting(f"{name} must be a size of 1MB or more, such as 500MB or 2GB; got {given[name][:60]!r}.")
    return size


def _seconds(given: Mapping[str, str], name: str, default: float) -> float:
    try:
        seconds = float(given.get(name, default))
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise BadSetting(f"{name} must be a number of seconds above 0; got {given[name][:60]!r}.")
    return seconds


def _scheduler(given: Mapping[str, str]) -> str:
    address = given.get("LOSSATLAS_SCHEDULER", "")
    match = _ADDRESS.fullmatch(address)
    if address and not (match and 0 < int(match[1]) < 65536):
        raise BadSetting(f"LOSSATLAS_SCHEDULER must be an address such as tcp://127.0.0.1:8786; got {address[:60]!r}.")
    return address
