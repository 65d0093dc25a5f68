"""The identity of a question: equal questions, however spelt, have one key."""

import functools
import hashlib
import json
from typing import Any

from lossatlas.compute.spec.options import relevant

NUMERICS = 4  # raise when data sets, networks, losses or kernels give another number than before

REMEMBERED = 2_000  # keys a process keeps: every task of a question names the keys of what it needs


@functools.lru_cache(REMEMBERED)
def key_of(analysis: str, versions: tuple[int, ...], spec: Any) -> str:
    """`slice-5f3c…`: a hash over the analysis, its versions and every option that matters, dtype included.

    `versions` are the analysis's own and those of what it is made from.
    """
    canonical = json.dumps([analysis, NUMERICS, versions, relevant(spec)], sort_keys=True)
    return f"{analysis}-{hashlib.sha256(canonical.encode()).hexdigest()[:40]}"
