"""What a page shows, taken from its stream once: the newest of each panel, as the exports write it down."""

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lossatlas.app.look.view import View
from lossatlas.app.state.page import read_state
from lossatlas.app.stream.page import Page
from lossatlas.app.stream.sse import Event
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.pool import Pool
from lossatlas.compute.service.watch import Watch
from lossatlas.compute.spec.options import to_query
from lossatlas.compute.spec.settings import Settings

FINISHED = ("done", "cached")


@dataclass(frozen=True)
class Shown:
    """One panel of one column: `state` as the page names it, `figure` as plotly knows it, `query` its question."""

    state: str = "waiting"
    text: str = ""
    caption: str = ""
    warnings: tuple[str, ...] = ()
    figure: dict | None = None
    query: str = ""


@dataclass(frozen=True)
class Gathered:
    """`plan` is the stream's; `panels` by (column, name) in the page's order; `numbers` by column; `table` a name and
    its rows; `patience` the seconds that the answers had.
    """

    query: str
    patience: float
    view: View
    plan: dict[str, Any]
    panels: dict[tuple[int, str], Shown]
    numbers: dict[int, list]
    bar: dict | None
    table: tuple[str, list[dict]] | None

    @property
    def columns(self) -> list[dict]:
        return self.plan["columns"]

    @property
    def missing(self) -> list[tuple[int, str]]:
        """Panels without a finished answer that could have one."""
        return [place for place, shown in self.panels.items() if shown.state not in (*FINISHED, "none")]


def gathered(query: str, pool: Pool, cache: Cache | None, settings: Settings, patience: float) -> Gathered:
    """The page of a state, as far as its answers come within `patience` seconds.

    Raises:
        BadSpec: the question cannot be asked.
        PoolLost: no scheduler.
    """
    page, end = Page(read_state(query)), time.monotonic() + patience
    plan = page.plan(settings).data
    told: dict[tuple[int, str], dict] = {
        (column, name): {} for name in plan["panels"] for column in range(len(plan["columns"]))
    }
    last: dict[str, Any] = {"bar": None, "table": None}
    numbers, figures = {}, dict[tuple[int, str], str]()
    for event in _until(end, page, pool, cache):
        if event.name == "panel":
            place = (event.data["column"], event.data["panel"])
            told[place].update(event.data)
            figures |= {place: event.figure_json} if event.figure_json else {}
        elif event.name == "numbers":
            numbers[event.data["column"]] = event.data["rows"]
        else:
            last[event.name] = event.data
    panels = {
        (column, name): Shown(
            data.get("state", "waiting"),
            data.get("text", ""),
            data.get("caption", ""),
            tuple(data.get("warnings", ())),
            json.loads(figures[column, name]) if (column, name) in figures else None,
            data.get("query") or _unanswered(page, column, name),
        )
        for (column, name), data in told.items()
    }
    table = (last["table"]["name"], last["table"]["rows"]) if last["table"] else None
    return Gathered(query, patience, page.asking.state.view, plan, panels, numbers, last["bar"], table)


def _until(end: float, page: Page, pool: Pool, cache: Cache | None) -> Iterator[Event]:
    """The events of a page after its plan, as far as they come until `end`."""
    with Watch(pool, cache) as watch:
        for event in itertools.chain(page.ask(watch), page.news(watch)):
            if event is not None:
                yield event
            if time.monotonic() > end:
                return


def _unanswered(page: Page, column: int, name: str) -> str:
    """The question of a panel that has no answer yet; empty where it cannot be asked."""
    asking = page.asking
    if (column, name) in asking.refused:
        return ""
    return to_query(asking.state.question(name, asking.state.columns[column]))
