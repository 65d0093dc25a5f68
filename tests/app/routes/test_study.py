"""The study's page is the report of what is stored, and says how to have it computed where nothing is."""

from lossatlas.app.routes.study import study_page
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.study import design
from lossatlas.compute.study.reproduction import carry_out


def test_the_page_grows_with_what_is_stored(tmp_path, monkeypatch):
    cache = Cache(tmp_path / "cache", 10**8)
    none = study_page(cache)
    assert "Nothing is stored yet" in none and "lossatlas reproduce bosman2023" in none
    monkeypatch.setattr(design, "PACES", {"macro": (0.1, 6)})
    monkeypatch.setattr("lossatlas.app.routes.study.SCALES", (0.01,))
    specs = design.settings(0.01, ["xor"])
    list(carry_out(specs[:2], cache, None, lambda progress: None))
    first = study_page(cache)
    assert "2 of 24" in first and "tanh" in first and "<script" in first
    list(carry_out(specs, cache, None, lambda progress: None))
    whole = study_page(cache)
    assert "6 of 24" in whole and study_page(cache) is whole  # made once
