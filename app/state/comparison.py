"""What a page compares: which option differs from column to column, and its values from left to right."""

from collections.abc import Mapping
from dataclasses import dataclass

from lossatlas.app.look.columns import BY, DEFAULT_ACTIVATIONS, MOST_COLUMNS, Column
from lossatlas.app.look.theme import HUES, hues
from lossatlas.app.panels import question_options
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.spec.names import nearest
from lossatlas.compute.spec.options import BadSpec, Option, check, option, text

GROUPS = ("Problem", "Start", "Walk")  # of the options that can be compared, beside those that say so


def comparables(options: Mapping[str, Option]) -> dict[str, str]:
    """Name -> label of the options whose values may stand side by side."""
    chosen = [one for one in options.values() if one.compared or one.group in GROUPS]
    return {one.name: one.label for one in chosen if one.kind != "numbers"}


def offered(one: Option) -> str:
    """The values that a comparison by an option begins with, as text."""
    if one.name == BY:
        return ",".join(DEFAULT_ACTIVATIONS)
    if one.offers:
        return one.offers
    if one.kind is bool:
        return "0,1"
    if one.choices is not None:
        names = list(one.menu())
        return ",".join(dict.fromkeys([text(one.default), *names][:4]))
    return ",".join(str(seed) for seed in range(3))  # what is left are seeds


@dataclass(frozen=True)
class Comparison:
    """`columns` are values of the option `compare`; the activations name their own columns."""

    compare: str = option(
        BY,
        choices=lambda: comparables(question_options()),
        label="Compare by",
        help="What differs from column to column; everything else is equal.",
        group="Activation",
        first=True,
        wide=True,
        leaves=("plane",),
    )
    columns: str = option(
        "",
        longest=400,
        label="Columns",
        help="The values side by side, with commas; 1 to 6.",
        when=("compare", lambda name: name != BY),
        group="Activation",
        first=True,
        wide=True,
    )

    def __post_init__(self) -> None:
        check(self)


def read_columns(comparison: Comparison, activation: str | None, options: Mapping[str, Option]) -> tuple[Column, ...]:
    """The columns from left to right; equal values are one.

    Raises:
        BadSpec: a value that the option does not allow, none or too many.
    """
    if comparison.compare == BY:
        names = _names(activation) if activation is not None else DEFAULT_ACTIVATIONS
        colours = hues(names)
        return tuple(Column(name, ACTIVATIONS[name].label, {BY: name}, colours[name]) for name in names)
    one = options[comparison.compare]
    fixed = _names(activation)[0] if activation is not None else DEFAULT_ACTIVATIONS[0]
    given = comparison.columns or offered(one)
    values = dict.fromkeys(text(one.coerce(part.strip())) for part in given.split(",") if part.strip())
    _check_count(len(values), comparison.compare)
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
