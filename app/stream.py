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
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import plotly.graph_objects as go

from app import alive, alternatives, oddities
from app.columns import BY, Column
from app.differences import settings_of, told_equal
from app.figures import beside
from app.figures.beside import Beside
from app.figures.cloud import brushed
from app.figures.parts import counted, hull, title, warnings
from app.heads import HEADS
from app.kept import Pages, Texts
from app.panels import PANELS, PLACES, analysis_of, left_open
from app.state import PageState, read_state
from app.table import TABLES
from app.theme import colour_bar, curve
from app.twins import differences
from app.view import Scale
from compute.analyses import ANALYSES, key_for, name_of
from compute.cache import Cache
from compute.clouds import Cloud
from compute.cost import patterns
from compute.criteria import CRITERIA
from compute.datasets import DATASETS
from compute.extents import common_extent
from compute.jobs import Pool, PoolLost, Update, Watch, affordable, duration
from compute.nets import UNMIXED, Problem
from compute.options import AUTO, BadSpec, to_query
from compute.planes import Place
from compute.results import Failure
from compute.settings import Settings
from compute.tasks import Task
from compute.train import OPTIMISERS, Start, Training
from compute.walks import KINDS, Walk

BEAT = 0.5  # seconds between comments on a quiet stream, by which a closed page is noticed
LONGEST_HOLD = 1.5  # seconds that a picture may be held back until its row has a common scale
# Kinds of Failure that no other try can mend.
NOT_HERE = ("no second derivative", "no hidden layer", "no training", "other inputs", "not drawn")
REMEMBERED = 64_000_000  # characters of drawn figures, and of pages, kept in a process; a figure is about 40,000


class Places:
    """How many streams may be open at a time: fewer than threads, so that pages and health checks find one free."""

    def __init__(self, most: int):
        self.most = most
        self.free = threading.BoundedSemaphore(most)


_places = Places(48)


def allow_streams(most: int) -> None:
    """Set how many streams this process may hold; before the first one."""
    global _places
    _places = Places(most)


_drawn = Texts(REMEMBERED)  # figures by question, level and look: redrawing one costs more than sending it
_pages = Pages(REMEMBERED)


def event(name: str, data: object) -> str:
    """One event; NaN becomes null, which JSON knows."""
    return f"event: {name}\ndata: {json.dumps(data, allow_nan=False)}\n\n"


def stream(query: str, pool: Pool, cache: Cache | None, settings: Settings) -> Iterator[str]:
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
    page = _Page(read_state(query))
    asked = (query, cache.folder if cache else None, settings)
    yield from _pages.serve(asked, lambda: _made(page, pool, cache, settings), page.stored, page.whole)


def _made(page: "_Page", pool: Pool, cache: Cache | None, settings: Settings) -> Iterator[str]:
    yield event("plan", page.plan(settings))
    with Watch(pool, cache) as watch:
        yield from page.ask(watch)
        yield from _until_done(page, watch)
    if alive.ALIVE():
        yield from page.twins()
        yield event("done", {})


def _until_done(page: "_Page", watch: Watch) -> Iterator[str]:
    while watch.open() and alive.ALIVE():
        update = watch.next(BEAT)
        if update is None:
            yield ": beat\n\n"
        else:
            yield from page.take(update, watch)
        yield from page.overdue()


def gather(query: str, pool: Pool, cache: Cache | None, settings: Settings, patience: float) -> tuple["_Page", list]:
    """The page of a state and its events as (name, data), as far as they come within `patience` seconds.

    Raises:
        BadSpec: the question cannot be asked.
        PoolLost: no scheduler.
    """
    page, end = _Page(read_state(query)), time.monotonic() + patience
    found = [("plan", page.plan(settings))]
    with Watch(pool, cache) as watch:
        for chunk in itertools.chain(page.ask(watch), _until_done(page, watch)):
            if chunk.startswith("event: "):
                name, data = chunk.removeprefix("event: ").rstrip("\n").split("\ndata: ")
                found.append((name, json.loads(data)))
            if time.monotonic() > end:
                break
    return page, found


def draw(query: str, answers: Mapping[tuple[int, str], Any]) -> dict[tuple[int, str], go.Figure]:
    """The pictures of a page from its answers by (column, panel): on its scale, beside its baseline. Asks nothing.

    Raises:
        BadSpec: the state cannot be.
    """
    page = _Page(read_state(query))
    page.ended = set(itertools.product(range(len(page.state.columns)), page.state.panels))
    page.results = {place: Update(place, 0, 1, result, 1.0, 0, 0.0, 0.0) for place, result in answers.items()}
    return {
        (column, name): page._figure(column, name, page._scale(column, name), page.state.columns[column].hue)
        for column, name in answers
    }


@dataclass
class _Page:
    """What one stream knows: the newest result of each panel, and the result and scale that were drawn last."""

    state: PageState
    asked: set[str] = field(default_factory=set)
    extents: dict[int, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    computed: bool = False  # whether something was not in the cache
    ended: set[tuple[int, str]] = field(default_factory=set)
    results: dict[tuple[int, str], Update] = field(default_factory=dict)
    drawn: dict[tuple[int, str], tuple[Update, Scale, Beside]] = field(default_factory=dict)
    refused: dict[tuple[int, str], str] = field(default_factory=dict)  # panels whose question cannot be asked, and why

    def ask(self, watch: Watch) -> Iterator[str]:
        """Ask for every panel; those with an automatic half width wait until one is found that serves all columns.

        A window is given in the plane's own coordinates and needs no half width.
        """
        for (column, name), sentence in self.refused.items():
            self.ended.add((column, name))
            yield event("panel", _failed(column, name, sentence))
        by_itself = {name for name in self.state.panels if not PANELS[name].reaches}
        by_itself |= {"slice"} if self.state.window else set()
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
                    watch.add((column, name), self.spec(name, side, extent), PANELS[name].rank)

    def spec(self, name: str, side: Column, extent: float | None = None):
        return self.state.spec(PANELS[name].spec, side, extent, PANELS[name].preset)

    def plan(self, settings: Settings) -> dict:
        """The `plan` event.

        Raises:
            BadSpec: a question that costs too much time or memory.
        """
        cost = self._cost(settings)
        return {
            "columns": [
                {
                    "name": side.name,
                    "label": side.label,
                    "hue": side.hue,
                    "curve": self._curve(side),
                    "asked": {
                        panel: key_for(self.spec(panel, side))
                        for panel in self.state.panels
                        if (column, panel) not in self.refused
                    },
                }
                for column, side in enumerate(self.state.columns)
            ],
            "compare": self.state.comparison.compare,
            "baseline": self.state.view.baseline,
            "settings": settings_of(self.state),
            "place": self.state.view.place,
            "panels": list(self.state.panels),
            "sentence": self._sentence(),
            "equal": self._equal(),
            "cost": cost,
        }

    def _curve(self, side: Column) -> str:
        problem = self.spec("training", side).problem
        if self.state.view.place == "morph":
            problem = replace(problem, mix_with=UNMIXED)  # as at its beginning
        return curve(problem.activation, side.hue, problem.sharpness, problem.unit)

    def _cost(self, settings: Settings) -> str:
        """What everything on the page is estimated to take; a panel whose question cannot be asked is left out.

        Raises:
            BadSpec: that of the surface cannot, or takes too much.
        """
        tasks: dict[str, Task] = {}
        losses, counted_once = 0, set[str]()
        for name in self.state.panels:
            for column, side in enumerate(self.state.columns):
                try:
                    spec = self.spec(name, side)
                    tasks |= affordable(spec, settings.max_seconds, settings.max_memory)
                except BadSpec as reason:
                    if name == "slice":
                        raise
                    self.refused[column, name] = str(reason)
                    continue
                count, what = ANALYSES[name_of(spec)].size(spec)
                losses += count if what == "losses" and key_for(spec) not in counted_once else 0
                counted_once.add(key_for(spec))
        seconds = duration(sum(task.seconds for task in tasks.values()))
        more = " and the curvature" if self.state.view.place == "curvature" else ""
        return f"{losses:,} losses{more}, about {seconds} on one core" if losses else f"about {seconds} on one core"

    def _sentence(self) -> str:
        """What the page shows; of columns that it would say different things of, the left one is meant."""
        told = [self._told_of(side) for side in self.state.columns]
        return told[0] if len(set(told)) == 1 else f"{told[0].rstrip('.')} (left column)."

    def _told_of(self, side: Column) -> str:
        by_activation = self.state.comparison.compare == BY
        units = "" if by_activation else f"{self.spec('training', side).problem.unit.label}, "
        return units + self._question_of(side)

    def _question_of(self, side: Column) -> str:
        if "cloud" in self.state.panels and (0, "cloud") in self.refused:
            return f"{_subject(self.spec('training', side).problem)}."
        if "cloud" in self.state.panels:
            return cloud_sentence(self.spec("cloud", side))
        return sentence(self.spec("training", side))

    def _equal(self) -> str:
        if len(self.state.columns) == 1:
            return ""
        words = told_equal(settings_of(self.state), self.state)
        return f"Same {', '.join(words)} in every column.{self._rescaled()}" if words else ""

    def _rescaled(self) -> str:
        """Which columns a rescaling leaves as they are."""
        left = [side.label for side in self.state.columns if self.spec("training", side).factor == 1]
        if self.state.values.get("rescale") is None or not left:
            return ""
        return f" Rescaling leaves {', '.join(left)} as they are: their function would change."

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
            self.ended.add((column, name))
        if isinstance(update.result, Failure):
            yield event("panel", _failed(column, name, update.result.sentence, update.result.kind))
        else:
            self.results[column, name] = update
            if PANELS[name].coarse or not self.state.view.shared:
                yield self._picture(column, name)
            if name == PLACES[self.state.view.place].head:
                yield event("numbers", {"column": column, "rows": HEADS[name](update.result)})
            if name in TABLES and (update.final or name == "replicates"):
                yield event("table", {"name": name, "rows": TABLES[name].rows(self._sides(name), self.state.view)})
        yield from self._agree(name)

    def _row(self, name: str) -> list:
        """The newest results of a row, from left to right."""
        return [self.results[place].result for place in sorted(self.results) if place[1] == name]

    def _sides(self, name: str) -> list:
        """The columns that have a result of a row, with it."""
        places = sorted(place for place in self.results if place[1] == name)
        return [(self.state.columns[column], self.results[column, name].result) for column, _ in places]

    def _settle(self, name: str, watch: Watch) -> None:
        """Once a row is complete: ask again where its columns chose differently what they should share."""
        agree, row = PANELS[name].agree, self._row(name)
        if not agree or not self.state.view.shared or not self._complete(name) or len(row) < 2:
            return
        chosen = agree(row)
        for (column, panel), update in self.results.items():
            if panel == name and left_open(update.result.spec, chosen) and agree([update.result]) != chosen:
                self.ended.discard((column, name))
                watch.add((column, name), replace(update.result.spec, **chosen))

    def _complete(self, name: str) -> bool:
        return sum(place[1] == name for place in self.ended) == len(self.state.columns)

    def stored(self) -> bool:
        """Whether all that came so far was in the cache."""
        return not self.computed

    def whole(self) -> bool:
        """Whether everything was in the cache, so that the next reader would be sent the same."""
        count = len(self.state.panels) * len(self.state.columns)
        return alive.ALIVE() and not self.computed and len(self.results) == count

    def overdue(self) -> Iterator[str]:
        """Pictures held back for a common scale, once it has kept them waiting."""
        if time.monotonic() - self.began > LONGEST_HOLD:
            for place in self.results.keys() - self.drawn.keys():
                yield self._picture(*place)

    def _agree(self, name: str) -> Iterator[str]:
        """Once a row is complete: draw again what was drawn with a narrower scale, and send the colour bar."""
        row = sorted(place for place in self.results if analysis_of(place[1]) == analysis_of(name))
        if not self._complete(name) or not row:
            return
        for place in row:
            now = (self.results[place], self._scale(*place), self._beside(*place))
            if not same(self.drawn.get(place), now):
                yield self._picture(*place)
        if name in ("slice", "morph"):
            yield event("bar", self._bar(*max(row, key=lambda place: self._differs(*place))))

    def _bar(self, column: int, name: str) -> dict | None:
        scale, view = self._scale(column, name), self.state.view
        if scale.low is None or scale.high is None:
            return None
        if not self._differs(column, name):
            return colour_bar(scale.low, scale.high, view) | {"title": title(view)}
        told = beside.told(view, self._beside(column, name).label)
        return colour_bar(scale.low, scale.high, view, beside.DIVERGING) | {"title": told}

    def _beside(self, column: int, name: str) -> Beside:
        """What of other columns goes into a picture."""
        view, panel, pinned = self.state.view, PANELS[name], int(self.state.view.baseline) - 1
        row = tuple(self._row(name)) if view.band and panel.curve and self._complete(name) else ()
        wanted = (view.overlay and panel.overlays) or (view.difference and panel.differs)
        if not wanted or pinned in (-1, column) or (pinned, name) not in self.results:
            return Beside(row=row)
        return Beside(self.results[pinned, name].result, self.state.columns[pinned].label, row)

    def _differs(self, column: int, name: str) -> bool:
        """Whether a picture shows a difference from the baseline."""
        return PANELS[name].differs and self.state.view.difference and self._beside(column, name).baseline is not None

    def _of(self, column: int, name: str):
        """What a picture shows: an answer, or the difference of two; the answer where they have no points in common."""
        result = self.results[column, name].result
        if not self._differs(column, name):
            return result
        return beside.minus(result, self._beside(column, name).baseline, self.state.view) or result

    def _scale(self, column: int, name: str) -> Scale:
        """The range that holds what the row shows so far; of differences apart from what they are taken of."""
        point = self.state.point if name == "slice" else ()
        if not self.state.view.shared:
            return Scale(point=point)
        panel, view, differs = PANELS[name], self.state.view, self._differs(column, name)
        row = [
            place for place in sorted(self.results)
            if analysis_of(place[1]) == analysis_of(name) and self._differs(*place) == differs
        ]  # fmt: skip
        spans = [panel.picture.span(self._of(*place), view) for place in row]
        spans = [span for span in spans if all(map(math.isfinite, span[:2]))]
        common = hull if differs else panel.common
        scale = replace(Scale(*(common(spans, view) if spans else ())), point=point)
        scale = beside.even(scale) if differs else scale
        if analysis_of(name) == "cloud" and view.frame:
            left, right, low, high = view.frame
            scale = replace(scale, left=left, right=right, low=low, high=high)
        return scale

    def twins(self) -> Iterator[str]:
        """`twin` events: finished pictures and the bar on the other scale, so that the switch asks for nothing.

        A cloud has none while a region of it is shown or brushed: its ends are those of one scale.
        """
        view = self.state.view
        other = replace(self, state=replace(self.state, view=replace(view, log=not view.log)), drawn={})
        for name in self.state.panels:
            if analysis_of(name) != "cloud" or not (view.frame or view.brush):
                for kind, theirs in map(_read, other._agree(name)):
                    yield event("twin", {"bar": theirs} if kind == "bar" else self._twin(theirs))

    def _twin(self, theirs: dict) -> dict:
        _, mine = _read(self._picture(theirs["column"], theirs["panel"]))
        told = {name: theirs[name] for name in ("column", "panel", "mark")}
        words = {name: theirs[name] for name in ("caption", "warnings", "alt", "odd")}
        return told | {
            "words": words,
            "of": mine["mark"],
            "changes": list(differences(mine["figure"], theirs["figure"])),
        }

    def _visited(self, column: int, cloud: Cloud) -> tuple[float, ...]:
        """Walk and step from which the other places' questions start, if this cloud's walks visit it; else empty."""
        start = self.spec("training", self.state.columns[column]).start
        alone = replace(cloud.walking, walks=Walk.walks, walk_steps=Walk.walk_steps)
        return (start.seed, start.steps) if start.walks and start.walking == alone else ()

    def _picture(self, column: int, name: str) -> str:
        update, panel, view = self.results[column, name], PANELS[name], self.state.view
        cloudy = analysis_of(name) == "cloud"
        scale, colour, others = self._scale(column, name), self.state.columns[column].hue, self._beside(column, name)
        self.drawn[column, name] = (update, scale, others)
        if cloudy:
            scale = replace(scale, point=self._visited(column, update.result.spec))
        drawn = (panel.picture.__name__, key_for(update.result.spec))  # two pictures may show one answer
        look = (*drawn, replace(view, trail=(), brush=()), scale, colour, self._keys(others))
        if (figure := _drawn.get(look)) is None:
            figure = self._figure(column, name, scale, colour).to_json()
            _drawn.put(look, figure)
        told = {
            "column": column,
            "panel": name,
            "state": _state(update),
            "text": _finished_text(name, update) if update.final else _progress_text(name, update),
            "caption": self._caption(column, name),
            "warnings": warnings(update.result, view) if panel.preset or name == analysis_of(name) else [],  # once
            **self._words(column, name, scale),
            "selection": brushed(update.result, view, scale) if cloudy and view.brush else None,
            "query": to_query(update.result.spec),
            "mark": hashlib.sha256(figure.encode()).hexdigest()[:16],  # equal figures need no second drawing
        }
        # The figure is JSON already: put it in as text rather than read and write it again.
        return f'event: panel\ndata: {json.dumps(told, allow_nan=False)[:-1]}, "figure": {figure}}}\n\n'

    def _words(self, column: int, name: str, scale: Scale) -> dict:
        """What the picture says to those who do not see it, and why it may look odd."""
        result, view = self.results[column, name].result, self.state.view
        if not self._differs(column, name):
            return {"alt": alternatives.told(name, result, view), "odd": oddities.told(result, view, scale)}
        less = f"Drawn is what remains after {self._beside(column, name).label} is taken away; this column's own: "
        return {"alt": less + alternatives.told(name, result, view), "odd": oddities.told(result, view, Scale())}

    @staticmethod
    def _keys(others: Beside) -> tuple:
        found = [others.baseline] if others.baseline is not None else []
        return (others.label, *(key_for(result.spec) for result in [*found, *others.row]))

    def _figure(self, column: int, name: str, scale: Scale, colour: str) -> go.Figure:
        panel, view, others = PANELS[name], self.state.view, self._beside(column, name)
        shown = self._of(column, name)
        if self._differs(column, name) and shown is not self.results[column, name].result:
            return beside.difference(panel.picture, shown, view, scale, colour, others.label)
        drawn = panel.picture.figure(shown, view, scale, colour)
        if others.baseline is not None and panel.overlays:
            reference = panel.picture.figure(others.baseline, view, scale, beside.GREY)
            drawn = beside.overlaid(drawn, reference, others.label)
        curves = self._curves(others)
        return beside.banded(drawn, curves, view) if beside.comparable(curves) else drawn

    def _curves(self, others: Beside) -> list:
        curve = PANELS[name_of(others.row[0].spec)].curve if others.row else None
        return [curve(result, self.state.view) for result in others.row] if curve else []

    def _caption(self, column: int, name: str) -> str:
        others, view = self._beside(column, name), self.state.view
        shown, told = self._of(column, name), []
        if self._differs(column, name):
            apart = shown is not self.results[column, name].result
            told.append(beside.told(view, others.label) if apart else f"not yet comparable with {others.label}")
        elif others.baseline is not None and PANELS[name].overlays:
            told.append(f"dotted grey: {others.label}")
        if others.row:
            told.append(beside.mean_note(self._curves(others), view))
        looked = replace(view, path=False) if self._differs(column, name) else view
        return " · ".join(filter(None, [*told, PANELS[name].picture.caption(shown, looked)]))


def same(one: tuple | None, other: tuple) -> bool:
    """Whether a picture was drawn with the same answers and scale; answers are compared as objects."""
    if one is None or one[0] is not other[0] or one[1] != other[1] or one[2].baseline is not other[2].baseline:
        return False
    return len(one[2].row) == len(other[2].row) and all(map(operator.is_, one[2].row, other[2].row))


def _read(sent: str) -> tuple[str, Any]:
    """Name and data of an event."""
    name, data = sent.removeprefix("event: ").rstrip("\n").split("\ndata: ", 1)
    return name, json.loads(data)


def _state(update: Update) -> str:
    if not update.final:
        return "computing"
    return "cached" if update.cached else "done"


def _failed(column: int, name: str, sentence: str, kind: str = "") -> dict:
    state = "none" if kind in NOT_HERE else "failed"
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


def sentence(spec: Training) -> str:
    """What the page shows, as a lecturer would read it aloud."""
    problem, start = spec.problem, spec.start
    way = f"walk {start.seed} at step {start.steps:,}" if start.walks else _trained(start)
    return f"{_subject(problem)}, {way}."


def cloud_sentence(spec: Cloud) -> str:
    """What the page of clouds shows, in words."""
    problem, walk = spec.problem, spec.walking
    return (
        f"{_subject(problem)}: {counted(walk.walks, f'{KINDS[walk.walk].label} walk')} of "
        f"{counted(walk.walk_steps, 'step')} from [−{walk.walk_range:g}, {walk.walk_range:g}]."
    )


def _subject(problem: Problem) -> str:
    return (
        f"{DATASETS[problem.dataset].label}, network {problem.architecture}, {CRITERIA[problem.loss].label} "
        f"on {patterns(problem):,} training patterns"
    )


def _trained(start: Start) -> str:
    if not start.steps:
        return f"the random point of seed {start.seed}"
    return f"{OPTIMISERS[start.optimiser]}, {start.steps:,} steps from seed {start.seed}"
