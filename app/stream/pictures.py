"""The pictures of a page: each drawn from its answer beside the others, on the scale of its row."""

import hashlib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import plotly.graph_objects as go

from lossatlas.app.figures.shared import baseline
from lossatlas.app.figures.shared.baseline import Beside
from lossatlas.app.figures.shared.oddities import found
from lossatlas.app.figures.shared.parts import hull, title
from lossatlas.app.look.theme import TEMPLATES, colour_bar, hue
from lossatlas.app.look.view import Scale, View
from lossatlas.app.panels import PANELS
from lossatlas.app.state import alt_texts
from lossatlas.app.state.page import PageState, read_state
from lossatlas.app.state.sentences import own
from lossatlas.app.stream.memo import REMEMBERED, Texts
from lossatlas.compute.analyses.clouds import Cloud
from lossatlas.compute.analyses.table import key_for, name_of
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.numerics.paths.walk_kinds import Walk
from lossatlas.compute.spec.options import BadSpec, show
from lossatlas.compute.spec.results import Failure, once, to_arrays

_drawn = Texts(REMEMBERED)  # figures by question, level and look: redrawing one costs more than sending it


def draw(answer: Any, theme: str = "light") -> go.Figure:
    """The picture of one answer as the page draws it alone; `theme` is light or dark. Asks nothing.

    Raises:
        BadSpec: no answer, an answer that has no picture, such as a half width, or another theme.
    """
    if isinstance(answer, Failure):
        raise BadSpec(f"Pictures are of answers, and this is none: {answer.sentence}")
    template, analysis = _template(theme), name_of(answer.spec)
    if analysis not in PANELS:
        raise BadSpec(f"Pictures are of analyses that the page shows; {analysis} has none. Its numbers are its fields.")
    look = View(theme=theme)
    figure = PANELS[analysis].picture.figure(answer, look, Scale(), hue(answer.spec.problem.activation))
    return figure.update_layout(template=template)


def _template(theme: str) -> go.layout.Template:
    if theme not in TEMPLATES:
        raise BadSpec(f"A picture that stands alone is drawn in light or dark; got theme={show(theme)}.")
    return TEMPLATES[theme]


def draw_page(
    page: str, answers: Mapping[tuple[int, str], Any], theme: str = "light"
) -> dict[tuple[int, str], go.Figure]:
    """The pictures of a page from its answers by (column, panel): on its scale, beside its baseline. Asks nothing.

    Args:
        page: the page's state, as its address writes it.
        theme: light or dark.

    Raises:
        BadSpec: the state cannot be, or another theme.
    """
    state, template = read_state(page), _template(theme)
    everything = set(itertools.product(range(len(state.columns)), state.panels))
    pictures = Pictures(state, dict(answers), everything)
    figures = {place: pictures.figure(*place, pictures.scale(*place)) for place in answers}
    return {place: figure.update_layout(template=template) for place, figure in figures.items()}


@dataclass
class Pictures:
    """`answers` are the newest by (column, panel), Failures left out; `ended` the places that get no other."""

    state: PageState
    answers: dict[tuple[int, str], Any] = field(default_factory=dict)
    ended: set[tuple[int, str]] = field(default_factory=set)

    def row(self, name: str) -> list:
        """The answers of a row, from left to right."""
        return [self.answers[place] for place in sorted(self.answers) if place[1] == name]

    def complete(self, name: str) -> bool:
        """Whether no column of a row gets another answer."""
        return sum(place[1] == name for place in self.ended) == len(self.state.columns)

    def bar(self, column: int, name: str) -> dict | None:
        """The data of the colour bar by which a picture is read; None where nothing can be drawn."""
        scale, view = self.scale(column, name), self.state.view
        if not view.shared or scale.low is None or scale.high is None:
            return None
        if not self.differs(column, name):
            return colour_bar(scale.low, scale.high, view) | {"title": title(view)}
        told = baseline.told(view, self.beside(column, name).label)
        return colour_bar(scale.low, scale.high, view, baseline.DIVERGING) | {"title": told}

    def beside(self, column: int, name: str) -> Beside:
        """What of other columns goes into a picture."""
        view, panel, pinned = self.state.view, PANELS[name], int(self.state.view.baseline) - 1
        row = tuple(self.row(name)) if view.band and panel.curve and self.complete(name) else ()
        wanted, like = (
            (view.overlay and panel.overlays) or (view.difference and panel.differs),
            self._like(column, name),
        )
        if not wanted or pinned in (-1, column) or (pinned, name) not in self.answers:
            return Beside(row=row, like=like)
        return Beside(self.answers[pinned, name], self.state.columns[pinned].label, row, like)

    def _like(self, column: int, name: str) -> str:
        """The first column to the left whose finished answer has the same numbers, though something else was asked."""
        before = [place for place in range(column) if (place, name) in self.answers] if self.complete(name) else []
        mine = _numbers(self.answers[column, name]) if before and (column, name) in self.answers else b""
        found = [place for place in before if _numbers(self.answers[place, name]) == mine]
        return self.state.columns[found[0]].label if found else ""

    def differs(self, column: int, name: str) -> bool:
        """Whether a picture shows a difference from the baseline."""
        return PANELS[name].differs and self.state.view.difference and self.beside(column, name).baseline is not None

    def _shown(self, column: int, name: str) -> Any:
        """What a picture shows: an answer, or the difference of two; the answer where they have no points in common."""
        result = self.answers[column, name]
        if not self.differs(column, name):
            return result
        return baseline.minus(result, self.beside(column, name).baseline, self.state.view) or result

    def scale(self, column: int, name: str) -> Scale:
        """The range that holds what the row shows so far; of differences apart from what they are taken of. Where
        ranges are not shared a picture takes its own, and a difference one with equality in the middle.
        """
        point = self._point(column, name)
        panel, view, differs = PANELS[name], self.state.view, self.differs(column, name)
        if not view.shared and not differs:
            return Scale(point=point)
        row = [
            place for place in sorted(self.answers)
            if PANELS[place[1]].analysis == panel.analysis and self.differs(*place) == differs
        ] if view.shared else [(column, name)]  # fmt: skip
        spans = [panel.picture.span(self._shown(*place), view) for place in row]
        spans = [span for span in spans if all(map(math.isfinite, span[:2]))]
        common = hull if differs else panel.common
        scale = replace(Scale(*(common(spans, view) if spans else ())), point=point)
        scale = baseline.even(scale) if differs else scale
        if panel.brushes and view.frame:
            left, right, low, high = view.frame
            scale = replace(scale, left=left, right=right, low=low, high=high)
        return scale

    def _point(self, column: int, name: str) -> tuple[float, ...]:
        """What a picture marks as chosen: a point of the plane, or a point that a cloud's walks visit."""
        if PANELS[name].walks:
            return self._visited(column, self.answers[column, name].spec)
        return self.state.point if PANELS[name].plane else ()

    def _visited(self, column: int, cloud: Cloud) -> tuple[float, ...]:
        """Walk and step from which the other places' questions start, if this cloud's walks visit it; else empty."""
        start = self.state.spec(Training, self.state.columns[column]).start
        alone = replace(cloud.walking, walks=Walk.walks, walk_steps=Walk.walk_steps)
        return (start.seed, start.steps) if start.way.walks and start.walking == alone else ()

    def words(self, column: int, name: str, scale: Scale) -> dict:
        """What the picture says to those who do not see it, and why it may look odd."""
        result, view = self.answers[column, name], self.state.view
        if not self.differs(column, name):
            return {"alt": alt_texts.told(name, result, view), "odd": _odd(name, result, view, scale)}
        less = f"Drawn is what remains after {self.beside(column, name).label} is taken away; this column's own: "
        return {"alt": less + alt_texts.told(name, result, view), "odd": _odd(name, result, view, Scale())}

    def json(self, column: int, name: str, scale: Scale) -> str:
        """The figure as JSON, kept for the next reader."""
        spec, view, others = self.answers[column, name].spec, self.state.view, self.beside(column, name)
        drawn = (PANELS[name].picture.__name__, key_for(spec))  # two pictures may show one answer
        look = (*drawn, replace(view, trail=(), brush=()), scale, self.state.columns[column].hue, self._keys(others))
        if (kept := _drawn.get(look)) is None:
            kept = self.figure(column, name, scale).to_json()
            _drawn.put(look, kept)
        return kept

    @staticmethod
    def _keys(others: Beside) -> tuple:
        found = [others.baseline] if others.baseline is not None else []
        return (others.label, *(key_for(result.spec) for result in [*found, *others.row]))

    def figure(self, column: int, name: str, scale: Scale) -> go.Figure:
        """The picture with what goes into it from other columns."""
        panel, view, others = PANELS[name], self.state.view, self.beside(column, name)
        colour = self.state.columns[column].hue
        shown = self._shown(column, name)
        if self.differs(column, name) and shown is not self.answers[column, name]:
            return baseline.difference(panel.picture, shown, view, scale, colour, others.label)
        drawn = panel.picture.figure(shown, view, scale, colour)
        if others.baseline is not None and panel.overlays:
            reference = panel.picture.figure(others.baseline, view, scale, baseline.GREY)
            drawn = baseline.overlaid(drawn, reference, others.label)
        curves = self._curves(others)
        return baseline.banded(drawn, curves, view) if baseline.comparable(curves) else drawn

    def _curves(self, others: Beside) -> list:
        curve = PANELS[name_of(others.row[0].spec)].curve if others.row else None
        return [curve(result, self.state.view) for result in others.row] if curve else []

    def caption(self, column: int, name: str) -> str:
        """What stands under the picture."""
        others, view = self.beside(column, name), self.state.view
        shown, told = self._shown(column, name), []
        if self.differs(column, name):
            apart = shown is not self.answers[column, name]
            told.append(baseline.told(view, others.label) if apart else f"not yet comparable with {others.label}")
        elif others.baseline is not None and PANELS[name].overlays:
            told.append(f"dotted grey: {others.label}")
        if others.like:
            told.append(f"the same numbers as {others.like}, to the bit")
        if others.row:
            told.append(baseline.mean_note(self._curves(others), view))
        looked = replace(view, path=False) if self.differs(column, name) else view
        caption = PANELS[name].picture.caption(shown, looked)
        return " · ".join(filter(None, [*told, caption, *(own(shown.spec) if caption else ())]))


@once
def _numbers(result: Any) -> bytes:
    """A digest of the numbers of an answer: equal where all are, to the bit."""
    found = hashlib.sha256()
    for name, array in to_arrays(result).items():
        if array.dtype.kind in "fiub":
            found.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return found.digest()


def _odd(name: str, result: Any, view: View, scale: Scale) -> list[tuple[str, str, str]]:
    """Title, why and what to do, of everything odd about a picture."""
    return [odd.told(result) for odd in found(PANELS[name].odd, result, view, scale)]
