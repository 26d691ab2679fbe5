"""Trainings as they run in other processes: what their folders tell now, and whether they go on. Nothing here needs torch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError
from collapse_cli.metric import metrics
from collapse_cli.metrics.history import history
from collapse_cli.metrics.monitored import drawn_level, monitored
from collapse_cli.runs.histories import is_whole
from collapse_cli.runs.monitor_file import MonitorFile, RecordedTraining
from collapse_cli.runs.monitor_lines import NAME
from collapse_cli.runs.record import Record
from collapse_cli.runs.shell import quoted

FINAL = ("done", "interrupted", "requeue", "failed", "killed")
"""Statuses of a run of ours after which it writes no more, unless somebody resumes it."""

MANY = 4  # folders that are named in an error

Line = Mapping[str, Any]


class Watched:
    """One folder. status: as it was read last; new: the lines that were added since the time before, those of epochs last."""

    def __init__(self, folder: Path) -> None:
        """Raises CollapseError where there is no such folder."""
        self.folder, self.status = folder, "waiting"
        self.new: list[Line] = []
        self.epochs: list[Line] = []
        self._state: tuple[int, ...] = ()  # of history.jsonl, when it was read last
        self._refuse_missing()
        self.refuse_others()
        self.file = MonitorFile(self.folder / NAME)
        self.record = Record(self.folder)

    @property
    def course(self) -> RecordedTraining:
        return self.file.course

    @property
    def over(self) -> bool:
        """Whether no more is to come."""
        return self.status in FINAL if self._is_ours else bool(self.course.ended)

    @property
    def written(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.course.begun or self.course.looks or self.epochs)

    @property
    def silent_minutes(self) -> int:
        """For how long nothing was written, of a training that has not ended: its process may be gone, and nobody tells of it.

        0 of a run of ours, whose lock tells that.
        """
        if self.over or self._is_ours or not self.written:
            return 0
        with suppress(OSError):
            return int(max(time.time() - self.file.path.stat().st_mtime, 0) // 60)
        return 0

    def read(self) -> None:
        """What the folder tells now. Raises CollapseError where it is gone, or cannot be read."""
        self._refuse_missing()
        # the status first, for nothing is written after a final one
        status = self.record.stage(0, 0).status if self._is_ours else ""
        try:
            self.new = [_with_curves(event.fields) for event in self.file.read()]
            self.new += self._new_epochs()
        except OSError as error:
            raise CollapseError(
                f"cannot read {self.folder}: {error.strerror}", "ask its owner for the right to read it"
            ) from None
        if self._is_ours:
            self.status = status if status != "unknown" else "running"
        else:
            self.status = self.course.ended or ("running" if self.written else "waiting")

    @property
    def _is_ours(self) -> bool:
        return (self.folder / "settings.toml").is_file()

    def _refuse_missing(self) -> None:
        if self.folder.is_file():
            raise CollapseError(
                f"{self.folder} is a file, not a folder", f"give the folder that {NAME} lies in"
            )
        if not self.folder.is_dir():
            raise CollapseError(
                f"there is no folder {self.folder}",
                "give the run folder, or the folder= of the CollapseMonitor",
            )

    def refuse_others(self) -> None:
        """A folder of trainings is none itself, and would be waited for in vain: a monitor makes its file when it is made."""
        if self._is_ours or (self.folder / NAME).exists():
            return
        inner = sorted(path.parent for path in self.folder.glob(f"*/{NAME}"))
        if inner:
            others = f" and {len(inner) - MANY} more" if len(inner) > MANY else ""
            raise CollapseError(
                f"{self.folder} has no {NAME}, but its folders {', '.join(path.name for path in inner[:MANY])}{others} have",
                f"watch one of them, or several: collapse watch {' '.join(map(quoted, inner[:MANY]))}",
            )

    def _new_epochs(self) -> list[Line]:
        """The lines of history.jsonl that were not there before, where it is that of a run of ours and has changed."""
        path = self.folder / "history.jsonl"
        if not self._is_ours or not path.is_file():
            return []
        about = path.stat()
        state = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
        if state == self._state:
            return []
        self._state, before = state, self.epochs
        self.epochs = [{"extra": {}, **line} for line in self.record.history() if is_whole(line)]
        return [_with_curves({**line, "event": "epoch"}) for line in self.epochs if line not in before]


def _with_curves(line: Line) -> Line:
    """A look or an epoch with its numbers as the curves of one point that they are part of."""
    if line["event"] not in ("look", "epoch"):
        return line
    return {**line, "curves": metrics(history([line]) if line["event"] == "epoch" else monitored([line], {}))}


def watching(folders: Sequence[Path], seconds: float, once: bool = False) -> Iterator[list[Watched]]:
    """All folders, read again every so many seconds until all trainings are over. once: read once.

    Raises CollapseError for a folder that is not there.
    """
    watched = [Watched(folder) for folder in folders]
    while True:
        for each in watched:
            each.read()
        yield watched
        if once or all(each.over for each in watched):
            return
        time.sleep(seconds)


def answer_about(watched: Sequence[Watched]) -> Answer:
    """What the folders tell, as one answer: curves by step and by epoch, and what the monitors warned of."""
    entries = [entry for number, each in enumerate(watched) for entry in _entries(each, number)]
    several = len(watched) > 1
    warnings = [
        f"{each.folder}: {text}" if several else text for each in watched for text in sentences(each.file)
    ]
    return answer("watch", entries, [_facts(each) for each in watched], warnings)


def _entries(watched: Watched, number: int) -> Iterator[Entry]:
    name, course = str(watched.folder), watched.course
    if course.looks:
        looks = [look.fields for look in course.looks]
        yield Entry(name, monitored(looks, course.chance_levels), input=number)
    if watched.epochs:
        yield Entry(name, history(watched.epochs), input=number)


def _facts(watched: Watched) -> dict[str, Any]:
    """Of one folder. at: the chance level that the loss is equal to at the last look, if it is."""
    course = watched.course
    looks = [look.fields for look in course.looks]
    last, silent = looks[-1] if looks else {}, watched.silent_minutes
    return {
        "path": str(watched.folder),
        "status": watched.status,
        "last_step": last.get("step"),
        "every": course.every or None,
        "epoch": watched.epochs[-1]["number"] if watched.epochs else None,
        "epochs": watched.epochs[-1].get("epochs") if watched.epochs else None,
        "chance_levels": {
            name: level for name, level in course.chance_levels.items() if math.isfinite(level)
        },
        "chance_level": drawn_level(looks, course.chance_levels) or None,
        "at": last.get("chance_level"),
        **({"silent_minutes": silent} if silent else {}),
    }


def sentences(file: MonitorFile) -> list[str]:
    """What the monitor warned of, which names its step, and what of its file cannot be used."""
    warned = [each.fields["message"] for each in file.course.warnings]
    damaged = (
        f"{file.damaged:,} damaged line{'s' * (file.damaged > 1)} of {NAME} left out" if file.damaged else ""
    )
    other = (
        f"{file.other_schema:,} line{'s' * (file.other_schema > 1)} of {NAME} left out, which another version of collapse wrote"
        if file.other_schema
        else ""
    )
    return [*warned, *filter(None, (damaged, other))]
