"""Plotly's script, as the installed package has it: its address, which changes with its content, and its bytes."""

import functools
import gzip
import hashlib

from plotly.offline import get_plotlyjs

PATH = "/plotly.min.js"


@functools.cache
def address() -> str:
    """Where it is served, with its fingerprint."""
    return f"{PATH}?v={hashlib.sha256(get_plotlyjs().encode()).hexdigest()[:12]}"


@functools.cache
def packed() -> bytes:
    """It as a gzip file: a third of its size."""
    return gzip.compress(get_plotlyjs().encode(), 9, mtime=0)
