"""Short links: POST /links keeps a page's state under a code, GET /s/CODE leads back to it."""

import re

from flask import Flask, Response, redirect, request

from lossatlas.app.routes.origin import is_foreign
from lossatlas.app.state.page import written
from lossatlas.compute.service.cache import CacheUnusable
from lossatlas.compute.service.links import Links, LinksFull
from lossatlas.compute.spec.options import LONGEST_QUERY
from lossatlas.compute.spec.settings import Settings

LARGEST_POST = 4 * LONGEST_QUERY  # bytes: every letter of a state may need three as JSON
_STATE = re.compile(r"[\w.,~%=&+-]*", re.ASCII)  # how a canonical state is written
UNKNOWN = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>lossatlas: no such link</title></head>
<body style="font-family: system-ui; margin: 2rem; max-width: 40rem; background: Canvas; color: CanvasText"><main>
<h1>No such link</h1>
<p>This atlas keeps no short link of this name: it was mistyped, or made on another machine, or the folder of its links
was cleared. <a href="/" style="color: LinkText">Open the default question</a></p></main></body></html>"""


def add_routes(server: Flask, settings: Settings) -> None:
    """Both ends of a short link."""

    @server.post("/links")
    def keep():
        request.max_content_length = LARGEST_POST
        if is_foreign() or not request.is_json:
            return _sentence("A short link is made by the page itself, with JSON.", 403)
        try:
            sent = request.get_json(silent=True)
        except RecursionError:  # brackets within brackets
            sent = None
        state = sent.get("state") if isinstance(sent, dict) else None
        if not isinstance(state, str):
            return _sentence('A short link takes {"state": "the query string of a page"}.', 400)
        try:
            return {"path": f"/s/{Links(settings.cache).put(written(state))}"}
        except ValueError as reason:  # BadSpec, or longer than a link may be
            return _sentence(str(reason), 400)
        except (LinksFull, CacheUnusable) as reason:
            return _sentence(str(reason), 503)

    @server.get("/s/<code>")
    def follow(code: str):
        try:
            state = Links(settings.cache).get(code)
        except CacheUnusable as reason:
            return _sentence(str(reason), 503)
        if state is None or not _STATE.fullmatch(state):
            return Response(UNKNOWN, 404, mimetype="text/html")
        return redirect(f"/?{state}" if state else "/", 302)


def _sentence(words: str, status: int) -> Response:
    return Response(words + "\n", status, mimetype="text/plain")
