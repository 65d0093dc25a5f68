"""What a page asks and when, told by a source that notes the questions; nothing is computed and nothing drawn."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from lossatlas.app.panels import PANELS
from lossatlas.app.state.page import read_state
from lossatlas.app.stream.asking import EXTENT, Asking
from lossatlas.app.stream.pictures import Pictures
from lossatlas.compute.service.watch import Update
from lossatlas.compute.spec.results import Failure


@dataclass
class Noted:
    """A source that answers nothing."""

    asked: list[tuple[Any, Any, int]] = field(default_factory=list)

    def add(self, tag: Any, spec: Any, rank: int = 0) -> None:
        self.asked.append((tag, spec, rank))

    def open(self) -> bool:
        return False

    def next(self, timeout: float) -> Update | None:
        return None

    def take(self) -> list[tuple[int, str]]:
        found, self.asked = [tag for tag, *_ in self.asked], []
        return found


def begun(query: str, refused=()) -> tuple[Asking, Noted]:
    asking, source = Asking(Pictures(read_state(query)), dict.fromkeys(refused, "no")), Noted()
    asking.begin(source)
    return asking, source


def final(tag, result) -> Update:
    return Update(tag, 0, 1, result, 1.0, 0, 0.0, 0.0)


def test_what_needs_a_half_width_waits_until_every_column_has_one_or_none():
    asking, source = begun("activation=tanh,relu")
    assert source.take() == [(0, EXTENT), (1, EXTENT), (0, "training"), (1, "training")]
    assert asking.waiting() == ["slice", "line"]
    for column in (0, 1):
        assert source.take() == []
        asking.take(final((column, EXTENT), Failure("There is none.", "no")), source)
    assert source.take() == [(0, "slice"), (1, "slice"), (0, "line"), (1, "line")] and asking.waiting() == []


@pytest.mark.parametrize(("query", "waiting"), [
    ("extent=1", []), ("window=-0.4,0.2,0.1,0.5", ["line"]), ("place=clouds", []),
    ("place=morph", ["morph", "morph-curve"]),
])  # fmt: skip
def test_only_what_reaches_as_far_as_a_half_width_waits_for_one(query, waiting):
    asking, source = begun(f"activation=tanh&{query}")
    assert asking.waiting() == waiting
    assert [name for _, name in source.take() if name != EXTENT] == [
        name for name in asking.state.panels if name not in waiting
    ]


def test_the_first_questions_are_those_of_the_lowest_rank_from_top_to_bottom():
    asking, source = begun("place=curvature&extent=1&activation=tanh")
    asked = [(PANELS[name].rank, asking.state.panels.index(name)) for _, name in source.take()]
    assert asked == sorted(asked) and len(asked) == len(asking.state.panels)


def test_what_is_refused_is_not_asked_and_counts_as_ended():
    asking, source = begun("extent=1&activation=tanh", refused=[(0, "line")])
    assert source.take() == [(0, "slice"), (0, "training")] and not asking.ended()
    for name in ("slice", "training"):
        asking.take(final((0, name), Failure("There is none.", "no")), source)
    assert asking.ended() and asking.updates == {} and asking.computed
