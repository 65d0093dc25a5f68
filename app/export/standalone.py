"""What pages need that stand alone in one file and open without a network: plotly's script, packed, their data, and
elements of the page's own.
"""

import base64
import functools
import gzip
import json
from dataclasses import dataclass
from typing import Any

import plotly.offline
from dash.development.base_component import Component
from markupsafe import Markup

from lossatlas.app.look import scripts
from lossatlas.app.look.templating import verbatim

NAMES = {"className": "class"}  # of attributes, where HTML has another than Dash


@functools.cache
def gzipped_plotly() -> bytes:
    """plotly.min.js as a gzip file: a third of its size."""
    return gzip.compress(plotly.offline.get_plotlyjs().encode(), 9, mtime=0)


def packed_plotly() -> str:
    """The same for a script element of type text/plain, in base64."""
    return base64.b64encode(gzipped_plotly()).decode()


def quoted(data: object) -> Markup:
    """JSON for a script element of type application/json: nothing in it can end the element."""
    return verbatim(json.dumps(data, allow_nan=False).replace("<", "\\u003c"))


@functools.cache
def asset(name: str) -> Markup:
    """A style sheet of the page's own."""
    return verbatim((scripts.ASSETS / "css" / name).read_text(encoding="utf-8"))


@functools.cache
def script(entry: str) -> Markup:
    """A script of the page's own, with all that it needs."""
    return verbatim(scripts.inlined(entry))


@dataclass(frozen=True)
class Element:
    """What templates/component.html writes; an attribute that is True has no value."""

    tag: str
    attributes: dict[str, Any]
    inside: tuple["Element | str", ...]


def element(part: Component | str | None) -> Element | str:
    """A part of the layout, of Dash's own html components, none of which is void."""
    if not isinstance(part, Component):
        return part or ""
    given = part.to_plotly_json()["props"]
    children = given.pop("children", None)
    inside = children if isinstance(children, list) else [children]
    told = {NAMES.get(name, name): value for name, value in given.items() if value is not False}
    return Element(type(part).__name__.lower(), told, tuple(map(element, inside)))
