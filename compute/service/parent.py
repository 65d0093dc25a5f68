"""A child process that ends when its parent is gone, whatever killed the parent."""

import ctypes
import os
import signal
import sys
import threading
import time

PARENT = "LOSSATLAS_PARENT"  # environment variable: the process id of the parent that started this child

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_INTERVAL = 0.5  # seconds between two looks
_GRACE = 5.0  # seconds from SIGTERM to SIGKILL


def watch_parent() -> None:
    """End this process once its parent is gone: SIGTERM, later SIGKILL. Call it in the child, early.

    A parent that names itself in LOSSATLAS_PARENT may even have died before this call.
    """
    parent = int(os.environ.pop(PARENT, os.getppid()))
    if sys.platform == "linux":  # the kernel tells at once, even while Python is busy in C
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    threading.Thread(target=_watch, args=(parent,), name="watch-parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_INTERVAL)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os.kill(os.getpid(), signal.SIGKILL)
