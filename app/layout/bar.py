"""The bar on top of every page, in two tables, and the pages that have it. The atlas makes it of components, as a place
is a control there; every other page makes it of links, in templates/bar.html.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lossatlas.app.look import scripts
from lossatlas.app.look.places import FIRST, PLACES
from lossatlas.app.look.templating import render
from lossatlas.app.look.theme import FONT


@dataclass(frozen=True)
class Entry:
    """Where a word leads. `place`: to other pictures of the atlas, by its name in PLACES."""

    label: str
    href: str
    about: str = ""
    place: str = ""


@dataclass(frozen=True)
class Tool:
    """A button that every page has, by its id. `switch`: it stays pressed."""

    name: str
    words: str
    switch: bool = False


ENTRIES = (
    *(Entry(place.label, "/" if name == FIRST else f"/?place={name}", place=name) for name, place in PLACES.items()),
    Entry("Lessons", "/lessons", "Guided ways through the atlas."),
    Entry("Study", "/study", "The study behind the clouds, reproduced."),
    Entry("Gallery", "/gallery", "What is stored, with small pictures."),
)
TOOLS = (Tool("presenter", "Larger type", switch=True), Tool("theme", "Theme: auto"))
ICON = f"data:image/svg+xml,{quote(render('mark.svg'))}"


def page(template: str, module: str = scripts.BESIDE, **values: Any) -> str:
    """A page of app/templates, with the bar unless it stands alone; it runs the script `module`."""
    return render(template, icon=ICON, font=FONT, entries=ENTRIES, tools=TOOLS, scripts=scripts.head(module), **values)
