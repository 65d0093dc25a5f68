"""The pictures of a page: each drawn from its answer beside the others, on the scale of its row."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import plotly.graph_objects as go

from app import alternatives, oddities
from app.figures import beside
from app.figures.beside import Beside
from app.figures.parts import hull, title
from app.kept import REMEMBERED, Texts
from app.panels import PANELS, analysis_of
from app.state import PageState, read_state
from app.theme import colour_bar
from app.view import Scale
from compute.analyses import key_for, name_of
from compute.clouds import Cloud
from compute.walks import Walk

_drawn = Texts(REMEMBERED)  # figures by question, level and look: redrawing one costs more than sending it


def draw(query: str, answers: Mapping[tuple[int, str], Any]) -> dict[tuple[int, str], go.Figure]:
    """The pictures of a page from its answers by (column, panel): on its scale, beside its baseline. Asks nothing.

    Raises:
        BadSpec: the state cannot be.
    """
    state = read_state(query)
    everything = set(itertools.product(range(len(state.columns)), state.panels))
    pictures = Pictures(state, dict(answers), everything)
    return {place: pictures.figure(*place, pictures.scale(*place)) for place in answers}


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
        told = beside.told(view, self.beside(column, name).label)
        return colour_bar(scale.low, scale.high, view, beside.DIVERGING) | {"title": told}

    def beside(self, column: int, name: str) -> Beside:
        """What of other columns goes into a picture."""
        view, panel, pinned = self.state.view, PANELS[name], int(self.state.view.baseline) - 1
        row = tuple(self.row(name)) if view.band and panel.curve and self.complete(name) else ()
        wanted = (view.overlay and panel.overlays) or (view.difference and panel.differs)
        if not wanted or pinned in (-1, column) or (pinned, name) not in self.answers:
            return Beside(row=row)
        return Beside(self.answers[pinned, name], self.state.columns[pinned].label, row)

    def differs(self, column: int, name: str) -> bool:
        """Whether a picture shows a difference from the baseline."""
        return PANELS[name].differs and self.state.view.difference and self.beside(column, name).baseline is not None

    def _shown(self, column: int, name: str):
        """What a picture shows: an answer, or the difference of two; the answer where they have no points in common."""
        result = self.answers[column, name]
        if not self.differs(column, name):
            return result
        return beside.minus(result, self.beside(column, name).baseline, self.state.view) or result

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
            if analysis_of(place[1]) == analysis_of(name) and self.differs(*place) == differs
        ] if view.shared else [(column, name)]  # fmt: skip
        spans = [panel.picture.span(self._shown(*place), view) for place in row]
        spans = [span for span in spans if all(map(math.isfinite, span[:2]))]
        common = hull if differs else panel.common
        scale = replace(Scale(*(common(spans, view) if spans else ())), point=point)
        scale = beside.even(scale) if differs else scale
        if analysis_of(name) == "cloud" and view.frame:
            left, right, low, high = view.frame
            scale = replace(scale, left=left, right=right, low=low, high=high)
        return scale

    def _point(self, column: int, name: str) -> tuple[float, ...]:
        """What a picture marks as chosen: a point of the plane, or a point that a cloud's walks visit."""
        if analysis_of(name) == "cloud":
            return self._visited(column, self.answers[column, name].spec)
        return self.state.point if name == "slice" else ()

    def _visited(self, column: int, cloud: Cloud) -> tuple[float, ...]:
        """Walk and step from which the other places' questions start, if this cloud's walks visit it; else empty."""
        start = self.state.question("training", self.state.columns[column]).start
        alone = replace(cloud.walking, walks=Walk.walks, walk_steps=Walk.walk_steps)
        return (start.seed, start.steps) if start.walks and start.walking == alone else ()

    def words(self, column: int, name: str, scale: Scale) -> dict:
        """What the picture says to those who do not see it, and why it may look odd."""
        result, view = self.answers[column, name], self.state.view
        if not self.differs(column, name):
            return {"alt": alternatives.told(name, result, view), "odd": oddities.told(result, view, scale)}
        less = f"Drawn is what remains after {self.beside(column, name).label} is taken away; this column's own: "
        return {"alt": less + alternatives.told(name, result, view), "odd": oddities.told(result, view, Scale())}

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
            return beside.difference(panel.picture, shown, view, scale, colour, others.label)
        drawn = panel.picture.figure(shown, view, scale, colour)
        if others.baseline is not None and panel.overlays:
            reference = panel.picture.figure(others.baseline, view, scale, beside.GREY)
            drawn = beside.overlaid(drawn, reference, others.label)
        curves = self._curves(others)
        return beside.banded(drawn, curves, view) if beside.comparable(curves) else drawn

    def _curves(self, others: Beside) -> list:
        curve = PANELS[name_of(others.row[0].spec)].curve if others.row else None
        return [curve(result, self.state.view) for result in others.row] if curve else []

    def caption(self, column: int, name: str) -> str:
        """What stands under the picture."""
        others, view = self.beside(column, name), self.state.view
        shown, told = self._shown(column, name), []
        if self.differs(column, name):
            apart = shown is not self.answers[column, name]
            told.append(beside.told(view, others.label) if apart else f"not yet comparable with {others.label}")
        elif others.baseline is not None and PANELS[name].overlays:
            told.append(f"dotted grey: {others.label}")
        if others.row:
            told.append(beside.mean_note(self._curves(others), view))
        looked = replace(view, path=False) if self.differs(column, name) else view
        return " · ".join(filter(None, [*told, PANELS[name].picture.caption(shown, looked)]))
