"""One server-sent-events stream a page: from the page's state to finished figures, coarse ones first.

    plan      the columns, the sentence on top, the cost          once
    panel     state, text, caption, warnings and figure of one panel
    numbers   the five numbers at a column's head
    table     the comparison table's rows
    bar       the colour bar that the columns share
    twin      what the linear picture has otherwise than the logarithmic one that was sent, or the other way round
    refused   one sentence: the question cannot be asked          ends the stream
    busy      too many readers just now                           ends the stream
    done      every panel is finished                             ends the stream

A stream that ends without `refused`, `busy` or `done` was cut off: the browser asks again by itself.
"""

import hashlib
import itertools
import json
import math
import operator
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from lossatlas.app.figures.shared.baseline import Beside
from lossatlas.app.figures.shared.parts import warnings
from lossatlas.app.look.view import Scale
from lossatlas.app.panels import PANELS, left_open
from lossatlas.app.state.page import PageState, read_state
from lossatlas.app.stream import alive
from lossatlas.app.stream.json_diff import differences
from lossatlas.app.stream.memo import REMEMBERED, Pages
from lossatlas.app.stream.pictures import Pictures
from lossatlas.app.stream.plan import plan
from lossatlas.app.stream.sse import Places, event, read_event
from lossatlas.compute.analyses.extents import common_extent
from lossatlas.compute.analyses.planes.plane import Place
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.jobs import Pool, PoolLost, Update, Watch
from lossatlas.compute.service.limits import duration
from lossatlas.compute.spec.options import AUTO, BadSpec, to_query
from lossatlas.compute.spec.results import LASTING, Failure
from lossatlas.compute.spec.settings import Settings

BEAT = 0.5  # seconds between comments on a quiet stream, by which a closed page is noticed
LONGEST_HOLD = 1.5  # seconds that a picture may be held back until its row has a common scale

_places = Places(48)
_pages = Pages(REMEMBERED)


def allow_streams(most: int) -> None:
    """Set how many streams this process may hold; before the first one."""
    global _places
    _places = Places(most)


def stream(query: str, pool: Pool, cache: Cache | None, settings: Settings) -> Generator[str, None, None]:
    """The events of a page whose state is `query`."""
    yield "retry: 500\n\n"
    places = _places
    if not places.free.acquire(blocking=False):
        yield event("busy", {"sentence": f"{places.most} readers are being served; yours is next. Trying again soon."})
        return
    try:
        yield from _page(query, pool, cache, settings)
    except BadSpec as reason:
        yield event("refused", {"sentence": str(reason)})
    except PoolLost:
        return
    finally:
        places.free.release()


def _page(query: str, pool: Pool, cache: Cache | None, settings: Settings) -> Iterator[str]:
    page = Page(Pictures(read_state(query)))
    asked = (query, cache.folder if cache else None, settings)
    yield from _pages.serve(asked, lambda: _made(page, pool, cache, settings), page.stored, page.whole)


def _made(page: "Page", pool: Pool, cache: Cache | None, settings: Settings) -> Iterator[str]:
    yield page.plan(settings)
    with Watch(pool, cache) as watch:
        yield from page.ask(watch)
        yield from _until_done(page, watch)
    if alive.ALIVE():
        yield from page.twins()
        yield event("done", {})


def _until_done(page: "Page", watch: Watch) -> Iterator[str]:
    while watch.open() and alive.ALIVE():
        update = watch.next(BEAT)
        if update is None:
            yield ": beat\n\n"
        else:
            yield from page.take(update, watch)
        yield from page.overdue()


def gather(query: str, pool: Pool, cache: Cache | None, settings: Settings, patience: float) -> tuple["Page", list]:
    """The page of a state and its events as (name, data), as far as they come within `patience` seconds.

    Raises:
        BadSpec: the question cannot be asked.
        PoolLost: no scheduler.
    """
    page, end = Page(Pictures(read_state(query))), time.monotonic() + patience
    found = [read_event(page.plan(settings))]
    with Watch(pool, cache) as watch:
        for chunk in itertools.chain(page.ask(watch), _until_done(page, watch)):
            if chunk.startswith("event: "):
                found.append(read_event(chunk))
            if time.monotonic() > end:
                break
    return page, found


@dataclass
class Page:
    """What one stream knows: the newest update of each panel, and what was drawn last with which scale."""

    pictures: Pictures
    asked: set[str] = field(default_factory=set)
    extents: dict[int, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    computed: bool = False  # whether something was not in the cache
    updates: dict[tuple[int, str], Update] = field(default_factory=dict)  # but Failures
    drawn: dict[tuple[int, str], tuple[Update, Scale, Beside]] = field(default_factory=dict)
    refused: dict[tuple[int, str], str] = field(default_factory=dict)  # panels whose question cannot be asked, and why

    @property
    def state(self) -> PageState:
        return self.pictures.state

    def ask(self, watch: Watch) -> Iterator[str]:
        """Ask for every panel; those with an automatic half width wait until one is found that serves all columns.

        A window is given in the plane's own coordinates and needs no half width.
        """
        for (column, name), sentence in self.refused.items():
            self.pictures.ended.add((column, name))
            yield event("panel", _failed(column, name, sentence))
        by_itself = {name for name in self.state.panels if not PANELS[name].reaches}
        by_itself |= {name for name in self.state.panels if PANELS[name].plane and self.state.window}
        reaching = any(PANELS[name].reaches for name in self.state.panels)
        if not reaching or self.state.spec(Place, self.state.columns[0]).where.extent != AUTO:
            by_itself = set(self.state.panels)
        else:
            for column, side in enumerate(self.state.columns):
                watch.add((column, "extent"), self.state.spec(Place, side))
        self._ask_panels(watch, by_itself, None)

    def _ask_panels(self, watch: Watch, names: set[str], extent: float | None) -> None:
        for name in sorted(names, key=lambda name: PANELS[name].rank):
            self.asked.add(name)
            for column, side in enumerate(self.state.columns):
                if (column, name) not in self.refused:
                    watch.add((column, name), self.state.question(name, side, extent), PANELS[name].rank)

    def plan(self, settings: Settings) -> str:
        """The `plan` event.

        Raises:
            BadSpec: as `stream.plan.plan`.
        """
        told, self.refused = plan(self.state, settings)
        return event("plan", told)

    def take(self, update: Update, watch: Watch) -> Iterator[str]:
        """The events that an update leads to."""
        self.computed |= not update.cached
        column, name = update.tag
        if name == "extent":
            yield from self._take_extent(column, update, watch)
        elif update.result is None:
            yield self._progress(column, name, update)
        else:
            yield from self._take_result(column, name, update)
            self._settle(name, watch)

    def _take_extent(self, column: int, update: Update, watch: Watch) -> Iterator[str]:
        if update.result is None:
            yield from (self._progress(column, name, update) for name in self.state.panels if name not in self.asked)
            return
        self.extents[column] = update.result
        if len(self.extents) == len(self.state.columns):
            found = [result for result in self.extents.values() if not isinstance(result, Failure)]
            self._ask_panels(watch, set(self.state.panels) - self.asked, common_extent(found) if found else None)

    def _progress(self, column: int, name: str, update: Update) -> str:
        text = _progress_text(name, update)
        return event("panel", {"column": column, "panel": name, "state": "computing", "text": text})

    def _take_result(self, column: int, name: str, update: Update) -> Iterator[str]:
        if update.final:
            self.pictures.ended.add((column, name))
        if isinstance(update.result, Failure):
            yield event("panel", _failed(column, name, update.result.sentence, update.result.kind))
        else:
            self.updates[column, name], self.pictures.answers[column, name] = update, update.result
            if PANELS[name].coarse or not self.state.view.shared:
                yield self.picture(column, name)
            panel = PANELS[name]
            if name == self.state.place.head and panel.head:
                yield event("numbers", {"column": column, "rows": panel.head(update.result)})
            if panel.table and (update.final or panel.table.early):
                yield event("table", {"name": name, "rows": panel.table.rows(self._sides(name), self.state.view)})
        yield from self._agree(name)

    def _sides(self, name: str) -> list:
        """The columns that have a result of a row, with it."""
        columns = [self.state.columns[column] for column, panel in sorted(self.updates) if panel == name]
        return list(zip(columns, self.pictures.row(name), strict=True))

    def _settle(self, name: str, watch: Watch) -> None:
        """Once a row is complete: ask again where its columns chose differently what they should share."""
        agree, row = PANELS[name].agree, self.pictures.row(name)
        if not agree or not self.state.view.shared or not self.pictures.complete(name) or len(row) < 2:
            return
        chosen = agree(row)
        for (column, panel), update in self.updates.items():
            if panel == name and left_open(update.result.spec, chosen) and agree([update.result]) != chosen:
                self.pictures.ended.discard((column, name))
                watch.add((column, name), replace(update.result.spec, **chosen))

    def stored(self) -> bool:
        """Whether all that came so far was in the cache."""
        return not self.computed

    def whole(self) -> bool:
        """Whether everything was known, so that the next reader would be sent the same."""
        count = len(self.state.panels) * len(self.state.columns)
        return alive.ALIVE() and not self.computed and len(self.pictures.ended) == count

    def overdue(self) -> Iterator[str]:
        """Pictures held back for a common scale, once it has kept them waiting."""
        if time.monotonic() - self.began > LONGEST_HOLD:
            for place in self.updates.keys() - self.drawn.keys():
                yield self.picture(*place)

    def _agree(self, name: str) -> Iterator[str]:
        """Once a row is complete: draw again what was drawn with a narrower scale, and send the colour bar."""
        row = sorted(place for place in self.updates if PANELS[place[1]].analysis == PANELS[name].analysis)
        if not self.pictures.complete(name) or not row:
            return
        for place in row:
            now = (self.updates[place], self.pictures.scale(*place), self.pictures.beside(*place))
            if not same(self.drawn.get(place), now):
                yield self.picture(*place)
        if PANELS[name].surface:
            yield event("bar", self.pictures.bar(*max(row, key=lambda place: self.pictures.differs(*place))))

    def twins(self) -> Iterator[str]:
        """`twin` events: finished pictures and the bar on the other scale, so that the switch asks for nothing.

        A cloud has none while a region of it is shown or brushed: its ends are those of one scale.
        """
        view = self.state.view
        state = replace(self.state, view=replace(view, log=not view.log))
        other = replace(self, pictures=replace(self.pictures, state=state), drawn={})
        for name in self.state.panels:
            if not PANELS[name].brushes or not (view.frame or view.brush):
                for kind, theirs in map(read_event, other._agree(name)):
                    yield event("twin", {"bar": theirs} if kind == "bar" else self._twin(theirs))

    def _twin(self, theirs: dict) -> dict:
        _, mine = read_event(self.picture(theirs["column"], theirs["panel"]))
        told = {name: theirs[name] for name in ("column", "panel", "mark")}
        words = {name: theirs[name] for name in ("caption", "warnings", "alt", "odd")}
        return told | {
            "words": words,
            "of": mine["mark"],
            "changes": list(differences(mine["figure"], theirs["figure"])),
        }

    def picture(self, column: int, name: str) -> str:
        """The `panel` event of an answer with its picture."""
        update, pictures, view = self.updates[column, name], self.pictures, self.state.view
        scale, panel = pictures.scale(column, name), PANELS[name]
        self.drawn[column, name] = (update, scale, pictures.beside(column, name))
        figure = pictures.json(column, name, scale)
        told = {
            "column": column,
            "panel": name,
            "state": _state(update),
            "text": _finished_text(name, update) if update.final else _progress_text(name, update),
            "caption": pictures.caption(column, name),
            "warnings": warnings(update.result, view) if panel.warns else [],
            **pictures.words(column, name, scale),
            "selection": panel.brushes(update.result, view, scale) if panel.brushes and view.brush else None,
            "query": to_query(update.result.spec),
            "mark": hashlib.sha256(figure.encode()).hexdigest()[:16],  # equal figures need no second drawing
        }
        # The figure is JSON already: put it in as text rather than read and write it again.
        return f'event: panel\ndata: {json.dumps(told, allow_nan=False)[:-1]}, "figure": {figure}}}\n\n'


def same(one: tuple | None, other: tuple) -> bool:
    """Whether a picture was drawn with the same answers and scale; answers are compared as objects."""
    if one is None or one[0] is not other[0] or one[1] != other[1] or one[2].baseline is not other[2].baseline:
        return False
    return len(one[2].row) == len(other[2].row) and all(map(operator.is_, one[2].row, other[2].row))


def _state(update: Update) -> str:
    if not update.final:
        return "computing"
    return "cached" if update.cached else "done"


def _failed(column: int, name: str, sentence: str, kind: str = "") -> dict:
    state = "none" if kind in LASTING else "failed"
    return {"column": column, "panel": name, "state": state, "text": sentence, "warnings": []}


def _finished_text(name: str, update: Update) -> str:
    return f"{PANELS[name].picture.size(update.result)} · " + ("from cache" if update.cached else "computed")


def _progress_text(name: str, update: Update) -> str:
    parts = [PANELS[name].picture.size(update.result)] if update.result is not None else []
    parts.append(f"{100 * update.share:.0f} %")
    if update.rate > 0 and PANELS[name].reaches:  # losses
        parts.append(f"{update.rate:,.0f} a second")
    if math.isfinite(update.left):
        parts.append(f"{duration(update.left)} left")
    return " · ".join(parts)
