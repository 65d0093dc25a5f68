"""Every page and picture that is written as markup comes from app/templates. What a template is given is escaped, and a
name that it is not given is an error instead of an empty place.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parents[1] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,  # compiled once a process
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **values: Any) -> str:
    """A file of app/templates, filled in.

    Raises:
        UndefinedError: it speaks of a value that is not given.
    """
    return ENVIRONMENT.get_template(template).render(values)


def verbatim(text: str) -> Markup:
    """What goes into a style or script element as it is. Never for what a reader sent: it is not escaped."""
    return Markup(text)
