"""What of a data set is left out, or is not used as it is: counted where the data are read, and said by every command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

EXAMPLES = 3  # names that a sentence lists


@dataclass(frozen=True)
class DataNote:
    """`count` of `total` items, what happened to them and why, and the option that changes it.

    kind: left out: not used; held out: not used by this split; changed: not as the file has them; chosen: one of several;
    missing: a file that was named and is not there, `unit` in the singular.
    unit: what is counted, in the plural. what: the participle and what follows it, as in "left out: they lie beside the class
    folders". remedy: a half sentence that begins with the option, as in "--split all uses them". examples: names of some items.

    >>> DataNote("changed", 1, 60, "images", "composited on white", "--background sets the colour").sentence
    '1 of 60 images is composited on white; --background sets the colour'
    """

    kind: Literal["left out", "held out", "changed", "chosen", "missing"]
    count: int
    total: int
    unit: str
    what: str
    remedy: str = ""
    examples: Sequence[str] = ()

    @property
    def sentence(self) -> str:
        """For a reader, without a full stop."""
        share = f"all {self.total:,}" if 1 < self.count == self.total else f"{self.count:,} of {self.total:,}"
        listed = ", ".join(self.examples[:EXAMPLES]) + (" and others" if self.count > EXAMPLES else "")
        names = f" ({listed})" if self.examples else ""
        verb = "is" if self.count == 1 else "are"
        if self.kind == "missing":
            share, names = "the", f" {listed}"
        return f"{share} {self.unit}{names} {verb} {self.what}" + (f"; {self.remedy}" if self.remedy else "")
