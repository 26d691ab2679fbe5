"""How tables show the numbers of a result: in which order, which of them share a row, and which are in the JSON alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """What a result type declares as its `TABLE`, by names of its numbers; without it all are shown as they are declared.

    order: those that come first, related ones one below the other. together: name of a row -> numbers of one convention and unit
    that share it, without their intervals. json_only: those that nobody decides by: they follow from others, repeat a setting, or
    a verdict speaks of them where they matter.
    """

    order: tuple[str, ...] = ()
    together: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    json_only: tuple[str, ...] = ()

    def sorted(self, names: list[str]) -> list[str]:
        """These names in the order of the table."""
        places = {name: place for place, name in enumerate(self.order)}
        return sorted(names, key=lambda name: places.get(name, len(places)))

    def parts(self, name: str) -> dict[str, str | bool]:
        """What a number of this name says of its place in tables."""
        parts: dict[str, str | bool] = {"json_only": True} if name in self.json_only else {}
        row = next((row for row, members in self.together.items() if name in members), "")
        return parts | ({"together": row} if row else {})
