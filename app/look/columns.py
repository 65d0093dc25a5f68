"""Columns: what stands side by side. The activations, or several values of any one other option."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lossatlas.app.look.theme import HUES, hues
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.spec.options import BadSpec, Option, nearest, text

MOST_COLUMNS = 6
DEFAULT_ACTIVATIONS = ("tanh", "relu", "elu")
BY = "activation"  # what is compared unless the reader says otherwise
GROUPS = ("Problem", "Start", "Walk")  # of the options that can be compared, beside those named below
ALSO = ("directions", "direction_seed", "part", "statistics", "mix_with", "mix", "morph_to")
FIRST_OFFERED = {  # the columns that a comparison begins with, chosen by eye; the others go by kind
    "dataset": "iris,wine,heart", "widths": "2,4,8", "channels": "2-4,6-16", "dense": "16,120-84",
    "seed": "3,4,5", "steps": "0,100,400", "rate": "0.01,0.05,0.2", "init_range": "0.1,1.0,5.0",
    "alpha": "0.5,1.0,2.0", "slope": "0.0,0.01,0.3", "beta": "1.0,4.0,16.0", "l2": "0.0,0.001,0.01",
    "batch": "0,32", "noise": "0.0,0.2,0.4", "test_share": "0.2,0.5", "max_samples": "0,60", "momentum": "0.0,0.9",
    "rescale": "1.0,2.0,4.0", "walks": "20,100", "walk_range": "1.0,10.0", "walk_size": "0.01,0.1",
    "walk_steps": "100,1000", "walk_batch": "0,32", "mix": "0.0,0.5,1.0", "mix_with": "none,relu,sine",
    "morph_to": "relu,gelu,sine",
}  # fmt: skip


def comparables(options: Mapping[str, Option]) -> dict[str, str]:
    """Name -> label of the options whose values may stand side by side."""
    chosen = [one for one in options.values() if one.group in GROUPS or one.name in ALSO]
    return {one.name: one.label for one in chosen if one.kind != "numbers"}


def offered(one: Option) -> str:
    """The values that a comparison by an option begins with, as text."""
    if one.name == BY:
        return ",".join(DEFAULT_ACTIVATIONS)
    if one.name in FIRST_OFFERED:
        return FIRST_OFFERED[one.name]
    if one.kind is bool:
        return "0,1"
    if one.choices is not None:
        names = list(one.menu())
        return ",".join(dict.fromkeys([text(one.default), *names][:4]))
    return ",".join(str(seed) for seed in range(3))  # what is left are seeds


@dataclass(frozen=True)
class Column:
    """One value of what is compared: its text in the URL, how the page calls it, what it changes, and its colour."""

    name: str
    label: str
    changes: Mapping[str, str] = field(hash=False)
    hue: str


def read_columns(
    compare: str, columns: str, activation: str | None, options: Mapping[str, Option]
) -> tuple[Column, ...]:
    """The columns from left to right, by `columns` of the option `compare` or by activations; equal values are one.

    Raises:
        BadSpec: a value that the option does not allow, none or too many.
    """
    if compare == BY:
        names = _names(activation) if activation is not None else DEFAULT_ACTIVATIONS
        colours = hues(names)
        return tuple(Column(name, ACTIVATIONS[name].label, {BY: name}, colours[name]) for name in names)
    one = options[compare]
    fixed = _names(activation)[0] if activation is not None else DEFAULT_ACTIVATIONS[0]
    given = columns or offered(one)
    values = dict.fromkeys(text(one.coerce(part.strip())) for part in given.split(",") if part.strip())
    _check_count(len(values), compare)
    return tuple(
        Column(value, label_of(one, value), {BY: fixed, one.name: value}, HUES[place])
        for place, value in enumerate(values)
    )


def label_of(one: Option, value: str) -> str:
    """A column's name on the page: the choice's own label, or the option with its value."""
    if one.choices is not None:
        return one.menu()[value]
    if one.kind is bool:
        return f"{one.label}: {'on' if value == '1' else 'off'}"
    return f"{one.label} {value}"


def _names(text_: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text_.split(",") if name.strip()))
    _check_count(len(names), BY)
    for name in names:
        if name not in ACTIVATIONS:
            raise BadSpec(f"There is no activation called {name[:60]!r}.{nearest(name, ACTIVATIONS)}")
    return names


def _check_count(count: int, name: str) -> None:
    if not 1 <= count <= MOST_COLUMNS:
        things = "functions" if name == BY else "values"
        raise BadSpec(f"{name} names 1 to {MOST_COLUMNS} {things}, one a column; got {count}.")
