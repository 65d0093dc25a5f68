"""What stands in a page's rows, as events: progress, pictures on their row's scale, numbers, tables, the colour bar."""

import hashlib
import json
import math
import operator
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lossatlas.app.figures.shared.baseline import Beside
from lossatlas.app.figures.shared.parts import warnings
from lossatlas.app.look.view import Scale
from lossatlas.app.panels import PANELS
from lossatlas.app.state.page import PageState
from lossatlas.app.stream.asking import EXTENT, Asking
from lossatlas.app.stream.json_diff import differences
from lossatlas.app.stream.pictures import Pictures
from lossatlas.app.stream.sse import Event
from lossatlas.compute.service.limits import duration
from lossatlas.compute.service.watch import Update
from lossatlas.compute.spec.options import to_query
from lossatlas.compute.spec.results import LASTING, Failure

LONGEST_HOLD = 1.5  # seconds that a picture may be held back until its row has a common scale


@dataclass
class Rows:
    """The rows of a page, and what was drawn last in them with which scale."""

    asking: Asking
    began: float = field(default_factory=time.monotonic)
    drawn: dict[tuple[int, str], tuple[Update, Scale, Beside]] = field(default_factory=dict)

    @property
    def state(self) -> PageState:
        return self.asking.state

    @property
    def pictures(self) -> Pictures:
        return self.asking.pictures

    def refused(self) -> Iterator[Event]:
        """The `panel` events of the questions that cannot be asked."""
        for (column, name), sentence in self.asking.refused.items():
            yield _failed(column, name, sentence)

    def news(self, update: Update) -> Iterator[Event]:
        """The events that an update leads to, after `asking` has noted it."""
        column, name = update.tag
        if name != EXTENT and update.result is not None:
            yield from self._result(column, name, update)
        elif update.result is None:
            waiting = self.asking.waiting() if name == EXTENT else [name]
            yield from (_progress(column, panel, update) for panel in waiting)

    def _result(self, column: int, name: str, update: Update) -> Iterator[Event]:
        if isinstance(update.result, Failure):
            yield _failed(column, name, update.result.sentence, update.result.kind)
        else:
            if PANELS[name].coarse or not self.state.view.shared:
                yield self.picture(column, name)
            panel = PANELS[name]
            if name == self.state.place.head and panel.head:
                yield Event("numbers", {"column": column, "rows": panel.head(update.result)})
            if panel.table and (update.final or panel.table.early):
                yield Event("table", {"name": name, "rows": panel.table.rows(self._sides(name), self.state.view)})
        yield from self._agree(name)

    def _sides(self, name: str) -> list:
        """The columns that have a result of a row, with it."""
        columns = [self.state.columns[column] for column, panel in sorted(self.asking.updates) if panel == name]
        return list(zip(columns, self.pictures.row(name), strict=True))

    def overdue(self) -> Iterator[Event]:
        """Pictures held back for a common scale, once it has kept them waiting."""
        if time.monotonic() - self.began > LONGEST_HOLD:
            for place in [place for place in self.asking.updates if place not in self.drawn]:
                yield self.picture(*place)

    def _agree(self, name: str) -> Iterator[Event]:
        """Once a row is complete: draw again what was drawn with a narrower scale, and send the colour bar."""
        updates = self.asking.updates
        row = sorted(place for place in updates if PANELS[place[1]].analysis == PANELS[name].analysis)
        if not self.pictures.complete(name) or not row:
            return
        for place in row:
            now = (updates[place], self.pictures.scale(*place), self.pictures.beside(*place))
            if not same(self.drawn.get(place), now):
                yield self.picture(*place)
        if PANELS[name].surface:
            yield Event("bar", self.pictures.bar(*max(row, key=lambda place: self.pictures.differs(*place))))

    def twins(self) -> Iterator[Event]:
        """`twin` events: finished pictures and the bar on the other scale, so that the switch asks for nothing.

        A cloud has none while a region of it is shown or brushed: its ends are those of one scale.
        """
        view = self.state.view
        state = replace(self.state, view=replace(view, log=not view.log))
        other = Rows(replace(self.asking, pictures=replace(self.pictures, state=state)))
        for name in self.state.panels:
            if not PANELS[name].brushes or not (view.frame or view.brush):
                for theirs in other._agree(name):
                    yield Event("twin", {"bar": theirs.data} if theirs.name == "bar" else self._twin(theirs))

    def _twin(self, theirs: Event) -> dict:
        mine = self.picture(theirs.data["column"], theirs.data["panel"])
        told = {name: theirs.data[name] for name in ("column", "panel", "mark")}
        words = {name: theirs.data[name] for name in ("caption", "warnings", "alt", "odd")}
        return told | {
            "words": words,
            "of": mine.data["mark"],
            "changes": list(differences(json.loads(mine.figure_json), json.loads(theirs.figure_json))),
        }

    def picture(self, column: int, name: str) -> Event:
        """The `panel` event of an answer with its picture."""
        update, pictures, view = self.asking.updates[column, name], self.pictures, self.state.view
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
        return Event("panel", told, figure)


def same(one: tuple | None, other: tuple) -> bool:
    """Whether a picture was drawn with the same answers and scale; answers are compared as objects."""
    if one is None or one[0] is not other[0] or one[1] != other[1] or one[2].baseline is not other[2].baseline:
        return False
    if one[2].like != other[2].like:
        return False
    return len(one[2].row) == len(other[2].row) and all(map(operator.is_, one[2].row, other[2].row))


def _state(update: Update) -> str:
    if not update.final:
        return "computing"
    return "cached" if update.cached else "done"


def _failed(column: int, name: str, sentence: str, kind: str = "") -> Event:
    state = "none" if kind in LASTING else "failed"
    return Event("panel", {"column": column, "panel": name, "state": state, "text": sentence, "warnings": []})


def _progress(column: int, name: str, update: Update) -> Event:
    text = _progress_text(name, update)
    return Event("panel", {"column": column, "panel": name, "state": "computing", "text": text})


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
