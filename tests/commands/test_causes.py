"""collapse causes: planted failures are named, cures are commands that run, and what cannot be asked is said."""

from __future__ import annotations

import json
import math
import shlex
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import numpy
import pytest
import torch
from torchvision import models

from collapse_cli import cli
from collapse_cli.analysis import cure_commands
from collapse_cli.analysis.cure_commands import Change, suspects
from collapse_cli.cli import main
from collapse_cli.metrics.causes import NAMES
from collapse_cli.root_causes import cause_evidence
from collapse_cli.settings import METHODS, resolve

Capture = pytest.CaptureFixture[str]
SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())
PLANTED = {
    "nothing prevents collapse": ["positive-only"],
    "key encoder too fast": ["moco", "--momentum", "0"],
    "augmentation too strong": ["moco", "--strength", "3"],
}


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two epochs of each planted failure, enough for all images to meet, asked why."""
    folder = tmp_path_factory.mktemp("failing")
    for name, words in PLANTED.items():
        assert main(["train", *words, "--epochs", "2", "--out", str(folder / name), "-q"]) == 0
        assert main(["causes", str(folder / name), "--samples", "150", "-q"]) == 0
    return {name: folder / name for name in PLANTED}


def kept(folder: Path) -> Any:
    """The answer that the run folder keeps."""
    document = json.loads((folder / "results" / "causes.json").read_text())
    jsonschema.validate(document, SCHEMA)
    return document


def answered(capsys: Capture, *argv: str) -> Any:
    capsys.readouterr()
    assert main(["causes", *argv, "--samples", "150", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return document


def causes(document: Any) -> list[dict[str, Any]]:
    return [one for one in document["results"] if one["title"].startswith("Causes")]


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_cause_is_named_first(name: str, failing: dict[str, Path]) -> None:
    document = kept(failing[name])
    first = causes(document)[0]
    assert (first["of"], first["detected"], first["effect"]) == (name, True, "a point")
    times = document["results"][0]["metrics"]["by_cause"]["values"]
    assert next(iter(times)) == name
    assert first["metrics"]["times"]["value"] == times[name] > 1
    verdict = document["results"][0]["verdict"]
    assert verdict["status"] == "complete collapse"
    assert verdict["sentence"].endswith(f"The likeliest cause: {name}.")
    assert verdict["reasons"][0].startswith(f"1. {name[0].upper()}{name[1:]} (its evidence is ")
    assert verdict["findings"][0] == verdict["reasons"][0]
    assert verdict["commands"][0] == first["cure"]


@pytest.mark.parametrize("name", PLANTED)
def test_every_cure_is_a_command(name: str, failing: dict[str, Path], capsys: Capture) -> None:
    """As printed, but for --dry-run: the settings are the run's own, and the cure's. What is no cause here has none."""
    asked = causes(kept(failing[name]))
    assert all(not one["cure"] for one in asked if not one["detected"])
    for one in asked[:1]:
        words = shlex.split(one["cure"])
        assert words[0] == "collapse"
        assert main([*words[1:], "--dry-run"]) == 0
        plan = capsys.readouterr().out
        assert "epochs = 2" in plan
        if one["of"] == "key encoder too fast":
            assert "momentum = 0.99" in plan


def test_a_bare_checkpoint_has_its_settings_spelt_out(
    failing: dict[str, Path], tmp_path: Path, capsys: Capture
) -> None:
    """The same causes as its run folder, by a command without --config."""
    bare = Path(shutil.copy(failing["key encoder too fast"] / "checkpoint.pt", tmp_path / "theirs.pt"))
    document = answered(capsys, str(bare))
    first = causes(document)[0]
    assert first["of"] == "key encoder too fast"
    assert first["cure"] == (
        "collapse train moco --momentum 0.99 --recipe digits --epochs 2 --out runs/theirs-cured"
    )
    assert main([*shlex.split(first["cure"])[1:], "--dry-run"]) == 0
    assert "loss" not in document["results"][0]["metrics"]


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("simsiam", {"stop_gradient": False}),
        ("byol", {"predictor": False, "recipe": "weak"}),
        ("moco", {"mask_own": True}),
    ],
)
def test_switches_survive_without_a_settings_file(
    method: str, settings: dict[str, Any], capsys: Capture
) -> None:
    change = Change("x", {"lr": 0.01})
    words = shlex.split(change.command(resolve(method, settings), None, "runs/y"))
    assert main([*words[1:], "--dry-run"]) == 0
    plan = capsys.readouterr().out
    assert "lr = 0.01" in plan
    assert all(f"{name} = {json.dumps(value)}" in plan for name, value in settings.items())


def test_a_cure_is_tried_beside_the_run(failing: dict[str, Path], capsys: Capture) -> None:
    """One epoch without the cause keeps z from the point to which the run's own goes."""
    document = answered(capsys, str(failing["augmentation too strong"]), "--try", "1")
    (tried,) = [one for one in document["results"] if one["title"].startswith("Changes tried")]
    assert tried["settings"] == {"epochs": 1, "strength": 1.0}
    assert isinstance(tried["helped"], bool)
    spread = tried["metrics"]["std_sqrt_d"]
    assert spread["null"] < 0.1 < spread["value"]
    lines = (failing["augmentation too strong"] / "history.jsonl").read_text().splitlines()
    assert spread["null"] == pytest.approx(json.loads(lines[0])["std_sqrt_d"], rel=1e-4), (
        "the run's own first epoch"
    )


def test_a_run_that_stopped_too_early(run: Path, tmp_path: Path, capsys: Capture) -> None:
    """42 steps of MoCo: no cause is found but that training passes through a collapse; the answer is kept in the folder."""
    own = shutil.copytree(run, tmp_path / "own")
    document = answered(capsys, str(own))
    found = [one["of"] for one in causes(document) if one["detected"] and one["effect"] != "little learned"]
    assert found == ["too few steps"]
    assert {one["of"] for one in causes(document)} < set(NAMES)
    assert document["results"][0]["verdict"]["sentence"].endswith("The likeliest cause: too few steps.")
    assert "--epochs 29" in document["results"][0]["verdict"]["commands"][0], "600 steps of 21 an epoch"
    assert (own / "results" / "causes.json").exists()


def test_a_run_that_learned_nothing(tmp_path: Path, capsys: Capture) -> None:
    """Whatever random directions look like, the verdict says whose they are, once, and the command would train it."""
    words = ["moco", "--lr", "1e-6", "--epochs", "1", "--encoder", "mlp"]
    assert main(["train", *words, "--out", str(tmp_path / "r"), "-q"]) == 0
    capsys.readouterr()
    main(["causes", str(tmp_path / "r"), "--samples", "150", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert [one["of"] for one in causes(document)] == ["nothing was learned"]
    verdict = document["results"][0]["verdict"]
    assert verdict["status"] == "inconclusive"
    assert verdict["sentence"].count("Nothing was learned") == 1
    assert "--lr 0.05" in verdict["commands"][0]


def test_suspects_are_what_is_unusual() -> None:
    """A tenth of the rate, half the strength, and each setting that is not the method's default; nothing of the data."""
    run = resolve("moco", {"recipe": "digits", "epochs": 3, "queue": 64, "weight_decay": 0.3, "seed": 5})
    assert {one.name: one.settings for one in suspects(run)} == {
        "a tenth of the learning rate": {"lr": pytest.approx(0.005)},
        "half the strength": {"strength": 0.5},
        "queue": {"queue": 512},
        "weight decay": {"weight_decay": 1e-4},
    }
    read = {
        "background": "black",
        "skip_broken": True,
        "labels": "l.csv",
        "label_column": "a",
        "image_column": "b",
    }
    assert [one.name for one in suspects(resolve("vicreg", {"strength": 0.0, **read}))] == [
        "a tenth of the learning rate",
        "strength",
    ]


@pytest.mark.parametrize(("images", "batch"), [(63, False), (64, True), (math.inf, True)])
def test_no_batch_is_larger_than_the_data(images: float, batch: bool) -> None:
    """The usual batch of 64 does not come from 63 images; which negatives of a batch repel is no number."""
    assert METHODS["end-to-end"]().negatives == "both-views"
    usual = resolve("end-to-end").training.batch
    assert usual == 64
    run = resolve("end-to-end", {"batch": 32, "negatives": "other-view"})
    tried = {one.name for one in suspects(run, images)}
    assert ("batch" in tried) is batch
    assert "negatives" in tried
    run = resolve("memory-bank", {"negatives": 64})
    assert ("negatives" in {one.name for one in suspects(run, images)}) is (images >= 512)


def test_where_no_cause_is_found_the_usual_suspects_are_tried(
    failing: dict[str, Path], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collapse of MoCo by m = 0 that no rule names: each change is reported, and only those that helped become commands."""
    monkeypatch.setattr(cause_evidence, "diagnose", lambda case: [])
    own = failing["key encoder too fast"]
    before = answered(capsys, str(own))["results"][0]["verdict"]
    assert before["commands"] == []
    assert "--try" in before["advice"][0]
    document = answered(capsys, str(own), "--try", "2")
    tried = {
        one["of"].rpartition(" · ")[2]: one
        for one in document["results"]
        if one["title"].startswith("Changes tried")
    }
    assert set(tried) == {"a tenth of the learning rate", "half the strength", "momentum"}
    assert tried["momentum"]["settings"] == {"epochs": 2, "momentum": 0.99}
    for one in tried.values():
        spread = one["metrics"]["std_sqrt_d"]
        assert spread["null"] < 0.25, "the run's own second epoch"
        assert one["helped"] == (spread["value"] >= 0.45)
    helped = [one for one in tried.values() if one["helped"]]
    assert len(document["results"][0]["verdict"]["commands"]) == len(helped)


def test_a_cure_that_was_not_seen_to_help_is_no_command(
    failing: dict[str, Path], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause is named; what would be changed stands in words, and that no command is given."""
    monkeypatch.setattr(cure_commands, "SEEN", {})
    verdict = answered(capsys, str(failing["key encoder too fast"]))["results"][0]["verdict"]
    assert not verdict["commands"]
    assert verdict["advice"][0].startswith(
        "Key encoder too fast: no command is given, since momentum 0.99 is not known to cure moco"
    )


def test_too_few_images_conclude_nothing(run: Path, tmp_path: Path, capsys: Capture) -> None:
    """20 rows of 64 dimensions: what is dead in them may live; what was measured all the same is shown."""
    own = shutil.copytree(run, tmp_path / "own")
    assert main(["causes", str(own), "--samples", "20", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["results"][0]["verdict"]["status"] == "inconclusive"
    assert causes(document)


def test_recipe_and_strength_can_be_chosen(run: Path, capsys: Capture) -> None:
    """Without augmentation every view is recognised, and nothing is within."""
    document = answered(capsys, str(run), "--recipe", "none")
    (mine, _) = [one for one in document["results"] if one["title"] == "Augmentation against data"]
    assert mine["settings"]["recipe"] == "none"
    assert (mine["metrics"]["recognised"]["value"], mine["metrics"]["wins"]["value"]) == (1, 0)


def test_another_librarys_network(tmp_path: Path, capsys: Capture) -> None:
    """Its augmentation is asked about; what cannot be is said."""
    torch.manual_seed(0)
    network = models.resnet18(num_classes=10)
    network.conv1 = torch.nn.Conv2d(1, 64, 3, padding=1, bias=False)
    torch.save(network.state_dict(), tmp_path / "theirs.pth")
    argv = ["causes", str(tmp_path / "theirs.pth"), "--dataset", "digits", "--samples", "40", "--json"]
    assert main(argv) == 3, "it looks untrained"
    document = json.loads(capsys.readouterr().out)
    assert [one["of"] for one in causes(document)] == ["augmentation too strong"]
    told = " ".join(document["warnings"])
    assert "cannot be examined" in told
    assert "used at their own 8 x 8 pixels, though the network is for 32 x 32" in told


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["{rows}"], "contains embeddings"),
        (["pixels:digits"], "contains embeddings"),
        (["{run}", "--recipe", "strang"], "no augmentation named 'strang'"),
        (["{run}", "--strength", "4"], "--strength"),
        (["{run}", "--try", "-1"], "--try"),
        (["nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    argv: list[str], message: str, run: Path, tmp_path: Path, capsys: Capture
) -> None:
    rows = tmp_path / "rows.npy"
    numpy.save(rows, numpy.random.default_rng(0).normal(size=(50, 4)))
    assert main(["causes", *(word.format(run=run, rows=rows) for word in argv)]) == 2
    assert message in capsys.readouterr().err


def test_two_cures_go_to_two_folders(tmp_path: Path, capsys: Capture) -> None:
    """A queue of 12 epochs behind a key encoder that is another one every step: both are causes, each has its own --out."""
    words = ["moco", "--queue", "16384", "--momentum", "0", "--epochs", "1", "--encoder", "mlp"]
    assert main(["train", *words, "--out", str(tmp_path / "r"), "-q"]) == 0
    capsys.readouterr()
    assert main(["causes", str(tmp_path / "r"), "--samples", "150", "--json"]) == 3, (
        "the queue was never full"
    )
    document = json.loads(capsys.readouterr().out)
    assert document["results"][0]["verdict"]["commands"] == [], "of no collapse is it said what would cure it"
    commands = [one["cure"] for one in causes(document) if one["cure"]]
    assert [shlex.split(one)[-1] for one in commands] == [f"{tmp_path}/r-cured", f"{tmp_path}/r-cured-2"]


def test_two_images_conclude_nothing(run: Path, capsys: Capture) -> None:
    assert main(["causes", str(run), "--samples", "2"]) == 3
    assert "2 distinct embeddings say nothing" in capsys.readouterr().out


def test_a_command_is_one_line_to_be_copied(
    failing: dict[str, Path], capsys: Capture, monkeypatch: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    capsys.readouterr()
    assert main(["causes", str(failing["key encoder too fast"]), "--samples", "150"]) == 0
    said = capsys.readouterr().out.splitlines()
    (command,) = [line for line in said if line.startswith("  Cure: collapse train")]
    assert command.endswith(f"--momentum 0.99 --out '{failing['key encoder too fast']}-cured'")


def test_the_chain_of_a_linear_projector_over_the_epochs_kept(tmp_path: Path, capsys: Capture) -> None:
    """Three linear layers: products of 1, 2 and 3 of them at epochs 0, 1 and 2, which end as the chain stands."""
    head = ["--head-layers", "3", "--head-activation", "none"]
    words = [*head, "--strength", "0.2", "--epochs", "2", "--keep-every", "1"]
    assert main(["train", "moco", *words, "--out", str(tmp_path / "r"), "-q"]) == 0
    results = answered(capsys, str(tmp_path / "r"), "--samples", "150")["results"]
    chain, course = (
        next(one["metrics"] for one in results if one["title"] == title)
        for title in ("Linear layers in a row", "Linear layers in a row over the epochs kept")
    )
    living = course["living"]["values"]
    assert list(living) == ["1", "2", "3"]
    assert all(one["at"] == [0, 1, 2] for one in living.values())
    assert [one["values"][-1] for one in living.values()] == chain["by_depth"]["values"]
    assert [one["values"][0] for one in living.values()] == chain["by_depth"]["null"]
