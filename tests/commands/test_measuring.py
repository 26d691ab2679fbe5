"""The measuring commands, embed, report: inputs of every kind, what is kept, and what is refused before work."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.runs.record import Record
from collapse_cli.settings import METHODS

Capture = pytest.CaptureFixture[str]
MEASURING = ("spectrum", "alignment", "oracle", "probe", "clusters")


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """A run that nothing was measured of yet."""
    return Path(shutil.copytree(run, tmp_path / "copy", ignore=shutil.ignore_patterns("results")))


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Files of every broken kind, by what they are."""
    rows = numpy.random.default_rng(0).standard_normal((30, 4))
    numpy.save(tmp_path / "nan.npy", numpy.where(rows > 1, numpy.nan, rows))
    numpy.save(tmp_path / "line.npy", rows[:, 0])
    numpy.save(tmp_path / "one.npy", rows[:1])
    numpy.save(tmp_path / "wide.npy", rows[:, :0])
    numpy.save(tmp_path / "rows.npy", rows)
    (tmp_path / "text.npy").write_text("hello")
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", ["spectrum", "alignment"])
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nan.npy", 2),
        ("line.npy", 2),
        ("one.npy", 3),
        ("wide.npy", 2),
        ("text.npy", 2),
        ("text.npz", 2),
        ("text.pt", 2),
        ("folder", 2),
        ("nothing.npy", 2),
    ],
)
def test_the_code_is_the_same_with_and_without_json(
    command: str, name: str, code: int, places: Path, capsys: Capture
) -> None:
    for extra in ([], ["--json"], ["-q"]):
        found = main([command, str(places / name), *extra])
        shown = capsys.readouterr()
        assert (found, shown.out) == (code, ""), shown.err
        assert "Traceback" not in shown.err
        *story, said, remedy = shown.err.splitlines()
        assert said.startswith("collapse: ")
        assert remedy.startswith("  ")
        assert len(story) <= 1


@pytest.mark.parametrize("command", MEASURING)
def test_an_answer_of_a_checkpoint_is_that_of_its_run(command: str, copy: Path, capsys: Capture) -> None:
    found = []
    for path in (copy, copy / "checkpoint.pt"):
        assert main([command, str(path), "--json", "-q"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["results"] == found[1]["results"]
    digest = hashlib.sha256((copy / "checkpoint.pt").read_bytes()).hexdigest()
    for document, path in zip(found, (copy, copy / "checkpoint.pt"), strict=True):
        (given,) = document["inputs"]
        assert (given["path"], given["sha256"], given["epoch"]) == (str(path), digest, 2)


@pytest.mark.parametrize("command", ["oracle", "probe", "clusters"])
def test_bare_rows_have_no_labels(command: str, places: Path, capsys: Capture) -> None:
    assert main([command, str(places / "rows.npy"), "-q"]) == 2
    assert "labels" in capsys.readouterr().err


@pytest.mark.parametrize("command", MEASURING)
def test_quiet_is_silent_and_keeps_the_answer(command: str, copy: Path, capfd: Any) -> None:
    assert main([command, str(copy), "-q"]) == 0
    assert capfd.readouterr() == ("", "")
    assert json.loads((copy / "results" / f"{command}.json").read_text())["command"] == command


def test_an_answer_of_several_is_kept_by_none(copy: Path, capsys: Capture) -> None:
    other = Path(shutil.copytree(copy, copy.parent / "other"))
    assert main(["spectrum", str(copy), str(other), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["input"] for one in document["results"]] == [0, 0, 1, 1]
    assert [one["of"] for one in document["results"]] == ["copy · h", "copy · z", "other · h", "other · z"]
    assert not list(copy.glob("results/*"))
    assert not list(other.glob("results/*"))


def test_the_settings_are_those_asked_for(run: Path, tmp_path: Path, capsys: Capture) -> None:
    file = Path(shutil.copy(run / "checkpoint.pt", tmp_path / "c.pt"))
    assert main(["spectrum", str(file), "--split", "test", "--samples", "100", "--seed", "3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    for one in document["results"]:
        assert one["metrics"]["samples"]["value"] == 100
        kind = {"null": "isotropic, ReLU"} if one["of"].endswith("h") else {}
        if any(metric.get("interval") for metric in one["metrics"].values()):
            kind["intervals"] = "95 %, embeddings taken as independent"
        assert one["settings"] == {"split": "digits/test", "seed": 3, "eps": 0} | kind


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--plot", "a.jpeg"], ".png"),
        (["--html", "a.txt"], ".html"),
        (["--plot", "no/such/folder/a.png"], "no/such/folder"),
        (["--samples", "1"], "--samples"),
        (["--split", "training"], "train"),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", MEASURING)
def test_refused_before_anything_is_read(
    command: str, extra: list[str], said: str, monkeypatch: Any, tmp_path: Path, capsys: Capture
) -> None:
    """The input is not there either: what is said first is about the option."""
    monkeypatch.chdir(tmp_path)
    for json_too in ([], ["--json"]):
        assert main([command, "nowhere.pt", *extra, *json_too]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert said in shown.err
        assert "nowhere.pt" not in shown.err
    assert list(tmp_path.iterdir()) == []


def test_a_plot_and_a_page_are_written(run: Path, tmp_path: Path, capsys: Capture) -> None:
    file = shutil.copy(run / "checkpoint.pt", tmp_path / "c.pt")
    argv = ["spectrum", str(file), "--plot", str(tmp_path / "a.png"), "--html", str(tmp_path / "a.html")]
    assert main([*argv, "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["command"] == "spectrum"
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert "</html>" in (tmp_path / "a.html").read_text()


def test_embed_replaces_only_when_told(run: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "e.npz"
    out.write_text("mine")
    assert main(["embed", str(run), "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main(["embed", str(run), "--out", str(out), "--overwrite", "--split", "test"]) == 0
    with numpy.load(out) as found:
        assert found["representations"].shape[0] == found["labels"].shape[0] == 450
        assert found["first_projections"].shape == found["second_projections"].shape == (450, 64)
    assert main(["embed", str(run), "--out", str(tmp_path / "no" / "e.npz")]) == 2


def test_views_of_some_of_the_images_come_back_through_the_file(
    run: Path, tmp_path: Path, monkeypatch: Any, capsys: Capture
) -> None:
    """Fewer views than images, as with every set above 2,000: the file answers as the run does, but for the keys of its loss."""
    monkeypatch.setattr("collapse_cli.analysis.subject.VIEWED", 200)
    out = tmp_path / "e.npz"
    file = shutil.copy(run / "checkpoint.pt", tmp_path / "c.pt")
    assert main(["embed", str(file), "--out", str(out)]) == 0
    capsys.readouterr()
    found = []
    for path in (file, out):
        assert main(["alignment", str(path), "--json", "-q"]) == 0
        results = json.loads(capsys.readouterr().out)["results"]
        found.append([each["metrics"] for each in results if each["kind"] == "alignment"][-1])
    assert found[0].keys() == found[1].keys() | {"loss_alignment"}
    for name, metric in found[1].items():
        if metric["kind"] == "number":
            assert metric["value"] == pytest.approx(found[0][name]["value"], rel=1e-6), name


@pytest.mark.parametrize("argv", [["--out", "x.txt"], ["--out", "no/x.html"]], ids=str)
def test_a_report_that_cannot_be_written_is_refused_first(
    argv: list[str], copy: Path, monkeypatch: Any, capsys: Capture
) -> None:
    monkeypatch.chdir(copy.parent)
    assert main(["report", str(copy), *argv]) == 2
    assert f"--out {argv[1]}: " in capsys.readouterr().err
    assert not list(copy.glob("results/*"))


def test_report_of_no_run(tmp_path: Path, capsys: Capture) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "is a folder without a checkpoint.pt" in capsys.readouterr().err


@pytest.mark.parametrize("command", MEASURING)
def test_ctrl_c_is_130(command: str, run: Path, monkeypatch: Any, capsys: Capture) -> None:
    def stop(*arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("collapse_cli.data.load", stop)
    for extra in ([], ["--json"]):
        assert main([command, str(run), *extra]) == 130
        assert capsys.readouterr() == ("", "collapse: interrupted\n")


def test_json_lists_hold_what_the_library_knows(capsys: Capture) -> None:
    assert main(["methods", "--json"]) == 0
    assert [one["method"] for one in json.loads(capsys.readouterr().out)] == list(METHODS)
    assert main(["datasets", "--json"]) == 0
    rows = {one["data set"]: one for one in json.loads(capsys.readouterr().out)}
    assert (rows["svhn"]["train"], rows["svhn"]["test"], rows["cifar100"]["classes"]) == (73257, 26032, 100)
    assert main(["env", "--json"]) == 0
    import torch

    assert json.loads(capsys.readouterr().out)["torch"].split("+")[0] == torch.__version__.split("+")[0]


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """stdout closed at once, as by `| head -0`: silence, and code 0."""
    read, write = os.pipe()
    os.close(read)
    argv = [sys.executable, "-m", "collapse_cli", "datasets", "--json"]
    ended = subprocess.run(argv, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    "command", ["spectrum", "diagnose", "alignment", "clusters", "classes", "lidar", "probe"]
)
def test_of_several_inputs_the_one_at_fault_is_named(command: str, places: Path, capsys: Capture) -> None:
    """30 rows in 3 classes each; where one of several files holds nan, it is said which."""
    for name in ("rows", "nan"):
        rows = numpy.load(places / f"{name}.npy")
        numpy.savez(places / f"{name}.npz", representations=rows, labels=numpy.arange(30) % 3)
    assert main([command, str(places / "rows.npz"), str(places / "nan.npz"), "-q"]) == 2
    said, remedy = capsys.readouterr().err.splitlines()
    assert said.startswith("collapse: nan.npz · h: ")
    assert "nan" in said.removeprefix("collapse: nan.npz")
    assert remedy


def test_raw_pixels_are_not_to_be_written(capsys: Capture) -> None:
    assert main(["alignment", "pixels:digits", "-q"]) == 0
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert warning == "warning: pixels:digits contains no augmented pairs, so alignment is not measured"


def test_a_report_begins_with_the_diagnosis_and_says_each_verdict_once(copy: Path) -> None:
    """A torn answer among those kept is no reason to have none."""
    (copy / "results").mkdir()
    (copy / "results" / "lidar.json").write_text("{")
    assert main(["report", str(copy)]) == 0
    page = (copy / "report.html").read_text()
    assert page.count("What to try next:") == 1
    assert page.count("<b>z, the projection that the loss compares:</b>") == 1
    sections = [
        page.index(f">{name}</h2>") for name in ("Diagnose", "Spectrum", "Alignment", "Oracle", "Train")
    ]
    assert sections == sorted(sections)


def test_a_run_that_may_not_be_written_to_can_still_be_judged(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The answers are not kept, and that is said once; results from elsewhere are still shown."""

    def refuse(self: Record, document: dict[str, Any]) -> None:
        raise CollapseError("cannot write results", "free some space, or choose another place")

    monkeypatch.setattr(Record, "keep", refuse)
    for argv in (["check", str(copy), "-q"], ["report", str(copy), "--out", str(tmp_path / "r.html")]):
        assert main(argv) == 0
        assert capsys.readouterr().err.count("warning: the answer is not kept: cannot write results") == 1
    assert "z, the projection that the loss compares:" in (tmp_path / "r.html").read_text()
