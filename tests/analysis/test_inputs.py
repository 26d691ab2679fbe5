"""What a path is, decided once: each kind is recognised, and a file is read once and hashed once, whoever asks."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from collapse_cli.analysis.inputs import Kind, load, recognise
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.runs import source


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    numpy.save(tmp_path / "z.npy", numpy.random.default_rng(0).standard_normal((60, 4)))
    return tmp_path / "z.npy"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The files that are unpickled and hashed, in order."""
    seen: dict[str, list[str]] = {"read": [], "hashed": []}
    unpickle, digest = torch.load, hashlib.file_digest

    def counted(file: Any, *arguments: Any, **named: Any) -> Any:
        seen["read"].append(Path(file).name)
        return unpickle(file, *arguments, **named)

    def counted_digest(file: Any, *arguments: Any) -> Any:
        seen["hashed"].append(Path(file.name).name)
        return digest(file, *arguments)

    monkeypatch.setattr(torch, "load", counted)
    monkeypatch.setattr(source.hashlib, "file_digest", counted_digest)
    return seen


def test_each_kind(run: Path, rows: Path, tmp_path: Path) -> None:
    torch.save({"backbone.conv.weight": torch.zeros(3, 3)}, tmp_path / "theirs.pt")
    torch.save(torch.zeros(5, 3), tmp_path / "rows.pt")
    kinds = {
        run: Kind.RUN, run / "checkpoint.pt": Kind.CHECKPOINT, rows: Kind.EMBEDDINGS, tmp_path: Kind.EMBEDDINGS,
        tmp_path / "rows.pt": Kind.EMBEDDINGS, tmp_path / "theirs.pt": Kind.FOREIGN, Path("pixels:digits"): Kind.PIXELS,
        tmp_path / "a.json": Kind.ANSWER,
    }  # fmt: skip
    assert {path: recognise(path).kind for path in kinds} == kinds
    assert recognise(run).source.path == run / "checkpoint.pt"
    (tmp_path / "empty").mkdir()
    with pytest.raises(CollapseError, match=r"is a folder without a checkpoint\.pt"):
        recognise(tmp_path / "empty")


@pytest.mark.parametrize("command", ["spectrum", "diagnose", "weights", "inspect"])
@pytest.mark.parametrize("file", [False, True], ids=["folder", "checkpoint"])
def test_a_checkpoint_is_read_once_and_hashed_once(
    command: str, file: bool, run: Path, tmp_path: Path, reads: dict[str, list[str]]
) -> None:
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    few = {"weights": [], "inspect": ["--stem", "cifar"]}.get(
        command, ["--samples", "200"]
    )  # without, inspect reads none
    assert main([command, str(copy / "checkpoint.pt" if file else copy), *few]) == 0
    assert reads == {"read": ["checkpoint.pt"], "hashed": ["checkpoint.pt"]}


def test_of_two_inputs_each_is_read_once(
    run: Path, rows: Path, tmp_path: Path, reads: dict[str, list[str]]
) -> None:
    import shutil

    shutil.copytree(run, tmp_path / "copy")  # of which nothing is known yet
    assert main(["spectrum", str(tmp_path / "copy"), str(rows), "-q"]) == 0
    assert (reads["read"], sorted(reads["hashed"])) == (["checkpoint.pt"], ["checkpoint.pt", "z.npy"])


def test_a_report_reads_and_measures_each_thing_once(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: dict[str, list[str]]
) -> None:
    """Two spaces, two spectra: the diagnosis and the spectrum share them."""
    import shutil

    from collapse_cli.analysis import judgement

    measured: list[int] = []
    original = judgement.spectrum

    def counted(rows: Any, *arguments: Any, **named: Any) -> Any:
        measured.append(rows.shape[1])
        return original(rows, *arguments, **named)

    monkeypatch.setattr(judgement, "spectrum", counted)
    shutil.copytree(run, tmp_path / "run")
    assert main(["report", str(tmp_path / "run"), "--samples", "200"]) == 0
    assert measured == [128, 64]
    assert reads == {"read": ["checkpoint.pt"], "hashed": ["checkpoint.pt"]}


def test_what_is_told_of_an_input(run: Path, rows: Path) -> None:
    lines: list[str] = []
    load(rows, Measuring(), lambda text, done=0, total=0: lines.append(text))
    load(run, Measuring(samples=50), lambda text, done=0, total=0: lines.append(text))
    assert lines == [
        f"{rows}: embeddings; 60 of z.npy",
        f"{run}: collapse checkpoint, moco; 50 of digits/train",
    ]


def test_a_gate_fails_without_docstrings_too(rows: Path) -> None:
    """PYTHONOPTIMIZE=2 leaves out docstrings, which no logic may read: 1 where the bound is missed, else 0."""
    script = (
        "import sys; from collapse_cli.cli import main; assert not main.__doc__;"
        "print([main(['check', sys.argv[1], '--require', f'effective_rank.h >= {bound}']) for bound in (1000, 1)])"
    )
    command = [sys.executable, "-OO", "-c", script, str(rows)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[1, 0]"
    assert "✗ Failed. 60 embeddings of 4 dimensions 1 of 2 checks failed, 1 passed." in " ".join(
        shown.split()
    )


def test_names_that_look_like_ours_are_no_spaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file may be called `a · z.npy`: its space is h all the same, in the gate and in a comparison."""
    for name in ("a · z.npy", "b · z.npy"):
        numpy.save(tmp_path / name, numpy.random.default_rng(len(name)).standard_normal((60, 4)))
    first, second = (str(tmp_path / f"{letter} · z.npy") for letter in "ab")
    numpy.save(second, numpy.random.default_rng(1).standard_normal((60, 4)))
    assert main(["check", first, "--require", "effective_rank.h >= 1", "--json"]) == 0
    spaces = [
        one["space"] for one in json.loads(capsys.readouterr().out)["results"] if one["kind"] == "spaces"
    ]
    assert spaces == ["h"]
    assert main(["compare", first, second, "--json"]) == 0
    assert "effective_rank.h" in json.loads(capsys.readouterr().out)["results"][0]["metrics"]


def test_labels_without_class_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Classes are then called by their labels: nothing that needs classes is lost."""
    rng = numpy.random.default_rng(0)
    numpy.savez(
        tmp_path / "e.npz", representations=rng.standard_normal((60, 4)), labels=numpy.arange(60) % 3 * 10
    )
    assert main(["alignment", str(tmp_path / "e.npz"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["results"][0]
    assert result["metrics"]["class_alignment"]["value"] == pytest.approx(2, abs=0.3)
    assert list(result["metrics"]["uniformity_of_class"]["values"]) == ["0", "10", "20"]


def test_labels_of_one_file_stand_for_no_other(
    rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not for a second input, nor for a baseline, which may have other rows."""
    (tmp_path / "labels.txt").write_text("\n".join(str(n % 3) for n in range(60)))
    numpy.save(tmp_path / "longer.npy", numpy.random.default_rng(1).standard_normal((61, 4)))
    labels = ["--labels", str(tmp_path / "labels.txt"), "-q"]
    for command in ("check", "compare", "spectrum"):
        assert main([command, str(rows), str(tmp_path / "longer.npy"), *labels]) == 2
        assert "those of one INPUT" in capsys.readouterr().err
    baseline = ["--baseline", str(tmp_path / "longer.npy"), "--tolerance", "90%", "--require", "knn.h >= 0"]
    assert main(["check", str(rows), *baseline, *labels]) in (0, 3)


def test_what_was_computed_is_of_one_subject(rows: Path) -> None:
    """A copy with other embeddings computes its own."""
    from dataclasses import replace

    from collapse_cli.analysis.judgement import of_space

    subject = load(rows, Measuring())
    few = replace(subject.clean, representations=subject.clean.representations * torch.tensor([1.0, 0, 0, 0]))
    other = replace(subject, clean=few, streamed={})
    assert float(of_space(subject, "h").effective_rank) > 3
    assert float(of_space(other, "h").effective_rank) == pytest.approx(1)


def test_what_a_saved_answer_cannot_give(
    rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["spectrum", str(rows), "--json"]) == 0
    saved = tmp_path / "saved.json"
    saved.write_text(capsys.readouterr().out)
    for argv, words in (
        (["spectrum", str(saved)], "a saved answer, of which nothing more can be measured"),
        (["weights", str(saved)], "contains an answer that was saved with --json, not weights"),
        (
            ["check", str(rows), "--require", "coverage.h >= .5", "--baseline", str(saved)],
            "needs the embeddings of",
        ),
    ):
        assert main([*argv, "-q"]) == 2
        assert words in capsys.readouterr().err
    assert main(["inspect", str(saved), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measure_with"] == ["compare", "check"]
