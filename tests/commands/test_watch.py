"""collapse watch: folders in every state, from a pipe and from a terminal, until the training is over."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from collapse_cli import cli
from collapse_cli.analysis import watch
from collapse_cli.cli import main
from tests.processes import drawn

Capture = pytest.CaptureFixture[str]
ROOT = Path(cli.__file__).parent
CHANCE = {"ln B": 5.545}


def line(event: str, step: int, **fields: Any) -> str:
    return json.dumps({"schema": 1, "event": event, "step": step, **fields}) + "\n"


def look(step: int, **fields: Any) -> str:
    return line("look", step, **{"loss": 5.0, "variance": 0.5, "effective_rank": 3.0, "scale": 2.0, **fields})


WARNING = line("warning", 20, kind="complete collapse", message="All embeddings are equal.")
LINES = (
    line("begin", 0, every=10, chance=CHANCE) + look(10) + look(20, loss=5.545, chance_level="ln B") + WARNING
)
END = line("end", 20, status="complete")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That of somebody's training which has ended."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "monitor.jsonl").write_text(LINES + END)
    return tmp_path / "theirs"


def test_without_a_terminal_each_record_is_a_line(folder: Path, capsys: Capture) -> None:
    assert main(["watch", str(folder)]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.splitlines() == [
        "the training begins · chance levels of a contrastive loss: ln B = 5.54",
        "step 10 · loss of the batch 5 · variance of z 0.5 · rank of z 3 · scale of z 2",
        "step 20 · loss of the batch 5.54 · variance of z 0.5 · rank of z 3 · scale of z 2 · "
        "the loss is at its chance level ln B",
        "warning: All embeddings are equal.",
        "step 20 · the training has ended: complete",
    ]


def test_json_is_one_document_of_the_schema(folder: Path, capsys: Capture) -> None:
    (folder / "monitor.jsonl").write_text(LINES + "torn\n" + look(30, loss=None, finite=False) + "{")
    assert main(["watch", str(folder), "--once", "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    Draft202012Validator(json.loads((ROOT / "views/schema.json").read_text())).validate(told)
    (facts,), (result,) = told["inputs"], told["results"]
    assert facts | {"path": ""} == {
        "path": "", "status": "running", "last_step": 30, "every": 10, "epoch": None, "epochs": None,
        "chance_levels": CHANCE, "chance_level": "ln B", "at": None,
    }  # fmt: skip
    loss = result["metrics"]["loss"]
    assert (loss["values"], loss["at"], loss["null"]) == ([5.0, 5.545], [10.0, 20.0], [5.545] * 2)
    assert told["warnings"] == [
        "All embeddings are equal.",
        "1 damaged line of monitor.jsonl left out",
    ]
    assert shown.err == "".join(f"warning: {text}\n" for text in told["warnings"])


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_where_nothing_was_written_the_code_is_3(
    tmp_path: Path, capsys: Capture, json_too: list[str]
) -> None:
    assert main(["watch", str(tmp_path), "--once", *json_too]) == 3
    shown = capsys.readouterr()
    if json_too:
        assert json.loads(shown.out)["inputs"][0]["status"] == "waiting"
    else:
        assert shown == ("", f"nothing is written in {tmp_path} yet\n")


def test_what_is_no_folder_is_refused_in_a_sentence(folder: Path, capsys: Capture) -> None:
    for path, sentence in (
        (folder / "monitor.jsonl", "monitor.jsonl is a file, not a folder"),
        (folder / "none", "there is no folder"),
    ):
        assert main(["watch", str(folder), str(path)]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert sentence in shown.err
        assert len(shown.err.splitlines()) == 2
    assert main(["watch", str(folder), "--every", "0"]) == 2


def test_for_how_long_a_training_was_silent_is_told(folder: Path, capsys: Capture) -> None:
    """A process that was killed has written no end: its status would be "running" for ever."""
    file = folder / "monitor.jsonl"
    file.write_text(LINES)
    for ago, minutes in ((30, None), (200, 3)):
        os.utime(file, (time.time() - ago,) * 2)
        assert main(["watch", str(folder), "--once", "--json"]) == 0
        (facts,) = json.loads(capsys.readouterr().out)["inputs"]
        assert (facts["status"], facts.get("silent_minutes")) == ("running", minutes)
    file.write_text(LINES + END)
    os.utime(file, (0, 0))
    assert main(["watch", str(folder), "--once", "--json"]) == 0
    assert "silent_minutes" not in capsys.readouterr().out


def test_a_folder_of_trainings_is_not_waited_for(folder: Path, capsys: Capture) -> None:
    """runs in place of runs/mine is what one types first."""
    assert main(["watch", str(folder.parent)]) == 2
    shown = capsys.readouterr()
    assert "has no monitor.jsonl, but its folders theirs have" in shown.err
    assert f"collapse watch {folder}" in shown.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello\n", "1 damaged line of monitor.jsonl left out"),
        ('{"schema": 9, "event": "begin", "step": 0}\n', "another version of collapse wrote"),
    ],
)
def test_what_cannot_be_read_is_told_beside_nothing(
    tmp_path: Path, capsys: Capture, text: str, words: str
) -> None:
    (tmp_path / "monitor.jsonl").write_text(text)
    assert main(["watch", str(tmp_path), "--once"]) == 3
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("command", ["diagnose", "inspect", "report", "layers"])
def test_other_commands_name_the_one_that_shows_it(folder: Path, capsys: Capture, command: str) -> None:
    assert main([command, str(folder)]) == 2
    shown = capsys.readouterr()
    assert "holds what a CollapseMonitor saw of a training" in shown.err
    assert f"collapse watch {folder}" in shown.err


def test_it_waits_for_a_file_follows_it_and_stops_at_its_end(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process would do between two looks is done while this one sleeps: half a line first."""
    file, text = tmp_path / "monitor.jsonl", LINES + END
    steps = iter(
        [
            lambda: None,
            lambda: file.write_text(text[:150]),
            lambda: file.write_text(text[:-5]),
            lambda: file.write_text(text),
        ]
    )
    slept: list[float] = []
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: (slept.append(seconds), next(steps)()))
    assert main(["watch", str(tmp_path), "--every", "0.5"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 5
    assert shown.err == f"nothing is written in {tmp_path} yet\n"
    assert slept == [0.5] * 4


def test_a_folder_that_goes_away_ends_the_watch(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "monitor.jsonl").write_text(LINES)
    monkeypatch.setattr(watch.time, "sleep", lambda _: shutil.rmtree(folder))
    assert main(["watch", str(folder)]) == 2
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "over"),
    [
        ("done", True),
        ("interrupted", True),
        ("failed", True),
        ("requeue", True),
        ("running", False),
        ("odd", False),
    ],
)
def test_a_run_of_ours_is_over_when_its_run_json_says_so(
    run: Path, tmp_path: Path, status: str, over: bool
) -> None:
    """Whatever its monitor's last line says. Said to be running, it was killed where nobody holds its lock."""
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    (copy / ".lock").unlink()
    (copy / "monitor.jsonl").write_text(LINES)
    (copy / "run.json").write_text(json.dumps({"status": status}))
    each = watch.Watched(copy)
    each.read()
    assert (each.over, each.written) == (over, True)
    assert each.status == (status if status != "odd" else "running")
    (copy / ".lock").write_text("")
    (copy / "run.json").write_text('{"status": "running"}')
    each.read()
    assert (each.over, each.status) == (True, "killed")


def test_a_run_of_ours_shows_its_epochs(run: Path, capsys: Capture) -> None:
    assert main(["watch", str(run), "--once", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    history = next(result for result in told["results"] if result["kind"] == "history")
    assert len(history["metrics"]["loss"]["values"]) == 2
    assert (told["inputs"][0]["epoch"], told["inputs"][0]["epochs"]) == (2, 2)
    assert told["inputs"][0]["status"] == "done"
    assert main(["watch", str(run)]) == 0
    epochs = [text for text in capsys.readouterr().out.splitlines() if text.startswith("epoch")]
    assert re.fullmatch(r"epoch 1 · loss [\d.]+ \(chance level 6.24\) · std·√d .*", epochs[0])
    assert len(epochs) == 2


def test_several_folders_are_one_answer_and_each_line_names_its_own(folder: Path, capsys: Capture) -> None:
    other = Path(shutil.copytree(folder, folder.with_name("other")))
    assert main(["watch", str(folder), str(other)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [text.startswith(f"{folder}: ") for text in lines] == [True] * 5 + [False] * 5
    assert main(["watch", str(folder), str(other), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [result["input"] for result in told["results"]] == [0, 1]
    assert told["warnings"][1] == f"{other}: All embeddings are equal."


def test_on_a_terminal_curves_are_drawn_anew_and_ctrl_c_ends_in_130(folder: Path) -> None:
    """In a pseudo-terminal: the curves are there, the cursor is shown again, one line says that it was interrupted."""
    (folder / "monitor.jsonl").write_text(LINES)
    ours, theirs = pty.openpty()
    environment = os.environ | {
        "PYTHONPATH": str(ROOT.parent),
        "COLUMNS": "80",
        "LINES": "24",
        "TERM": "xterm",
    }
    started = subprocess.Popen(
        [sys.executable, "-m", "collapse_cli", "watch", str(folder), "--every", "0.1"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        text = drawn(ours, b"All embeddings")
        started.send_signal(signal.SIGINT)
        text += drawn(ours)
        assert started.wait(timeout=120) == 130
    finally:
        started.kill()
        os.close(ours)
    assert b"variance of z" in text
    assert text.rstrip().endswith(b"\x1b[?25hcollapse: interrupted")
    assert b"Traceback" not in text


def test_it_loads_no_torch(folder: Path) -> None:
    script = (
        "import sys; from collapse_cli.cli import main; main(sys.argv[1:]);"
        "print({'torch', 'numpy', 'matplotlib'} & set(sys.modules), file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, "watch", str(folder)],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": str(ROOT.parent)},
    )  # fmt: skip
    assert ended.stderr.strip() == "set()"
