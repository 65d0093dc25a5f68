"""`lossatlas serve`: the page, its web server and its workers."""

import sys

import click

from lossatlas.app.cli.serve import ServeOptions, supervise


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address; any but loopback opens it to the network.",
)
@click.option("--port", default=8050, show_default=True, type=click.IntRange(1, 65535), help="Port of the page.")
@click.option("--workers", type=click.IntRange(1, 256), help="Compute workers, one thread each. [default: one a core]")
@click.option("--web-workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Web server processes.")
@click.option(
    "--threads",
    default=128,
    show_default=True,
    type=click.IntRange(8, 512),
    help="Threads of each; a page that is computing holds one, and so does a follower in a room.",
)
@click.option("--scheduler", default="", help="Use this dask scheduler, tcp://host:port, instead of workers here.")
@click.option("--gpus", is_flag=True, help="One worker for each CUDA device.")
def command(
    host: str, port: int, workers: int | None, web_workers: int, threads: int, scheduler: str, gpus: bool
) -> None:
    """Start the atlas and print its address; Ctrl-C ends it."""
    sys.exit(supervise(ServeOptions(host, port, workers, web_workers, threads, scheduler, gpus)))
