"""Requests that get a sentence instead of what they asked for: a page with the bar where a browser's window asks, plain
text for scripts and command lines.
"""

from flask import Response, request

from lossatlas.app.layout.bar import page

TITLES = {
    403: "Not for another site's page", 404: "Nothing is here", 405: "Not asked in this way", 413: "Too large",
    422: "There is no answer", 500: "A fault in the program", 503: "Not just now",
}  # fmt: skip
UNASKABLE = "This cannot be asked"
KINDS = ("text/plain", "text/html")  # the first where a reader takes both alike, as */*


def refused(sentence: str, status: int) -> Response:
    """The sentence, in the form that the request accepts."""
    if request.accept_mimetypes.best_match(KINDS) == "text/html":
        return told_as_page(TITLES.get(status, UNASKABLE), sentence, status)
    return Response(sentence + "\n", status, mimetype="text/plain", headers={"Vary": "Accept"})


def told_as_page(title: str, sentence: str, status: int) -> Response:
    """The sentence on a page of its own, with a way out."""
    words = page("refusal.html", title=title, sentence=sentence)
    return Response(words, status, mimetype="text/html", headers={"Vary": "Accept"})
