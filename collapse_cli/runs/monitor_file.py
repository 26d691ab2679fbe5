"""A monitor.jsonl as it grows, written by another process: each whole line once, also where the file is replaced or cut back.

Nothing here needs torch. A line that is not yet ended is left for the next time; those that are damaged, or of another schema,
are counted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collapse_cli.runs.histories import is_number, parsed
from collapse_cli.runs.monitor_lines import SCHEMA

NUMBERS = (
    *("samples", "dimensions", "scale", "variance", "top_share", "mean_cosine", "line_cosine"),
    *("effective_rank", "alignment", "rank_h", "loss"),
)
"""Fields of a look that hold a number, or null; any of them may be missing."""
LAST = 10**15  # a step beyond this is a damaged number
BLOCK = 1 << 20  # bytes that are read at once
LONGEST = 1 << 20  # bytes of a line; a longer one is damaged


@dataclass(frozen=True)
class Event:
    """One sound line. name: begin, look, warning or end; fields: as they were written, each of the kind that it should be."""

    name: str
    step: int
    fields: Mapping[str, Any]


@dataclass
class RecordedTraining:
    """What a monitor.jsonl says of its last training: a training that begins again replaces the looks from that step on.

    every: steps between two looks; chance_levels: of the loss, by name; ended: how it ended, empty while it goes on.
    """

    every: int = 0
    chance_levels: dict[str, float] = field(default_factory=dict)
    looks: list[Event] = field(default_factory=list)
    warnings: list[Event] = field(default_factory=list)
    ended: str = ""
    begun: bool = False

    def add(self, event: Event) -> None:
        """One more line."""
        if event.name == "begin":
            before = self if event.step else RecordedTraining()
            self.every = event.fields.get("every") or before.every
            self.chance_levels = dict(event.fields.get("chance") or before.chance_levels)
            self.begun, self.ended = True, ""
            self.cut(event.step + 1)
        elif event.name == "look":
            self.cut(event.step)
            self.looks.append(event)
        elif event.name == "warning":
            self.warnings.append(event)
        else:
            self.ended = event.fields["status"]

    def cut(self, step: int) -> None:
        """Forget what was written of this step and later ones: a training that was resumed makes them again."""
        for events in (self.looks, self.warnings):
            if events and events[-1].step >= step:
                events[:] = [event for event in events if event.step < step]


class MonitorFile:
    """The file of one training. `read` again and again: it gives what is new, and `course` holds all of it.

    damaged: lines that cannot be used; other_schema: those that another version of collapse wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # the hash of each whole line, by which a replaced file goes on where it is the same
        self._lines: list[int] = []
        self._restart()

    def _restart(self) -> None:
        self.course = RecordedTraining()
        self.damaged = self.other_schema = self._offset = self._count = 0
        self._identity: tuple[int, int] | None = None
        self._before, self._rest, self._too_long = b"", b"", False

    def read(self) -> list[Event]:
        """The lines that were added since the last time; of a file that was replaced, those that were not there before.

        Raises OSError where it cannot be read; a file that is not there, or is none, has no lines.
        """
        if not self.path.is_file():
            return []
        with self.path.open("rb", buffering=0) as file:
            about = os.fstat(file.fileno())
            if not self._goes_on(file, about):
                self._restart()
            self._identity = (about.st_dev, about.st_ino)
            file.seek(self._offset)
            return self._added(file)

    def _goes_on(self, file: Any, about: os.stat_result) -> bool:
        """Whether the file is the one that was read, and what was read of it last still stands there."""
        if self._identity != (about.st_dev, about.st_ino) or about.st_size < self._offset:
            return False
        file.seek(self._offset - len(self._before))
        return bool(file.read(len(self._before)) == self._before)

    def _added(self, file: Any) -> list[Event]:
        new: list[Event] = []
        while block := file.read(BLOCK):
            self._offset += len(block)
            self._before = (self._before + block)[-256:]
            *whole, rest = (self._rest + block).split(b"\n")
            for line in whole:
                new += self._line(line)
            self._too_long |= len(rest) > LONGEST
            self._rest = b"" if self._too_long else rest
        return new

    def _line(self, line: bytes) -> list[Event]:
        """The event of a whole line, if it is sound and was not there before."""
        if self._too_long:
            line, self._too_long = b"?", False
        if not line.strip():
            return []
        event = self._event(line)
        read_before = self._count < len(self._lines) and self._lines[self._count] == hash(line)
        if not read_before:
            del self._lines[self._count :]
            self._lines.append(hash(line))
        self._count += 1
        if event is None:
            return []
        self.course.add(event)
        return [] if read_before else [event]

    def _event(self, line: bytes) -> Event | None:
        content = _content(line)
        if isinstance(content, dict) and content.get("schema") != SCHEMA and "event" in content:
            self.other_schema += 1
            return None
        if not isinstance(content, dict) or not _is_sound(content):
            self.damaged += 1
            return None
        name = content["event"]
        is_read = name in ("begin", "look", "warning", "end")
        return Event(name, content["step"], content) if is_read else None


def lines_until(path: Path, step: int) -> bytes:
    """The sound lines of a file up to a step, where a resumed training goes on."""
    lines = [(line, _content(line)) for line in path.read_bytes().splitlines(keepends=True)]
    return b"".join(
        line
        for line, content in lines
        if line.endswith(b"\n")
        and isinstance(content, dict)
        and _is_sound(content)
        and content["step"] <= step
    )


def _content(line: bytes) -> Any:
    return parsed(line.decode("utf-8", "replace"))


def _is_sound(content: Mapping[str, Any]) -> bool:
    """Whether each field that is read is of its kind. Fields and events that a later version adds do no harm."""
    name, step = content.get("event"), content.get("step")
    if (
        not isinstance(name, str)
        or not isinstance(step, int)
        or isinstance(step, bool)
        or not 0 <= step <= LAST
    ):
        return False
    if name == "begin":
        every, chance = content.get("every"), content.get("chance")
        named = chance is None or (isinstance(chance, dict) and all(map(is_number, chance.values())))
        return named and (every is None or (isinstance(every, int) and not isinstance(every, bool)))
    if name == "look":
        numbers = all(content.get(field) is None or is_number(content[field]) for field in NUMBERS)
        return numbers and isinstance(content.get("chance_level"), str | None)
    texts = {"warning": ("kind", "message"), "end": ("status",)}.get(name, ())
    return all(isinstance(content.get(text), str) for text in texts)
