"""What an alarm may warn of, and which of its signs shows which."""

from __future__ import annotations

from typing import Literal

Kind = Literal["not finite", "collapse of scale", "complete collapse", "one direction", "late loss of rank"]
GRAVITY: tuple[Kind, ...] = (
    "complete collapse",
    "one direction",
    "collapse of scale",
    "late loss of rank",
)
"""The gravest first. What is less grave than a warning already given follows from it, and is not warned of. From a look that is
not finite nothing follows: a training may leave out such a step, go on, and collapse later."""

KIND_OF: dict[str, Kind] = {
    "scale": "collapse of scale",
    "low": "complete collapse",
    "fallen": "complete collapse",
    "line": "one direction",
    "rank": "late loss of rank",
}
"""The kind that each sign is of."""
