"""The elements of a lesson, empty: assets/lessons/ fills them. A lesson's panel stands in the place of the controls, a
strip above the pictures leads back to it, and the stage is what a presenter shows.
"""

from typing import Any

from dash import html
from dash.development.base_component import Component

from lossatlas.app.look import ids

LESSON, RETURN, STAGE, BLACK = "lesson", "lesson-return", "lesson-stage", "lesson-black"
TITLE, COUNT, MARKS, AWAY, STEPS = "lesson-title", "lesson-count", "lesson-marks", "lesson-away", "lesson-steps"
BACK, NEXT, PRESENT = "lesson-back", "lesson-next", "lesson-present"
RETURN_TEXT, RETURN_BUTTON = "lesson-return-text", "lesson-return-button"
STAGE_TITLE, STAGE_COUNT, STAGE_LOOK = "stage-title", "stage-count", "stage-look"
STAGE_QUESTION, STAGE_CHOICES, STAGE_WHY, STAGE_NOTES = "stage-question", "stage-choices", "stage-why", "stage-notes"

STAGE_KEYS = (
    ("→ · ↓ · PgDn · Space · Enter", "on, also by a clicker"),
    ("← · ↑ · PgUp", "one step back"),
    ("Home · End", "to the first step · to the last"),
    ("n", "the presenter's notes"),
    ("b · .", "black screen; any of these keys brings the pictures back"),
    ("f", "full screen"),
    ("Esc", "leave the presentation"),
)


def parts() -> list[Component]:
    """All of a lesson's elements, hidden until the address names one."""
    return [_stage(), _return(), _panel()]


def _button(words: str, act: str, **more: Any) -> Component:
    return html.Button(words, type="button", className="button", **ids.data(act=act), **more)


def _panel() -> Component:
    return html.Aside(
        [
            html.Div(
                [
                    html.H2(id=TITLE),
                    html.P(id=COUNT, className="count"),
                    html.Ol(id=MARKS, className="marks"),
                    html.Div(
                        [
                            _button("Present", "lessonPresent", id=PRESENT, title="Full screen; Help lists its keys."),
                            _button("Explore", "lessonExplore", title="All controls; the lesson waits."),
                            html.A("All lessons", href="/lessons", className="quiet"),
                            _button("Leave", "lessonLeave", title="Keep the pictures, without the lesson."),
                        ],
                        className="tools",
                    ),
                ],
                className="lesson-head",
            ),
            html.Div(
                ["The pictures are no longer those of this step. ", _button("Show the step's", "lessonReturn")],
                id=AWAY, className="away", role="status", hidden=True,
            ),
            html.Div(id=STEPS, className="steps", role="region", tabIndex="0", **ids.aria(label="Steps of the lesson")),
            html.Div(
                [_button("Previous", "lessonBack", id=BACK), _button("Next", "lessonNext", id=NEXT)],
                className="lesson-foot",
            ),
        ],
        id=LESSON, className="lesson", hidden=True, **ids.aria(labelledby=TITLE),
    )  # fmt: skip


def _return() -> Component:
    return html.Div(
        [
            html.Span(id=RETURN_TEXT),
            _button("Back to the lesson", "lessonReturn", id=RETURN_BUTTON),
            _button("Leave the lesson", "lessonLeave"),
        ],
        id=RETURN, className="lesson-return", role="status", hidden=True,
    )  # fmt: skip


def _stage() -> Component:
    return html.Section(
        [
            html.Div(id=BLACK, hidden=True),
            html.Div([html.H1(id=STAGE_TITLE), html.Span(id=STAGE_COUNT, className="count")], className="stage-line"),
            html.P(id=STAGE_LOOK, className="look"),
            html.P(id=STAGE_QUESTION, className="question"),
            html.Ul(id=STAGE_CHOICES, className="choices"),
            html.P(id=STAGE_WHY, className="why"),
            html.Div(id=STAGE_NOTES, className="notes", hidden=True),
        ],
        id=STAGE, className="stage", hidden=True, **ids.aria(live="polite", label="Presentation"),
    )  # fmt: skip
