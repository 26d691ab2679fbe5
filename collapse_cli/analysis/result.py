"""What a Python caller gets: an answer that can be read, printed, drawn and handed on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from collapse_cli.answers import Answer, Entry, Verdict
from collapse_cli.errors import nearest
from collapse_cli.views import notebook, text
from collapse_cli.views.document import document

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class Result:
    """An answer with the ways to look at it.

    `result.h`, `result.z` or `result["z"]` is the part of one space; of a single part every number is an attribute by its
    name, with its `null` and `interval`: `result.z.effective_rank.null`. Iterating gives the entries.
    """

    answer: Answer
    status: str = ""

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.answer.entries

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is likely to mislead."""
        return self.answer.warnings

    @property
    def spaces(self) -> tuple[str, ...]:
        """The spaces that were measured, by the papers' letters."""
        return tuple(dict.fromkeys(entry.space for entry in self.entries if entry.space))

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each space that has one."""
        return self.answer.verdicts()

    def __getitem__(self, space: str) -> Result:
        """The part of one space. Raises KeyError where it was not measured."""
        chosen = tuple(entry for entry in self.entries if entry.space == space)
        if not chosen:
            raise KeyError(
                f"no space '{space}' was measured, only {', '.join(self.spaces) or 'one without a name'}"
            )
        return Result(replace(self.answer, entries=chosen), chosen[0].status)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self.spaces:
            return self[name]
        if len(self.entries) == 1:
            return self._of_entry(self.entries[0], name)
        raise AttributeError(
            f"{len(self.entries)} results have an attribute '{name}' or none: choose one of {', '.join(self.spaces)}"
        )

    def _of_entry(self, entry: Entry, name: str) -> Any:
        try:
            return getattr(entry, name)
        except AttributeError:
            raise AttributeError(f"no number '{name}': {nearest(name, list(entry.metrics))}") from None

    def __str__(self) -> str:
        """The short answer: verdicts and the numbers that matter, with their nulls."""
        return text.brief(self.to_dict())

    __repr__ = __str__

    def table(self, width: int = 100) -> str:
        """The whole answer as the terminal shows it, without colour, this many letters wide."""
        return text.text(self.to_dict(), width)

    def plot(self, ax: Axes | None = None) -> Figure:
        """The curves as a matplotlib figure of their own, or the first of them on these axes. Nothing is shown or saved."""
        from collapse_cli.views import plot

        return plot.figure(self.to_dict()) if ax is None else plot.on_axes(self.to_dict(), ax)

    def _repr_html_(self) -> str:
        return notebook.fragment(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `--json`: plain types, None for what is not finite."""
        return document(self.answer)

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row for each number: subject, space, metric, value, low, high, null, unit, convention."""
        import pandas

        rows = [
            {
                "subject": entry.subject, "space": entry.space, "metric": name, "value": metric["value"],
                "low": (metric["interval"] or (None, None))[0], "high": (metric["interval"] or (None, None))[1],
                "null": metric["null"], "unit": metric["unit"], "convention": metric["convention"],
            }
            for entry in self.entries
            for name, metric in entry.metrics.items()
            if metric["kind"] == "number"
        ]  # fmt: skip
        return pandas.DataFrame(rows)
