"""What pages need that stand alone in one file and open without a network: plotly's script, packed, their data, and
elements of the page's own.
"""

import base64
import functools
import gzip
import html
import json

import plotly.offline
from dash.development.base_component import Component

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


def quoted(data: object) -> str:
    """JSON for a script element of type application/json: nothing in it can end the element."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def markup(part: Component | str | None) -> str:
    """An element of the layout as HTML: of Dash's own html components, none of which is void."""
    if not isinstance(part, Component):
        return html.escape(part or "")
    given = part.to_plotly_json()["props"]
    children = given.pop("children", None)
    inside = children if isinstance(children, list) else [children]
    told = "".join(
        f" {NAMES.get(name, name)}" + ("" if value is True else f'="{html.escape(str(value))}"')
        for name, value in given.items()
        if value is not False
    )
    tag = type(part).__name__.lower()
    return f"<{tag}{told}>{''.join(map(markup, inside))}</{tag}>"
