"""Short links: POST /links keeps a page's state under a code, GET /s/CODE leads back to it."""

import re

from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue

from lossatlas.app.routes.origin import is_foreign
from lossatlas.app.routes.refusals import refused, told_as_page
from lossatlas.app.state.page import written
from lossatlas.compute.service.cache import CacheUnusable
from lossatlas.compute.service.links import Links, LinksFull
from lossatlas.compute.spec.options import LONGEST_QUERY
from lossatlas.compute.spec.settings import Settings

LARGEST_POST = 4 * LONGEST_QUERY  # bytes: every letter of a state may need three as JSON
_STATE = re.compile(r"[\w.,~%=&+-]*", re.ASCII)  # how a canonical state is written
UNKNOWN = (
    "This atlas keeps no short link of this name: it was mistyped, or made on another machine, or the folder of its "
    "links was cleared."
)


def add_routes(server: Flask, settings: Settings) -> None:
    """Both ends of a short link."""

    @server.post("/links")
    def keep() -> ResponseReturnValue:
        request.max_content_length = LARGEST_POST
        if is_foreign() or not request.is_json:
            return refused("A short link is made by the page itself, with JSON.", 403)
        try:
            sent = request.get_json(silent=True)
        except RecursionError:  # brackets within brackets
            sent = None
        state = sent.get("state") if isinstance(sent, dict) else None
        if not isinstance(state, str):
            return refused('A short link takes {"state": "the query string of a page"}.', 400)
        try:
            return {"path": f"/s/{Links(settings.cache).put(written(state))}"}
        except ValueError as reason:  # BadSpec, or longer than a link may be
            return refused(str(reason), 400)
        except (LinksFull, CacheUnusable) as reason:
            return refused(str(reason), 503)

    @server.get("/s/<code>")
    def follow(code: str) -> ResponseReturnValue:
        try:
            state = Links(settings.cache).get(code)
        except CacheUnusable as reason:
            return refused(str(reason), 503)
        if state is None or not _STATE.fullmatch(state):
            return told_as_page("No such link", UNKNOWN, 404)
        return redirect(f"/?{state}" if state else "/", 302)
