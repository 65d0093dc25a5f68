"""The gallery: what is stored, as cards with small pictures, each a link to the page's state that shows it.

    /gallery?dataset=…&activation=…&analysis=…&network=…&shown=…    the page, made here whole: it needs no script
    /thumbnail/<key>.png                                            the picture of one stored answer

Everything shown comes from specs that were parsed against the declared options and whose key is the stored one.
"""

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, request

from lossatlas.app.export.thumbnails import THUMBNAILS, thumbnail
from lossatlas.app.layout.bar import page
from lossatlas.app.look.columns import MOST_COLUMNS
from lossatlas.app.look.places import FIRST
from lossatlas.app.look.theme import curve, hue
from lossatlas.app.panels import PANELS
from lossatlas.app.routes.refusals import refused
from lossatlas.app.state import sentences
from lossatlas.app.state.page import read_state
from lossatlas.compute.analyses.table import ANALYSES
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.sources import datasets
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.listing import LONGEST, Entry, Listing
from lossatlas.compute.spec.options import BadSpec, check, option, options_of, parse, to_query

PAGE = 60  # cards at a time
ANY = "any"
MAIN = tuple(name for name, panel in PANELS.items() if panel.main)  # what is looked for first
TITLES = {name: PANELS[name].title for name in ANALYSES if name in PANELS}
PICTURES = 1_000  # small pictures kept in a process; one is about 15 KB
DAY = 86_400


@dataclass(frozen=True)
class Wanted:
    """Which cards a reader asks for."""

    dataset: str = option(
        ANY,
        choices=lambda: {ANY: "any", **datasets()},
        label="Data set",
        help="Only results on this data set.",
    )
    activation: str = option(
        ANY,
        choices=lambda: {ANY: "any", **ACTIVATIONS},
        label="Activation",
        help="Only results that hold this activation function.",
    )
    analysis: str = option(
        "main",
        choices={"main": "surfaces, spectra, clouds", ANY: "any", **TITLES},
        label="Analysis",
        help="What was computed.",
    )
    network: str = option("", longest=40, label="Network", help="A part of an architecture, as 4-4-3.")
    shown: int = option(PAGE, low=PAGE, high=LONGEST, label="Cards", help="How many cards are shown, newest first.")

    def __post_init__(self) -> None:
        check(self)

    @property
    def analyses(self) -> tuple[str, ...]:
        return {"main": MAIN, ANY: tuple(TITLES)}.get(self.analysis, (self.analysis,))

    @property
    def everything(self) -> bool:
        """Whether nothing is filtered out."""
        return replace(self, shown=PAGE) == Wanted()

    def further(self) -> str:
        """The query string of the same cards and a page more."""
        return to_query(replace(self, shown=min(self.shown + PAGE, LONGEST)))


@dataclass(frozen=True)
class Card:
    """Stored answers to one question but for the activation, in the order of ACTIVATIONS, at most one a column of the
    page; `link` is the state that shows them.
    """

    entries: tuple[Entry, ...]
    link: str

    @property
    def spec(self) -> Any:
        return self.entries[0].spec

    @property
    def title(self) -> str:
        problem = self.spec.problem
        return f"{problem.data.label}, {problem.architecture}"

    @property
    def kind(self) -> str:
        return TITLES[self.entries[0].analysis]

    @property
    def labels(self) -> list[str]:
        return [_label(entry) for entry in self.entries]

    @property
    def pictures(self) -> list[tuple[str, str]]:
        """Activation and address of each. The label says what it shows, so that it needs no words of its own."""
        return [(_label(entry), _picture(entry)) for entry in self.entries]

    @property
    def told(self) -> str:
        return told(self.spec)

    @property
    def more(self) -> str:
        return more(self.spec)

    @property
    def when(self) -> float:
        return _newest(self.entries)

    @property
    def asked(self) -> datetime:
        return datetime.fromtimestamp(self.when, UTC)


def _activation(entry: Entry) -> str:
    return entry.spec.problem.activation


def _label(entry: Entry) -> str:
    """What the hidden units compute."""
    return entry.spec.problem.unit.label


def _picture(entry: Entry) -> str:
    name = _activation(entry)
    return f"/thumbnail/{entry.key}.png" if entry.analysis in THUMBNAILS else curve(name, hue(name))


def groups(entries: Iterable[Entry], wanted: Wanted) -> list[tuple[Entry, ...]]:
    """Entries that share a card, newest first."""
    network = wanted.network.strip().lower()
    alike: dict[tuple, list[Entry]] = {}
    for entry in entries:
        problem = entry.spec.problem
        if wanted.dataset not in (ANY, problem.dataset) or network not in problem.architecture.lower():
            continue
        if getattr(entry.spec, "first_walk", 0):
            continue  # a later part of a cloud asked for in parts
        alike.setdefault(entry.rest, []).append(entry)
    found = [part for group in alike.values() for part in _parts(group)]
    chosen = [part for part in found if wanted.activation in (ANY, *map(_activation, part))]
    return sorted(chosen, key=_newest, reverse=True)


def _parts(group: list[Entry]) -> Iterator[tuple[Entry, ...]]:
    """As many as the page has columns at a time."""
    names = list(ACTIVATIONS)
    ordered = sorted(group, key=lambda entry: names.index(_activation(entry)))
    return (tuple(ordered[begin : begin + MOST_COLUMNS]) for begin in range(0, len(ordered), MOST_COLUMNS))


def _newest(entries: tuple[Entry, ...]) -> float:
    return max(entry.when for entry in entries)


def cards(found: list[tuple[Entry, ...]], most: int) -> list[Card]:
    """The first of them that the page would not refuse, as cards."""
    return [Card(entries, link) for entries in found[:most] if (link := _link(entries))]


def _link(entries: tuple[Entry, ...]) -> str:
    """The page's state with a column for each; empty if the page would refuse it."""
    first = entries[0]
    place = PANELS[first.analysis].place
    parts = [part for part in to_query(first.spec).split("&") if part and not part.startswith("activation=")]
    parts += [f"activation={','.join(_activation(entry) for entry in entries)}"]
    parts += [f"place={place}"] if place != FIRST else []
    query = "&".join(parts)
    return f"/?{query}" if _opens(query) else ""


@functools.lru_cache(maxsize=2 * LONGEST)
def _opens(query: str) -> bool:
    try:
        read_state(query)
    except BadSpec:
        return False
    return True


# ---------------------------------------------------------------------------------------------- in words


def told(spec: Any) -> str:
    """What the card's question is, as the page would say it."""
    return f"{sentences.subject(spec)}."


@functools.lru_cache(maxsize=2 * LONGEST)
def more(spec: object) -> str:
    """What else was chosen."""
    return ", ".join(sentences.chosen(spec).values())


def ago(seconds: float) -> str:
    """How long ago, in the largest unit that is full."""
    for size, unit in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


# ---------------------------------------------------------------------------------------------- the page


def gallery_page(listing: Listing, wanted: Wanted) -> str:
    """The whole page."""
    found = groups(listing.entries(wanted.analyses), wanted)
    here = cards(found, wanted.shown)
    further = min(PAGE, max(0, len(found) - wanted.shown))
    return _page(wanted, cards=here, count=_count(found, here), further=further)


def refusal(reason: str) -> str:
    """The page with a sentence instead of cards."""
    return _page(Wanted(), refused=reason)


def _page(wanted: Wanted, refused: str = "", cards: Sequence[Card] = (), count: str = "", further: int = 0) -> str:
    table = options_of(Wanted)
    menus = [table[name] for name in ("dataset", "activation", "analysis")]
    return page(
        "gallery.html", wanted=wanted, menus=menus, refused=refused, cards=cards, count=count, further=further,
        now=time.time(), ago=ago,
    )  # fmt: skip


def _count(found: list, here: list) -> str:
    if not found:
        return ""
    some = f"{len(found):,} result{'s' if len(found) > 1 else ''}"
    return f"{some}, newest first." if len(here) == len(found) else f"The newest {len(here):,} of {some}."


# ---------------------------------------------------------------------------------------------- routes


@functools.cache
def listing_of(cache: Cache) -> Listing:
    """One listing a cache and process, so that a spec is read once."""
    return Listing(cache)


@functools.lru_cache(maxsize=PICTURES)
def picture(listing: Listing, key: str) -> bytes:
    """The PNG of a stored answer.

    Raises:
        LookupError: no such answer, or one without a picture.
    """
    answer = listing.answer(key) if key.partition("-")[0] in THUMBNAILS else None
    if answer is None or (made := thumbnail(answer)) is None:
        raise LookupError(key)
    return made


def add_routes(server: Flask, cache: Callable[[], Cache]) -> None:
    """`cache()` gives the cache, opened when it is first wanted."""

    @server.get("/gallery")
    def gallery() -> Response:
        try:
            wanted = parse(Wanted, request.query_string.decode("utf-8", "replace"))
        except BadSpec as reason:
            return Response(refusal(str(reason)), 400, mimetype="text/html")
        found = Response(gallery_page(listing_of(cache()), wanted), mimetype="text/html")
        found.headers["Cache-Control"] = "no-cache"
        return found

    @server.get("/thumbnail/<key>.png")
    def small(key: str) -> Response:
        try:
            made = picture(listing_of(cache()), key)
        except LookupError:
            return refused("There is no such picture.", 404)
        found = Response(made, mimetype="image/png")
        found.headers["Cache-Control"] = "private, max-age=86400"
        return found
