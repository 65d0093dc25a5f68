"""Where compiled code is kept. Loads neither torch nor numba: the supervisor asks."""

import hashlib
import os
from pathlib import Path

HERE = Path(__file__).parent


def compiled(cache: Path | None = None) -> Path | None:
    """The folder beside the kernels where that may be written, as in a checkout; or else one in the cache folder, if it
    is given. It is named by the content of all kernels: numba compiles a function anew when its own file changed, but
    not when a file did whose functions it calls.
    """
    sources = b"".join(path.read_bytes() for path in sorted(HERE.rglob("*.py")))
    name = f"numba-{hashlib.sha256(sources).hexdigest()[:16]}"
    beside = HERE / "__pycache__"
    beside = beside if beside.exists() else HERE
    if os.access(beside, os.W_OK):
        return HERE / "__pycache__" / name
    return cache / "kernels" / name if cache else None
