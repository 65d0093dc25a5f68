"""Names of the page's elements, for Python, stylesheet and scripts."""

LOCATION = "location"
MANTINE = "mantine"
DECLARED = "declared"  # what the scripts must know: controls, templates, camera
ACTIVATION = "option-activation"
LINK_CAMERAS = "link-cameras"
SENTENCE, EQUAL, COST = "sentence", "equal", "cost"
BAR, MESSAGE, PROGRESS = "bar", "message", "progress"
MAIN, COLUMNS, CONTROLS, HELP = "main", "columns", "controls", "help"


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


def slot(place: int, panel: str) -> str:
    """One panel of one column: title, state, picture, caption."""
    return f"slot-{place}-{panel}"


def plot(place: int, panel: str) -> str:
    """The element that plotly draws into."""
    return f"plot-{place}-{panel}"
