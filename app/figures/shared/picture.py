"""What a kind of picture is: the functions that every module of figures has."""

from typing import Any, Protocol

import plotly.graph_objects as go

from lossatlas.app.look.view import Scale, View


class Picture(Protocol):
    """A module of figures. Its functions take an answer of one analysis, and neither fetch nor compute."""

    __name__: str

    def figure(self, result: Any, view: View, scale: Scale, colour: str) -> go.Figure:
        """The picture of one column in its colour, on the scale of its row."""

    def span(self, result: Any, view: View) -> tuple[float, ...]:
        """What a shared range must hold, in plotted values; NaN where there is nothing to draw."""

    def caption(self, result: Any, view: View) -> str:
        """What stands below it: how the numbers came about, and what cannot be seen."""

    def words(self, result: Any, view: View) -> str:
        """Its key numbers in a sentence, for those who do not see it."""

    def size(self, result: Any) -> str:
        """How much was computed, in a few words."""
