"""The run folder: settings.toml, run.json, history.jsonl, monitor.jsonl, results/*.json, epochs/*.pt. Needs no torch."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from collapse_cli.errors import CollapseError, concerning
from collapse_cli.files import append, refuse_unmakable, whole, writing
from collapse_cli.printable import json_text
from collapse_cli.runs import lock, monitor_file, monitor_lines
from collapse_cli.runs.histories import parsed, usable
from collapse_cli.runs.litter import is_draft
from collapse_cli.runs.shell import quoted
from collapse_cli.runs.toml import in_toml, read_toml
from collapse_cli.settings import Run, flat, resolve
from collapse_cli.stage import Stage, Status

FILES = ("checkpoint.pt", "history.jsonl", "monitor.jsonl", "run.json", "report.html")
FOLDERS = ("results", "plots", "epochs", "tensorboard")
OURS = {*FILES, *FOLDERS, "settings.toml"}
"""What a run leaves in its folder, besides its lock."""


@dataclass(frozen=True)
class Record:
    """One run's folder."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def epoch(self, number: int) -> Path:
        """Where the checkpoint after this many epochs is kept, if it is."""
        return self.folder / "epochs" / f"{number:04d}.pt"

    def epochs(self) -> dict[int, Path]:
        """Epoch -> its checkpoint, of those that were kept, the first first."""
        files = (self.folder / "epochs").glob("*.pt")
        by_epoch = {int(path.stem): path for path in files if path.stem.isdecimal()}
        return dict(sorted(by_epoch.items()))

    def begin(self, run: Run, facts: Mapping[str, Any], overwrite: bool) -> None:
        """Make the folder and write what is known before the first step. A folder with something in it is refused.

        By settings.toml it is known as a run folder. So that comes first, and is replaced and never removed: wherever this is
        stopped, --overwrite takes what is left.
        """
        self.refuse_unfit(overwrite)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole(self.folder / "settings.toml") as draft:
                draft.write_text(in_toml(run.tables()))
                self._clear()  # once there is room for a file: on a full disk the run before stays
            (self.folder / "results").mkdir(exist_ok=True)
        except OSError as error:
            raise CollapseError(
                f"cannot write to {self.folder}: {error.strerror}", "choose another --out"
            ) from None
        self.say(status="running", **facts)

    def refuse_unfit(self, overwrite: bool) -> None:
        """Raises CollapseError for a folder that cannot become this run's; nothing is written. overwrite: a run in it may go."""
        refuse_unmakable(self.folder, "--out")
        content = self._content()
        if not content:
            return
        ours = "settings.toml" in content or (content <= OURS and (self.folder / lock.NAME).is_file())
        if not overwrite:
            whole_run = {"settings.toml", "checkpoint.pt"} <= content
            goes_on = f"--resume {quoted(self.folder)} continues the run in it, " * whole_run
            remedy = f"{goes_on}--overwrite replaces {'it' if goes_on else 'the run that was begun in it'}"
            raise CollapseError(f"{self.folder} is not empty", remedy if ours else "choose another --out")
        if not ours:
            raise CollapseError(
                f"{self.folder} is not a run folder, and --overwrite would delete its content",
                "choose another --out",
            )

    def settle(self, run: Run) -> None:
        """Write settings.toml."""
        with whole(self.folder / "settings.toml") as draft:
            draft.write_text(in_toml(run.tables()))

    def _content(self) -> set[str]:
        """Names of what lies in the folder, without the lock, what killed processes left half-written, and an empty results/."""
        there = list(self.folder.iterdir()) if self.folder.is_dir() else []
        names = {path.name for path in there if path.name != lock.NAME and not is_draft(path.name)}
        empty = names == {"results"} and not any((self.folder / "results").glob("*"))
        return set() if empty else names

    def _clear(self) -> None:
        """Remove what a run before left in the folder: the checkpoint first, for without it nothing resumes half a run."""
        for place in (self.folder / name for name in (*FILES, *FOLDERS)):
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)

    def say(self, **facts: Any) -> None:
        """Add facts to run.json: status, versions, seed, argv …"""
        recorded = self.facts()
        with whole(self.folder / "run.json") as draft:
            draft.write_text(json_text(recorded | facts, nan=True, ascii_only=True) + "\n")

    def facts(self) -> dict[str, Any]:
        """What run.json says; empty where it is missing or damaged."""
        recorded = parsed(_text(self.folder / "run.json"))
        return recorded if isinstance(recorded, dict) else {}

    def warned(self) -> list[str]:
        """What the monitor of the training has warned of, in sentences, as run.json says."""
        told = self.facts().get("collapse")
        every = (
            [each.get("message") for each in told if isinstance(each, dict)] if isinstance(told, list) else []
        )
        return [message for message in every if isinstance(message, str)]

    def append(self, epoch: Any) -> None:
        """One more line of history.jsonl, from a dataclass."""
        append(self.folder / "history.jsonl", _line(dataclasses.asdict(epoch)))

    def history(self) -> list[dict[str, Any]]:
        """A line for each epoch, in order; those that are torn, as by a run that was killed, are left out."""
        return usable(_text(self.folder / "history.jsonl").splitlines())[0]

    def damaged(self) -> list[str]:
        """What of the folder cannot be read, beside settings and checkpoints, by its name."""
        names = ["run.json"] if os.path.lexists(self.folder / "run.json") and not self.facts() else []
        history = self.folder / "history.jsonl"
        if lost := usable(_text(history).splitlines())[1]:
            names.append(f"{lost:,} line{'s' * (lost > 1)} of history.jsonl")
        elif os.path.lexists(history) and not history.is_file():
            names.append("history.jsonl")
        return [
            *names,
            *(f"results/{name}" for name, document in self._answers().items() if document is None),
        ]

    def rewind(self, epoch: int, step: int) -> None:
        """Forget history and checkpoints after `epoch`, and what was monitored after `step`, where a resumed run goes on."""
        for number, path in self.epochs().items():
            if number > epoch:
                path.unlink()
        lines = [line for line in self.history() if line["number"] <= epoch]
        with whole(self.folder / "history.jsonl") as draft:
            draft.write_text("".join(_line(line) + "\n" for line in lines))
        monitor = self.folder / monitor_lines.NAME
        if monitor.is_file():
            with whole(monitor) as draft:
                draft.write_bytes(monitor_file.lines_until(monitor, step))

    def settings(self) -> Run:
        """The run's settings, as settings.toml holds them."""
        path = self.folder / "settings.toml"
        if not path.exists():
            monitor_lines.refuse_alone(self.folder)
            raise CollapseError(
                f"{self.folder} is not a run folder: it has no settings.toml",
                "give the folder that was the --out of a training",
            )
        tables = read_toml(path)
        method = tables.get("method")
        name = method.get("name") if isinstance(method, dict) else None
        if not isinstance(name, str):
            raise CollapseError(f"{path} does not name a method", "it needs a section [method] with a name")
        with concerning(str(path)):
            return resolve(name, flat(tables))

    def stage(self, epochs: int, planned: int) -> Stage:
        """How far the run got, `epochs` of them completed, as its checkpoint says; what run.json says of it.

        planned: by the checkpoint. A resumed run may plan more, which settings.toml says, unless it is damaged. A run that is
        said to be running was killed where nothing holds its lock.
        """
        facts = self.facts()
        with suppress(CollapseError):
            planned = self.settings().training.epochs
        status: Status = facts["status"] if facts.get("status") in get_args(Status) else "unknown"
        if status == "running" and lock.is_free(self.folder):
            status = "killed"
        return Stage(status, epochs, planned, str(facts.get("error", "")))

    def keep(self, document: Mapping[str, Any]) -> None:
        """Write an answer to results/<command>.json, and show the folder how to be read again."""
        folder = self.folder / "results"
        with writing(folder):
            folder.mkdir(exist_ok=True)
        with whole(folder / f"{document['command']}.json") as draft:
            draft.write_text(json_text(document) + "\n", encoding="utf-8")

    def results(self) -> list[dict[str, Any]]:
        """Every answer kept so far, by command name; those that are torn will be measured anew."""
        return [document for document in self._answers().values() if document is not None]

    def _answers(self) -> dict[str, dict[str, Any] | None]:
        """File -> the answer in it, None for what is none."""
        files = sorted((self.folder / "results").glob("*.json"))
        documents = {file.name: parsed(_text(file)) for file in files}
        return {name: each if _is_answer(each) else None for name, each in documents.items()}


def _line(epoch: Mapping[str, Any]) -> str:
    """Of history.jsonl."""
    return json_text(epoch, None, nan=True, ascii_only=True)


def _is_answer(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("command"), str)


def _text(path: Path) -> str:
    """What a regular file holds; empty where there is none, or it cannot be read."""
    try:
        return path.read_text("utf-8", "replace") if path.is_file() else ""
    except OSError:
        return ""
