"""Names of the page's elements, for Python, stylesheet and scripts."""

from typing import Any

ADDRESS = "address"  # where Dash is told what the URL says
MANTINE = "mantine"
DECLARED = "declared"  # what the scripts must know: names of the URL, controls, templates, camera
PLACES, PLACES_LABEL = "places", "label-place"  # the switch between places
BLANK_SLOT = "blank-slot"  # the template of all
ACTIVATION = "option-activation"
LINK_CAMERAS, LINK_HOVER, LINK_ZOOM = "link-cameras", "link-hover", "link-zoom"
SENTENCE, EQUAL, COST = "sentence", "equal", "cost"
SETTINGS, SETTINGS_TOLD = "settings", "settings-told"
BAR, MESSAGE, PROGRESS = "bar", "message", "progress"
CRUMBS, INWARD, OUTWARD, AIM = "crumbs", "inward", "outward", "aim"
HERE, AT_END, SLICE_HERE = "here", "at-end", "slice-here"
COMPARISON, TABLE_PLACE, TABLE, COPY_TABLE = "comparison", "table-place", "table", "copy-table"
PLAYER, PLAY, SCRUB, MOMENT, SPEED = "player", "play", "scrub", "moment", "speed"
PICKS, PICKED, PLANE = "picks", "picked", "plane"
MAIN, COLUMNS, CONTROLS, HELP = "main", "columns", "controls", "help"

ROWS, ROWS_TITLE, HELP_LINE, OPEN_CONTROLS = "rows", "rows-title", "help-line", "open-controls"


def aria(**words: str) -> dict[str, Any]:
    """What a screen reader is told, as properties of an element."""
    return {f"aria-{name}": word for name, word in words.items()}


def data(**words: str) -> dict[str, Any]:
    """What the scripts and the stylesheet read from an element."""
    return {f"data-{name}": word for name, word in words.items()}


def option(name: str) -> str:
    """The control of one option."""
    return f"option-{name}"


def row(name: str) -> str:
    """The place of a control with its label, hidden while the option does not matter."""
    return f"row-{name}"


def chip(activation: str) -> str:
    return f"chip-{activation}"


def column(place: int) -> str:
    return f"column-{place}"


def slot(place: int | str, panel: str) -> str:
    """One panel of one column: title, state, picture, caption."""
    return f"slot-{place}-{panel}"


def alternative(place: int | str, panel: str) -> str:
    """The words that describe a picture."""
    return f"alt-{place}-{panel}"


def plot(place: int | str, panel: str) -> str:
    """The element that plotly draws into."""
    return f"plot-{place}-{panel}"


def template(name: str) -> str:
    """What an element of this id is made from when it is first needed."""
    return f"template-{name}"
