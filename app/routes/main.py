"""The web application: the page, its stream, exports and the health check."""

import contextlib
import functools
import logging
import re
import threading
from collections.abc import Callable

from dash import Dash
from flask import Flask, Response, request
from plotly.offline import get_plotlyjs
from werkzeug.exceptions import HTTPException

from lossatlas.app.export.answers import check_drawable, format_of
from lossatlas.app.layout.callbacks import register
from lossatlas.app.layout.page import INDEX, make_layout
from lossatlas.app.look import plotly_script, scripts
from lossatlas.app.routes import export, lessons, links, packing, rooms
from lossatlas.app.routes.gallery import add_routes as add_gallery
from lossatlas.app.routes.origin import is_foreign
from lossatlas.app.routes.refusals import refused
from lossatlas.app.routes.study import study_page
from lossatlas.app.stream import ahead
from lossatlas.app.stream.serving import allow_streams, stream
from lossatlas.app.stream.snapshot import Gathered, gathered
from lossatlas.app.stream.sse import gzipped
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.limits import check_cost
from lossatlas.compute.service.pool import Pool, PoolLost
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import UNASKABLE, Failure
from lossatlas.compute.spec.settings import read_settings

SETTINGS = read_settings()
MOST_EXPORTS = 8  # at a time in a process: each holds a thread
LONGEST_EXPORT = 30.0  # seconds; what a panel shows is in the cache
ANY_PATH = "/<path:path>"  # Dash would answer the page
_exports = threading.BoundedSemaphore(MOST_EXPORTS)
NO_CACHE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@functools.cache
def pool() -> Pool:
    return Pool(SETTINGS.scheduler)


@functools.cache
def cache() -> Cache:
    return Cache(SETTINGS.cache, SETTINGS.cache_size)


def start_pool(threads: int = 128) -> None:
    """Open this process's connection and cache before the first reader needs them; call it after the fork."""
    allow_streams(threads * 3 // 8)
    rooms.allow_followers(threads // 2)  # an eighth is left for pages, files and health checks
    cache()
    with contextlib.suppress(PoolLost):  # the compute host starts beside us; the first stream tries again
        pool().client()
    ahead.prepare(pool(), cache(), SETTINGS)


REFUSALS = {
    404: "There is no such page or file. The atlas is at /.",
    405: "This address is not asked in this way. The atlas is at /.",
    413: "The request is too large.",
}


def refusal(error: HTTPException) -> Response:
    """One sentence in place of werkzeug's page, with the same status and headers; a redirection stays as it is."""
    response = error.get_response()
    if response.status_code >= 400:
        sentence = REFUSALS.get(response.status_code, "The request could not be read. The atlas is at /.")
        told = refused(sentence, response.status_code)
        response.data, response.content_type = told.data, told.content_type
        response.headers["Vary"] = "Accept"
    return response  # type: ignore[return-value]


def add_guards(server: Flask) -> None:
    """What holds of every request and every answer."""

    @server.before_request
    def known() -> Response | None:
        if request.url_rule is not None and request.url_rule.rule == ANY_PATH:
            return refused("There is no such page. The atlas is at /.", 404)
        if request.path == "/_dash-update-component":
            return refused("No computation is asked for in this way.", 404)
        if request.path.startswith(("/stream", "/export/")) and is_foreign():
            return refused("Another site's page may not ask for computations.", 403)
        return None

    @server.errorhandler(Exception)
    def fault(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return refusal(error)
        if request.path.startswith("/_dash"):
            return refused("There is no such file.", 404)
        logging.getLogger(__name__).exception("request for %s failed", request.path[:200])
        return refused("This is a fault in the program.", 500)

    @server.after_request
    def careful(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def add_routes(server: Flask) -> None:
    """The page's stream, its files and the health check."""

    @server.get("/healthz")
    def health() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @server.get("/ready")
    def ready() -> Response:
        """Whether a first visitor finds his page; /healthz says whether he finds a server."""
        told, status = ("ready\n", 200) if ahead.ready.is_set() else ("not yet\n", 503)
        return Response(told, status, mimetype="text/plain")

    @server.get(plotly_script.PATH)
    def plotly_js() -> Response:
        packed = bool(request.accept_encodings["gzip"])
        response = Response(plotly_script.packed() if packed else get_plotlyjs(), mimetype="text/javascript")
        response.headers["Cache-Control"] = "no-cache"  # unless its address names its content
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        return response

    @server.get("/stream")
    def events() -> Response:
        query = request.query_string.decode("utf-8", "replace")
        told = stream(query, pool(), cache(), SETTINGS)
        if not request.accept_encodings["gzip"]:
            return Response(told, mimetype="text/event-stream", headers=NO_CACHE)
        packed = NO_CACHE | {"Content-Encoding": "gzip"}
        return Response(gzipped(told), mimetype="text/event-stream", headers=packed)

    @server.get("/study")
    def study() -> Response:
        return Response(study_page(cache()), mimetype="text/html")

    @server.get("/export/<analysis>.<ending>")
    def export(analysis: str, ending: str) -> Response:
        return export_response(analysis, ending, request.query_string.decode("utf-8", "replace"))


def export_response(analysis: str, ending: str, query: str) -> Response:
    """The file behind a panel; 400 for a question that cannot be asked, 422 for one without an answer."""
    return one_of_few(lambda: _export(analysis, ending, query))


def shown(query: str) -> Gathered:
    """What the page of a state shows."""
    return gathered(query, pool(), cache(), SETTINGS, LONGEST_EXPORT)


def one_of_few(export: Callable[[], Response]) -> Response:
    """A file, or a sentence why there is none; 503 where many are being made."""
    if not _exports.acquire(blocking=False):
        return refused(f"{MOST_EXPORTS} files are being made just now. Try again in a moment.", 503)
    try:
        return export()
    except BadSpec as reason:
        return refused(str(reason), 400)
    except PoolLost as reason:
        return refused(f"{reason} Try again in a moment.", 503)
    except TimeoutError as reason:
        return refused(f"{reason} Open it on the page, which waits, or use lossatlas run.", 503)
    finally:
        _exports.release()


def _export(analysis: str, ending: str, query: str) -> Response:
    spec, form = question(analysis, query), format_of(ending)
    check_drawable(spec, ending)
    check_cost(spec, SETTINGS.max_seconds, SETTINGS.max_memory)
    answer = ask(spec, pool=pool(), cache=cache(), patience=LONGEST_EXPORT)
    if isinstance(answer, Failure):
        return refused(answer.sentence, 400 if answer.kind in UNASKABLE else 422)
    problem = spec.problem
    mixed = f"-{problem.mix_with}-{problem.mix:g}" if problem.mixed else ""
    name = f"{analysis}-{problem.dataset}-{problem.activation}{mixed}.{ending}"
    return Response(
        form.write(answer), content_type=form.mime, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def make_app() -> Dash:
    """The Dash application with every route."""
    app = Dash(
        "lossatlas",
        title="lossatlas",
        update_title=None,  # type: ignore[arg-type]
        assets_folder=str(scripts.ASSETS),
        assets_ignore=scripts.NOT_OF_DASH,
        index_string=INDEX,
        serve_locally=True,
    )
    app.layout = make_layout()
    register(app)
    packing.register(app.server)
    add_guards(app.server)
    add_routes(app.server)
    lessons.add_routes(app.server, cache, SETTINGS)
    rooms.add_routes(app.server, SETTINGS.cache)
    add_gallery(app.server, lambda: cache())
    links.add_routes(app.server, SETTINGS)
    export.add_routes(app.server, shown, one_of_few)
    # Dash learns which scripts it serves while it answers its first request, and refuses those that come meanwhile.
    document = app.server.test_client().get("/").text
    # What signs callbacks in the background is new for each reader; there are none, and the document stays the same.
    app.server.view_functions["/"] = re.sub(r'"end_id":"[^"]*"', '"end_id":""', document).__str__
    return app


app = make_app()
server = app.server
