"""The compute host: a dask scheduler and its workers, as one process tree on loopback.

`python -m lossatlas.compute.service.host --port 40123 --workers 2` runs until it is told to end, or its parent is gone.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from pathlib import Path

import click
import dask
import torch
from distributed import SpecCluster
from distributed.nanny import Nanny
from distributed.scheduler import Scheduler
from distributed.system import MEMORY_LIMIT
from distributed.utils import get_mp_context

from lossatlas.compute.service.cache import make_private
from lossatlas.compute.service.parent import watch_parent
from lossatlas.compute.spec.settings import read_settings

WARM = "lossatlas.compute.service.warm"
LONGEST_ABSENCE = 60.0  # seconds that a worker may take to come back
LOSSES_BEFORE_GIVING_UP = 2  # retries of a task whose worker died
CONFIG = {
    "distributed.scheduler.allowed-failures": LOSSES_BEFORE_GIVING_UP,
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.worker.daemon": True,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.admin.tick.limit": "60s",
    "distributed.worker.profile.enabled": False,  # samples 100 times a second, also while idle
    # Dask's own MALLOC_TRIM_THRESHOLD_ has glibc return every array to the system: page faults then took a third of a
    # worker's time in Hessians.
    "distributed.nanny.pre-spawn-environ": {},
    "distributed.deploy.lost-worker-timeout": "1d",  # else a worker that restarts slowly is given up for good
}
WORKERS_ENVIRONMENT = {  # read when a worker's modules are imported, by the fork server
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "DASK_LOGGING__DISTRIBUTED": "error",
}


def scratch() -> Path:
    """A folder of our own for dask's files: dask imports from it, so nobody else may write there."""
    folder = read_settings().cache / "scratch"
    make_private(folder)
    return folder


def worker_specs(workers: int, gpus: int) -> dict:
    """One single-threaded worker a core, or one a CUDA device, each holding one resource `GPU`."""
    memory = MEMORY_LIMIT // max(workers, 1)
    common = {
        "nthreads": 1,
        "memory_limit": memory,
        "preload": [WARM],
        "dashboard": False,
        "host": "127.0.0.1",
    }
    if not gpus:
        return {n: {"cls": Nanny, "options": common} for n in range(workers)}
    return {
        n: {
            "cls": Nanny,
            "options": common
            | {"resources": {"GPU": 1}, "env": {"CUDA_VISIBLE_DEVICES": str(n), "LOSSATLAS_DEVICE": "cuda"}},
        }
        for n in range(gpus)
    }


async def serve(port: int, workers: int, gpus: int) -> int:
    """Run scheduler and workers until SIGTERM or SIGINT; the exit code."""
    options = {"host": "127.0.0.1", "port": port, "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    cluster = SpecCluster(
        workers=worker_specs(workers, gpus), scheduler={"cls": Scheduler, "options": options}, asynchronous=True
    )
    async with cluster:
        cluster.scheduler.http_server.stop()  # type: ignore[union-attr]  # `dashboard=False` leaves its port open
        print(f"compute host ready at {cluster.scheduler_address}", flush=True)
        return await _tend(cluster.scheduler, gpus or workers, ended)  # type: ignore[arg-type]


async def _tend(scheduler: Scheduler, wanted: int, ended: asyncio.Event) -> int:
    """Wait for the end, exit code 0; or for workers that stay away, exit code 1, so that everything starts anew."""
    complete = time.monotonic()
    while not ended.is_set():
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(ended.wait(), 1.0)
        if len(scheduler.workers) >= wanted:
            complete = time.monotonic()
        elif time.monotonic() - complete > LONGEST_ABSENCE:
            print(f"{wanted - len(scheduler.workers)} of {wanted} workers did not come back.", file=sys.stderr)
            return 1
    return 0


@click.command()
@click.option("--port", type=int, required=True, help="Port of the scheduler, on loopback.")
@click.option("--workers", type=click.IntRange(1, 256), default=os.cpu_count(), show_default=True)
@click.option("--gpus", is_flag=True, help="One worker for each CUDA device.")
def main(port: int, workers: int, gpus: bool) -> None:
    """Scheduler and workers."""
    devices = torch.cuda.device_count() if gpus else 0
    if gpus and not devices:
        click.echo("--gpus needs a CUDA device, and torch finds none here. Leave --gpus out to use the CPU.", err=True)
        sys.exit(2)
    watch_parent()
    dask.config.set(CONFIG | {"temporary-directory": str(scratch())})
    os.environ.update(WORKERS_ENVIRONMENT)
    logging.getLogger("distributed").setLevel(logging.ERROR)  # a worker that comes and goes is no news
    get_mp_context().set_forkserver_preload([WARM])  # torch is imported once for all workers
    sys.exit(asyncio.run(serve(port, workers, devices)))


if __name__ == "__main__":
    main()
