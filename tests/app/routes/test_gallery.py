"""The gallery: what is stored and would be found by asking, one card a question, pictures of the stored numbers."""

import io
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from PIL import Image, ImageColor

from lossatlas.app.export.thumbnails import QUIET, SIZE, THUMBNAILS, thumbnail
from lossatlas.app.look.theme import colour_scale, hue
from lossatlas.app.panels import PANELS
from lossatlas.app.routes import gallery
from lossatlas.app.routes.gallery import PAGE, Wanted, ago, cards, groups
from lossatlas.app.routes.main import server
from lossatlas.app.state.page import read_state
from lossatlas.compute.analyses.table import ANALYSES, key_for, question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.listing import Listing
from lossatlas.compute.spec.options import BadSpec, parse
from lossatlas.compute.spec.results import Damaged, pack, spec_at

QUICK = "dataset=xor&widths=2&steps=10"
ASKED = {
    "slice": f"{QUICK}&points=9&extent=2&l2=0.01", "line": f"{QUICK}&line_points=21", "training": QUICK,
    "spectrum": QUICK, "evolution": QUICK, "cloud": "dataset=xor&widths=2&walks=3&walk_steps=20",
}  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    return {name: ask(question(name, query)) for name, query in ASKED.items()}


@pytest.fixture
def cache(cache_folder, monkeypatch):
    opened = Cache(cache_folder, 50_000_000)
    monkeypatch.setattr("lossatlas.app.routes.main.cache", lambda: opened)
    gallery.picture.cache_clear()
    yield opened
    opened.close()


def keep(cache: Cache, *results) -> list[str]:
    for result in results:
        cache.put(key_for(result.spec), pack(result))
    return [key_for(result.spec) for result in results]


def other(result, activation: str, **start):
    """The same numbers, said to be another question's."""
    spec = result.spec
    spec = replace(spec, problem=replace(spec.problem, activation=activation), start=replace(spec.start, **start))
    return replace(result, spec=spec)


def shown(listing: Listing, query: str = "") -> list:
    wanted = parse(Wanted, query)
    return cards(groups(listing.entries(wanted.analyses), wanted), wanted.shown)


def test_a_spec_is_read_from_the_first_bytes_of_its_answer_alone(answers):
    for name, result in answers.items():
        data = pack(result)
        assert spec_at(ANALYSES[name].spec, data[:32_000]) == result.spec
        for torn in (b"", data[:20], data[:300], b"PK" + bytes(500), data[5:]):
            with pytest.raises(Damaged):
                spec_at(ANALYSES[name].spec, torn)


def test_equal_questions_are_one_card_whose_link_shows_the_stored_answers(cache, answers):
    surface = answers["slice"]
    keys = keep(cache, other(surface, "elu"), other(surface, "relu"), surface, other(surface, "tanh", seed=4))
    found = shown(Listing(cache))
    assert [card.labels for card in found] == [["tanh"], ["tanh", "ReLU", "ELU"]]  # the newest first
    state = read_state(found[1].link.removeprefix("/?"))
    assert tuple(column.name for column in state.columns) == ("tanh", "relu", "elu")
    asked = {key_for(state.spec(PANELS["slice"].spec, column)) for column in state.columns}
    assert asked == set(keys[:3])


def test_every_analysis_leads_to_its_place_and_its_stored_answer(cache, answers):
    keys = keep(cache, *answers.values())
    found = {card.entries[0].analysis: card for card in shown(Listing(cache), "analysis=any")}
    assert set(found) == set(answers)
    for (name, card), key in zip(((name, found[name]) for name in answers), keys, strict=True):
        state = read_state(card.link.removeprefix("/?"))
        assert name in state.panels and key_for(state.spec(PANELS[name].spec, state.columns[0])) == key
    assert {card.entries[0].analysis for card in shown(Listing(cache))} == {"slice", "spectrum", "cloud"}


def test_filters_choose_and_nonsense_is_one_sentence(cache, answers):
    keep(cache, answers["slice"], other(answers["slice"], "elu", seed=9))
    count = {query: len(shown(Listing(cache), query)) for query in (
        "", "dataset=xor", "dataset=iris", "activation=elu", "activation=sine", "network=2-2", "network=7-7",
        "analysis=slice", "analysis=cloud",
    )}  # fmt: skip
    assert list(count.values()) == [2, 2, 0, 1, 0, 2, 0, 2, 0]
    for bad in ("dataset=irs", "shown=3", "shown=1e99", "network=" + "4" * 99, "sort=up", "x"):
        with pytest.raises(BadSpec):
            parse(Wanted, bad)
        told = server.test_client().get(f"/gallery?{bad}")
        assert told.status_code == 400 and 'role="alert"' in told.text and "<b>" not in told.text


def test_what_no_question_would_find_is_not_listed(cache, cache_folder, answers):
    surface, walk = answers["slice"], answers["cloud"]
    key = keep(cache, surface)[0]
    data = pack(surface)
    cache.put("slice-" + "0" * 40, data)  # a spec under another key, as of an older version
    cache.put("spectrum-" + key[6:], data)
    cache.put("row-" + "1" * 40, b"not an analysis")
    cache.put("slice-" + "2" * 40, b"torn")
    keep(cache, replace(walk, spec=replace(walk.spec, first_walk=3)))
    with closing(sqlite3.connect(cache_folder / "cache.db", isolation_level=None)) as connection:
        connection.execute("INSERT INTO Cache(key, raw, store_time, mode, value) VALUES ('x', 1, 1e9, 0, x'00')")
        connection.execute("INSERT INTO Cache(key, raw, store_time, mode, value) VALUES (x'8003', 0, 1e9, 4, x'8003')")
    found = shown(Listing(cache), "analysis=any")
    assert [entry.key for card in found for entry in card.entries] == [key]


def test_an_answer_computed_anew_is_listed_though_what_stood_there_was_damaged(cache, answers):
    listing, key = Listing(cache), key_for(answers["slice"].spec)
    cache.put(key, b"torn")
    assert listing.entries() == [] and listing.spec(key) is None
    keep(cache, answers["slice"])
    assert [one.key for one in listing.entries()] == [key] and listing.spec(key) == answers["slice"].spec


def test_looking_is_no_use(cache, cache_folder, answers):
    key = keep(cache, answers["slice"])[0]
    with closing(sqlite3.connect(cache_folder / "cache.db")) as connection:
        before = connection.execute("SELECT access_time FROM Cache").fetchall()
        listing = Listing(cache)
        assert listing.answer(key).center_loss == answers["slice"].center_loss
        assert cache.peek("slice-" + "0" * 40) is None
        assert connection.execute("SELECT access_time FROM Cache").fetchall() == before
        cache.get(key)
        assert connection.execute("SELECT access_time FROM Cache").fetchall() != before
    assert listing.answer("../" + key) is None and listing.answer("nonsense") is None


def test_a_flipped_bit_has_no_picture(cache, cache_folder, answers):
    key = keep(cache, answers["slice"])[0]
    with closing(sqlite3.connect(cache_folder / "cache.db", isolation_level=None)) as connection:
        ((stored,),) = connection.execute("SELECT value FROM Cache").fetchall()
        connection.execute("UPDATE Cache SET value = ?", (stored[:-1] + b"\xff",))
    assert cache.peek(key) is None
    assert server.test_client().get(f"/thumbnail/{key}.png").status_code == 404


def test_a_surfaces_picture_has_the_palettes_colours_where_the_loss_is_least_and_most(answers):
    bare = replace(answers["slice"], path=np.empty((0, 2)))
    loss = np.full((9, 9), 1.0)
    loss[8, 0], loss[0, 8] = 10.0, 100.0  # rows run along u, to the right; columns along v, upwards
    loss[4, 4] = np.nan
    image = Image.open(io.BytesIO(thumbnail(replace(bare, loss=loss)) or b""))
    pixels = np.asarray(image)
    assert pixels.shape == (SIZE, SIZE, 4)
    stops = {place: ImageColor.getrgb(colour) for place, colour in colour_scale("haline")}
    low, middle, high = (pixels[y, x] for x, y in ((1, SIZE - 2), (SIZE - 2, SIZE - 2), (1, 1)))
    assert tuple(low[:3]) == stops[0.0] and tuple(high[:3]) == stops[1.0]
    between = np.array([np.interp(0.5, list(stops), [colour[n] for colour in stops.values()]) for n in range(3)])
    np.testing.assert_allclose(middle[:3], between, atol=2)  # log10 of 10 between 1 and 100
    assert pixels[SIZE // 2, SIZE // 2, 3] < 20  # a gap


@pytest.mark.parametrize("name", THUMBNAILS)
def test_every_picture_shows_its_numbers(answers, name):
    """Another answer is another picture, in the activation's colour, and an answer without numbers is bare axes."""
    result = answers[name]
    drawn = thumbnail(result)
    assert drawn is not None and drawn[:8] == b"\x89PNG\r\n\x1a\n" and len(drawn) < 40_000
    changed = {
        item: np.sqrt(np.abs(value)) * np.linspace(1, 2, value.size).reshape(value.shape)
        for item in ("loss", "train_loss", "eigenvalues", "largest")
        if isinstance(value := getattr(result, item, None), np.ndarray)
    }
    assert thumbnail(replace(result, **changed)) != drawn
    nothing = {
        item: np.full_like(value, np.nan)
        for item in ("loss", "train_loss", "test_loss", "largest", "eigenvalues")
        if isinstance(value := getattr(result, item, None), np.ndarray)
    }
    empty = thumbnail(replace(result, **nothing))
    pixels = np.asarray(Image.open(io.BytesIO(empty or b"")))
    assert {tuple(pixel) for pixel in pixels.reshape(-1, 4)} == {(0, 0, 0, 0), QUIET}


def test_a_curve_of_one_point_is_a_dot(answers):
    one = {item: getattr(answers["training"], item)[-1:] for item in ("step", "train_loss", "test_loss")}
    pixels = np.asarray(Image.open(io.BytesIO(thumbnail(replace(answers["training"], **one)) or b"")))
    ink = ImageColor.getrgb(hue(answers["training"].spec.problem.activation))
    assert (pixels[..., :3] == ink).all(-1).any()


def test_the_page_is_whole_safe_and_shows_more_on_demand(cache, answers):
    assert "Nothing is stored yet" in server.test_client().get("/gallery").text
    keep(cache, *(other(answers["slice"], "tanh", seed=seed) for seed in range(PAGE + 3)))
    page = server.test_client().get("/gallery?dataset=xor").text
    assert page.count('class="card"') == PAGE and f"The newest {PAGE} of {PAGE + 3} results." in page
    ((further, count),) = re.findall(r'href="(/gallery\?[^"]*)#card-61">Show (\d+) more', page)
    assert count == "3"
    whole = server.test_client().get(unescape(further)).text
    assert whole.count('class="card"') == PAGE + 3 and "Show" in whole
    assert "<script>" not in page and "http://" not in page.replace("http://www.w3.org", "").replace("http%3A", "")
    picture = server.test_client().get(re.findall(r"/thumbnail/[\w-]+\.png", page)[0])
    assert picture.mimetype == "image/png" and picture.data[:4] == b"\x89PNG"
    none = server.test_client().get("/gallery?dataset=iris&network=%22%3E%3Cscript%3E").text
    assert "No stored result is like this" in none and "<script>" not in none


@pytest.mark.parametrize(
    "path", ["x", "slice-" + "0" * 40, "slice-../../etc", "..%2f..%2fcache.db", "spectrum-" + "g" * 40]
)
def test_a_key_from_a_browser_is_only_looked_up(cache, path):
    found = server.test_client().get(f"/thumbnail/{path}.png")
    assert found.status_code == 404 and "Traceback" not in found.text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (9e5, "10 days ago")],
)
def test_how_long_ago(seconds, words):
    assert ago(seconds) == words


def test_everything_is_what_is_asked_for_first():
    assert Wanted().everything and parse(Wanted, "shown=120").everything and not parse(Wanted, "network=4").everything
