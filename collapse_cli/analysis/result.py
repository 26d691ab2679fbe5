"""What a Python caller gets: an answer that can be read, printed, drawn and handed on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from collapse_cli.answers import Answer, Entry, Verdict, headline
from collapse_cli.errors import CollapseError, nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class Result:
    """An answer with the ways to look at it.

    Of a single part every number is an attribute by its name, which knows its `null` and `interval`:
    `result.effective_rank.null`. Of several parts, `result.h`, `result.z` or `result["z"]` is that of one space, and
    `result["array 1"]` that of one input. Iterating gives the entries, in order.

    >>> import numpy
    >>> from collapse_cli import diagnose
    >>> result = diagnose(numpy.random.default_rng(0).standard_normal((500, 8)))
    >>> result.status, int(result.active), result.active.null
    ('healthy', 8, 8)
    """

    answer: Answer
    ended: str = ""  # what a gate came to

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Each a typed result, with what it was measured of, its settings, and the verdict on it."""
        return self.answer.entries

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is likely to mislead, in sentences."""
        return self.answer.warnings

    @property
    def spaces(self) -> tuple[str, ...]:
        """The spaces that were measured, by the papers' letters."""
        return tuple(dict.fromkeys(entry.space for entry in self.entries if entry.space))

    @property
    def subjects(self) -> tuple[str, ...]:
        """What was measured, by name."""
        return tuple(dict.fromkeys(entry.subject for entry in self.entries))

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each part that has one, by its subject and space."""
        return {entry.of: entry.verdict for entry in self.entries if entry.verdict}

    @property
    def status(self) -> str:
        """What a gate came to, or the status of the verdict; empty where nothing is judged.

        Of an input with several spaces it is that of h, or of a space that has collapsed completely. Raises CollapseError where
        several inputs are judged differently, for then there is no single status.
        """
        if self.ended or not self.verdicts:
            return self.ended
        by_input: dict[int, dict[str, str]] = {}
        for entry in self.entries:
            if entry.verdict:
                by_input.setdefault(entry.input, {})[entry.space] = entry.status
        statuses = {by_space[headline(by_space)] for by_space in by_input.values()}
        if len(statuses) > 1:
            each = ", ".join(f"{of}: {verdict.status}" for of, verdict in self.verdicts.items())
            raise CollapseError(f"there are several verdicts ({each})", f"choose one: {self._choice()}")
        return statuses.pop()

    def __getitem__(self, name: str | int) -> Result:
        """The part of one space, of one subject, or at a place. Raises KeyError or IndexError where there is none."""
        if isinstance(name, int):
            return Result(replace(self.answer, entries=(self.entries[name],)))
        chosen = tuple(entry for entry in self.entries if name in (entry.space, entry.subject))
        if not chosen or not name:
            raise KeyError(f"'{name}' was not measured: {nearest(name, [*self.spaces, *self.subjects])}")
        return Result(replace(self.answer, entries=chosen))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "answer" not in self.__dict__:  # as where it is copied or unpickled
            raise AttributeError(name)
        if name in self.spaces:
            return self[name]
        if len(self.entries) != 1:
            parts = [entry for entry in self.entries if name in entry.metrics]
            if len(parts) == 1:
                return getattr(parts[0], name)
            raise AttributeError(
                f"each of the {len(self.entries)} parts has a number '{name}': {self._choice()}"
            )
        try:
            return getattr(self.entries[0], name)
        except AttributeError:
            raise AttributeError(
                f"no number '{name}' was measured: {nearest(name, list(self.entries[0].metrics))}"
            ) from None

    def _choice(self) -> str:
        """How one part is reached."""
        if len(self.spaces) > 1:
            return ", ".join(f"result.{space}" for space in self.spaces)
        return ", ".join(f"result['{subject}']" for subject in self.subjects)

    def __dir__(self) -> list[str]:
        numbers = self.entries[0].metrics if len(self.entries) == 1 else ()
        return sorted({*super().__dir__(), *self.spaces, *numbers})

    def __str__(self) -> str:
        """The short answer: the verdict, or what the measurement comes to, and the numbers that matter with their nulls."""
        from collapse_cli.views import text

        return text.short(self.to_dict())

    __repr__ = __str__

    def table(self, width: int = 100) -> str:
        """The whole answer as the terminal shows it, without colour, this many letters wide."""
        from collapse_cli.views import text

        return text.whole(self.to_dict(), width)

    def plot(self, ax: Axes | None = None, width: float = 10.0, only: str = "") -> Figure:
        """All charts as a matplotlib figure of their own, `width` inches wide (3.3 is a column of a paper), or the first chart
        on these axes, whose figure is returned: best one that is made with `layout="constrained"`. only: words of the titles of
        charts, separated by commas, of which those are drawn. Nothing is shown or saved.

        Raises CollapseError for a width that is not from 2 to 40, for axes that are not matplotlib's, and for words that no title
        has.
        """
        from collapse_cli.views import check_width, plot

        if ax is None:
            if isinstance(width, bool) or not isinstance(width, int | float):
                raise CollapseError(f"width is {type(width).__name__}, and a number is needed", "width=3.3")
            check_width(width, "width=")
            return plot.figure(self.to_dict(), width, only)
        from matplotlib.axes import Axes

        if not isinstance(ax, Axes):
            raise CollapseError(
                f"ax is {type(ax).__name__}, and matplotlib draws on Axes", "fig, ax = pyplot.subplots()"
            )
        return plot.on_axes(self.to_dict(), ax, only)

    def _repr_html_(self) -> str:
        from collapse_cli.views import notebook

        return notebook.fragment(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `--json`: plain types, None for what is not finite."""
        from collapse_cli.views.document import document

        return document(self.answer)

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row for each number, and the columns of `COLUMNS`: kind, subject, space, metric, value …

        Raises CollapseError where pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise CollapseError("pandas is not installed", "pip install 'collapse-cli[pandas]'") from None
        return pandas.DataFrame([row for entry in self.entries for row in _numbers(entry)], columns=COLUMNS)


COLUMNS = ["kind", "subject", "space", "metric", "value", "low", "high", "null", "unit", "convention"]


def _numbers(entry: Entry) -> Iterator[dict[str, Any]]:
    """A row of `COLUMNS` for each number of an entry."""
    of = {"kind": entry.kind, "subject": entry.subject, "space": entry.space}
    for name, metric in entry.metrics.items():
        if metric["kind"] == "number":
            low, high = metric["interval"] or (None, None)
            value = {"value": metric["value"], "low": low, "high": high, "null": metric["null"]}
            yield {**of, "metric": name, **value, "unit": metric["unit"], "convention": metric["convention"]}
