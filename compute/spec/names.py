"""What a word that is not known here may mean: what the field calls something here, or a slip of the pen.

A suggestion that would be another experiment is worse than none: where neither is plain, what is known is listed.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CLOSE = 0.8  # share of letters in common from which one word is another misspelt (chosen by eye)
SHORTEST = 3  # letters below which nothing is misspelt: lr is not l2
LISTED = 30  # names of a list that suggests none
_DIGIT = re.compile(r"\d")

# Near in spelling to something here, and something else wherever they are known: never taken for a slip.
ELSEWHERE = (
    "adamax", "adamaxw", "rprop", "sgdw", "crelu", "geglu", "glu", "reglu", "rrelu", "sinc", "sinh", "smelu", "softmin",
    "srelu", "msle", "binary_focal_crossentropy", "categorical_focal_crossentropy", "glorot_normal", "kaiming_normal",
    "random_normal", "xavier_normal", "batches", "betas", "learning_rate_decay",
)  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A choice that is no more than its label. `also`: what else the field calls it."""

    label: str
    also: tuple[str, ...] = ()


def nearest(value: object, names: Mapping[str, object] | Iterable[str]) -> str:
    """A sentence that names what the value stands for here, with what that is: the entries whose name, or one of whose
    `also`, it is but for capitals and what parts its words; else what it is misspelt from; else a list of names.
    """
    known = names if isinstance(names, Mapping) else dict.fromkeys(names)
    word = folded(str(value)[:100])
    called = {name: calls(name, entry) for name, entry in known.items()}
    if same := [name for name, words in called.items() if word in words]:
        return f"{_asked(same)} {meaning(known[same[0]]) if len(same) == 1 else ''}".rstrip()
    if slips := _misspelt(word, called):
        return _asked(slips)
    return f" Known are: {', '.join([*known][:LISTED])}."


def calls(name: str, entry: object) -> set[str]:
    """All that an entry of a table is called, folded."""
    return {folded(word) for word in (name, *getattr(entry, "also", ()))} - {""}


def meaning(entry: object) -> str:
    """What an entry of a table is, in its own sentence."""
    return getattr(entry, "help", "") or getattr(entry, "note", "")


def folded(name: str) -> str:
    """A name without what writers differ in: LeakyReLU, leaky-relu and leaky_relu are one."""
    return re.sub(r"[\s._-]", "", name).lower()


def _asked(names: list[str]) -> str:
    return f" Did you mean {' or '.join(map(repr, names))}?"


def _misspelt(word: str, called: Mapping[str, set[str]]) -> list[str]:
    """The names nearest to a word of all that it may be misspelt from."""
    if word in map(folded, ELSEWHERE):
        return []
    scores = {name: max((_likeness(word, other) for other in words), default=0.0) for name, words in called.items()}
    best = max(scores.values(), default=0.0)
    return [name for name, score in scores.items() if score == best > 0]


def _likeness(word: str, other: str) -> float:
    """Share of letters in common with what a word may be misspelt from, 1 where two have changed places; else 0. The
    first letter and digits are what nobody misses: prelu is not relu, l1 not l2.
    """
    if min(len(word), len(other)) < SHORTEST or word[0] != other[0] or _DIGIT.findall(word) != _DIGIT.findall(other):
        return 0.0
    share = 1.0 if sorted(word) == sorted(other) else difflib.SequenceMatcher(None, word, other).ratio()
    return share if share >= CLOSE else 0.0
