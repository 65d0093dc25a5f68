"""The page's elements: unique, labelled, local, and the same that callbacks, scripts and styles speak of."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dash import Dash
from dash.development.base_component import Component
from plotly.utils import PlotlyJSONEncoder

from lossatlas.app.layout import callbacks, frame, help
from lossatlas.app.layout.frame import EXPORTS
from lossatlas.app.layout.help import PAGE_KEYS
from lossatlas.app.layout.page import INDEX, make_layout, told
from lossatlas.app.look import ids
from lossatlas.app.look.columns import DEFAULT_ACTIVATIONS
from lossatlas.app.look.markup import markup
from lossatlas.app.look.places import PLACES
from lossatlas.app.panels import PANELS as ALL
from lossatlas.app.panels import panels_of
from lossatlas.app.routes.main import make_app
from lossatlas.compute.analyses.planes.directions import DIRECTIONS
from lossatlas.compute.analyses.table import ANALYSES
from lossatlas.compute.spec.options import options_of

ASSETS = Path(__file__).parents[3] / "assets"
SCRIPTS = sorted([*ASSETS.rglob("*.mjs"), *ASSETS.rglob("*.js")])


@pytest.fixture(scope="module")
def page():
    return make_layout()


def within(part) -> Iterator:
    """An element and all that stand in it, of Dash's and of our own."""
    yield part
    inside = getattr(part, "children", None) if isinstance(part, Component) else getattr(part, "inside", None)
    for inner in inside if isinstance(inside, list | tuple) else [inside]:
        yield from within(inner) if inner is not None else ()


@pytest.fixture(scope="module")
def parts(page):
    """What Dash draws, what the document has, and what it holds in templates."""
    tops = [page, *frame.above(), *frame.beside(), *frame.under_controls(), frame.pictures()]
    return [part for top in [*tops, *frame.templates().values()] for part in within(top)]


@pytest.fixture(scope="module")
def names(parts):
    mine = [part.attributes["id"] for part in parts if "id" in getattr(part, "attributes", {})]
    return [part.id for part in parts if getattr(part, "id", None)] + mine


def props(part) -> dict:
    return part.to_plotly_json()["props"] if hasattr(part, "to_plotly_json") else {}


def test_every_place_shows_panels_that_exist():
    for name, place in PLACES.items():
        rows = panels_of(name)
        assert set(rows) <= ALL.keys() and len(rows) == len(set(rows)) and place.head in rows and ALL[place.head].head
    assert {name for place in PLACES for name in panels_of(place)} == ALL.keys()


def test_every_place_has_a_tab_a_key_and_words_in_the_help():
    text = json.dumps(help.dialog(), cls=PlotlyJSONEncoder)
    assert (
        len({place.key for place in PLACES.values()}) == len({place.label for place in PLACES.values()}) == len(PLACES)
    )
    for place in PLACES.values():
        assert all(json.dumps(paragraph) in text for paragraph in place.about) and place.about
        assert any(place.key in keys.split(" · ") and place.label.lower() in does for keys, does in PAGE_KEYS)
    assert next(one for one in told()["controls"] if one["name"] == "place")["keys"] == {
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


def test_panels_tell_the_scripts_where_they_stand_and_what_they_take():
    facts = told()["facts"]
    assert told()["first"] == next(iter(PLACES))
    assert {name: fact["place"] for name, fact in facts.items()} == {n: one.place for n, one in ALL.items()}
    assert {name for name, fact in facts.items() if fact["aims"]} == {
        name for name, panel in ALL.items() if "at" in options_of(panel.spec)
    }


@pytest.mark.parametrize("name", ALL)
def test_every_panel_can_be_drawn_and_its_data_asked_for(name):
    picture = ALL[name].picture
    assert ALL[name].analysis in ANALYSES and ALL[name].place in PLACES  # the link to its data names the analysis
    assert all(callable(getattr(picture, part)) for part in ("figure", "span", "caption", "words", "size"))


def test_ids_are_unique(names):
    assert len(names) == len(set(names))


def test_the_first_columns_have_the_first_places_slots_and_one_blank_slot_stands_for_all_others(parts, names):
    columns, panels = range(len(DEFAULT_ACTIVATIONS)), panels_of(next(iter(PLACES)))
    for place in columns:
        for name in panels:
            assert {ids.slot(place, name), ids.plot(place, name), ids.alternative(place, name)} <= set(names)
    links = [part for part in parts if getattr(part, "className", None) == "export"]
    assert len(links) == (len(columns) * len(panels) + 1) * len(EXPORTS)
    assert props(frame.templates()[ids.BLANK_SLOT])["id"] == ids.slot(frame.BLANK, frame.BLANK)


def test_a_blank_slot_has_every_name_that_a_slot_has_of_its_panel():
    """slots.mjs gives a copy of it the names that make it a panel's: no other place may name one."""
    blank, mine = (str(markup(frame.slot(*which))) for which in ((frame.BLANK, frame.BLANK), (7, "spectrum")))
    for named, without in (("-7-spectrum", "--"), ("slot-spectrum", "slot-"), (ALL["spectrum"].title, "")):
        assert named in mine
        mine = mine.replace(named, without)
    assert mine == blank


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


def test_callback_and_declaration_agree_on_the_order():
    app = Dash(__name__)
    callbacks.register(app)
    inputs = [end["id"] for end in app._callback_list[0]["inputs"]]
    assert inputs == [ids.ADDRESS, *(ids.option(control["name"]) for control in told()["controls"])]


def test_scripts_speak_of_elements_that_exist(names):
    for script in SCRIPTS:
        if script.parent.name == "pages":
            continue  # other pages than this one
        for name in re.findall(r'\b(?:byId|button|dialogOf)\("([\w-]+)"', script.read_text(encoding="utf-8")):
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


def test_scripts_run_under_a_strict_policy():
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
