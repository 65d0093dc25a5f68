"""A child process that ends when its parent is gone, whatever killed the parent."""

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_INTERVAL = 0.5  # seconds between two looks


def watch_parent() -> None:
    """End this process with SIGTERM, then SIGKILL, once the parent it has now is gone. Call it early in the child."""
    parent = os.getppid()
    if sys.platform == "linux":  # the kernel tells at once, even while Python holds its lock
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    threading.Thread(target=_watch, args=(parent,), name="watch-parent", daemon=True).start()


def _watch(parent: int, grace: float = 5.0) -> None:
    while os.getppid() == parent:
        time.sleep(_INTERVAL)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGKILL)
