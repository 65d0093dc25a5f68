"""The identity of a question: equal questions, however spelt, have one key."""

import hashlib
import json

from compute.options import relevant


def key_of(analysis: str, version: int, spec) -> str:
    """`slice-5f3c…`: a hash over the analysis, its version and every option that matters, dtype included."""
    canonical = json.dumps([analysis, version, relevant(spec)], sort_keys=True)
    return f"{analysis}-{hashlib.sha256(canonical.encode()).hexdigest()[:40]}"
