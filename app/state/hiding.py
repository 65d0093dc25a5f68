"""HIDEABLE: what a page may leave out, so that a lesson shows only what it speaks of: `hide=problem,seed,captions`.

A name is that of a part, of a group of the sidebar, or of an option. What is hidden keeps its value; its keys are off.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lossatlas.app.look.places import PLACES
from lossatlas.compute.spec.names import nearest
from lossatlas.compute.spec.options import BadSpec, Option


@dataclass(frozen=True)
class Part:
    """`selectors` find its elements, `keys` are the keyboard's that go with it."""

    label: str
    selectors: tuple[str, ...]
    keys: tuple[str, ...] = ()


TOP = {  # the bar on top, from left to right; `place` among them is an option
    "header": Part("Whole bar on top", (".top",), ("t", "p", "?")),
    "name": Part("Name of the program", (".top .name",)),
    "lessons": Part("Lessons", (".top [href='/lessons']",)),
    "study": Part("Study", (".top [href='/study']",)),
    "gallery": Part("Gallery", (".top [href='/gallery']",)),
    "share": Part("Share", ("#share",)),
    "presenter": Part("Larger type", ("#presenter",), ("p",)),
    "theme": Part("Theme", ("#theme",), ("t",)),
    "follow": Part("Follow me", ("#follow-me",)),
    "help": Part("Help", ("[data-act=help]",), ("?",)),
}
SIDEBAR = {"controls": Part("Whole sidebar", ("#controls",)), "cost": Part("Estimated cost", ("#cost",))}


@dataclass(frozen=True)
class Section:
    """A part of the sidebar: the heading over it, and the groups of options that stand there."""

    label: str
    groups: tuple[str, ...]


SECTIONS = {  # in the order of thought; a group that none of them names follows under its own name
    "problem": Section("Problem", ("Problem",)),
    "activations": Section("Columns", ("Activation",)),
    "start": Section("Start", ("Start",)),
    "slice": Section("Slice", ("Where", "Slice", "Line")),
    "curvature": Section("Spectrum", ("Spectrum",)),
    "seeds": Section(
        "Training and seeds", ("Evolution", "Saturation", "Replicates", "Rise", "Boundary", "WeightSlices")
    ),
    "clouds": Section("Cloud", ("Cloud", "Walk")),
    "morphing": Section("Morph", ("Morph",)),
    "view": Section("View", ("View",)),
}
PAGE = {  # from top to bottom
    "sentence": Part("What is shown", ("#sentence",)),
    "equal": Part("What is equal", ("#equal",)),
    "settings": Part("Settings that differ and are equal", (".settings",)),
    "bar": Part("Colour bar", ("#bar",)),
    "windows": Part("Zoom, and ways to a point", (".windows",), ("i", "o")),
    "numbers": Part("Numbers of each column", (".column .numbers",)),
    "tools": Part("Pin, move, take away a column", (".column-tools",)),
    "states": Part("Progress of each picture", (".slot .state",)),
    "export": Part("Data of each picture", (".slot .exports",)),
    "captions": Part("Captions", (".slot .caption",)),
    "table": Part("Table", ("#comparison",)),
    "player": Part("Player of a training or a morph", (".watch",)),
    "keys": Part("All keys", ()),
}
PARTS = TOP | SIDEBAR | PAGE
NEVER = {"warnings": "A warning says that a picture is not what it seems.", "message": "It says what went wrong."}


def hidden(text: str, options: Iterable[str]) -> tuple[str, ...]:
    """The names in a list between commas.

    Raises:
        BadSpec: a name of nothing that can be hidden.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    known = {*PARTS, *SECTIONS, *options}
    for name in names:
        if name in NEVER:
            raise BadSpec(f"hide cannot take {name} away. {NEVER[name]} Leave it out of hide.")
        if name not in known:
            suggested = nearest(name, sorted(known))
            raise BadSpec(f"hide names what the page leaves out, and nothing is called {name[:60]!r}.{suggested}")
    return names


def declared(sections: Mapping[str, list[Option]]) -> list[dict]:
    """Everything that can be hidden in the page's order, as the editor lists it and the browser applies it.

    `sections` are the sidebar's options by heading. `within` is the name of what holds an entry.
    """
    places = list(PLACES.values())
    told = f"{places[0].label} to {places[-1].label}"
    place = Part(told, ("#places",), tuple(place.key for place in places))
    top = [_entry(name, part, "" if name == "header" else "header") for name, part in TOP.items()]
    top.insert(2, _entry("place", place, "header"))
    inner = [entry for heading, members in sections.items() for entry in _group(heading, members)]
    keys = tuple(key for entry in inner for key in entry["keys"])
    whole = SIDEBAR["controls"]
    side = [_entry("controls", Part(whole.label, whole.selectors, keys), ""), *inner]
    side.append(_entry("cost", SIDEBAR["cost"], "controls"))
    return [*top, *side, *(_entry(name, part, "") for name, part in PAGE.items())]


def _group(heading: str, members: list[Option]) -> list[dict]:
    name = group_of(heading)
    rows = [
        _entry(one.name, Part(one.label, (f"#row-{one.name}",), tuple(one.keys)), name or "controls") for one in members
    ]
    if not name:
        return rows
    keys = tuple(key for row in rows for key in row["keys"])
    return [_entry(name, Part(heading, (f".sections [data-group={name}]",), keys), "controls"), *rows]


def group_of(heading: str) -> str:
    """The name by which a group of the sidebar is hidden; empty for one that has none."""
    return next((name for name, section in SECTIONS.items() if section.label == heading), "")


def heading_of(group: str) -> str:
    """The heading over a group of options; its own name where no section has it."""
    return next((section.label for section in SECTIONS.values() if group in section.groups), group)


def _entry(name: str, part: Part, within: str) -> dict:
    return {"name": name, "label": part.label, "within": within, "selectors": part.selectors, "keys": part.keys}
