"""The Dockerfile as far as it can be checked without building it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def instructions() -> list[tuple[str, str]]:
    """(NAME, arguments) in order, continued lines joined, comments left out."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(name.upper(), rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line)]


def arguments(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


COPIED = [path for rest in arguments("COPY") for path in rest.split()[:-1]]


@pytest.mark.parametrize("path", COPIED)
def test_what_is_copied_exists_and_is_sent_to_the_builder(path):
    assert (ROOT / path).exists()
    assert f"!{path}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_everything_that_the_package_needs_is_copied():
    assert {
        "lossatlas",
        "app",
        "compute",
        "assets",
        "pyproject.toml",
        "constraints.txt",
        "README.md",
        "LICENSE",
    } <= set(COPIED)


def test_runs_as_an_ordinary_user():
    names = [name for name, _ in instructions()]
    (user,) = arguments("USER")
    assert user not in ("root", "0")
    assert names.index("USER") < names.index("CMD") and f" {user} " in f"{arguments('RUN')[0]} "
    assert "RUN" not in names[names.index("USER") :]  # nothing is installed as that user


def test_every_version_is_pinned():
    installs = [part for rest in arguments("RUN") for part in rest.split("&&") if "pip install" in part]
    assert installs and all("-c constraints.txt" in part for part in installs)
    pins = (ROOT / "constraints.txt").read_text()
    assert all(re.fullmatch(r"[\w.-]+==[\w.!]+", line) for line in pins.splitlines() if not line.startswith("#"))
    assert "torch==2.13.0\n" in pins
    (image,) = arguments("FROM")
    assert image == "python:3.11-slim-bookworm"


def test_is_healthy_when_the_page_answers():
    (check,) = arguments("HEALTHCHECK")
    assert "/healthz" in check and "urllib" in check  # the slim image has no curl
    (command,) = arguments("CMD")
    assert command == '["lossatlas", "serve", "--host", "0.0.0.0"]'


def test_the_cache_is_a_volume():
    assert f"LOSSATLAS_CACHE={arguments('VOLUME')[0]}" in arguments("ENV")[0]
