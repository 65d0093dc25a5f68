"""What the web server says of lessons: the page that lists them, a lesson's words, and its facts as measured here."""

import threading
from collections.abc import Callable, Iterable

from flask import Flask, Response, jsonify

from lossatlas.app.layout.bar import page
from lossatlas.app.routes.refusals import refused
from lossatlas.app.state.lesson import LESSONS, Lesson, Step, step_at
from lossatlas.app.stream.lesson_answers import facts
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.settings import Settings


def add_routes(server: Flask, cache: Callable[[], Cache], settings: Settings) -> None:
    """The routes of lessons."""
    known: dict[Step, list[dict]] = {}  # facts of which every answer was there: equal questions have equal answers
    one_at_a_time = threading.Lock()  # a lecture hall asks for one step's facts many times at once

    @server.get("/lessons")
    def lessons() -> Response:
        return Response(list_page(LESSONS.values()), mimetype="text/html")

    @server.get("/lessons/<name>.json")
    def lesson(name: str) -> Response:
        found = LESSONS.get(name)
        return jsonify(words(found)) if found else _nothing()

    @server.get("/lessons/<name>/<number>/facts")
    def measured(name: str, number: str) -> Response:
        step = step_at(name, number)
        if step is None:
            return _nothing()
        try:
            with one_at_a_time:
                found = known.get(step) or facts(step, cache(), settings)
            if all(fact["here"] for fact in found):
                known[step] = found
            return jsonify(found)
        except BadSpec as reason:
            return refused(str(reason), 400)


def _nothing() -> Response:
    return refused("There is no such lesson. All lessons are at /lessons.", 404)


def list_page(lessons: Iterable[Lesson]) -> str:
    """A card for each lesson, on a page of its own."""
    return page("lessons.html", lessons=list(lessons))


def words(lesson: Lesson) -> dict:
    """What the browser shows of a lesson."""
    steps = [_words(step) for step in lesson.steps]
    return {"name": lesson.name, "title": lesson.title, "minutes": lesson.minutes, "steps": steps}


def _words(step: Step) -> dict:
    ask = step.ask
    return {
        "title": step.title,
        "text": paragraphs(step.text),
        "look": step.look,
        "notes": paragraphs(step.notes),
        "ask": ask and {"question": ask.question, "choices": ask.choices, "answer": ask.answer, "why": ask.why},
        "facts": [{"says": fact.says, "expected": fact.expected} for fact in step.facts],
    }


def paragraphs(text: str) -> list[str]:
    """The parts between blank lines, each on one line."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
