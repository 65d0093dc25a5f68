"""Settings from the environment: what is read, and what is refused with a sentence."""

from pathlib import Path

import pytest

from lossatlas.compute.spec.settings import BadSetting, Settings, read_settings


def test_defaults_lie_under_the_users_cache_folder():
    found = read_settings({"HOME": "/nobody", "XDG_CACHE_HOME": "/var/tmp/caches"})
    assert found == Settings(cache=Path("/var/tmp/caches/lossatlas"))
    assert read_settings({"XDG_CACHE_HOME": "relative"}).cache == Path("~/.cache/lossatlas").expanduser()


def test_every_variable_is_read():
    found = read_settings({
        "LOSSATLAS_CACHE": "/srv/answers", "LOSSATLAS_CACHE_SIZE": "1.5 GiB",
        "LOSSATLAS_SCHEDULER": "tcp://10.0.0.1:8786", "LOSSATLAS_MAX_SECONDS": "90",
    })  # fmt: skip
    assert found == Settings(Path("/srv/answers"), 3 * 2**29, "tcp://10.0.0.1:8786", 90.0)


def test_an_empty_variable_counts_as_not_set():
    assert read_settings({"LOSSATLAS_CACHE_SIZE": " ", "LOSSATLAS_SCHEDULER": ""}) == read_settings({})


@pytest.mark.parametrize(
    ("text", "size"), [("2000000", 2_000_000), ("2g", 2 * 10**9), ("3 MiB", 3 * 2**20), ("0.5TB", 5 * 10**11)]
)
def test_sizes(text, size):
    assert read_settings({"LOSSATLAS_CACHE_SIZE": text}).cache_size == size


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LOSSATLAS_CACHE_SIZE", "a lot"), ("LOSSATLAS_CACHE_SIZE", "-1GB"), ("LOSSATLAS_CACHE_SIZE", "12"),
        ("LOSSATLAS_CACHE_SIZE", "2 iB"), ("LOSSATLAS_CACHE_SIZE", "1e9"), ("LOSSATLAS_MAX_SECONDS", "0"),
        ("LOSSATLAS_MAX_SECONDS", "nan"), ("LOSSATLAS_MAX_SECONDS", "soon"),
        ("LOSSATLAS_SCHEDULER", "127.0.0.1:8786"), ("LOSSATLAS_SCHEDULER", "tcp://host:99999"),
        ("LOSSATLAS_CACHE", "a\0b"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_name(name, text):
    with pytest.raises(BadSetting, match=name):
        read_settings({name: text})
