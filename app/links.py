"""Short links: POST /links keeps a page's state under a code, GET /s/CODE leads back to it."""

import re
from urllib.parse import quote

from flask import Flask, redirect, request

from app.columns import BY, DEFAULT_ACTIVATIONS, offered
from app.controls import page_options
from app.hiding import hidden
from app.origin import is_foreign
from app.refusals import refused, told_as_page
from app.state import PageState, read_state
from app.view import View
from compute.cache import CacheUnusable, Links, LinksFull
from compute.options import LONGEST_QUERY, options_of, text
from compute.settings import Settings

LARGEST_POST = 4 * LONGEST_QUERY  # bytes: every letter of a state may need three as JSON
_STATE = re.compile(r"[\w.,~%=&+-]*", re.ASCII)  # how a canonical state is written
UNKNOWN = (
    "This atlas keeps no short link of this name: it was mistyped, or made on another machine, or the folder of its "
    "links was cleared."
)


def canonical(query: str) -> str:
    """The one way to write a page's state: options in the page's order, in their own types, without the defaults.

    Raises:
        BadSpec: as `read_state`.
    """
    state, options = read_state(query), page_options()
    texts = {name: text(options[name].coerce(value)) for name, value in state.values.items()}
    texts |= {name: text(getattr(state.view, name)) for name in options_of(View)}
    texts |= _columns(state) | {"hide": ",".join(hidden(state.view.hide, options))}
    usual = {name: text(option.default) for name, option in options.items()} | {BY: ""}  # empty: the usual columns
    kept = [name for name in options if name in texts and texts[name] != usual[name]]
    return "&".join(f"{name}={quote(texts[name], safe=',')}" for name in kept)


def _columns(state: PageState) -> dict[str, str]:
    """What makes the columns, without what is theirs anyway."""
    names, by = tuple(column.name for column in state.columns), state.comparison.compare
    if by == BY:
        return {BY: "" if names == DEFAULT_ACTIVATIONS else ",".join(names)}
    fixed = state.columns[0].changes[BY]
    offer = "" if ",".join(names) == offered(page_options()[by]) else ",".join(names)
    return {"compare": by, "columns": offer, BY: "" if fixed == DEFAULT_ACTIVATIONS[0] else fixed}


def add_routes(server: Flask, settings: Settings) -> None:
    """Both ends of a short link."""

    @server.post("/links")
    def keep():
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
            return {"path": f"/s/{Links(settings.cache).put(canonical(state))}"}
        except ValueError as reason:  # BadSpec, or longer than a link may be
            return refused(str(reason), 400)
        except (LinksFull, CacheUnusable) as reason:
            return refused(str(reason), 503)

    @server.get("/s/<code>")
    def follow(code: str):
        try:
            state = Links(settings.cache).get(code)
        except CacheUnusable as reason:
            return refused(str(reason), 503)
        if state is None or not _STATE.fullmatch(state):
            return told_as_page("No such link", UNKNOWN, 404)
        return redirect(f"/?{state}" if state else "/", 302)
