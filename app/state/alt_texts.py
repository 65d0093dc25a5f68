"""What a picture shows, in a sentence with its key numbers, for those who do not see it."""

from typing import Any

from lossatlas.app.look.view import View
from lossatlas.app.panels import PANELS
from lossatlas.app.state.sentences import chosen

MOST_LETTERS = 700  # a screen reader reads all of them


def told(panel: str, result: Any, view: View) -> str:
    """The key numbers, the picture's caption, and what else was chosen; panel and column are the picture's name."""
    picture = PANELS[panel].picture
    numbers = picture.words(result, view)
    parts = (numbers.rstrip("."), picture.caption(result, view), ", ".join(chosen(result.spec, "picture").values()))
    words = ". ".join(filter(None, parts))
    words = f"{words[:1].upper()}{words[1:]}."
    return words if len(words) <= MOST_LETTERS else words[: MOST_LETTERS - 1] + "…"
