"""What a row of the catalogue is: a measurement's name, its result, what it needs, its function, its sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Generator, Tensor

from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import concerning

Need = Literal["labels", "views", "views or labels", "network", "reference"]
REMEDIES: dict[str, str] = {
    "labels": "it needs labels, which --labels FILE gives",
    "views": "it needs augmented pairs, which runs, checkpoints and files of `collapse embed` have",
    "views or labels": "it needs augmented views, which runs and files of `collapse embed` have, or --labels FILE",
    "network": "it needs a network: a run folder or a checkpoint",
    "reference": "it needs a second set to compare with: name the real one with --baseline",
}


def silent(result: Any) -> str:
    """No sentence: the verdict has it, or the numbers speak for themselves."""
    return ""


def nothing(subject: Subject, entries: Sequence[Entry], **options: Any) -> Iterator[str]:
    """No remarks."""
    yield from ()


@dataclass(frozen=True)
class Measurement:
    """One row. result: a dataclass of declared fields; measure: (subject, …options) -> entries, of one input.

    needs: what an input must have; portrait: whether `compare` and `report` measure it of every input that has that;
    always: whether `check` does too, also where nothing that is required asks for it; streams: reads all rows of a file;
    command: whether a command has its name; grouped: whether its intervals leave out groups, where there are some;
    remarks: (subject, entries, …options) -> sentences to be warned with. answer: (result) -> what it comes to, in a full
    sentence, empty where a verdict says it; key_numbers: the names of the three that matter most.
    """

    name: str
    result: type
    measure: Callable[..., Iterable[Entry]]
    needs: Need | None = None
    portrait: bool = True
    always: bool = False
    streams: bool = False
    command: bool = False
    grouped: bool = False
    remarks: Callable[..., Iterable[str]] = nothing
    answer: Callable[[Any], str] = silent
    key_numbers: tuple[str, ...] = ()

    def spoken(self, entry: Entry) -> Entry:
        """The entry with its sentence and its key numbers, if it holds the result of this measurement."""
        if not isinstance(entry.result, self.result):
            return entry
        sentence, numbers = self.answer(entry.result), self.key_numbers
        return entry.replace(answer=sentence or entry.answer, key_numbers=numbers or entry.key_numbers)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers that it measures."""
        fields = dataclasses.fields(self.result)
        return tuple(field.name for field in fields if field.metadata.get("kind") == "number")

    def possible(self, labels: bool, views: bool, network: bool) -> bool:
        """Whether an input alone has what this needs."""
        has = {
            None: True,
            "labels": labels,
            "views": views,
            "views or labels": views or labels,
            "network": network,
            "reference": False,
        }
        return has[self.needs]

    def possible_of(self, subject: Subject) -> bool:
        """The same of a subject."""
        return self.possible(subject.labelled, subject.has_views, subject.case is not None)


def of_each_space(
    function: Callable[[Tensor, Generator], Any],
) -> Callable[[Subject], Iterator[Entry]]:
    """A measurement of a function of the embeddings (N,D) of a space, and a seeded generator -> a result."""

    def measure(subject: Subject) -> Iterator[Entry]:
        for space, rows in subject.clean.spaces.items():
            with concerning(f"{subject.name} · {space}"):
                result = function(rows, generator(subject.measuring.seed))
            settings = {"split": subject.clean.source, "N": len(rows), "D": rows.shape[1]}
            yield Entry(subject.name, result, space, settings=settings | {"seed": subject.measuring.seed})

    return measure
