"""Where compiled kernels are kept. Loads no torch: the supervisor asks."""

import os
from pathlib import Path


def kept_in(cache: Path) -> dict[str, str]:
    """The environment in which numba keeps what it compiles in the cache folder, unless it names another."""
    return {"NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR") or str(cache / "kernels")}
