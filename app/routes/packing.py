"""Everything on the wire is packed where the reader's browser unpacks it. What never changes under its address is
packed once, at the best level, and kept by the browser for a year; anything else is sent again where it is another.
"""

import functools
import gzip
import hashlib
import re

from flask import Flask, Response, request

from lossatlas.app.look import plotly_script, scripts

WORTH = 700  # bytes; what is shorter fits into a packet as it is
TEXTS = re.compile(r"text/(?!event-stream)|application/(javascript|json)|image/svg\+xml")
OF_DASH = re.compile(r"/_dash-component-suites/.+\.v[\w-]+m\d+\..*js")  # Dash's own fingerprint: version and time
BEST, QUICK = 9, 6


def register(server: Flask) -> None:
    """Pack every answer of a server, and say how long it may be kept."""
    server.after_request(pack)


def pack(response: Response) -> Response:
    if response.status_code != 200 or (response.is_streamed and not response.direct_passthrough):
        return response
    forever = _is_forever()
    if forever:
        response.headers["Cache-Control"] = scripts.FOREVER
    if not TEXTS.match(response.mimetype or ""):
        return response
    response.vary.add("Accept-Encoding")
    if "Content-Encoding" in response.headers or not request.accept_encodings["gzip"]:
        return response
    response.direct_passthrough = False
    data = response.get_data()
    if len(data) < WORTH:
        return response
    response.set_data(_best(data) if forever else gzip.compress(data, QUICK, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    if not forever and request.method == "GET":
        response.set_etag(hashlib.sha256(data).hexdigest()[:16], weak=True)
        response.headers.setdefault("Cache-Control", "no-cache")
        response.make_conditional(request)
    return response


def _is_forever() -> bool:
    """Whether the address asked for names the content: of another one it would be another."""
    given = request.args.get("v", "")
    if request.path == plotly_script.PATH:
        return plotly_script.address().endswith(f"?v={given}")
    return bool(OF_DASH.fullmatch(request.path)) or scripts.is_current(request.path, given)


@functools.lru_cache(maxsize=200)
def _best(data: bytes) -> bytes:
    return gzip.compress(data, BEST, mtime=0)
