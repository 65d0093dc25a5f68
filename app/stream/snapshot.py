"""What a page shows, taken from its stream once: the newest of each panel, as the exports write it down."""

from dataclasses import dataclass
from typing import Any

from lossatlas.app.look.view import View
from lossatlas.app.stream.asking import gather
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.jobs import Pool
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
    page, events = gather(query, pool, cache, settings, patience)
    plan = events[0][1]
    told: dict[tuple[int, str], dict] = {
        (column, name): {} for name in plan["panels"] for column in range(len(plan["columns"]))
    }
    last: dict[str, Any] = {"bar": None, "table": None}
    numbers = {}
    for name, data in events[1:]:
        if name == "panel":
            told[data["column"], data["panel"]].update(data)
        elif name == "numbers":
            numbers[data["column"]] = data["rows"]
        else:
            last[name] = data
    panels = {
        (column, name): Shown(
            data.get("state", "waiting"),
            data.get("text", ""),
            data.get("caption", ""),
            tuple(data.get("warnings", ())),
            data.get("figure"),
            data.get("query") or _unanswered(page, column, name),
        )
        for (column, name), data in told.items()
    }
    table = (last["table"]["name"], last["table"]["rows"]) if last["table"] else None
    return Gathered(query, patience, page.state.view, plan, panels, numbers, last["bar"], table)


def _unanswered(page, column: int, name: str) -> str:
    """The question of a panel that has no answer yet; empty where it cannot be asked."""
    if (column, name) in page.refused:
        return ""
    return to_query(page.state.question(name, page.state.columns[column]))
