"""What pages need that stand alone in one file and open without a network: plotly's script, packed, and their data."""

import base64
import functools
import gzip
import json

import plotly.offline

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
