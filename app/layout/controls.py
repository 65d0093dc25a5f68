"""Draws the control of any option from the option's own declaration, and tells the browser what it must know.

A new option on a spec appears here without an edit: behind "more", unless it is declared `first`.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from lossatlas.app.look import ids
from lossatlas.app.look.columns import BY, DEFAULT_ACTIVATIONS, MOST_COLUMNS
from lossatlas.app.look.places import PLACES
from lossatlas.app.look.theme import hue
from lossatlas.app.look.view import DEEPEST
from lossatlas.app.panels import PANELS, places_of, question_options
from lossatlas.app.state.comparison import comparables, offered
from lossatlas.app.state.hiding import SECTIONS, heading_of
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.spec.options import Option, text

SHORT = 13  # characters that fit into half the sidebar
MANY = 7  # choices from which a menu can be searched

FIRST_ACTIVATIONS = ("tanh", "relu", "elu", "sigmoid", "gelu", "silu", "sine")


def sections(options: Mapping[str, Option]) -> dict[str, list[Option]]:
    """Heading -> options, each where a reader looks for it: an activation's own parameter stands below it."""
    found: dict[str, list[Option]] = {section.label: [] for section in SECTIONS.values()}
    for option in options.values():
        if option.belongs:
            continue
        shape = option.group == "Problem" and BY in option.hangs_on
        group = "Activation" if shape or option.name == BY else option.group
        found.setdefault(heading_of(group), []).append(option)
    return {heading: members for heading, members in found.items() if members}


def is_first(option: Option, options: Mapping[str, Option]) -> bool:
    """Whether an option is seen at once: with whatever it calls for."""
    return option.first or any(options[name].first for name in option.hangs_on if name in options)


def is_controlled(option: Option) -> bool:
    """Whether a control holds it; buttons, breadcrumbs and links stand for the others."""
    return option.belongs in ("", "header")


def prop(option: Option) -> str:
    """The property by which Dash holds the option's value; what the bar chooses has a hidden element."""
    if option.belongs == "header":
        return "title"
    return "checked" if option.kind is bool else "value"


def declared(options: Mapping[str, Option]) -> list[dict]:
    """What the browser must know of each control, in order, to join it with the URL."""
    by = comparables(question_options())
    return [
        {
            "name": option.name,
            "kind": _kind(option),
            "prop": prop(option),
            "default": ",".join(DEFAULT_ACTIVATIONS) if option.name == BY else text(option.default),
            "choices": list(option.menu()),
            "most": MOST_COLUMNS,
            "when": (needed if len(needed) == 1 else {}) | _somewhere(option),
            "either": needed if len(needed) > 1 else {},
            "followed": bool(option.slider),
            "offered": offered(option) if option.name in by else None,
            "leaves": "plane" in option.leaves,
            "leavesCloud": "region" in option.leaves,
            "keys": dict(option.keys),
        }
        for option in options.values()
        if is_controlled(option)
        for needed in [matters(option, options)]
    ]


def declared_names(options: Mapping[str, Option]) -> dict[str, Any]:
    """What the browser must know of the names of the URL: those that it carries along, that no room passes on, that are
    no part of a question or its look, and those of coordinates.
    """
    beside = {name: option for name, option in options.items() if option.belongs in ("browser", "lesson")}
    return {
        "themes": list(options["theme"].menu()),
        "extras": [name for name, option in beside.items() if option.choices is None],
        "own": [name for name, option in beside.items() if option.belongs == "browser"],
        "beside": sorted(beside),
        "onPlane": [name for name, option in options.items() if option.lies == "plane"],
        "onCloud": [name for name, option in options.items() if option.lies == "region"],
        "by": BY,
        "deepest": DEEPEST,
        "none": text(()),
    }


def declared_panels() -> dict[str, dict]:
    """What the browser must know of each panel: its title, the analysis that it asks for, the place where it stands,
    whether surfaces stand there, whether it can be asked at a point of the plane, and what clicks and drags on it do.
    """
    return {
        name: {
            "title": panel.title,
            "analysis": panel.analysis,
            "place": panel.place,
            "surface": panel.surface,
            "plane": panel.plane,
            "aims": panel.asks(question_options()["at"]),
            "brushes": panel.brushes is not None,
            "picks": panel.picks,
            "marks": panel.marks,
        }
        for name, panel in PANELS.items()
    }


def _somewhere(option: Option) -> dict[str, list[str]]:
    """The places that have a use for an option, where these are not all."""
    found = places_of(option)
    return {} if len(found) == len(PLACES) else {"place": found}


def _kind(option: Option) -> str:
    if option.name == BY:
        return "several"
    if option.choices is not None:
        return "choice"
    return option.kind if isinstance(option.kind, str) else option.kind.__name__  # "str" is a line of text


def matters(option: Option, options: Mapping[str, Option]) -> dict[str, list[str]]:
    """{other option: the choices that make this one matter}, any one of them; empty if it always does."""
    if option.when is None:
        return {}
    needed = option.when[1]
    others = [name for name in option.hangs_on if name in options and name != option.name]
    return {other: [choice for choice in options[other].menu() if needed(choice)] for other in others}


def control(option: Option) -> Component:
    """The labelled control of one option, in a row that may be hidden."""
    drawn = _activations(option) if option.name == BY else _input(option)
    wide = "wide" if _is_wide(option) else "half"
    return html.Div(drawn, id=ids.row(option.name), className=f"row {wide}", title=option.help)


def _is_wide(option: Option) -> bool:
    names = option.menu().values()
    spacious = option.wide or option.slider or option.kind in (bool, "numbers") or _is_switchable(option)
    return bool(spacious) or any(len(name) > SHORT for name in names)


def _is_switchable(option: Option) -> bool:
    return option.choices is not None and len(option.menu()) == 2


def _input(option: Option) -> Component:
    spoken = ids.aria(description=option.help)
    names, label = ids.option(option.name), option.label
    if option.kind is bool:
        return dmc.Switch(
            id=names, label=label, checked=bool(option.default), size="sm", labelPosition="left", **spoken
        )
    if _is_switchable(option):
        return _pair(option, spoken)
    if option.choices is not None:
        return _menu(option, spoken)
    if option.slider:
        return _slider(option, spoken)
    if option.kind in (int, float):
        return dmc.NumberInput(
            id=names, label=label, value=option.default, min=option.low, max=option.high, step=step(option),
            allowDecimal=option.kind is float, allowNegative=option.low is None or option.low < 0,
            clampBehavior="none", **spoken,
        )  # fmt: skip
    return dmc.TextInput(
        id=names, label=label, value=text(option.default), spellCheck=False, autoComplete="off", **spoken
    )


def _menu(option: Option, spoken: dict[str, Any]) -> Component:
    menu = option.menu()
    return dmc.Select(
        id=ids.option(option.name), label=option.label, value=text(option.default), allowDeselect=False,
        data=[{"value": name, "label": shown} for name, shown in menu.items()], maxDropdownHeight=320,
        searchable=len(menu) >= MANY, clearSearchOnFocus=True, selectFirstOptionOnChange=True,
        nothingFoundMessage="Nothing has this name.", w="100%",
        comboboxProps={"width": "max-content", "position": "bottom-start"}, **spoken,
    )  # fmt: skip


def _pair(option: Option, spoken: dict[str, Any]) -> Component:
    """Two choices side by side, under a label that belongs to both."""
    label = html.Span(option.label, className="label", id=f"label-{option.name}")
    return html.Div([label, _switch_between(option, fullWidth=True, **spoken)])


def _switch_between(option: Option, **more: Any) -> Component:
    """All choices side by side; the label stands elsewhere, with id `label-<name>`."""
    return dmc.SegmentedControl(
        id=ids.option(option.name), value=text(option.default), size="xs",
        data=[{"value": name, "label": shown} for name, shown in option.menu().items()],
        **ids.aria(labelledby=f"label-{option.name}"), **more,
    )  # fmt: skip


def _slider(option: Option, spoken: dict[str, Any]) -> Component:
    quarter = (option.high - option.low) / 4  # type: ignore[operator]
    marks = [{"value": option.low + n * quarter, "label": f"{option.low + n * quarter:g}"} for n in range(5)]  # type: ignore[operator]
    return html.Div([
        html.Span(option.label, className="label"),
        dmc.Slider(
            id=ids.option(option.name), value=option.default, min=option.low, max=option.high,
            step=option.slider, marks=marks, updatemode="drag", size="sm", thumbLabel=option.label, **spoken,
        ),
    ])  # fmt: skip


def step(option: Option) -> float:
    """What an arrow adds: one in the default's leading digit, or for 1.0, 0.1, … one in the next."""
    default = abs(float(option.default))  # type: ignore[arg-type]
    if option.kind is int:
        return 10 ** math.floor(math.log10(default)) if default else 1
    return 10.0 ** math.floor(math.log10(0.99 * default)) if default else 0.01


def _activations(option: Option) -> Component:
    menu = option.menu()
    first = [name for name in FIRST_ACTIVATIONS if name in menu]
    rest = [name for name in menu if name not in first]
    closed = ids.aria(expanded="false")
    more = html.Button("more…", id="more-activations", className="quiet", type="button", **closed)
    chips = [*_chips(first, menu, "chip"), *_chips(rest, menu, "chip rest"), more]
    group = dmc.ChipGroup(chips, id=ids.ACTIVATION, multiple=True, value=list(DEFAULT_ACTIVATIONS))
    words = ids.aria(label=f"{option.label}s, 1 to {MOST_COLUMNS}", description=option.help)
    return html.Div(group, className="chips", id="chips", role="group", **words)


def _chips(names: Iterable[str], menu: Mapping[str, str], kind: str) -> list[Component]:
    return [
        html.Span(
            dmc.Chip(menu[name], id=ids.chip(name), value=name, color=hue(name), variant="filled", size="sm"),
            className=kind, title=ACTIVATIONS[name].note if name in ACTIVATIONS else None,
        )
        for name in names
    ]  # fmt: skip
