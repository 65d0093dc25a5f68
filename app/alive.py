"""Whether this web process still serves; gunicorn_conf.py sets it, the event stream asks it."""

from collections.abc import Callable

ALIVE: Callable[[], bool] = lambda: True  # noqa: E731
