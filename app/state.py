"""The page's state as its query string: which activations side by side, the question they share, and the view."""

import contextlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from app.panels import PANELS, PLACES
from app.view import View
from compute.activations import ACTIVATIONS
from compute.options import BadSpec, Option, build, nearest, options_of, read_query
from compute.slices import Slice
from compute.spectra import Spectrum

MOST_COLUMNS = 6
DEFAULT_ACTIVATIONS = ("tanh", "relu", "elu")
NOTHING: Mapping[str, str] = {}
QUESTIONS = tuple(panel.spec for panel in PANELS.values())


@dataclass(frozen=True)
class PageState:
    """`values` are the options given, by name, `activation` left out."""

    activations: tuple[str, ...]
    values: dict[str, str]
    view: View

    @property
    def panels(self) -> tuple[str, ...]:
        """The rows of the place, from top to bottom."""
        rows = PLACES[self.view.place].panels
        return tuple(name for name in rows if self.view.multiples or not PANELS[name].preset)

    @property
    def window(self) -> tuple[float, ...]:
        """The part of the plane that is drawn; empty for the whole picture."""
        return self.spec(Slice, self.activations[0]).window

    @property
    def point(self) -> tuple[float, ...]:
        """Where on the plane spectra are taken; empty for the point reached, and where none is shown."""
        if "spectrum" not in self.panels:
            return ()
        with contextlib.suppress(BadSpec):  # the panel says so
            return self.spec(Spectrum, self.activations[0]).at
        return ()

    def spec(self, spec_type: type, activation: str, extent: float | None = None, preset: Mapping[str, str] = NOTHING):
        """The question of one column."""
        known = options_of(spec_type)
        values: dict[str, object] = {name: value for name, value in self.values.items() if name in known}
        values.update(preset)
        if extent is not None and "extent" in known:
            values["extent"] = extent
        if self.view.show == "accuracy" and "accuracy" in known:
            values["accuracy"] = True  # on a grid it is computed only when it is looked at
        return build(spec_type, values | {"activation": activation})


def question_options() -> dict[str, Option]:
    """Every option that a question on the page may have, as the first panel that has it declares it."""
    found: dict[str, Option] = {}
    for spec_type in QUESTIONS:
        found = found | {name: one for name, one in options_of(spec_type).items() if name not in found}
    return found


def read_state(query: str) -> PageState:
    """The state that a query string describes. That options do not go together is told by the panel that needs them,
    but for the surface's.

    Raises:
        BadSpec: an unknown name (the nearest is suggested), a value that is not allowed, no or too many activations, or
            a surface that cannot be.
    """
    given = read_query(query)
    options, looks = question_options(), options_of(View)
    for name in given:
        if name not in options and name not in looks:
            raise BadSpec(f"There is no option called {name[:60]!r}.{nearest(name, [*options, *looks])}")
    values = {name: value for name, value in given.items() if name in options and name != "activation"}
    view = build(View, {name: value for name, value in given.items() if name in looks})
    state = PageState(_activations(given.get("activation")), values, view)
    for name, value in values.items():
        options[name].coerce(value)
    for activation in state.activations:
        state.spec(Slice, activation)
    _check_trail(view, state.window)
    return state


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


def _activations(text: str | None) -> tuple[str, ...]:
    if text is None:
        return DEFAULT_ACTIVATIONS
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not 1 <= len(names) <= MOST_COLUMNS:
        raise BadSpec(f"activation names 1 to {MOST_COLUMNS} functions, one a column; got {len(names)}.")
    for name in names:
        if name not in ACTIVATIONS:
            raise BadSpec(f"There is no activation called {name[:60]!r}.{nearest(name, ACTIVATIONS)}")
    return names
