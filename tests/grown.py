"""Says what a program makes of one new thing of each kind, as JSON: run where lossatlas is the copy that has them."""

import json
import re
from collections.abc import Iterator
from typing import Any

from click.testing import CliRunner

import lossatlas
from lossatlas.app.cli.main import main
from lossatlas.app.look import ids
from lossatlas.app.routes.main import SETTINGS, server
from lossatlas.app.state.page import page_options, read_state, written
from lossatlas.app.stream.lesson_answers import AtOnce
from lossatlas.app.stream.page import Page

PROBLEM = "dataset=cross&network=hourglass&widths=3-2&activation=arctan&loss=log_cosh"
ASKED = f"{PROBLEM}&optimiser=nesterov&steps=5"
PLANE = "directions=signs&extent=1&points=5"
SHOWN = f"{ASKED}&{PLANE}&place=sizes&dot=17"


def facts() -> dict[str, Any]:
    """Of the command line, of Python and of the page."""
    return {
        "file": lossatlas.__file__,
        "run": told("run", "slice", f"{ASKED}&{PLANE}", "--no-cache"),
        "run norms": told("run", "norms", ASKED, "--no-cache"),
        "list": told("list"),
        "norms": lossatlas.ask(lossatlas.question("norms", ASKED)).table["norm"].tolist(),
        "loss": lossatlas.ask(lossatlas.question("slice", f"{ASKED}&{PLANE}")).loss.tolist(),
        "controls": controls(),
        "written": written(SHOWN),
        "columns": [column.label for column in read_state("dataset=cross&activation=arctan,tanh").columns],
        "events": list(events(SHOWN)),
    }


def told(*words: str) -> tuple[int, str]:
    """The exit status of the command line, and what it prints."""
    result = CliRunner().invoke(main, words)
    return result.exit_code, result.stdout


def controls() -> dict[str, dict[str, str]]:
    """Of each option's control on the page as it is served, the choices with their labels; none where it is no list."""
    client = server.test_client()
    parts = list(elements(client.get("/_dash-layout").json))
    offers = {part["id"]: part.get("data") or [] for part in parts}
    offers[ids.ACTIVATION] = [part for part in parts if part["id"].startswith(ids.chip(""))]
    radios = re.findall(f'name="{ids.PLACES}" value="([^"]+)"[^>]*>([^<]+)<', client.get("/").text)
    offers[ids.option("place")] = [{"value": value, "label": label} for value, label in radios]
    names = {name: ids.option(name) for name in page_options()}
    return {
        name: {choice["value"]: choice.get("label") or choice["children"] for choice in offers[control]}
        for name, control in names.items()
        if control in offers
    }


def elements(part: Any) -> Iterator[dict]:
    """The properties of every element below one that has a name."""
    if isinstance(part, list):
        for inner in part:
            yield from elements(inner)
    elif isinstance(part, dict):
        props = part.get("props", {})
        if isinstance(props.get("id"), str):
            yield props
        yield from elements(props.get("children"))


def events(query: str) -> Iterator[tuple[str, str, str, Any]]:
    """Name, panel, state and first trace of the events of a page that is computed here."""
    page, source = Page(read_state(query)), AtOnce(None, computes=True)
    yield page.plan(SETTINGS).name, "", "", None
    for news in (*page.ask(source), *page.news(source)):
        if news is not None:
            figure = json.loads(news.figure_json)["data"][0] if news.figure_json else None
            yield news.name, news.data.get("panel", ""), news.data.get("state", ""), figure


if __name__ == "__main__":
    print(json.dumps(facts()))
