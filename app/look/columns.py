"""Columns: what stands side by side. The activations, or several values of any one other option."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_COLUMNS = 6
DEFAULT_ACTIVATIONS = ("tanh", "relu", "elu")
BY = "activation"  # what is compared unless the reader says otherwise


@dataclass(frozen=True)
class Column:
    """One value of what is compared: its text in the URL, how the page calls it, what it changes, and its colour."""

    name: str
    label: str
    changes: Mapping[str, str] = field(hash=False)
    hue: str
