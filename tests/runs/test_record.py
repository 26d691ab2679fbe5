"""The run folder: what begin refuses and clears, the history, and files that were torn."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.runs.record import Record
from collapse_cli.runs.toml import in_toml
from collapse_cli.settings import METHODS, resolve


@dataclass(frozen=True)
class Line:
    number: int
    loss: float


@pytest.fixture
def record(tmp_path: Path) -> Record:
    record = Record(tmp_path / "deep" / "run")
    record.begin(resolve("moco", {"queue": 9}), {"seed": 3}, overwrite=False)
    return record


def test_begin_makes_the_folder_and_says_so(record: Record) -> None:
    assert json.loads((record.folder / "run.json").read_text()) == {"status": "running", "seed": 3}
    assert (record.folder / "results").is_dir()
    assert (record.history(), record.results()) == ([], [])
    assert {path.name for path in record.folder.iterdir()} == {"settings.toml", "run.json", "results"}


def test_overwrite_clears_what_is_ours_and_nothing_else(record: Record) -> None:
    record.append(Line(1, 0.5))
    record.keep({"command": "spectrum"})
    record.checkpoint.write_bytes(b"old")
    (record.folder / "notes.md").write_text("mine")
    with pytest.raises(CollapseError, match="not empty") as caught:
        record.begin(resolve("mochi"), {}, overwrite=False)
    assert "--resume" in caught.value.hint
    assert (record.settings().method, record.checkpoint.read_bytes()) == ("moco", b"old")
    record.begin(resolve("mochi"), {}, overwrite=True)
    assert (record.settings().method, record.history(), record.results()) == ("mochi", [], [])
    assert not record.checkpoint.exists()
    assert (record.folder / "notes.md").read_text() == "mine"
    assert json.loads((record.folder / "run.json").read_text()) == {"status": "running"}


def test_an_empty_folder_is_taken_and_a_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    Record(tmp_path / "empty").begin(resolve("moco"), {}, overwrite=False)
    (tmp_path / "file").write_text("x")
    for place in ("file", "file/below"):
        with pytest.raises(CollapseError, match=str(tmp_path / place)):
            Record(tmp_path / place).begin(resolve("moco"), {}, overwrite=True)
    assert (tmp_path / "file").read_text() == "x"


def test_history_is_appended_and_rewound(record: Record) -> None:
    for number in (1, 2, 3):
        record.append(Line(number, number / 10))
    assert record.history() == [{"number": n, "loss": n / 10} for n in (1, 2, 3)]
    record.rewind(2, 20)
    record.append(Line(3, 7.0))
    assert [(line["number"], line["loss"]) for line in record.history()] == [(1, 0.1), (2, 0.2), (3, 7.0)]
    record.rewind(0, 0)
    assert record.history() == []


def test_a_line_torn_by_a_crash_is_no_history(record: Record) -> None:
    """A run killed while it wrote its second line can still be read, and rewound to the first."""
    record.append(Line(1, 0.5))
    with (record.folder / "history.jsonl").open("a") as lines:
        lines.write('{"number": 2, "lo')
    assert record.history() == [{"number": 1, "loss": 0.5}]
    record.rewind(1, 10)
    assert (record.folder / "history.jsonl").read_text() == '{"number": 1, "loss": 0.5}\n'


def test_what_was_monitored_is_cut_back_to_a_step(record: Record) -> None:
    """Sound lines up to it stay as they were; a folder without the file gets none."""
    record.rewind(1, 10)
    file = record.folder / "monitor.jsonl"
    assert not file.exists()
    lines = [f'{{"schema": 1, "event": "look", "step": {step}}}\n' for step in (1, 10, 20)]
    file.write_text(f"{lines[0]}torn\n{lines[1]}{lines[2]}" + '{"schema": 1, "event": "look", "step": 5}')
    record.rewind(1, 10)
    assert file.read_text() == lines[0] + lines[1]


def test_facts_are_added_and_replaced(record: Record) -> None:
    record.say(status="done", argv=["a", "é"])
    found = json.loads((record.folder / "run.json").read_text())
    assert found == {"status": "done", "seed": 3, "argv": ["a", "é"]}


def test_answers_are_kept_by_command(record: Record) -> None:
    for value in (1, 2):
        record.keep({"command": "spectrum", "value": value})
    record.keep({"command": "alignment", "value": "ü"})
    assert [one["command"] for one in record.results()] == ["alignment", "spectrum"]
    assert record.results()[1]["value"] == 2
    with pytest.raises(ValueError, match="JSON"):
        record.keep({"command": "spectrum", "value": float("nan")})
    assert record.results()[1]["value"] == 2


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_comes_back_from_its_settings(name: str, tmp_path: Path) -> None:
    """Numbers at their ends, and text with everything TOML escapes."""
    odd = 'folder:C:\\a "b"\n\té #x = [y]'
    run = resolve(
        name, {"dataset": odd, "lr": 1e-30, "weight_decay": 0, "seed": 2**63 - 1, "head_norm": True}
    )
    record = Record(tmp_path / "run")
    record.begin(run, {}, overwrite=False)
    assert record.settings() == run
    assert tomllib.loads(in_toml(run.tables())) == run.tables()


@pytest.mark.parametrize(
    "text",
    [
        *("x = 1\n", "[method]\nqueue = 5\n", "method = 3\n", "[method]\nname = 5\n", "= broken\n", ""),
        *('[method]\nname = "no"\n', '[method]\nname = "moco"\nqueues = 5\n'),
    ],
)
def test_settings_that_are_none_are_a_sentence(text: str, record: Record) -> None:
    (record.folder / "settings.toml").write_text(text)
    with pytest.raises(CollapseError) as caught:
        record.settings()
    assert "settings.toml" in caught.value.message
    assert caught.value.hint


def test_a_stop_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """Ctrl-C is no Exception, and still leaves neither half a file nor a draft."""
    (tmp_path / "a").write_text("old")

    def stopped() -> None:
        with whole(tmp_path / "a") as draft:
            draft.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert (tmp_path / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="cannot write"), whole(tmp_path / "no" / "a") as draft:
        draft.write_text("x")


def test_checkpoints_of_epochs_are_found_in_order_and_rewound(record: Record) -> None:
    """2, 10 and 12000 by number, not by name; a draft, a note and what is not a number are none; after 10 none is left."""
    record.append(Line(1, 0.5))
    assert record.epochs() == {}
    record.epoch(2).parent.mkdir()
    for number in (10, 2, 12000):
        record.epoch(number).write_bytes(b"kept")
    for stray in (".0003.pt.7.part", "notes.md", "best.pt"):
        (record.folder / "epochs" / stray).write_text("mine")
    assert list(record.epochs()) == [2, 10, 12000]
    assert record.epoch(2).name == "0002.pt"
    record.rewind(10, 100)
    assert list(record.epochs()) == [2, 10]
    record.begin(resolve("moco"), {}, overwrite=True)
    assert record.epochs() == {}


def test_a_torn_answer_is_left_out(tmp_path: Path) -> None:
    """As after a full disk, or a hand in the folder: the others are still to be seen."""
    record = Record(tmp_path)
    record.keep({"command": "spectrum"})
    (tmp_path / "results" / "alignment.json").write_text('{"schema": 1,')
    (tmp_path / "results" / "other.json").write_text("[]")
    assert [one["command"] for one in record.results()] == ["spectrum"]


DRAFT = f".settings.toml.{2**22 + 3}.part"


@pytest.mark.parametrize(
    "content", [[], [".lock"], [".lock", "results/"], ["results/"], [".lock", DRAFT], [DRAFT, "results/"]]
)
def test_what_a_run_leaves_that_was_killed_as_it_began_is_nothing(content: list[str], tmp_path: Path) -> None:
    """No word of the run was written: the folder is as good as empty."""
    for name in content:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("")
    Record(tmp_path).begin(resolve("moco"), {}, overwrite=False)
    assert Record(tmp_path).settings().method == "moco"


@pytest.mark.parametrize(
    ("content", "resumed"),
    [
        (["settings.toml"], False),
        (["settings.toml", "results/"], False),
        (["settings.toml", "run.json", "checkpoint.pt"], True),
        ([".lock", "history.jsonl", "epochs/"], False),
        ([".lock", "run.json", "results/", "results/spectrum.json", DRAFT], False),
        (["settings.toml", "notes.md", "checkpoint.pt/"], True),
    ],
)
def test_half_a_run_is_replaced_when_told_so(content: list[str], resumed: bool, tmp_path: Path) -> None:
    """--resume is named where there is something to resume."""
    record = Record(tmp_path)
    for name in content:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("")
    with pytest.raises(CollapseError, match="not empty") as caught:
        record.begin(resolve("moco"), {}, overwrite=False)
    assert ("--resume" in caught.value.hint) is resumed
    assert "--overwrite replaces" in caught.value.hint
    record.begin(resolve("mochi"), {}, overwrite=True)
    assert record.settings().method == "mochi"
    left = {path.name for path in tmp_path.iterdir()} - {".lock", DRAFT, "notes.md"}
    assert left == {"settings.toml", "run.json", "results"}
    assert not any((tmp_path / "results").iterdir())


@pytest.mark.parametrize(
    "content",
    [
        ["results/", "results/table.json"],
        ["epochs/"],
        [".lock", "results/", "mine.txt"],
        [".git/"],
        ["run.json"],
    ],
)
def test_a_folder_of_somebody_else_is_left_as_it_is(content: list[str], tmp_path: Path) -> None:
    """Not even with --overwrite: `results` is a name that other programs use, and .lock too."""
    for name in content:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for overwrite, words in ((False, "is not empty"), (True, "is not a run folder")):
        with pytest.raises(CollapseError, match=words) as caught:
            Record(tmp_path).begin(resolve("moco"), {}, overwrite)
        assert caught.value.hint == "choose another --out"
    assert sorted(tmp_path.rglob("*")) == before
