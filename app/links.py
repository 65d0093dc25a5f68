"""Short links: POST /links keeps a page's state under a code, GET /s/CODE leads back to it."""

import re
from urllib.parse import quote

from flask import Flask, Response, redirect, request

from app.controls import page_options
from app.state import DEFAULT_ACTIVATIONS, read_state
from compute.cache import CacheUnusable, Links, LinksFull
from compute.options import LONGEST_QUERY, BadSpec, Option, read_query, text
from compute.settings import Settings

LARGEST_POST = 4 * LONGEST_QUERY  # bytes: every letter of a state may need three as JSON
_STATE = re.compile(r"[\w.,~%=&+-]*", re.ASCII)  # how a canonical state is written
UNKNOWN = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>lossatlas: no such link</title></head>
<body style="font-family: system-ui; margin: 2rem; max-width: 40rem"><h1>No such link</h1>
<p>This atlas keeps no short link of this name: it was mistyped, or made on another machine, or the folder of its links
was cleared. <a href="/">Open the default question</a></p></body></html>"""


def canonical(query: str) -> str:
    """The one way to write a page's state: options in the page's order, in their own types, without the defaults.

    Raises:
        BadSpec: as `read_state`.
    """
    read_state(query)
    given, found = read_query(query), {}
    for name, option in page_options().items():
        if name in given and (value := _canonical(option, given[name])) != _usual(option):
            found[name] = value
    return "&".join(f"{name}={quote(value, safe=',')}" for name, value in found.items())


def _canonical(option: Option, value: str) -> str:
    if option.choices is None or value in option.menu():
        return text(option.coerce(value))
    return ",".join(part.strip() for part in value.split(",") if part.strip())  # activation names several


def _usual(option: Option) -> str:
    return ",".join(DEFAULT_ACTIVATIONS) if option.name == "activation" else text(option.default)


def add_routes(server: Flask, settings: Settings) -> None:
    """Both ends of a short link."""

    @server.post("/links")
    def keep():
        request.max_content_length = LARGEST_POST
        if request.headers.get("Sec-Fetch-Site") == "cross-site" or not request.is_json:
            return _sentence("A short link is made by the page itself, with JSON.", 403)
        sent = request.get_json(silent=True)
        state = sent.get("state") if isinstance(sent, dict) else None
        if not isinstance(state, str):
            return _sentence('A short link takes {"state": "the query string of a page"}.', 400)
        try:
            return {"path": f"/s/{Links(settings.cache).put(canonical(state))}"}
        except BadSpec as reason:
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
