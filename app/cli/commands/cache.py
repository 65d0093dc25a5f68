"""`lossatlas cache info` and `lossatlas cache clear`."""

import sys

import click

from lossatlas.compute.service.cache import Cache, CacheUnusable
from lossatlas.compute.spec.settings import BadSetting, read_settings


@click.group()
def command() -> None:
    """Show or clear the stored answers."""


def _open() -> Cache:
    try:
        settings = read_settings()
        return Cache(settings.cache, settings.cache_size)
    except (BadSetting, CacheUnusable) as reason:
        click.echo(str(reason), err=True)
        sys.exit(2)


@command.command()
def info() -> None:
    """Where the answers are, how many, and how large."""
    found = _open().info()
    click.echo(f"folder {found.folder}")
    click.echo(f"answers {found.answers}")
    click.echo(f"size {found.bytes / 1e6:.1f} MB of {found.limit / 1e6:.0f} MB")


@command.command()
def clear() -> None:
    """Forget every stored answer."""
    click.echo(f"Forgot {_open().clear()} answers.")
