"""What differs between two figures, so that a browser can make one of the other without asking."""

from collections.abc import Iterator
from typing import Any

MISSING = object()


def differences(one: Any, other: Any, path: tuple = ()) -> Iterator[list]:
    """[path, value] for every value of `other` that `one` has otherwise or lacks, [path] for what only `one` has.

    Both are what JSON holds; a path is a list of names and places. Lists of unequal length differ as a whole.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        yield from ([[*path, name]] for name in one if name not in other)
        for name, value in other.items():
            yield from differences(one.get(name, MISSING), value, (*path, name))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from differences(mine, theirs, (*path, place))
    elif one != other or type(one) is not type(other):
        yield [list(path), other]
