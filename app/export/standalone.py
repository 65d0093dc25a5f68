"""What pages need that stand alone in one file and open without a network: plotly's script, packed, their data, and
elements of the page's own.
"""

import base64
import functools
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.offline
from dash.development.base_component import Component
from markupsafe import Markup

from lossatlas.app.look.templating import verbatim

ASSETS = Path(__file__).resolve().parents[2] / "assets"

# `read(id)` is the text of a script element; `load()` unpacks plotly from the one called plotly and runs it.
LOAD = """
const read = id => document.getElementById(id).textContent;
async function load() {
  const packed = Uint8Array.from(atob(read("plotly")), letter => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}
"""
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
    """A style sheet or a script of the page's own."""
    return verbatim((ASSETS / name).read_text(encoding="utf-8"))


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
