"""The routes of what leaves the page whole: its code, and itself as one file."""

from collections.abc import Callable

from flask import Flask, Response, request

from lossatlas.app.export.code import of_page, of_question
from lossatlas.app.export.file import page_html
from lossatlas.app.stream.snapshot import Gathered
from lossatlas.compute.analyses.table import question


def add_routes(
    server: Flask, shown: Callable[[str], Gathered], guarded: Callable[[Callable[[], Response]], Response]
) -> None:
    """`shown` gathers the page of a state; `guarded` answers with a sentence where a file cannot be made."""

    @server.get("/export/page.html")
    def page() -> Response:
        return guarded(lambda: _file(page_html(shown(_asked())), "text/html", "lossatlas.html"))

    @server.get("/export/code.py")
    def code() -> Response:
        return guarded(lambda: _file(of_page(shown(_asked())), "text/x-python", "lossatlas.py"))

    @server.get("/export/<analysis>.py")
    def code_of_one(analysis: str) -> Response:
        return guarded(lambda: _file(of_question(question(analysis, _asked())), "text/x-python", f"{analysis}.py"))


def _asked() -> str:
    return request.query_string.decode("utf-8", "replace")


def _file(text: str, kind: str, name: str) -> Response:
    response = Response(text, mimetype=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
