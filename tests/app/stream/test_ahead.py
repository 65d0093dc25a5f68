"""The first visitor's page: asked for until it has come, then once more, so that it is kept as it is sent."""

import threading
from pathlib import Path

import pytest

from lossatlas.app.routes.main import server
from lossatlas.app.stream import ahead
from lossatlas.compute.numerics.kernels import folder
from lossatlas.compute.service import kept, warm


@pytest.fixture
def not_ready(monkeypatch) -> threading.Event:
    monkeypatch.setattr(ahead, "ready", threading.Event())
    return ahead.ready


def test_the_page_is_asked_for_until_it_ends_and_then_once_more(not_ready, monkeypatch):
    lost, whole = ["retry: 500\n\n"], ["retry: 500\n\n", "event: plan\ndata: {}\n\n", "event: done\ndata: {}\n\n"]
    kept_page = ["retry: 500\n\n", "".join(whole[1:])]  # all of it as one text
    answers, asked = [lost, whole, kept_page], []

    def stream(query, *_):
        asked.append(query)
        yield from answers[len(asked) - 1]

    monkeypatch.setattr(ahead, "stream", stream)
    monkeypatch.setattr(ahead.time, "sleep", lambda seconds: None)
    ahead._prepare(None, None, None)  # type: ignore[arg-type]  # nobody is asked
    assert asked == [ahead.FIRST_PAGE] * 3 and not_ready.is_set()


def test_an_address_is_told_to_nobody_before(not_ready):
    client = server.test_client()
    assert client.get("/ready").status_code == 503 and client.get("/healthz").status_code == 200
    not_ready.set()
    assert client.get("/ready").status_code == 200


def test_kernels_are_compiled_by_questions_of_every_activation_and_loss(monkeypatch):
    asked: list = []
    monkeypatch.setattr(warm, "ask", asked.append)
    assert len(list(warm.kernels())) == warm.count()
    assert {one.problem.activation for one in asked} == {*warm.ACTIVATIONS}
    assert len({one.problem.loss for one in asked}) > 1


def test_compiled_kernels_lie_beside_their_sources_or_in_the_cache_folder_unless_another_is_named(
    monkeypatch, tmp_path
):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    beside = Path(kept.kept_in(tmp_path)["NUMBA_CACHE_DIR"])
    assert beside.parent == folder.HERE / "__pycache__"
    monkeypatch.setattr(folder.os, "access", lambda *_: False)
    assert folder.compiled() is None
    assert kept.kept_in(tmp_path) == {"NUMBA_CACHE_DIR": str(tmp_path / "kernels" / beside.name)}
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/elsewhere")
    assert kept.kept_in(tmp_path) == {"NUMBA_CACHE_DIR": "/elsewhere"}


def test_code_that_was_compiled_of_other_kernels_is_not_found(monkeypatch, tmp_path):
    (tmp_path / "__pycache__").mkdir()
    monkeypatch.setattr(folder, "HERE", tmp_path)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "one.py").write_text("1")
    before = folder.compiled()
    (tmp_path / "deeper" / "one.py").write_text("2")
    assert folder.compiled() != before
