"""The page's state as its query string: what stands side by side, the question the columns share, and the view."""

import contextlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lossatlas.app.look.columns import BY, DEFAULT_ACTIVATIONS, Column
from lossatlas.app.look.places import PLACES, Place
from lossatlas.app.look.view import View
from lossatlas.app.panels import PANELS, Panel, panels_of, question_options
from lossatlas.app.state.comparison import Comparison, offered, read_columns
from lossatlas.app.state.hiding import hidden
from lossatlas.app.state.lesson import expand
from lossatlas.app.state.questions import Questions
from lossatlas.compute.analyses.morphs import Morph
from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.analyses.spectra.question import Spectrum
from lossatlas.compute.spec.names import nearest
from lossatlas.compute.spec.options import BadSpec, Option, build, join, options_of, read_query, text

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class PageState:
    columns: tuple[Column, ...]
    comparison: Comparison
    questions: Questions
    view: View

    @property
    def values(self) -> dict[str, str]:
        """The options given that all columns share, by name."""
        return self.questions.values

    @property
    def panels(self) -> tuple[str, ...]:
        """The rows of the place, from top to bottom."""
        rows = panels_of(self.view.place)
        return tuple(name for name in rows if self.view.multiples or not PANELS[name].preset)

    @property
    def place(self) -> Place:
        """What is shown."""
        return PLACES[self.view.place]

    @property
    def head(self) -> Panel:
        """The panel whose question is the place's own."""
        return PANELS[self.place.head]

    @property
    def window(self) -> tuple[float, ...]:
        """The part of the plane that is drawn; empty for the whole picture."""
        return self.spec(Slice, self.columns[0]).window

    @property
    def point(self) -> tuple[float, ...]:
        """Where on the plane spectra are taken; empty for the point reached, and where none is shown."""
        if all(PANELS[name].spec is not Spectrum for name in self.panels):
            return ()
        with contextlib.suppress(BadSpec):  # the panel says so
            return self.spec(Spectrum, self.columns[0]).at
        return ()

    def spec(
        self, spec_type: type, column: Column, extent: float | None = None, preset: Mapping[str, str] = NOTHING
    ) -> Any:
        """The question of this type in one column.

        Raises:
            BadSpec: its options do not go together.
        """
        known = options_of(spec_type)
        own: dict[str, object] = dict(preset)
        if extent is not None and "extent" in known:
            own["extent"] = extent
        if self.view.show == "accuracy" and "accuracy" in known:
            own["accuracy"] = True  # on a grid it is computed only when it is looked at
        return self.questions.of(
            spec_type, own | {name: column.changes[name] for name in column.changes if name in known}
        )

    def question(self, panel: str, column: Column, extent: float | None = None) -> Any:
        """The question of one panel of a column."""
        return self.spec(PANELS[panel].spec, column, extent, PANELS[panel].preset)


def page_options() -> dict[str, Option]:
    """Every option of the page by name: what stands side by side, those of its questions, those of the view."""
    return {**options_of(Comparison), **question_options(), **options_of(View)}


def read_state(query: str) -> PageState:
    """The state that a query string describes. That options do not go together is told by the panel that needs them,
    but for the surface's.

    Raises:
        BadSpec: an unknown name (the nearest is suggested), a value that is not allowed, no or too many columns, or a
            surface that cannot be.
    """
    given = expand(read_query(query))
    options, looks, sides = question_options(), options_of(View), options_of(Comparison)
    for name in given:
        if name not in options and name not in looks and name not in sides:
            raise BadSpec(f"There is no option called {name[:60]!r}.{nearest(name, {**options, **looks, **sides})}")
    comparison = build(Comparison, {name: value for name, value in given.items() if name in sides})
    values = {name: value for name, value in given.items() if name in options and name not in (BY, comparison.compare)}
    view = build(View, {name: value for name, value in given.items() if name in looks})
    hidden(view.hide, [*options, *looks, *sides])
    columns = read_columns(comparison, given.get(BY), options)
    state = PageState(columns, comparison, Questions(values), view)
    for name, value in values.items():
        options[name].coerce(value)
    for column in state.columns:
        state.spec(Slice, column)
    if int(view.baseline) > len(columns):
        raise BadSpec(f"baseline is the number of a column, 1 to {len(columns)} here; got {view.baseline}.")
    _check_trail(view, state.window)
    return replace(state, columns=tuple(_named(state, column) for column in columns))


def _named(state: PageState, column: Column) -> Column:
    """A column of an activation under the name of what its hidden units compute, or go through."""
    if state.comparison.compare != BY:
        return column
    if not state.place.morphs:
        return replace(column, label=state.spec(Slice, column).problem.unit.label)
    with contextlib.suppress(BadSpec):  # the panel says so
        return replace(column, label=state.spec(Morph, column).label)
    return column


def _check_trail(view: View, window: tuple[float, ...]) -> None:
    if view.windows and not window:
        raise BadSpec("trail is the way to a window, and this question has none. Leave it out.")
    way = [*view.windows, window]
    for (a, b, c, d), (low, high, lower, higher) in itertools.pairwise(way):
        if not (a <= low and high <= b and c <= lower and higher <= d):
            raise BadSpec(
                "trail must lead inward, each window within the one before and the last around this one; "
                f"{low:g},{high:g},{lower:g},{higher:g} is not within {a:g},{b:g},{c:g},{d:g}. Leave it out."
            )


def written(query: str) -> str:
    """The one way to write a page's state: options in the page's order, in their own types, without the defaults.

    Raises:
        BadSpec: as `read_state`.
    """
    state, options = read_state(query), page_options()
    texts = {name: text(options[name].coerce(value)) for name, value in state.values.items()}
    texts |= {name: text(getattr(state.view, name)) for name in options_of(View)}
    texts |= _columns(state) | {"hide": ",".join(hidden(state.view.hide, options))}
    usual = {name: text(option.default) for name, option in options.items()} | {BY: ""}  # empty: the usual columns
    return join({name: texts[name] for name in options if name in texts and texts[name] != usual[name]})


def _columns(state: PageState) -> dict[str, str]:
    """What makes the columns, without what is theirs anyway."""
    names, by = tuple(column.name for column in state.columns), state.comparison.compare
    if by == BY:
        return {BY: "" if names == DEFAULT_ACTIVATIONS else ",".join(names)}
    fixed = state.columns[0].changes[BY]
    offer = "" if ",".join(names) == offered(page_options()[by]) else ",".join(names)
    return {"compare": by, "columns": offer, BY: "" if fixed == DEFAULT_ACTIVATIONS[0] else fixed}
