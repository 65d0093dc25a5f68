"""What the web server says of lessons: the page that lists them, a lesson's words, and its facts as measured here."""

import threading
from collections.abc import Callable, Iterable
from html import escape

from flask import Flask, Response, jsonify

from lossatlas.app.look.theme import FONT
from lossatlas.app.state.lesson import LESSONS, Lesson, Step, step_at
from lossatlas.app.stream.lesson_answers import facts
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.settings import Settings

LIST = """<!DOCTYPE html>
<html lang="en" data-page="lessons">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>lossatlas: lessons</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="/assets/style.css">
<link rel="stylesheet" href="/assets/lesson.css">
<script src="/assets/dress.js"></script>
<script src="/assets/lesson-list.js"></script>
</head>
<body style="font-family: {font}">
<a class="skip" href="#main">Skip to the lessons</a>
<header class="top">
<a class="name" href="/"><img class="mark" src="{icon}" alt="">lossatlas</a>
<nav aria-label="Places"><a class="study" href="/">Atlas</a>
<a class="study" href="/lessons" aria-current="page">Lessons</a>
<a class="study" href="/study">Study</a>
<a class="study" href="/gallery">Gallery</a></nav>
</header>
<main class="lessons" id="main" tabindex="-1">
<h1>Lessons</h1>
<p class="about">Each is a few minutes in the atlas itself: words on the left, the pictures beside them, a question now
and then. Leave the way whenever you like, and come back to it.</p>
{cards}
</main>
</body>
</html>"""
CARD = """<li><a class="card" href="/?lesson={name}"><h2>{title}</h2><p>{about}</p>\
<p class="length">{minutes} min · {steps}</p></a></li>"""
NONE = "<p>No lesson is here.</p>"


def add_routes(server: Flask, icon: str, cache: Callable[[], Cache], settings: Settings) -> None:
    """The routes of lessons; `icon` is the address of the program's mark."""
    known: dict[Step, list[dict]] = {}  # facts of which every answer was there: equal questions have equal answers
    one_at_a_time = threading.Lock()  # a lecture hall asks for one step's facts many times at once

    @server.get("/lessons")
    def lessons():
        return Response(list_page(LESSONS.values(), icon), mimetype="text/html")

    @server.get("/lessons/<name>.json")
    def lesson(name: str):
        found = LESSONS.get(name)
        return jsonify(words(found)) if found else _nothing()

    @server.get("/lessons/<name>/<page>/facts")
    def measured(name: str, page: str):
        step = step_at(name, page)
        if step is None:
            return _nothing()
        try:
            with one_at_a_time:
                found = known.get(step) or facts(step, cache(), settings)
            if all(fact["here"] for fact in found):
                known[step] = found
            return jsonify(found)
        except BadSpec as reason:
            return Response(f"{reason}\n", 400, mimetype="text/plain")


def _nothing() -> Response:
    return Response("There is no such lesson. All lessons are at /lessons.\n", 404, mimetype="text/plain")


def list_page(lessons: Iterable[Lesson], icon: str) -> str:
    """A card for each lesson, on a page of its own."""
    cards = "\n".join(
        CARD.format(
            name=lesson.name,
            title=escape(lesson.title),
            about=escape(lesson.about),
            minutes=lesson.minutes,
            steps=f"{len(lesson.steps)} step{'s' if len(lesson.steps) > 1 else ''}",
        )
        for lesson in lessons
    )
    return LIST.format(icon=icon, font=escape(FONT), cards=f'<ul class="cards">\n{cards}\n</ul>' if cards else NONE)


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
