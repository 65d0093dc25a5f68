"""The page's elements: unique, labelled, local, and the same that callbacks, scripts and styles speak of."""

import json
import re
from pathlib import Path

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder

from app import callbacks, ids, view
from app.columns import MOST_COLUMNS
from app.heads import HEADS
from app.layout import EXPORTS, INDEX, make_layout
from app.main import make_app
from app.panels import PANELS as ALL
from app.panels import PLACES, analysis_of
from compute.analyses import ANALYSES

PANELS = [("slice", "Surface"), ("line", "1-D slice")]
ASSETS = Path(__file__).parents[2] / "assets"


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
    assert PLACES.keys() == view.PLACES.keys()
    for rows in PLACES.values():
        assert set(rows.panels) <= ALL.keys() and rows.head in rows.panels and rows.head in HEADS
    assert {name for rows in PLACES.values() for name in rows.panels} == ALL.keys()


@pytest.mark.parametrize("name", ALL)
def test_every_panel_can_be_drawn_and_its_data_asked_for(name):
    picture, analysis = ALL[name].picture, ANALYSES[analysis_of(name)]
    assert analysis.spec is ALL[name].spec  # the link to its data is made of the panel's name
    assert all(callable(getattr(picture, part)) for part in ("figure", "span", "caption", "size"))


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
    for script in ASSETS.glob("*.js"):
        for name in re.findall(r'byId\("([\w-]+)"\)', script.read_text(encoding="utf-8")):
            assert name in names or f'id="{name}"' in INDEX, f"{script.name} looks for #{name}"


def test_buttons_do_what_a_script_knows(parts):
    acts = {props(part)["data-act"] for part in parts if "data-act" in props(part)}
    known = re.search(r"const ACTS = \{(.*?)\};", (ASSETS / "page.js").read_text(encoding="utf-8"), re.S)
    assert known is not None
    scripts = "".join(script.read_text(encoding="utf-8") for script in ASSETS.glob("*.js"))
    more = re.findall(r'atlas\.act\("(\w+)"', scripts)
    assert acts == {*re.findall(r"^\s+(\w+):", known[1], re.M), *more}


def test_nothing_is_fetched_from_elsewhere(page):
    texts = [json.dumps(page, cls=PlotlyJSONEncoder), INDEX]
    texts += [path.read_text(encoding="utf-8") for path in ASSETS.iterdir() if path.suffix in (".js", ".css")]
    for text in texts:
        found = re.findall(r"https?:(?://|%3A//)[\w.-]+", text)
        assert {address for address in found if "www.w3.org" not in address} == set()


def test_scripts_run_under_a_strict_policy(page):
    for script in ASSETS.glob("*.js"):
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
