"""Declare a spec's field once: default, bounds, label and help; coerce and check it at the door.

A spec is a frozen dataclass whose fields are made by `option` or are specs themselves. Its written form is a
query string (`dataset=iris&widths=4&activation=tanh`), the one vocabulary of page, command line and notebook.
"""

import dataclasses
import functools
import math
import operator
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote_plus

from lossatlas.compute.spec.names import nearest

T = TypeVar("T")

AUTO = "auto"
LONGEST_QUERY = 4_000  # characters; every option written out takes about 700 (chosen by eye)
# Forms write a space as a plus; in the exponent of a number no space can stand.
_PLUS = re.compile(r"(?<=[\d.]e)\+(?=\d)", re.IGNORECASE | re.ASCII)
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class BadSpec(ValueError):
    """A question that cannot be asked; its message is one sentence fit for a reader."""


@dataclass(frozen=True)
class Option:
    """What a reader may choose for one field; `kind` is int, float, bool, str, "widths", "numbers" or
    "float or auto". What a page does with it stands below `group`, as `option` tells.
    """

    name: str
    kind: type | str
    default: object
    label: str
    help: str
    low: float | None
    high: float | None
    longest: int | None
    choices: Mapping[str, object] | Callable[[], Mapping[str, object]] | None
    when: tuple[str | tuple[str, ...], Callable[[str], bool]] | None
    group: str
    means: tuple[tuple[str, ...], Callable[..., object]] | None = None
    told: "str | tuple[tuple[str, ...], Callable[..., str]]" = ""
    first: bool = False
    wide: bool = False
    slider: float = 0.0
    keys: Mapping[str, str] = dataclasses.field(default_factory=dict)
    compared: bool = False
    offers: str = ""
    decides: tuple[str, ...] = ()
    said: str = ""
    lies: str = ""
    leaves: tuple[str, ...] = ()
    many: bool = False
    pictures: tuple[str, ...] = ()
    belongs: str = ""
    taught: bool = False
    also: tuple[str, ...] = ()
    absent: Callable[[str], str] | None = None

    def menu(self) -> dict[str, str]:
        """The choices as name -> label, read from the registry at the time of asking."""
        return {name: entry if isinstance(entry, str) else entry.label for name, entry in self._known().items()}  # type: ignore[attr-defined]

    def _known(self) -> Mapping[str, object]:
        return self.choices() if callable(self.choices) else self.choices or {}

    @property
    def hangs_on(self) -> tuple[str, ...]:
        """The options any of which can make this one matter; none where it always does."""
        names = self.when[0] if self.when else ()
        return (names,) if isinstance(names, str) else names

    def matters(self, values: Mapping[str, object]) -> bool:
        """Whether the option has a meaning among the values of the others; a value that is not among them forbids
        nothing.
        """
        there = [str(values[name]) for name in self.hangs_on if name in values]
        return not self.when or not there or any(self.when[1](value) for value in there)

    def coerce(self, value: object) -> object:
        """The value in the field's own type.

        Raises:
            BadSpec: it is not of that type, not among the choices, or out of bounds.
        """
        if self.choices is not None:
            return self._choose(value)
        if self.kind is bool:
            return self._flag(value)
        if self.kind == "widths":
            return tuple(
                self._bounded(self._integer(part)) for part in self._parts(value, r"\s*[-,x]\s*|\s+", "layers")
            )
        if self.kind == "numbers":
            return tuple(self._bounded(self._number(part)) for part in self._parts(value, r"\s*,\s*|\s+", "numbers"))
        if self.kind is str:
            return self._line(value)
        if self.kind == "float or auto" and str(value).strip().lower() == AUTO:
            return AUTO
        return self._bounded(self._integer(value) if self.kind is int else self._number(value))

    def _choose(self, value: object) -> str:
        known = self._known()
        if isinstance(value, str) and value in known:
            return value
        said = self.absent(str(value)) if self.absent else ""
        raise BadSpec(
            f"{self.name} must be one of the names known here; got {show(value)}.{said or nearest(value, known)}"
        )

    def _line(self, value: object) -> str:
        line = str(value).strip()
        if (self.longest is not None and len(line) > self.longest) or not line.isprintable():
            raise BadSpec(f"{self.name} must be at most {self.longest} printable characters; got {show(value)}.")
        return line

    def _flag(self, value: object) -> bool:
        text = str(value).strip().lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise BadSpec(f"{self.name} must be true or false; got {show(value)}.")

    def _number(self, value: object) -> float:
        try:
            number = _float(value)
        except (TypeError, ValueError, OverflowError):
            raise BadSpec(f"{self.name} must be a number; got {show(value)}.") from None
        if not math.isfinite(number):
            raise BadSpec(f"{self.name} must be a finite number; got {show(value)}.")
        return number + 0.0  # -0.0 and 0.0 are one value

    def _integer(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        try:
            number = _float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number) or number != int(number):
            raise BadSpec(f"{self.name} must be a whole number; got {show(value)}.")
        return int(number)

    def _bounded(self, number: float) -> float:
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            raise BadSpec(f"{self.name} must lie between {self.low} and {self.high}; got {show(number)}.")
        return number

    def _parts(self, value: object, between: str, things: str) -> list[object]:
        if isinstance(value, str):
            text = value.strip().lower()
            parts: list[object] = [] if text in ("", "none") else list(re.split(between, text))
        elif isinstance(value, Iterable):
            parts = list(value)
        else:
            parts = [value]
        if self.longest is not None and len(parts) > self.longest:
            raise BadSpec(f"{self.name} must name at most {self.longest} {things}; got {len(parts)}.")
        return parts


def _float(value: Any) -> float:
    """float(value), but of texts only those that the page's scripts read: no 1_000, no digits of other scripts.

    Raises:
        TypeError, ValueError, OverflowError: it is no number.
    """
    if isinstance(value, bool) or (isinstance(value, str) and ("_" in value or not value.isascii())):
        raise TypeError
    return float(value)


def option(
    default: object, *, label: str, help: str, low: float | None = None, high: float | None = None,
    longest: int | None = None, choices: Any = None, when: Any = None, group: str = "", means: Any = None,
    told: Any = "", said: str = "", first: bool = False, wide: bool = False, slider: float = 0.0,
    keys: Mapping[str, str] | None = None, compared: bool = False, offers: str = "", decides: tuple[str, ...] = (),
    lies: str = "", leaves: tuple[str, ...] = (), many: bool = False, pictures: tuple[str, ...] = (),
    belongs: str = "", taught: bool = False, also: tuple[str, ...] = (), absent: Callable[[str], str] | None = None,
) -> Any:  # fmt: skip
    """A dataclass field that states its bounds, label and help.

    `choices` is a registry (name -> record with a label, or name -> label), or a function that returns one.
    `when` = (other field, predicate over its value) says when the field matters; elsewhere it is left out of keys. Of
    several other fields, (names, predicate), one is enough. `also`: what else the field calls it; such a name is no
    other way to ask, but is answered with the one that is. `absent(value)`: what to say of a value that is none of the
    choices, before any suggestion; empty if nothing.
    `means` = (other fields, function of its value and theirs) gives the value that asks for the same, where several do:
    a batch that holds all patterns is the full batch. Keys and answers have that one.

    Away from its default every option is said wherever it is told what a question is (`words.differing`), by its label
    and value, or as it is
        told: a text with {} for the value, or (other fields, function of its value and theirs).
        said: "always", in what is said of any question, or in that of "walks"; by its "picture", in words of the
            picture's own; "never", as it decides nothing of what is seen.

    A page reads the rest:
        first, wide: its control is seen at once and not behind "more"; takes a whole row, whatever its kind.
        slider: it is drawn as one, with this step of an arrow key; the picture follows while it moves.
        keys: of the keyboard, each with the choice that it takes; with "" it switches, or goes to the control.
        compared, offers: its values may stand side by side, beside those of Problem, Start and Walk; the columns that
            begin such a comparison, with commas, where its kind does not say which.
        decides: what of "data", "draw", "walks" and "plane" is no longer equal where it differs.
        lies, leaves: coordinates on the "plane", or a "region" of a cloud; those that mean nothing after it changed.
        many: it speaks of how many walks, or how long: a point is reached by one, of its own steps.
        pictures: the panels whose pictures alone read it; none stands for all.
        belongs: where it is chosen, if not in the sidebar: the "header", the "browser" that each reader has to himself,
            the "lesson" that is shown, or the "crumbs" that lead out of a window. `taught`: a lesson sets it even so.
    """
    declared = dict(
        label=label, help=help, low=low, high=high, longest=longest, choices=choices, when=when, means=means, told=told,
        said=said, first=first, wide=wide, slider=slider, keys=keys or {}, compared=compared, offers=offers,
        decides=decides, lies=lies, leaves=leaves, many=many, pictures=pictures, belongs=belongs, taught=taught,
        also=also, absent=absent,
    )  # fmt: skip
    return dataclasses.field(default=default, metadata={"option": declared, "group": group})


def options_of(spec_type: type) -> dict[str, Option]:
    """Every option of a spec and of the specs inside it, by name, in the order declared.

    Raises:
        TypeError: two of the nested records use one name for a field.
    """
    return _declared(spec_type)  # type: ignore[arg-type]


# Half of the time that a spec takes to be built, and a third of a page's, when asked anew for every record.
_hints = functools.cache(typing.get_type_hints)


@functools.cache
def _declared(spec_type: Any) -> dict[str, Option]:
    found: dict[str, Option] = {}
    hints = _hints(spec_type)
    for item in dataclasses.fields(spec_type):
        hint = hints[item.name]
        if dataclasses.is_dataclass(hint):
            inner = options_of(typing.cast(type, hint))
        else:
            group = item.metadata["group"] or spec_type.__name__
            inner = {
                item.name: Option(item.name, _kind(hint), item.default, group=group, **dict(item.metadata["option"]))
            }
        if clash := found.keys() & inner.keys():
            raise TypeError(f"{spec_type.__name__} declares {sorted(clash)} twice")
        found |= inner
    return found


def _kind(hint: Any) -> type | str:
    if isinstance(hint, types.UnionType):
        return "float or auto"
    if typing.get_origin(hint) is tuple:
        return "numbers" if float in typing.get_args(hint) else "widths"
    return hint


def check(spec: Any) -> None:
    """Coerce and bound every field of a record in place; call it first in `__post_init__`.

    Raises:
        BadSpec: the first field whose value is not allowed.
    """
    table = options_of(type(spec))
    for item in dataclasses.fields(spec):
        if item.name in table:
            object.__setattr__(spec, item.name, table[item.name].coerce(getattr(spec, item.name)))


def build(spec_type: type[T], values: Mapping[str, object], records: dict[type, Any] | None = None) -> T:
    """A spec from flat values by field name; the missing ones take their defaults. `records` holds by type what was
    built of the same values, and gets what is built now: the problem of several questions is then made once.

    Raises:
        BadSpec: a name that no field has (the nearest is suggested), or a value that is not allowed.
    """
    known = options_of(spec_type)
    for name in values:
        if name not in known:
            raise BadSpec(f"There is no option called {show(name)}.{nearest(name, known)}")
    return _assemble(spec_type, values, {} if records is None else records)


def _assemble(spec_type: type[T], values: Mapping[str, object], records: dict[type, Any]) -> T:
    parts: dict[str, Any] = {}
    for name, record in _fields(typing.cast(Any, spec_type)):
        if record is not None:
            if record not in records:
                records[record] = _assemble(record, values, records)
            parts[name] = records[record]
        elif name in values:
            parts[name] = values[name]
    return spec_type(**parts)


@functools.cache
def _fields(spec_type: Any) -> tuple[tuple[str, type | None], ...]:
    """The fields of a record by name, with the type of those that are records themselves."""
    hints = _hints(spec_type)
    inner = {name: typing.cast(type, hint) for name, hint in hints.items() if dataclasses.is_dataclass(hint)}
    return tuple((item.name, inner.get(item.name)) for item in dataclasses.fields(spec_type))


def flat(spec: Any) -> dict[str, object]:
    """Every option's value by name, nested records included."""
    return {name: take(spec) for name, take in _paths(spec.__class__).items()}


@functools.cache
def _paths(spec_type: type) -> dict[str, operator.attrgetter]:
    """How each option's value is taken from a spec."""
    return {path.rpartition(".")[2]: operator.attrgetter(path) for path in _dotted(spec_type)}


def _dotted(spec_type: type) -> Iterator[str]:
    for name, record in _fields(spec_type):
        yield from (f"{name}.{inner}" for inner in _dotted(record)) if record else [name]


def relevant(spec: Any) -> dict[str, object]:
    """Like `flat`, without the options that another choice makes meaningless (α for tanh), and of several values that
    ask for the same the one that stands for all.
    """
    return _relevant(spec).copy()


@functools.lru_cache(500)  # a page looks at each of its questions for the key, the settings and the tasks
def _relevant(spec: Any) -> dict[str, object]:
    values = flat(spec)
    for name, others, meaning in _meanings(spec.__class__):
        values[name] = meaning(values[name], *(values[other] for other in others))
    idle = [
        name for name, others, allowed in _conditions(spec.__class__)
        if not any(allowed(str(values[other])) for other in others)
    ]  # fmt: skip
    return {name: value for name, value in values.items() if name not in idle}


@functools.cache
def _conditions(spec_type: type) -> list[tuple[str, list[str], Callable[[str], bool]]]:
    """The options of a spec that do not always matter: each with those of the others that it hangs on."""
    table = options_of(spec_type)
    found = [(one.name, [name for name in one.hangs_on if name in table], one.when) for one in table.values()]
    return [(name, others, when[1]) for name, others, when in found if when and others]


@functools.cache
def _meanings(spec_type: type) -> list[tuple[str, tuple[str, ...], Callable[..., object]]]:
    """The options of a spec of which several values can ask for the same, with those of the others that decide it."""
    table = options_of(spec_type)
    found = [(one.name, *one.means) for one in table.values() if one.means]
    return [(name, others, meaning) for name, others, meaning in found if table.keys() >= set(others)]


def read_query(text: str) -> dict[str, str]:
    """A query string as name -> value, the last of equal names winning; `?` in front is allowed. A plus is a space, as
    forms write it, but in 1e+1.

    Raises:
        BadSpec: longer than LONGEST_QUERY characters, or a part without `=`.
    """
    if len(text) > LONGEST_QUERY:
        raise BadSpec(f"A question takes at most {LONGEST_QUERY} characters; got {len(text)}.")
    text = text.strip().removeprefix("?")
    for part in text.split("&"):
        if part and "=" not in part:
            raise BadSpec(f"A question is written name=value&name=value; got {show(unquote_plus(part))} without '='.")
    return dict(parse_qsl(_PLUS.sub("%2B", text), keep_blank_values=True))


def parse(spec_type: type[T], text: str) -> T:
    """A spec from its query string.

    Raises:
        BadSpec: as `read_query` and `build`.
    """
    return build(spec_type, read_query(text))


def to_query(spec: Any) -> str:
    """The shortest query string that gives the same spec: only what differs from the defaults."""
    table = options_of(type(spec))
    return join({name: text(value) for name, value in flat(spec).items() if value != table[name].default})


def join(texts: Mapping[str, str]) -> str:
    """The query string that `read_query` reads so."""
    return "&".join(f"{name}={quote(value, safe=',')}" for name, value in texts.items())


def text(value: object) -> str:
    """A field's value as it stands in a query string: 4-4 for widths, 0.5,1.0 for numbers, 1 for true."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple):
        return ("," if any(isinstance(part, float) for part in value) else "-").join(map(str, value)) or "none"
    return repr(value) if isinstance(value, float) else str(value)


def show(value: object, most: int = 60) -> str:
    """A value as a message may quote it: cut to `most` characters, control characters escaped."""
    shown = repr(value)
    return shown if len(shown) <= most else f"{shown[:most]}… ({len(shown)} characters)"
