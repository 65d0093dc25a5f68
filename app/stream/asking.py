"""What a page asks and when: at first what needs no other answer, then what the answers lead to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from lossatlas.app.panels import PANELS, left_open
from lossatlas.app.state.page import PageState
from lossatlas.app.stream.pictures import Pictures
from lossatlas.app.stream.plan import Refused
from lossatlas.compute.analyses.extents import common_extent
from lossatlas.compute.analyses.planes.where import Place
from lossatlas.compute.service.watch import Update
from lossatlas.compute.spec.options import AUTO
from lossatlas.compute.spec.results import Failure

EXTENT = "extent"  # beside the panels: the half width that a column chooses


class Source(Protocol):
    """Where a page's answers come from; a `Watch` is one."""

    def add(self, tag: Any, spec: Any, rank: int = 0) -> None:
        """Ask one more question; its updates have this tag."""

    def open(self) -> bool:
        """Whether an answer is still to come."""

    def next(self, timeout: float) -> Update | None:
        """The next news, or None after `timeout` seconds."""


@dataclass
class Asking:
    """The questions of a page, and the newest update of each panel. Nothing is drawn."""

    pictures: Pictures
    refused: Refused = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    extents: dict[int, Any] = field(default_factory=dict)
    updates: dict[tuple[int, str], Update] = field(default_factory=dict)  # but Failures
    computed: bool = False  # whether something was not in the cache

    @property
    def state(self) -> PageState:
        return self.pictures.state

    def begin(self, source: Source) -> None:
        """Ask for every panel; those with an automatic half width wait until one is found that serves all columns.

        A window is given in the plane's own coordinates and needs no half width.
        """
        panels: Sequence[str] = self.state.panels
        self.pictures.ended.update(self.refused)
        reaching = any(PANELS[name].reaches for name in panels)
        if reaching and self.state.spec(Place, self.state.columns[0]).where.extent == AUTO:
            for column, side in enumerate(self.state.columns):
                source.add((column, EXTENT), self.state.spec(Place, side))
            panels = [name for name in panels if not PANELS[name].reaches or (PANELS[name].plane and self.state.window)]
        self._ask(source, panels, None)

    def take(self, update: Update, source: Source) -> None:
        """Keep an update, and ask what it leads to."""
        self.note(update)
        self.go_on(update, source)

    def note(self, update: Update) -> None:
        """Keep an update."""
        self.computed |= not update.cached
        column, name = update.tag
        if update.result is None:
            return
        if name == EXTENT:
            self.extents[column] = update.result
            return
        if update.final:
            self.pictures.ended.add((column, name))
        if not isinstance(update.result, Failure):
            self.updates[column, name], self.pictures.answers[column, name] = update, update.result

    def go_on(self, update: Update, source: Source) -> None:
        """Ask what an update leads to."""
        _, name = update.tag
        if update.result is None:
            return
        if name != EXTENT:
            self._settle(name, source)
        elif len(self.extents) == len(self.state.columns):
            found = [result for result in self.extents.values() if not isinstance(result, Failure)]
            self._ask(source, self.waiting(), common_extent(found) if found else None)

    def waiting(self) -> list[str]:
        """The panels that wait for a half width."""
        return [name for name in self.state.panels if name not in self.asked]

    def ended(self) -> bool:
        """Whether no panel gets another answer."""
        return len(self.pictures.ended) == len(self.state.panels) * len(self.state.columns)

    def _ask(self, source: Source, names: Sequence[str], extent: float | None) -> None:
        for name in sorted(names, key=lambda name: PANELS[name].rank):
            self.asked.add(name)
            for column, side in enumerate(self.state.columns):
                if (column, name) not in self.refused:
                    source.add((column, name), self.state.question(name, side, extent), PANELS[name].rank)

    def _settle(self, name: str, source: Source) -> None:
        """Once a row is complete: ask again where its columns chose differently what they should share."""
        agree, row = PANELS[name].agree, self.pictures.row(name)
        if not agree or not self.state.view.shared or not self.pictures.complete(name) or len(row) < 2:
            return
        chosen = agree(row)
        for (column, panel), update in self.updates.items():
            if panel == name and left_open(update.result.spec, chosen) and agree([update.result]) != chosen:
                self.pictures.ended.discard((column, name))
                source.add((column, name), replace(update.result.spec, **chosen))
