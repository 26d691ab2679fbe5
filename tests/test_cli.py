"""The command line as a person meets it: exit codes, stdout and stderr, bad input, nothing lost."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import numpy
import pytest
from PIL import Image

from collapse_cli import cli, stepping
from collapse_cli.cli import main

SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """A run that a test may change, without the answers that others have left in it."""
    return Path(shutil.copytree(run, tmp_path / "copy", ignore=shutil.ignore_patterns("results")))


@pytest.fixture
def npy(tmp_path: Path) -> Path:
    numpy.save(tmp_path / "e.npy", numpy.random.default_rng(0).standard_normal((200, 8)))
    return tmp_path / "e.npy"


def answered(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> Any:
    """The one JSON document that a command prints, held against the schema."""
    assert main([*argv, "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return document


def refused(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 2) -> str:
    """One sentence and a remedy on stderr, nothing on stdout, no traceback; the same code with and without --json."""
    assert main(list(argv)) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    assert len(shown.err.strip().splitlines()) <= 3
    return shown.err


@pytest.mark.parametrize("command", ["spectrum", "alignment", "oracle", "probe", "clusters"])
def test_measuring_a_run(command: str, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answered(capsys, command, str(copy))
    assert document["command"] == command
    assert document["inputs"][0]["epoch"] == 2
    kept = json.loads((copy / "results" / f"{command}.json").read_text())["results"]
    assert [one["of"][-1] for one in kept] == (["z"] if command == "oracle" else ["h", "z"])
    assert kept == document["results"][: len(kept)]
    beside = [one["kind"] for one in document["results"][len(kept) :]]  # shown with it, and not kept
    assert beside == (["isotropy"] * 2 + ["hubness"] * 2 if command == "alignment" else [])


def test_a_table_says_the_same_as_the_json(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spectrum", "--all", str(copy / "checkpoint.pt")]) == 0
    shown = capsys.readouterr()
    assert "std·√D" in shown.out
    assert "dimensional collapse" in shown.out
    assert "collapse checkpoint" in shown.err
    assert "\x1b" not in shown.out


def test_embed_and_read_back(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "e.npz"
    assert main(["embed", str(run), "--out", str(out)]) == 0
    capsys.readouterr()
    for command, metric in (("spectrum", "effective_rank"), ("alignment", "alignment")):
        ours, theirs = (answered(capsys, command, str(path))["results"][1] for path in (run, out))
        assert ours["metrics"][metric]["value"] == pytest.approx(theirs["metrics"][metric]["value"], rel=1e-6)
    assert "exists already" in refused(capsys, "embed", str(run), "--out", str(out))


def test_plain_rows(npy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "spectrum", str(npy))["results"][0]
    assert found["metrics"]["dimensions"]["value"] == 8
    assert found["verdict"]["status"] == "healthy"
    document = answered(capsys, "alignment", str(npy))
    assert "alignment" not in document["results"][0]["metrics"]
    assert "no augmented pairs" in document["warnings"][0]


def test_too_few_rows_are_inconclusive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numpy.save(tmp_path / "few.npy", numpy.random.default_rng(0).standard_normal((10, 20)))
    answered(capsys, "spectrum", str(tmp_path / "few.npy"), code=3)
    assert main(["spectrum", str(tmp_path / "few.npy")]) == 3


def test_labels_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Stale keys of batches of 64: 16 of 50,000 images are left out of an epoch, of which the queue is 1.31 long."""
    found = answered(capsys, "oracle", "--dataset", "cifar10", "--queue", "65536")["results"][0]["metrics"]
    assert found["false_negatives"]["value"] == pytest.approx(65536 * 4999 / 49999)
    assert found["stale_key"]["value"] == pytest.approx(0.7629, abs=1e-4)
    assert len(found["false_negatives_of_class"]["values"]) == 10


def images(folder: Path, *groups: str) -> Path:
    for number in range(12):
        home = folder / groups[number % len(groups)] if groups else folder
        home.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((20 + number, 24), 60).convert("RGB").save(home / f"{number}.png")
    return folder


def test_a_folder_without_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flat = images(tmp_path / "flat")
    assert "has no labels" in refused(capsys, "oracle", "--dataset", f"folder:{flat}")
    argv = [
        "train",
        "moco",
        "--dataset",
        f"folder:{flat}",
        "--size",
        "16",
        "--batch",
        "4",
        "--queue",
        "4",
        "--epochs",
        "1",
    ]
    assert main([*argv, "--out", str(tmp_path / "run"), "-q"]) == 0
    capsys.readouterr()
    assert "has no labels" in refused(capsys, "oracle", str(tmp_path / "run"), "-q")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["spectrm"], "spectrum"),
        (["train", "mocco"], "moco"),
        (["train", "moco", "--queu", "5"], "--queue"),
        (["train", "--queue", "0"], "at least 1"),
        (["train", "--queue", "many"], "valid integer"),
        (["train", "--schedule", "cosin"], "cosine"),
        (["train", "--dataset", "cifar"], "cifar10"),
        (["train", "--dataset", "folder:/nowhere"], "/nowhere"),
        (["train", "--recipe", "mocov2"], "moco_v2"),
        (["train", "--encoder", "resnet19"], "resnet18"),
        (["train", "--set", "queu=5"], "queue"),
        (["train", "--set", "queue"], "KEY=VALUE"),
        (["train", "--config", "/nowhere.toml"], "/nowhere.toml"),
        (["train", "--resume", "/nowhere"], "settings.toml"),
        (["train", "--device", "cuda:77"], "cuda:77"),
        (["train", "mochi", "--queue", "8"], "--hardest 64"),
        (["train", "--batch", "5000"], "--batch 5000"),
        (["train", "--size", "16"], "images of a fixed size"),
        (["spectrum"], "INPUT"),
        (["spectrum", "/nowhere.pt"], "no file /nowhere.pt"),
        (["spectrum", "/usr"], "without a checkpoint.pt"),
        (["oracle"], "--dataset"),
        (["oracle", "--dataset", "imagenet"], "one of"),
        (["embed", "x.pt", "--out", "x.csv"], ".npz"),
    ],
)
def test_bad_input(
    argv: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    if argv[0] == "train" and argv[1] != "mocco":
        argv = [*argv, "-q"]
    assert said in refused(capsys, *argv)
    assert not list(tmp_path.rglob("checkpoint.pt"))


def test_text_that_is_called_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.pt").write_text("hello")
    assert "cannot be read as a torch checkpoint" in refused(capsys, "spectrum", str(tmp_path / "x.pt"))
    assert "x.pt" in refused(capsys, "alignment", str(tmp_path / "x.pt"), "--json")


def test_broken_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numpy.save(tmp_path / "n.npy", numpy.full((9, 3), numpy.nan))
    assert "9 of 9 embeddings contain nan" in refused(capsys, "spectrum", str(tmp_path / "n.npy"), "-q")


def test_a_plot_that_cannot_be_is_refused_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--plot" in refused(capsys, "spectrum", "/nowhere.pt", "--plot", "a.jpeg")


def test_a_full_run_folder(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (copy / "checkpoint.pt").read_bytes()
    assert "is not empty" in refused(capsys, "train", "--out", str(copy), "-q")
    assert (copy / "checkpoint.pt").read_bytes() == before
    assert main(["train", "--epochs", "1", "--out", str(copy), "--overwrite", "-q"]) == 0
    assert len((copy / "history.jsonl").read_text().splitlines()) == 1


def test_resume(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "has completed its 2 epochs" in refused(capsys, "train", "--resume", str(copy), "-q")
    assert "keeps its settings" in refused(capsys, "train", "--resume", str(copy), "--queue", "9", "-q")
    assert "is a run of moco" in refused(capsys, "train", "mochi", "--resume", str(copy), "-q")
    assert main(["train", "--resume", str(copy), "--epochs", "3", "-q"]) == 0
    numbers = [json.loads(line)["number"] for line in (copy / "history.jsonl").read_text().splitlines()]
    assert numbers == [1, 2, 3]
    assert json.loads((copy / "run.json").read_text())["status"] == "done"


def test_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the second epoch: the first is kept, and the run goes on from there."""
    steps = iter(range(10_000))
    step = stepping.accumulated

    def interrupted(*arguments: Any) -> Any:
        if next(steps) == 30:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(stepping, "accumulated", interrupted)
    out = tmp_path / "run"
    assert main(["train", "--epochs", "3", "--out", str(out), "-q"]) == 130
    assert f"collapse train --resume {out}" in capsys.readouterr().err
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    assert main(["train", "--resume", str(out), "-q"]) == 0
    assert len((out / "history.jsonl").read_text().splitlines()) == 3


def test_an_internal_error_is_70(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*arguments: Any, **named: Any) -> None:
        raise ValueError("oh")

    monkeypatch.setattr("collapse_cli.analysis.oracle.expected", broken)
    assert "ValueError: oh" in refused(capsys, "oracle", "--dataset", "mnist", code=70)


def test_options_win_over_set_over_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[method]\nqueue = 100\nmomentum = 0.5\ntemperature = 0.3\n")
    argv = [
        "train",
        "--dry-run",
        "--config",
        str(config),
        "--set",
        "queue=200",
        "--set",
        "method.momentum=0.6",
    ]
    assert main([*argv, "--queue", "300"]) == 0
    plan = tomllib.loads(capsys.readouterr().out)
    assert (plan["method"]["queue"], plan["method"]["momentum"], plan["method"]["temperature"]) == (
        300,
        0.6,
        0.3,
    )
    assert plan["plan"]["steps"] == 40 * 21
    assert plan["plan"]["parameters"] == 81_328
    config.write_text("quue = 3")
    assert "did you mean 'queue'" in refused(capsys, "train", "--config", str(config))


def test_a_dry_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--dry-run"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_queue_that_the_data_cannot_bear_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In batches of 64 an epoch has 21 steps; at step t the last 1000 - 64 t keys are of the epoch before: 29 % on average.

    In the first epoch no image has been seen before.
    """
    small = ["train", "--queue", "1000", "--encoder", "mlp"]
    assert main([*small, "--epochs", "2", "--out", str(tmp_path / "two")]) == 0
    said = "with probability 29% (mean over an epoch) the queue contains a stale key"
    assert said in capsys.readouterr().err
    assert main([*small, "--epochs", "1", "--out", str(tmp_path / "one")]) == 0
    assert "stale" not in capsys.readouterr().err


def test_report(copy: Path) -> None:
    assert main(["report", str(copy)]) == 0
    page = (copy / "report.html").read_text()
    assert all(
        word in page for word in ("RankMe", "uniformity", "false negatives", "accuracy", "training loss")
    )
    assert {path.stem for path in (copy / "results").iterdir()} == {
        "spectrum",
        "isotropy",
        "view_ratio",
        "dormant",
        "alignment",
        "oracle",
        "probe",
        "clusters",
        "classes",
        "diagnose",
        "train",
    }


@pytest.mark.parametrize("command", ["methods", "datasets", "env"])
def test_lists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 0
    assert "moco" in (plain := capsys.readouterr().out) or "cifar10" in plain or "torch" in plain
    assert main([command, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) >= 3


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for name in [*cli.COMMANDS, "train mochi"]:
        assert main([*name.split(), "--help"]) == 0
        assert "Example" in capsys.readouterr().out


def test_the_demo_as_a_smoke_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 as it is; 1 where MoCo collapses too: with m = 0 it does."""
    document = answered(capsys, "demo", "--quick", "--out", str(tmp_path / "demo"))
    status = {one["of"]: one["verdict"]["status"] for one in document["results"]}
    assert status == {"positive-only": "complete collapse", "moco": "healthy"}
    assert {"demo.png", "index.html"} <= {path.name for path in (tmp_path / "demo").iterdir()}
    broken = {"positive-only": {"epochs": 2}, "moco": {"epochs": 6, "momentum": 0.0}}
    monkeypatch.setattr("collapse_cli.commands.demo.QUICK", broken)
    assert main(["demo", "--quick", "--out", str(tmp_path / "broken"), "-q"]) == 1
    capsys.readouterr()
    assert "is not empty" in refused(capsys, "demo", "--out", str(tmp_path / "demo"))


def test_a_wrong_word_is_told_without_the_readers_own(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "linear", "--loss", "nope")
    assert "'--loss': 'nope' is not one of 'distance', 'dot'" in said


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "check the path" in refused(capsys, "spectrum", str(tmp_path / "nope.xyz"))
