"""The gallery: what is stored, as cards with small pictures, each a link to the page's state that shows it.

    /gallery?dataset=…&activation=…&analysis=…&network=…&shown=…    the page, made here whole: it needs no script
    /thumbnail/<key>.png                                            the picture of one stored answer

Everything shown comes from specs that were parsed against the declared options and whose key is the stored one.
"""

import functools
import html
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flask import Flask, Response, request

from lossatlas.app.export.thumbnails import THUMBNAILS, thumbnail
from lossatlas.app.layout.page import ICON
from lossatlas.app.look.columns import MOST_COLUMNS
from lossatlas.app.look.places import FIRST, PLACES
from lossatlas.app.look.theme import curve, hue
from lossatlas.app.panels import PANELS
from lossatlas.app.state.page import read_state
from lossatlas.app.stream.plan import cloud_sentence, sentence
from lossatlas.compute.analyses.table import ANALYSES, name_of
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.datasets import DATASETS
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.listing import LONGEST, Entry, Listing
from lossatlas.compute.spec.options import BadSpec, Option, check, option, options_of, parse, relevant, text, to_query

PAGE = 60  # cards at a time
ANY = "any"
MAIN = tuple(name for name, panel in PANELS.items() if panel.main)  # what is looked for first
TITLES = {name: PANELS[name].title for name in ANALYSES if name in PANELS}
PICTURES = 1_000  # small pictures kept in a process; one is about 15 KB
DAY = 86_400


def _choices(others: dict[str, str], labels: Iterable[tuple[str, str]]) -> dict[str, str]:
    return others | dict(labels)


@dataclass(frozen=True)
class Wanted:
    """Which cards a reader asks for."""

    dataset: str = option(
        ANY,
        choices=lambda: _choices({ANY: "any"}, ((name, entry.label) for name, entry in DATASETS.items())),
        label="Data set",
        help="Only results on this data set.",
    )
    activation: str = option(
        ANY,
        choices=lambda: _choices({ANY: "any"}, ((name, entry.label) for name, entry in ACTIVATIONS.items())),
        label="Activation",
        help="Only results that hold this activation function.",
    )
    analysis: str = option(
        "main",
        choices=_choices({"main": "surfaces, spectra, clouds", ANY: "any"}, TITLES.items()),
        label="Analysis",
        help="What was computed.",
    )
    network: str = option("", longest=40, label="Network", help="A part of an architecture, as 4-4-3.")
    shown: int = option(PAGE, low=PAGE, high=LONGEST, label="Cards", help="How many cards are shown, newest first.")

    def __post_init__(self):
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
    def labels(self) -> list[str]:
        return [ACTIVATIONS[_activation(entry)].label for entry in self.entries]


def _activation(entry: Entry) -> str:
    return entry.spec.problem.activation


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


def told(spec) -> str:
    """What the card's question is, as the page would say it."""
    return cloud_sentence(spec) if _walks(spec) else sentence(spec)


def _walks(spec) -> bool:
    """Whether it is a question of many walks."""
    panel = PANELS.get(name_of(spec))
    return panel is not None and panel.walks


def more(spec) -> str:
    """What else was chosen: labels and values of options that are not at their defaults and stand in no sentence."""
    table = options_of(type(spec))
    quiet = ("always", "walks") if _walks(spec) else ("always",)  # options that the sentence says
    values = {name: value for name, value in relevant(spec).items() if table[name].said not in quiet}
    return ", ".join(_said(table[name], value) for name, value in values.items() if value != table[name].default)


def _said(option: Option, value: object) -> str:
    label = option.label[0].lower() + option.label[1:] if option.label[1:2].islower() else option.label
    if isinstance(value, bool):
        return f"{label}: {'on' if value else 'off'}"
    shown = f"{value:g}" if isinstance(value, float) else text(value)
    return f"{label} {option.menu().get(str(value), shown)}"


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
    now = time.time()
    items = "".join(_card(card, place, now) for place, card in enumerate(here, 1))
    body = f'<ul class="cards">{items}</ul>{_further(found, wanted)}' if here else _empty(wanted)
    return _PAGE.format(
        icon=html.escape(ICON), places=_places(), form=_form(wanted), body=body, count=_count(found, here)
    )


def refusal(reason: str) -> str:
    """The page with a sentence instead of cards."""
    body = f'<p class="message" data-kind="refused" role="alert">{html.escape(reason)}</p>'
    return _PAGE.format(icon=html.escape(ICON), places=_places(), form=_form(Wanted()), body=body, count="")


def _places() -> str:
    return "".join(
        f'<a href="/{"" if name == FIRST else f"?place={name}"}">{place.label}</a>' for name, place in PLACES.items()
    )


def _form(wanted: Wanted) -> str:
    table = options_of(Wanted)
    menus = "".join(_menu(table[name], getattr(wanted, name)) for name in ("dataset", "activation", "analysis"))
    network = html.escape(wanted.network, quote=True)
    return (
        f'<form class="filters" action="/gallery" role="search" aria-label="Which results">{menus}<div>'
        '<label for="network">Network</label><input id="network" name="network" maxlength="40" autocomplete="off" '
        f'spellcheck="false" placeholder="as 4-4-3" value="{network}"></div>'
        '<button class="button" type="submit">Show</button><a class="button" href="/gallery">All</a></form>'
    )


def _menu(one: Option, chosen: str) -> str:
    choices = "".join(
        f'<option value="{name}"{" selected" if name == chosen else ""}>{html.escape(label)}</option>'
        for name, label in one.menu().items()
    )
    label = f'<label for="{one.name}">{one.label}</label>'
    menu = f'<select id="{one.name}" name="{one.name}">{choices}</select>'
    return f'<div title="{html.escape(one.help)}">{label}{menu}</div>'


def _count(found: list, here: list) -> str:
    if not found:
        return ""
    some = f"{len(found):,} result{'s' if len(found) > 1 else ''}"
    return f"{some}, newest first." if len(here) == len(found) else f"The newest {len(here):,} of {some}."


def _further(found: list, wanted: Wanted) -> str:
    shown = wanted.shown
    if len(found) <= shown:
        return ""
    link = f"/gallery?{html.escape(wanted.further())}#card-{shown + 1}"
    return f'<p><a class="button" href="{link}">Show {min(PAGE, len(found) - shown)} more</a></p>'


def _empty(wanted: Wanted) -> str:
    if not wanted.everything:
        return '<p class="nothing">No stored result is like this. <a href="/gallery">Show all of them</a>.</p>'
    return (
        '<p class="nothing">Nothing is stored yet: a picture appears here when the atlas has finished it. '
        '<a href="/">Open the landscape</a>, which computes the first ones.</p>'
    )


def _card(card: Card, place: int, now: float) -> str:
    first, when = card.entries[0], _newest(card.entries)
    problem = first.spec.problem
    title = f"{DATASETS[problem.dataset].label}, {problem.architecture}"
    asked = datetime.fromtimestamp(when, UTC)
    rest = more(first.spec)
    return (
        f'<li class="card" id="card-{place}"><div class="thumbs" data-count="{len(card.entries)}">'
        f"{''.join(map(_picture, card.entries))}</div>"
        f'<h2><a href="{html.escape(card.link)}">{html.escape(title)}</a></h2>'
        f'<p class="what">{html.escape(TITLES[first.analysis])}: {html.escape(", ".join(card.labels))}</p>'
        f"<p>{html.escape(told(first.spec))}</p>"
        + (f'<p class="rest">{html.escape(rest)}</p>' if rest else "")
        + f'<p class="when"><time datetime="{asked:%Y-%m-%dT%H:%M:%SZ}" title="{asked:%Y-%m-%d %H:%M} UTC">'
        f"{ago(now - when)}</time></p></li>"
    )


def _picture(entry: Entry) -> str:
    """The label below says what it shows, so that it needs no words of its own."""
    name = _activation(entry)
    source = f"/thumbnail/{entry.key}.png" if entry.analysis in THUMBNAILS else curve(name, hue(name))
    label = html.escape(ACTIVATIONS[name].label)
    return (
        f'<figure><img src="{html.escape(source)}" alt="" loading="lazy" decoding="async" width="96" height="96">'
        f"<figcaption>{label}</figcaption></figure>"
    )


_PAGE = """<!DOCTYPE html>
<html lang="en" data-page="gallery"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>Gallery · lossatlas</title><link rel="icon" href="{icon}">
<script src="/assets/dress.js"></script><script src="/assets/gallery.js"></script>
<link rel="stylesheet" href="/assets/access.css"><link rel="stylesheet" href="/assets/style.css">
<link rel="stylesheet" href="/assets/gallery.css"></head>
<body class="gallery"><a class="skip" href="#cards">Skip to the results</a>
<header class="top"><a href="/" class="name"><img src="{icon}" alt="" class="mark">lossatlas</a>
<nav aria-label="Places">{places}<a href="/lessons">Lessons</a><a href="/study">Study</a>
<a href="/gallery" aria-current="page">Gallery</a></nav>
<div class="tools"><button type="button" class="button" id="presenter" aria-pressed="false">Larger type</button>
<button type="button" class="button" id="theme">Theme: auto</button></div></header>
<main id="cards" tabindex="-1"><h1>Gallery</h1>
<p class="lead-in">Results that are stored on this machine. Each card opens the page that shows it, read from the
cache. Surfaces are seen from above, on a log scale; colours run from the lowest to the highest loss of each picture by
itself.</p>
{form}<p class="count" role="status">{count}</p>{body}</main></body></html>
"""


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


def add_routes(server: Flask, cache) -> None:
    """`cache()` gives the cache, opened when it is first wanted."""

    @server.get("/gallery")
    def gallery():
        try:
            wanted = parse(Wanted, request.query_string.decode("utf-8", "replace"))
        except BadSpec as reason:
            return Response(refusal(str(reason)), 400, mimetype="text/html")
        page = Response(gallery_page(listing_of(cache()), wanted), mimetype="text/html")
        page.headers["Cache-Control"] = "no-cache"
        return page

    @server.get("/thumbnail/<key>.png")
    def small(key: str):
        try:
            made = picture(listing_of(cache()), key)
        except LookupError:
            return Response("There is no such picture.\n", 404, mimetype="text/plain")
        found = Response(made, mimetype="image/png")
        found.headers["Cache-Control"] = "private, max-age=86400"
        return found
