"""check: what a CI takes from it. The reason in one line, annotations, a step summary, and the baseline that it may save."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from collapse_cli.cli import main
from tests.gates import Capture, checked, plant, rows

RED, GREEN = ["--require", "rank.z >= 30"], ["--require", "rank.z >= 10"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pyproject.toml of somebody else's is found, nor the summary of the workflow that runs this."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (tmp_path / "pyproject.toml").write_text("")


def test_quiet_gives_the_reason_in_one_line(tmp_path: Path, capsys: Capture) -> None:
    """On stderr; nothing where all is well. Of several inputs the first that fails."""
    new, other = plant(tmp_path / "new.json", half=3), plant(tmp_path / "other.json", 40.0)
    for terms, code, shown in (
        (GREEN, 0, ""),
        (RED, 1, f"collapse: failed: {new}: rank.z 20.0 ± 3.0 is below 30\n"),
        ([*RED, "--require", "rank.h > 90"], 1, f"collapse: failed: {new}: rank.z 20.0 ± 3.0 is below 30 (and 2 more)\n"),
        (
            ["--require", "rank.z >= 18"], 3,
            f"collapse: inconclusive: {new}: rank.z 20.0 ± 3.0 is not known to be at least 18: "
            "its 95 % interval reaches across\n",
        ),
    ):  # fmt: skip
        assert main(["check", new, other, *terms, "-q"]) == code
        assert capsys.readouterr() == ("", shown)


def test_a_verdict_is_a_reason(tmp_path: Path, capsys: Capture) -> None:
    path = plant(tmp_path / "new.json", status="complete collapse")
    assert main(["check", path, "-q"]) == 1
    assert capsys.readouterr() == ("", f"collapse: failed: {path}: z: complete collapse: z\n")
    assert main(["check", path, *RED, "-q"]) == 1, "a collapse is named before the numbers that it spoils"
    assert capsys.readouterr() == ("", f"collapse: failed: {path}: z: complete collapse: z (and 1 more)\n")


@pytest.mark.parametrize(
    ("terms", "code"), [(GREEN, 0), (RED, 1), (["--require", "rank.z >= 18"], 3), (["--only", "x"], 2)]
)
def test_annotations_stand_beside_the_same_answer(
    terms: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The code and the answer on stdout are the same; what is wrong is annotated on stderr, and summarised."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    path = plant(tmp_path / "new.json", half=3)
    for shown in ([], ["-q"], ["--json"]):
        assert main(["check", path, *terms, *shown, "--format", "text"]) == code
        text = capsys.readouterr().out
        assert not (tmp_path / "summary.md").exists()
        argv = ["check", path, *terms, *shown, "--format", "github"]
        assert main(argv) == code
        out, err = capsys.readouterr()
        assert (
            out == text
            if shown != ["--json"] or code == 2
            else json.loads(out)["results"] == json.loads(text)["results"]
        )
        commands = [line for line in err.splitlines() if line.startswith("::")]
        expected = {0: [], 1: ["::error"], 2: ["::error"], 3: ["::warning"]}[code]
        assert [line.partition(" ")[0] for line in commands] == expected
        assert (tmp_path / "summary.md").exists() == (code != 2)
        (tmp_path / "summary.md").unlink(missing_ok=True)


def test_a_summary_that_cannot_be_written_changes_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "summary.md"))
    path = plant(tmp_path / "new.json")
    assert main(["check", path, *GREEN, "--format", "github", "-q"]) == 0
    assert "warning: no step summary is written: No such file or directory" in capsys.readouterr().err


def test_a_path_writes_no_command_into_the_log(tmp_path: Path, capsys: Capture) -> None:
    """Neither in the answer, nor in the annotation, nor in an error about it."""
    folder = tmp_path / "::error::a\n::error::b ##[error]c"
    folder.mkdir()
    for path, code in ((plant(folder / "new.json"), 1), (str(folder / "missing.json"), 2)):
        for shown in ([], ["--all"], ["--json"]):
            assert main(["check", path, *RED, *shown, "--format", "github"]) == code
            out, err = capsys.readouterr()
            lines = [*out.splitlines(), *err.splitlines()]
            commands = [line for line in lines if line.lstrip().startswith("::")]
            assert len(commands) == 1
            assert re.match(r"::error title=collapse check(%3A [^:,]*)?::", commands[0])
            assert not [line for line in lines if "##[" in line and line not in commands]


def test_a_baseline_is_saved_where_all_passes(tmp_path: Path, capsys: Capture) -> None:
    """It passes itself, number by number, and takes the place of the one before; what is red leaves that as it was."""
    base, path = tmp_path / "base.json", plant(tmp_path / "new.json", spread=-2.0)
    base.write_text("before")
    assert main(["check", path, *RED, "--save-baseline", "base.json"]) == 1
    assert "base.json is not written: not every check passes" in capsys.readouterr().err
    assert base.read_text() == "before"
    assert main(["check", path, *GREEN, "--save-baseline", "base.json"]) == 0
    assert "wrote base.json" in capsys.readouterr().err
    document = checked(capsys, path, "--baseline", "base.json", "--tolerance", "0")
    assert rows(document) == dict.fromkeys(["rank.h", "rank.z", "spread.h", "spread.z"], "pass")
    better = plant(tmp_path / "better.json", 30.0, spread=-2.0)
    assert main(["check", better, "--baseline", "base.json", "--save-baseline", "base.json", "-q"]) == 0
    checked(capsys, path, "--baseline", "base.json", code=1)
    assert not [file for file in tmp_path.iterdir() if file.name.endswith(".part")]


def test_what_is_undecided_is_not_saved(tmp_path: Path, capsys: Capture) -> None:
    path = plant(tmp_path / "new.json", half=3)
    assert main(["check", path, "--require", "rank.z >= 18", "--save-baseline", "base.json", "-q"]) == 3
    assert not (tmp_path / "base.json").exists()


def test_a_baseline_is_of_one_input(tmp_path: Path, capsys: Capture) -> None:
    paths = plant(tmp_path / "a.json"), plant(tmp_path / "b.json")
    assert main(["check", *paths, "--save-baseline", "base.json"]) == 2
    assert "--save-baseline keeps the answer about one input" in capsys.readouterr().err


def test_the_next_command_is_about_what_is_not_passed(run: Path, tmp_path: Path, capsys: Capture) -> None:
    """Of a saved answer nothing more can be measured."""
    document = checked(capsys, str(run), "--samples", "200", "--require", "effective_rank.h >= 1000", code=1)
    assert document["next"] == [f"collapse diagnose {run}"]
    assert checked(capsys, str(run), "--samples", "200")["next"] == []
    assert checked(capsys, plant(tmp_path / "a.json"), *RED, code=1)["next"] == []
