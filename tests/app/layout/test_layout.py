"""The page's elements: unique, labelled, local, and the same that callbacks, scripts and styles speak of."""

import ast
import json
import re
from pathlib import Path

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder

from lossatlas.app.layout import callbacks
from lossatlas.app.layout.page import EXPORTS, INDEX, PAGE_KEYS, make_layout
from lossatlas.app.look import ids
from lossatlas.app.look.columns import MOST_COLUMNS
from lossatlas.app.look.places import PLACES
from lossatlas.app.panels import PANELS as ALL
from lossatlas.app.panels import panels_of
from lossatlas.app.routes.main import make_app
from lossatlas.compute.analyses.planes.directions import DIRECTIONS
from lossatlas.compute.analyses.table import ANALYSES
from lossatlas.compute.spec.options import options_of

PANELS = [("slice", "Surface"), ("line", "1-D slice")]
ASSETS = Path(__file__).parents[3] / "assets"
SCRIPTS = sorted([*ASSETS.rglob("*.mjs"), *ASSETS.rglob("*.js")])


@pytest.fixture(scope="module")
def page():
    return make_layout(PANELS)


@pytest.fixture(scope="module")
def parts(page):
    return [page, *page._traverse()]


@pytest.fixture(scope="module")
def names(parts):
    return [part.id for part in parts if getattr(part, "id", None)]


def props(part) -> dict:
    return part.to_plotly_json()["props"] if hasattr(part, "to_plotly_json") else {}


def test_every_place_shows_panels_that_exist():
    for name, place in PLACES.items():
        rows = panels_of(name)
        assert set(rows) <= ALL.keys() and len(rows) == len(set(rows)) and place.head in rows and ALL[place.head].head
    assert {name for place in PLACES for name in panels_of(place)} == ALL.keys()


def test_every_place_has_a_tab_a_key_and_words_in_the_help(page):
    text = json.dumps(page, cls=PlotlyJSONEncoder)
    assert (
        len({place.key for place in PLACES.values()}) == len({place.label for place in PLACES.values()}) == len(PLACES)
    )
    for place in PLACES.values():
        assert all(json.dumps(paragraph) in text for paragraph in place.about) and place.about
        assert any(place.key in keys.split(" · ") and place.label.lower() in does for keys, does in PAGE_KEYS)
    known = next(part.data for part in page._traverse() if getattr(part, "id", None) == ids.DECLARED)
    assert next(one for one in known["controls"] if one["name"] == "place")["keys"] == {
        place.key: name for name, place in PLACES.items()
    }


@pytest.mark.parametrize("folder", ["state", "stream", "layout", "export", "routes"])
def test_no_place_and_no_panel_is_asked_for_by_name(folder):
    """What is special about one stands on its record, so that another may have it too."""
    found = []
    for file in (Path(__file__).parents[3] / "app" / folder).glob("*.py"):
        compared = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Compare)]
        texts = {part.value for node in compared for part in ast.walk(node) if isinstance(part, ast.Constant)}
        found += [f"{file.name}: {text}" for text in texts if text in ALL or text in PLACES]
    assert found == []


def test_no_script_names_a_place_a_panel_or_an_analysis():
    """What they must know of one is declared, so that another needs no script."""
    named = "|".join({*ALL, *PLACES, *ANALYSES} - {*DIRECTIONS})  # a kind of direction may be called like a panel
    quoted = re.compile(rf"""["'`](?:\d-)?(?:{named})["'`]|\.asked\.\w+""")
    found = {script.name: quoted.findall(code_of(script)) for script in SCRIPTS}
    assert {name: texts for name, texts in found.items() if texts} == {}


def code_of(script: Path) -> str:
    """A script without its comments."""
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", script.read_text(encoding="utf-8"), flags=re.S)


def test_panels_tell_the_scripts_where_they_stand_and_what_they_take(page):
    told = next(part.data for part in page._traverse() if getattr(part, "id", None) == ids.DECLARED)
    assert told["first"] == next(iter(PLACES))
    assert {name: facts["place"] for name, facts in told["facts"].items()} == {n: one.place for n, one in ALL.items()}
    assert {name for name, facts in told["facts"].items() if facts["aims"]} == {
        name for name, panel in ALL.items() if "at" in options_of(panel.spec)
    }


@pytest.mark.parametrize("name", ALL)
def test_every_panel_can_be_drawn_and_its_data_asked_for(name):
    picture = ALL[name].picture
    assert ALL[name].analysis in ANALYSES and ALL[name].place in PLACES  # the link to its data names the analysis
    assert all(callable(getattr(picture, part)) for part in ("figure", "span", "caption", "words", "size"))


def test_ids_are_unique(names):
    assert len(names) == len(set(names))


def test_every_column_has_a_slot_and_exports_for_every_panel(parts, names):
    for place in range(MOST_COLUMNS):
        for name, _ in PANELS:
            assert {ids.slot(place, name), ids.plot(place, name)} <= set(names)
    links = [part for part in parts if getattr(part, "className", None) == "export"]
    assert len(links) == MOST_COLUMNS * len(PANELS) * len(EXPORTS)


def test_every_end_of_the_callback_is_on_the_page(page, names):
    app = Dash(__name__)
    app.layout = page
    callbacks.register(app)
    (callback,) = app._callback_list
    ends = [*callback["inputs"], *callback["state"]]
    assert {end["id"] for end in ends} <= set(names)
    assert callback["clientside_function"] == {"namespace": "lossatlas", "function_name": "sync"}


def test_no_callback_reaches_the_server():
    app = Dash(__name__)
    callbacks.register(app)
    assert app._callback_list and all(callback["clientside_function"] for callback in app._callback_list)


def test_callback_and_declaration_agree_on_the_order(parts):
    app = Dash(__name__)
    callbacks.register(app)
    inputs = [end["id"] for end in app._callback_list[0]["inputs"]]
    told = next(part.data for part in parts if getattr(part, "id", None) == ids.DECLARED)
    assert inputs == [ids.LOCATION, *(ids.option(control["name"]) for control in told["controls"])]


def test_scripts_speak_of_elements_that_exist(names):
    for script in SCRIPTS:
        if script.parent.name == "pages":
            continue  # other pages than this one
        for name in re.findall(r'\b(?:byId|button)\("([\w-]+)"', script.read_text(encoding="utf-8")):
            assert name in names or f'id="{name}"' in INDEX, f"{script.name} looks for #{name}"


def test_buttons_do_what_a_script_knows(parts):
    acts = {props(part)["data-act"] for part in parts if "data-act" in props(part)}
    scripts = "".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    lists = re.findall(r"^addActs\(\{\n(.*?)^\}\);", scripts, re.S | re.M)
    names = {name for one in lists for name in re.findall(r"^  (\w+)[:,]", one, re.M)}
    lines = re.findall(r"^addActs\(\{ (.*) \}\);", scripts, re.M)
    names |= {name for one in lines for name in re.findall(r"(?:^|, )(\w+)(?=[:,]|$)", one)}
    assert acts == {*names, *re.findall(r'^act\("(\w+)"', scripts, re.M)}


def test_nothing_is_fetched_from_elsewhere(page):
    texts = [json.dumps(page, cls=PlotlyJSONEncoder), INDEX]
    texts += [path.read_text(encoding="utf-8") for path in [*SCRIPTS, *ASSETS.rglob("*.css")]]
    for text in texts:
        found = re.findall(r"https?:(?://|%3A//)[\w.-]+", text)
        assert {address for address in found if "www.w3.org" not in address} == set()


def test_scripts_run_under_a_strict_policy(page):
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write", text)
    assert not re.search(r"\son\w+=", INDEX)


def test_index_is_accepted_and_states_the_language():
    app = Dash(__name__, index_string=INDEX)
    assert '<html lang="en">' in app.interpolate_index(
        metas="", title="t", css="", config="", scripts="", app_entry='<div id="react-entry-point"></div>',
        favicon="", renderer="",
    )  # fmt: skip
    assert f'href="#{ids.MAIN}"' in INDEX


def test_places_that_scripts_fill_are_empty(parts):
    filled = {ids.SENTENCE, ids.EQUAL, ids.COST, ids.MESSAGE, ids.PROGRESS, ids.CRUMBS, ids.AIM}
    classes = {"plot", "caption", "state", "numbers", "activation", "warnings", "failure", "gradient"}
    for kind, wanted in (("id", filled), ("className", classes)):
        chosen = [part for part in parts if getattr(part, kind, None) in wanted]
        assert {getattr(part, kind) for part in chosen} == wanted
        assert all(getattr(part, "children", None) is None for part in chosen)


def test_scripts_are_known_before_the_first_reader_asks_for_them():
    paths = make_app().registered_paths
    assert {"dash_ag_grid.min.js", "async-community.js"} <= set(paths["dash_ag_grid"]) and paths[
        "dash_mantine_components"
    ]
