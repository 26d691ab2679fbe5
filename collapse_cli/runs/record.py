"""The run folder: settings.toml, run.json, history.jsonl, results/*.json, epochs/*.pt. Nothing here needs torch."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from collapse_cli.errors import CollapseError
from collapse_cli.files import append, refuse_unmakable, whole, writing
from collapse_cli.printable import WORKFLOW, json_text
from collapse_cli.runs.shell import quoted
from collapse_cli.settings import Run, flat, resolve
from collapse_cli.shapes import Stage, Status


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
        """Make the folder and write what is known before the first step. A folder with something in it is refused."""
        self.refuse_unfit(overwrite)
        self._clear()
        try:
            (self.folder / "results").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CollapseError(
                f"cannot make {self.folder}: {error.strerror}", "choose another --out"
            ) from None
        self.settle(run)
        self.say(status="running", **facts)

    def refuse_unfit(self, overwrite: bool) -> None:
        """Raises CollapseError for a folder that cannot become this run's; nothing is written. overwrite: a run in it may go."""
        refuse_unmakable(self.folder, "--out")
        if not (self.folder.is_dir() and any(self.folder.iterdir())):
            return
        ours = (self.folder / "settings.toml").exists()
        if not overwrite:
            goes_on = f"--resume {quoted(self.folder)} continues the run in it, --overwrite replaces it"
            raise CollapseError(f"{self.folder} is not empty", goes_on if ours else "choose another --out")
        if not ours:
            raise CollapseError(
                f"{self.folder} is not a run folder, and --overwrite would delete its content",
                "choose another --out",
            )

    def settle(self, run: Run) -> None:
        """Write settings.toml."""
        with whole(self.folder / "settings.toml") as draft:
            draft.write_text(toml(run.tables()))

    def _clear(self) -> None:
        """Remove what a run before left in the folder."""
        for name in ("settings.toml", "run.json", "history.jsonl", "checkpoint.pt", "report.html"):
            (self.folder / name).unlink(missing_ok=True)
        for name in ("results", "plots", "epochs"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def say(self, **facts: Any) -> None:
        """Add facts to run.json: status, versions, seed, argv …"""
        recorded = self.facts()
        with whole(self.folder / "run.json") as draft:
            draft.write_text(json_text(recorded | facts, nan=True, ascii_only=True) + "\n")

    def facts(self) -> dict[str, Any]:
        """What run.json says; empty where it is missing or damaged."""
        path = self.folder / "run.json"
        recorded = _json(path.read_text("utf-8", "replace")) if path.is_file() else None
        return recorded if isinstance(recorded, dict) else {}

    def append(self, epoch: Any) -> None:
        """One more line of history.jsonl, from a dataclass."""
        append(
            self.folder / "history.jsonl",
            json_text(dataclasses.asdict(epoch), None, nan=True, ascii_only=True),
        )

    def history(self) -> list[dict[str, Any]]:
        path = self.folder / "history.jsonl"
        lines = [_json(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if line is not None]  # a killed run may have torn its last line

    def rewind(self, epoch: int) -> None:
        """Forget the history and the checkpoints after `epoch`, where a resumed run goes on."""
        for number, path in self.epochs().items():
            if number > epoch:
                path.unlink()
        lines = [line for line in self.history() if line["number"] <= epoch]
        with whole(self.folder / "history.jsonl") as draft:
            draft.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def settings(self) -> Run:
        """The run's settings, as settings.toml holds them."""
        path = self.folder / "settings.toml"
        if not path.exists():
            raise CollapseError(
                f"{self.folder} is not a run folder: it has no settings.toml",
                "give the folder that was the --out of a training",
            )
        tables = read_toml(path)
        method = tables.get("method")
        name = method.get("name") if isinstance(method, dict) else None
        if not isinstance(name, str):
            raise CollapseError(f"{path} does not name a method", "it needs a section [method] with a name")
        return resolve(name, flat(tables))

    def stage(self, epochs: int, planned: int) -> Stage:
        """How far the run got, `epochs` of them completed, as its checkpoint says; what run.json says of it.

        planned: by the checkpoint. A resumed run may plan more, which settings.toml says, unless it is damaged.
        """
        facts = self.facts()
        with suppress(CollapseError):
            planned = self.settings().training.epochs
        status: Status = facts["status"] if facts.get("status") in get_args(Status) else "unknown"
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
        documents = [
            _json(path.read_text("utf-8", "replace"))
            for path in sorted((self.folder / "results").glob("*.json"))
        ]
        return [document for document in documents if isinstance(document, dict) and "command" in document]


def _json(text: str) -> Any:
    """The value, or None for text that was torn."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file, or a sentence about what is wrong with it."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise CollapseError(f"cannot read {path}: {error.strerror}", "give the path of a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CollapseError(
            f"{path} is not TOML: {error}", "the settings.toml of any run is an example"
        ) from None


def toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Sections of numbers, booleans and text as TOML: JSON's way of writing those is also TOML's, but for letters beyond U+FFFF.

    Raises CollapseError for a name of a file that is no Unicode, which TOML cannot hold.
    """
    sections = (
        "\n".join([f"[{name}]", *(f"{key} = {_in_toml(value)}" for key, value in table.items())])
        for name, table in tables.items()
    )
    return "\n\n".join(sections) + "\n"


def _in_toml(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise CollapseError(
            f"{value} is not the name of a file in UTF-8, and no settings can hold it", "rename the file"
        )
    text = "".join(_in_ascii(letter) for letter in json.dumps(value, ensure_ascii=False))
    return WORKFLOW.sub(r"\\u0023#", text)


def _in_ascii(letter: str) -> str:
    """JSON has two escapes for a letter beyond U+FFFF, and TOML one."""
    return (
        json.dumps(letter)[1:-1]
        if "\x7f" <= letter <= "\uffff"
        else letter
        if letter.isascii()
        else f"\\U{ord(letter):08x}"
    )
