"""Elements of Dash's html components as markup: what stands in a document before any script, and in files that stand
alone.
"""

import json
from dataclasses import dataclass
from typing import Any

from dash.development.base_component import Component
from markupsafe import Markup

from lossatlas.app.look.templating import ENVIRONMENT, verbatim

NAMES = {"className": "class"}  # of attributes, where HTML has another than Dash
VOID = ("img", "hr", "input")  # have no end tag


@dataclass(frozen=True)
class Element:
    """What templates/component.html writes; an attribute that is True has no value."""

    tag: str
    attributes: dict[str, Any]
    inside: tuple["Element | str", ...]

    @property
    def is_void(self) -> bool:
        return self.tag in VOID


def element(part: Component | Element | str | None) -> Element | str:
    """A part of the layout, of Dash's own html components, or an element that these do not have."""
    if not isinstance(part, Component):
        return part or ""
    given = part.to_plotly_json()["props"]
    children = given.pop("children", None)
    inside = children if isinstance(children, list) else [children]
    told = {NAMES.get(name, name): value for name, value in given.items() if value is not False}
    return Element(type(part).__name__.lower(), told, tuple(map(element, inside)))


def markup(*parts: Component | Element) -> Markup:
    """The same as text."""
    write = ENVIRONMENT.get_template("component.html").module.markup  # type: ignore[attr-defined]
    return Markup("\n").join(write(element(part)) for part in parts)


def quoted(data: object) -> Markup:
    """JSON for a script element of type application/json: nothing in it can end the element."""
    return verbatim(json.dumps(data, allow_nan=False).replace("<", "\\u003c"))
