"""What a command answers: entries, each a typed result with what it was measured of, and the verdict on it.

Logic reads the typed fields of an `Entry` (kind, space, input, result); its title and its `of` are for eyes. The one JSON
document is made of an `Answer` at the end, by `views.document`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version as installed
from typing import Any

from collapse_cli.metric import Metric, metrics

SCHEMA = 2
BETWEEN = " · "  # a subject's name and the space that was measured, as they are shown


def version() -> str:
    """Of this tool."""
    return installed("collapse-cli")


@dataclass(frozen=True)
class Verdict:
    """What numbers come to: a status, one sentence, the evidence, what to try next, and the bounds that decided.

    sentence: full sentences, without the status in front; meaning: what the status means for the reader, one sentence or none;
    findings: those of the reasons that change how it is to be read, the most important first; lead: the one that the sentence
    begins with, as that most embeddings are copies; advice: what to try, in words; commands: the same as they are typed;
    result: what a gate makes of it, pass, warn, inconclusive or fail, empty outside of a gate; borderline: the deciding number
    is near its bound; explained_by: the name in the guide, where that is not the status; usual: the status is usual for such a
    space, and no fault;
    warning: the statuses that a gate passes with a warning.
    """

    status: str
    sentence: str
    reasons: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    thresholds: tuple[Any, ...] = ()
    commands: tuple[str, ...] = ()
    result: str = ""
    borderline: bool = False
    meaning: str = ""
    findings: tuple[str, ...] = ()
    lead: str = ""
    explained_by: str = ""
    usual: bool = False
    warning: str = ""


@dataclass(frozen=True)
class Entry:
    """One result of an answer. Fields of its result are its own attributes: `entry.effective_rank`.

    subject: the input's name, or what else was measured; space: `h`, `z`, `head`, or empty; input: the place of the input
    among those of the answer, inputs: the places of several that are one result. result: a dataclass of declared fields,
    or metrics by name where these were merged or read back; settings: N, D, centred, seed, as far as they apply; details: plain
    facts beside the metrics; named_kind, named_title: in place of those of the result's type. answer: what it comes to, in one
    full sentence, where there is no verdict; key_numbers: names of the few numbers that the short answer shows.
    """

    subject: str
    result: Any
    space: str = ""
    input: int = 0
    inputs: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    verdict: Verdict | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    named_kind: str = ""
    named_title: str = ""
    answer: str = ""
    key_numbers: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Which kind of result this is: one name for one table."""
        return self.named_kind or _snake(type(self.result).__name__)

    @property
    def title(self) -> str:
        """For eyes alone: the first line of the result's docstring, or its kind where Python has left those out."""
        lines = (type(self.result).__doc__ or self.kind.replace("_", " ").capitalize()).strip().splitlines()
        return self.named_title or lines[0].rstrip(".")

    @property
    def of(self) -> str:
        """For eyes alone: the subject and its space."""
        return f"{self.subject}{BETWEEN}{self.space}" if self.space else self.subject

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """Every measured number, curve … by name."""
        return dict(self.result) if isinstance(self.result, Mapping) else metrics(self.result)

    @property
    def status(self) -> str:
        """Of the verdict; empty where there is none."""
        return self.verdict.status if self.verdict else ""

    def __getattr__(self, name: str) -> Any:
        result = self.__dict__.get("result")  # which is not there yet while a copy is being made
        if name.startswith("_") or result is None or isinstance(result, Mapping):
            raise AttributeError(name)
        return getattr(result, name)

    def replace(self, **changes: Any) -> Entry:
        """The same with some fields changed."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class Answer:
    """Everything that a command has to say. inputs: facts of each input: path, sha256, layout …, as far as they apply.

    next: commands that are worth typing next, as they are typed.
    """

    command: str
    entries: tuple[Entry, ...]
    inputs: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    next: tuple[str, ...] = ()

    def of_input(self, number: int) -> Answer:
        """What it says of one of its inputs."""
        chosen = tuple(entry for entry in self.entries if entry.input == number)
        return dataclasses.replace(self, entries=chosen)

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each space that has one."""
        return {entry.space: entry.verdict for entry in self.entries if entry.verdict}

    def undecided(self) -> bool:
        """Whether every verdict is inconclusive; False where there is none."""
        judged = [entry.status for entry in self.entries if entry.verdict]
        return bool(judged) and set(judged) == {"inconclusive"}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


def headline(statuses: Mapping[str, str]) -> str:
    """The space that an input is judged by, of the statuses by space: h, which is used downstream; another that has collapsed
    completely comes first. A projection that keeps few dimensions is a fact of life for every contrastive loss.
    """
    collapsed = [
        space for space, status in statuses.items() if status in ("complete collapse", "codebook collapse")
    ]
    return next(iter([*collapsed[-1:], *(space for space in statuses if space == "h"), *statuses]))


def answer(
    command: str,
    entries: Sequence[Entry],
    inputs: Sequence[Mapping[str, Any]] = (),
    warnings: Sequence[str] = (),
    next: Sequence[str] = (),
) -> Answer:
    """An Answer of any sequences."""
    facts = tuple(dict(each) for each in inputs)
    return Answer(command, tuple(entries), facts, tuple(warnings), tuple(next))


def joined(first: Answer, second: Answer) -> Answer:
    """Two answers about the same inputs as one, under the command of the first."""
    warnings = tuple(dict.fromkeys((*first.warnings, *second.warnings)))
    return dataclasses.replace(first, entries=(*first.entries, *second.entries), warnings=warnings)


def _snake(name: str) -> str:
    """`NeuralCollapse` -> `neural_collapse`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
