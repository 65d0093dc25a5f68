"""The questions of a page, each made once: its spec, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lossatlas.compute.spec.options import BadSpec, build, options_of


@dataclass(frozen=True)
class Questions:
    """`values` are the options given that all columns share, by name."""

    values: dict[str, str]
    _made: dict[tuple, Any] = field(default_factory=dict, compare=False, repr=False)  # specs, and sentences for none
    _records: dict[tuple, dict[type, Any]] = field(default_factory=dict, compare=False, repr=False)  # by what is own

    def of(self, spec_type: type, own: Mapping[str, Any]) -> Any:
        """The spec of this type from the shared values and a column's `own`, which go before them; of either only
        what the spec has.

        Raises:
            BadSpec: it cannot be, every time for the same reason.
        """
        asked = (spec_type, *own.items())
        if asked not in self._made:
            self._made[asked] = self._make(spec_type, own)
        found = self._made[asked]
        if isinstance(found, str):
            raise BadSpec(found)
        return found

    def _make(self, spec_type: type, own: Mapping[str, Any]) -> Any:
        known, records = options_of(spec_type), self._records.setdefault(tuple(own.items()), {})
        values = {name: value for name, value in {**self.values, **own}.items() if name in known}
        try:
            return build(spec_type, values, records)
        except BadSpec as reason:
            return str(reason)
