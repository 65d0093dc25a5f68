"""Whether this web process still serves: gunicorn_conf.py sets it, the event stream asks it."""

from collections.abc import Callable


def always() -> bool:
    """The answer outside gunicorn."""
    return True


ALIVE: Callable[[], bool] = always
