"""How gunicorn serves the page; address, workers and threads come on the command line from serve.py."""

import importlib
import os
from typing import Any

from lossatlas.app.stream import alive
from lossatlas.compute.service.parent import watch_parent

wsgi_app = "lossatlas.app.routes.main:server"
worker_class = "gthread"  # a stream holds a thread, /healthz takes a free one
timeout = 60  # seconds a worker's main loop may be silent; its threads may work for longer
graceful_timeout = 3
limit_request_line = 8190  # bytes; the most gunicorn allows
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # heartbeats never wait for a disk
control_socket_disable = True
loglevel = "warning"


def on_starting(server: object) -> None:
    """In the master, before the first fork."""
    watch_parent()


def post_worker_init(worker: Any) -> None:
    """In a worker that has loaded the page. The pool's client holds threads, so it is made after the fork."""
    # The master must stay without torch.
    alive.ALIVE = lambda: worker.alive
    importlib.import_module("lossatlas.app.routes.main").start_pool(worker.cfg.threads)
