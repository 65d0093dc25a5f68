"""A page while it is asked for: its events as values, from the plan on."""

from collections.abc import Iterator

from lossatlas.app.state.page import PageState
from lossatlas.app.stream import alive
from lossatlas.app.stream.asking import Asking, Source
from lossatlas.app.stream.pictures import Pictures
from lossatlas.app.stream.plan import plan
from lossatlas.app.stream.rows import Rows
from lossatlas.app.stream.sse import Event
from lossatlas.compute.spec.settings import Settings

BEAT = 0.5  # seconds without news after which that is said


class Page:
    """What one stream knows: what is asked and answered, and what was drawn of it."""

    def __init__(self, state: PageState):
        self.asking = Asking(Pictures(state))
        self._rows = Rows(self.asking)

    def plan(self, settings: Settings) -> Event:
        """The `plan` event.

        Raises:
            BadSpec: as `stream.plan.plan`.
        """
        told, self.asking.refused = plan(self.asking.state, settings)
        return Event("plan", told)

    def ask(self, source: Source) -> Iterator[Event]:
        """Ask for every panel; the events of those that cannot be asked."""
        yield from self._rows.refused()
        self.asking.begin(source)

    def news(self, source: Source) -> Iterator[Event | None]:
        """The events that the answers lead to, until all are there; None after BEAT seconds without any."""
        while source.open() and alive.ALIVE():
            update = source.next(BEAT)
            if update is None:
                yield None
            else:
                self.asking.note(update)
                yield from self._rows.news(update)
                self.asking.go_on(update, source)
            yield from self._rows.overdue()

    def twins(self) -> Iterator[Event]:
        """The `twin` events: the other scale of every picture."""
        return self._rows.twins()

    def stored(self) -> bool:
        """Whether all that came so far was in the cache."""
        return not self.asking.computed

    def whole(self) -> bool:
        """Whether everything was known, so that the next reader would be sent the same."""
        return alive.ALIVE() and self.stored() and self.asking.ended()
