"""PANELS: the rows of a column, as a literal table. A new kind of picture is one figure file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass

from app.figures import line, slice, training
from compute.lines import Line
from compute.slices import Slice
from compute.train import Training


@dataclass(frozen=True)
class Panel:
    """`draw(result, view, scale, colour)` gives a figure, `span(result, view)` what a shared range must hold,
    `caption(result, view)` a line of text.
    """

    title: str
    spec: type
    draw: Callable
    span: Callable
    caption: Callable


PANELS = {
    "slice": Panel("Surface", Slice, slice.figure, slice.span, slice.caption),
    "line": Panel("1-D slice", Line, line.figure, line.span, line.caption),
    "training": Panel("Training", Training, training.figure, training.span, training.caption),
}
