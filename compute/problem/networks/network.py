"""What a kind of network is made of: a record for each, in a file of its own, and a line in table.py."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from lossatlas.compute.problem.layers import Layer


class Ends(NamedTuple):
    """What the data and the criterion give a network: numbers of a pattern, pixels a side of an image or 0, outputs."""

    inputs: int
    side: int
    outputs: int


@dataclass(frozen=True)
class Network:
    """`options`: the fields of a Problem that a kind is built from; the others mean nothing to it.

    `layers(ends, normed, *values)`: its layers, of the values of these options; those after which units follow have
    BatchNorm where `normed`. Called with values that are not refused.
    `refused(*values)`: why the values give no network, as a sentence; empty if they do.
    `images`: it reads square images. `also`: what else the field calls it.
    """

    label: str
    options: tuple[str, ...]
    layers: Callable[..., tuple[Layer, ...]]
    refused: Callable[..., str]
    images: bool = False
    also: tuple[str, ...] = ()


def dense(sizes: tuple[int, ...], normed: bool, skips: bool = False) -> tuple[Layer, ...]:
    """Dense layers from each size to the next; hidden ones after the first are skipped over where `skips`."""
    last = len(sizes) - 2
    return tuple(
        Layer((after, before), norm=normed and place < last, skip=skips and 0 < place < last)
        for place, (before, after) in enumerate(pairwise(sizes))
    )
