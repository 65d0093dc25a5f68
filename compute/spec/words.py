"""What a question is, in words: every option that was chosen, as the option itself has it said.

Whatever tells a reader what was asked takes its words from here, so that no option can be left out of one place.
"""

from collections.abc import Mapping
from typing import Any

from lossatlas.compute.spec.options import Option, flat, options_of, text

NOTHING = ", which changes nothing here"  # of a value that asks for the same as the usual one


def differing(spec: Any, quiet: tuple[str, ...] = ("never",)) -> dict[str, str]:
    """By option in the order declared, what is said of each that is away from its default and has a meaning.

    `quiet`: those that are `said` so are left out; others say them.
    """
    values, table = flat(spec), options_of(type(spec))
    chosen = [one for one in table.values() if values[one.name] != one.default and one.matters(values)]
    phrases = {one.name: phrase(one, values) for one in chosen if one.said not in quiet}
    return {name: words for name, words in phrases.items() if words}


def phrase(option: Option, values: Mapping[str, Any]) -> str:
    """An option and its value among those of the others, as a part of a sentence."""
    value = values[option.name]
    if not isinstance(option.told, str):
        others, function = option.told
        return function(value, *(values.get(name) for name in others))
    form = option.told or f"{_within(option.label)} {{}}"
    return form.format(shown(option, value)) + (NOTHING if _idle(option, values) else "")


def _within(label: str) -> str:
    """A label inside a sentence."""
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def shown(option: Option, value: Any) -> str:
    """A value as a reader knows it: the label of a choice, on and off, numbers no longer than they need be."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return option.menu().get(str(value), text(value)) if option.choices is not None else text(value)


def _idle(option: Option, values: Mapping[str, Any]) -> bool:
    """Whether the value asks for the same as the usual one."""
    if option.means is None or not values.keys() >= set(option.means[0]):
        return False
    others, meaning = option.means
    return meaning(values[option.name], *(values[name] for name in others)) == option.default
