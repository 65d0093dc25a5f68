"""Links, hidden controls, the page as a file, and the code: what leaves the page is what the page holds."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from lossatlas.app.export.code import of_page
from lossatlas.app.layout.controls import sections
from lossatlas.app.look.scripts import bare
from lossatlas.app.look.theme import TEMPLATES
from lossatlas.app.panels import PANELS, panels_of
from lossatlas.app.routes import links, main
from lossatlas.app.state import hiding
from lossatlas.app.state.page import page_options, read_state, written
from lossatlas.app.stream.pictures import draw_page
from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.links import Links, LinksFull
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.settings import Settings

ROOT = Path(__file__).parents[3]
QUICK = "dataset=xor&widths=2&steps=20&points=17&line_points=21&activation=tanh,relu"


@pytest.fixture
def client(cache_folder):
    server = Flask(__name__)
    links.add_routes(server, Settings(cache_folder))
    return server.test_client()


def short(client, state: str) -> str:
    return client.post("/links", json={"state": state}).json["path"]


# ---------------------------------------------------------------------------------------------- short links


def test_a_short_link_leads_to_the_state_it_was_made_from(client):
    path = short(client, f"{QUICK}&seed=7&log=0&window=-0.5,0.5,0.0,1.0&theme=dark")
    found = client.get(path)
    assert found.status_code == 302 and found.location.startswith("/?")
    assert read_state(found.location[2:]) == read_state(f"{QUICK}&seed=7&log=0&window=-0.5,0.5,0.0,1.0&theme=dark")
    assert client.get(short(client, "")).location == "/"


@pytest.mark.parametrize("other", [
    "seed=7&dataset=xor", "dataset=xor&seed=07", "dataset=xor&seed=7.0&extent=auto", "?seed=7&dataset=xor&log=yes",
    "dataset=xor&seed=7&activation=tanh, relu,elu", "dataset=iris&dataset=xor&seed=7", "dataset=xor&seed=7&columns=1,2",
])  # fmt: skip
def test_equal_states_have_one_link(client, other):
    assert written(other) == "dataset=xor&seed=7" and short(client, other) == short(client, "dataset=xor&seed=7")
    assert short(client, other) != short(client, "dataset=xor&seed=8")


@pytest.mark.parametrize(("state", "canonical"), [
    ("compare=widths&columns=2,4,8&widths=5", "compare=widths"), ("activation=tanh", "activation=tanh"),
    ("compare=seed&columns=3, 4&activation=relu,elu&seed=9", "compare=seed&columns=3,4&activation=relu"),
    ("rate=1e+1", "rate=10.0"), ("compare=rate&columns=1e+0,1e%2B1", "compare=rate&columns=1.0,10.0"),
    ("window=-1e+0,+1e+0,0,2E+0", "window=-1.0,1.0,0.0,2.0"),
    ("hide=start, seed&page=02", "hide=start,seed&page=2"), ("hide=&page=1&theme=auto", ""),
])  # fmt: skip
def test_a_state_is_written_in_one_way(state, canonical):
    assert written(state) == canonical == written(canonical)
    one, other = read_state(state), read_state(canonical)
    assert (one.columns, one.comparison.compare) == (other.columns, other.comparison.compare)
    assert one.spec(Slice, one.columns[-1]) == other.spec(Slice, other.columns[-1])


@pytest.mark.parametrize(("sent", "status", "words"), [
    ({"state": "dataset=irs"}, 400, "iris"), ({"state": 7}, 400, "state"), ([], 400, "state"),
    ({"state": "x=" + "a" * 5000}, 400, "4000"), ({"state": "hide=warnings"}, 400, "warning"),
    ({"state": "a" * 40_000}, 400, ""), ({"state": "seed=1\r\nSet-Cookie: a=b"}, 400, "whole number"),
])  # fmt: skip
def test_what_is_no_state_gets_no_link(client, sent, status, words):
    found = client.post("/links", json=sent)
    assert found.status_code in (status, 413) and words in found.text


def test_a_form_of_another_site_makes_no_link_and_an_unknown_code_is_told_kindly(client):
    assert client.post("/links", data={"state": ""}).status_code == 403
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.example"}):
        assert client.post("/links", json={"state": ""}, headers=headers).status_code == 403
    for code in ("abcdefgh", "..", "%2e%2e", "A" * 8, "a" * 400, "links.db"):
        found = client.get(f"/s/{code}")
        assert found.status_code == 404 and (code in ("..", "%2e%2e") or 'href="/"' in found.text)


def test_links_are_bounded_in_pace_and_size_and_old_ones_stay(cache_folder):
    times = [0.0]
    few = Links(cache_folder, pace=3, clock=lambda: times[-1])
    codes = [few.put(f"seed={number}") for number in range(3)]
    times.append(59.0)
    assert few.put("seed=1") == codes[1]  # no new one
    with pytest.raises(LinksFull, match=r"3 were within a minute.*whole link"):
        few.put("seed=4")
    times.append(61.0)
    assert few.get(few.put("seed=4")) == "seed=4"
    times.append(-1e6)  # a clock set back
    assert few.get(few.put("seed=5")) == "seed=5"
    small = Links(cache_folder, room=40_000)
    with pytest.raises(LinksFull, match="MB"):
        for number in range(40):
            small.put(f"{number}" * 900)
    assert [few.get(code) for code in codes] == ["seed=0", "seed=1", "seed=2"]
    assert sum(file.stat().st_size for file in cache_folder.iterdir()) < 80_000


# ---------------------------------------------------------------------------------------------- hide


def test_everything_on_the_page_but_warnings_can_be_hidden_once_by_one_name():
    options = page_options()
    entries = hiding.declared(sections(options))
    names = [entry["name"] for entry in entries]
    assert len(names) == len(set(names)) and set(names) == {*hiding.PARTS, *hiding.SECTIONS, "place"} | {
        option.name for members in sections(options).values() for option in members
    }
    assert set(sections(options)) == {section.label for section in hiding.SECTIONS.values()}
    assert not (hiding.PARTS.keys() | hiding.SECTIONS.keys()) & (options.keys() - {"theme"})
    assert not any("warning" in selector or selector == "main" for one in entries for selector in one["selectors"])
    assert hiding.hidden(",".join(names), options) == tuple(names)


@pytest.mark.parametrize(("text", "words"), [
    ("datset", "dataset"), ("problem,nonsense", "nonsense"), ("warnings", "not what it seems"),
    ("<script>", "nothing is called"), ("seed,Seed", "nothing is called"),
])  # fmt: skip
def test_an_unknown_name_is_refused_with_a_sentence(text, words):
    with pytest.raises(BadSpec, match=words):
        hiding.hidden(text, page_options())
    with pytest.raises(BadSpec, match=words):
        read_state(f"hide={text}")


def test_hiding_is_the_browsers_affair_and_changes_no_question():
    bare, hidden = read_state(QUICK), read_state(f"{QUICK}&hide=problem,seed")
    assert hidden.view.hide == "problem,seed" and replace(hidden.view, hide="") == bare.view
    assert hidden.values == bare.values


# ---------------------------------------------------------------------------------------------- the page as a file


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("answers") / "cache", 10**8)


@pytest.fixture
def site(pool, answers, monkeypatch):
    """The real server, its answers and its pool."""
    monkeypatch.setattr(main, "pool", lambda: pool)
    monkeypatch.setattr(main, "cache", lambda: answers)
    return main.server.test_client()


def told(page: str) -> dict:
    """What a saved page knows, as JSON."""
    (text,) = re.findall(r'<script type="application/json" id="told">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_a_saved_page_holds_what_the_stream_draws(site, answers, pool):
    found = site.get(f"/export/page.html?{QUICK}&hide=captions")
    assert (
        found.status_code == 200
        and found.mimetype == "text/html"
        and "attachment" in found.headers["Content-Disposition"]
    )
    page, shown = found.text, main.shown(QUICK)
    for (column, name), panel in shown.panels.items():
        assert panel.figure and told(page)["figures"][f"{column}-{name}"] == {
            part: panel.figure[part] for part in ("data", "layout")
        }
        assert f'id="plot-{column}-{name}"' in page and PANELS[name].title in page
    surfaces = [told(page)["figures"][f"{column}-slice"]["layout"] for column in range(2)]
    assert len({json.dumps([one["coloraxis"]["cmin"], one["scene"]["zaxis"]["range"]]) for one in surfaces}) == 1
    assert shown.plan["sentence"] in page and "Missing" not in page and page.count("plotly.js v") == 0
    assert ".slot .caption { display: none; }" in page
    for row in shown.numbers.values():
        assert all(f"<dd>{value}</dd>" in page for _, value in row)
    assert not re.search(r"""(src|href)=["'](?!data:|/\?)[^"']""", page)  # nothing is fetched
    assert 'id="player"' not in page and "Space plays" not in page  # nothing in it moves


def test_a_saved_page_that_moves_has_the_pages_own_player(site):
    query = "place=training&activation=tanh&dataset=xor&widths=2&steps=4&points=9&boundary_points=9&weight_points=9"
    page = site.get(f"/export/page.html?{query}").text
    frames = told(page)["figures"]["0-weights"]["layout"]["meta"]["frames"]
    assert frames["values"] == [0, 1, 2, 3, 4]
    (bar,) = re.findall(r'<section id="player" class="player" hidden aria-label="Player">.*?</section>', page)
    assert re.findall(r'data-player="(\w+)"', bar) == ["back", "toggle", "forward", "speed"] and "picks" not in bar
    assert bare("player/player.mjs") in page and "Space plays" in page


def test_a_saved_page_says_what_is_missing_and_quotes_what_a_reader_sent(site, monkeypatch):
    monkeypatch.setattr(main, "LONGEST_EXPORT", 0.0)
    page = site.get("/export/page.html?dataset=wine&widths=3&steps=31&activation=tanh&points=33").text
    assert "Missing or unfinished" in page and "Surface of tanh" in page
    assert site.get("/export/page.html?dataset=%3Cscript%3E").status_code == 400
    for path in ("/export/code.py?widths=x", "/export/slise.py", "/export/line.py?points=9"):
        found = site.get(path)
        assert found.status_code == 400 and found.mimetype == "text/plain"


def run(script: str, folder: Path) -> str:
    """What a script prints, in an interpreter of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_code_of_a_page_makes_the_same_bytes_in_a_fresh_interpreter(site, tmp_path):
    shown, script = main.shown(QUICK), site.get(f"/export/code.py?{QUICK}").text
    run(script, tmp_path)
    for (column, name), panel in shown.panels.items():
        stem = f"{name}-{('tanh', 'ReLU')[column]}"
        assert (tmp_path / f"{stem}.npz").read_bytes() == site.get(f"/export/{name}.npz?{panel.query}").data
        drawn = (tmp_path / f"{stem}.html").read_text()
        assert "plotly.min.js" in drawn and panel.figure and panel.figure["data"][0]["type"] in drawn
    assert set(panels_of("landscape")) == {name for _, name in shown.panels}


def test_pictures_drawn_from_the_answers_are_those_of_the_page_also_beside_a_baseline(site, answers):
    beside = f"{QUICK}&baseline=1&difference=1&overlay=1&band=1"
    shown = main.shown(beside)
    again = {
        (column, name): ask(question(name, panel.query), cache=answers)
        for (column, name), panel in shown.panels.items()
    }
    for place, figure in draw_page(beside, again).items():
        drawn, sent = json.loads(figure.to_json()), shown.panels[place].figure
        assert sent is not None
        assert drawn["layout"].pop("template") == TEMPLATES["light"].to_plotly_json()
        assert not sent["layout"].pop("template").get("layout")  # the browser puts the theme's own there
        assert drawn == sent
    assert "baseline=1" in of_page(shown) and "dark" not in of_page(main.shown(f"{QUICK}&theme=dark"))


def test_the_code_of_one_question_runs_too_and_nothing_a_reader_sends_gets_out_of_its_quotes(site, tmp_path):
    script = site.get("/export/saturation.py?dataset=xor&widths=2&steps=5&activation=relu").text
    run(script, tmp_path)
    asked = "/export/saturation.npz?dataset=xor&widths=2&steps=5&activation=relu"
    assert (tmp_path / "saturation-xor-relu.npz").read_bytes() == site.get(asked).data
    bare = site.get("/export/extent.py?dataset=xor").text
    assert "figure" not in bare and compile(bare, "extent.py", "exec")
    assert site.get("/export/line.py?dataset=xor%27%29%3Bimport os").status_code == 400
