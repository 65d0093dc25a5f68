"""Where the program's processes keep compiled kernels. Loads no torch: the supervisor asks."""

import os
from pathlib import Path

from lossatlas.compute.numerics.kernels.folder import compiled


def kept_in(cache: Path) -> dict[str, str]:
    """The environment in which numba keeps what it compiles where all of them find it, unless it names another."""
    return {"NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR") or str(compiled(cache))}
