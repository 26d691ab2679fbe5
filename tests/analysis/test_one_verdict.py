"""One verdict: diagnose, causes, check and report say the same of one space of one input, and end as it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from torchvision import models

from collapse_cli.cli import main
from tests.runs.test_foreign import quarter

Capture = pytest.CaptureFixture[str]


def trained(folder: Path, *words: str) -> Path:
    assert main(["train", *words, "--encoder", "mlp", "--out", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is typed behind a command, by what it is."""
    place = tmp_path_factory.mktemp("verdicts")
    for name, same in (("same", True), ("other", False)):
        random = numpy.random.default_rng(0)
        pixels = random.integers(0, 256, (8, 8), dtype=numpy.uint8)
        for number in range(70):
            (place / name / f"c{number % 2}").mkdir(parents=True, exist_ok=True)
            pixels = pixels if same else random.integers(0, 256, (8, 8), dtype=numpy.uint8)
            Image.fromarray(pixels).save(place / name / f"c{number % 2}" / f"{number}.png")
    collapsed = trained(place / "collapsed", "positive-only", "--epochs", "2")
    healthy = trained(place / "healthy", "align-uniform", "--epochs", "3")
    copies = trained(
        place / "copies", "moco", "--dataset", f"folder:{place}/same", "--batch", "16", "--epochs", "2"
    )
    idle = trained(place / "idle", "moco", "--lr", "1e-4", "--epochs", "1")
    still = trained(place / "still", "moco", "--lr", "0", "--head-norm", "--epochs", "1")
    unfilled = trained(place / "unfilled", "moco", "--queue", "4096", "--epochs", "1")
    interrupted = shutil.copytree(healthy, place / "interrupted")
    text = (interrupted / "settings.toml").read_text().replace("epochs = 3", "epochs = 9")
    (interrupted / "settings.toml").write_text(text)
    torch.manual_seed(0)
    network = quarter(models.resnet18(num_classes=10))
    network.conv1 = torch.nn.Conv2d(1, 16, 3, padding=1, bias=False)
    torch.save(network.state_dict(), place / "theirs.pth")
    return {
        "collapsed": [str(collapsed)],
        "collapsed, the checkpoint alone": [str(shutil.copy(collapsed / "checkpoint.pt", place / "bare.pt"))],
        "healthy": [str(healthy)],
        "interrupted": [str(interrupted)],
        "copies of one image": [str(copies)],
        "nothing learned": [str(idle)],
        "a learning rate of 0": [str(still)],
        "a queue never full": [str(unfilled)],
        "other images": [str(copies), "--dataset", f"folder:{place}/other", "--split", "test"],
        "another split": [str(collapsed), "--split", "test"],
        "another library's": [str(place / "theirs.pth"), "--dataset", "digits", "--samples", "40"],
        **{f"{n} samples, collapsed": [str(collapsed), "--samples", str(n)] for n in (2, 9, 50)},
        **{f"{n} samples, healthy": [str(healthy), "--samples", str(n)] for n in (2, 9, 50)},
    }


NAMES = (
    "collapsed", "collapsed, the checkpoint alone", "healthy", "interrupted", "copies of one image", "nothing learned",
    "a learning rate of 0", "a queue never full", "other images", "another split", "another library's",
    "2 samples, collapsed", "9 samples, collapsed", "50 samples, collapsed",
    "2 samples, healthy", "9 samples, healthy", "50 samples, healthy",
)  # fmt: skip


def asked(command: str, argv: list[str], capsys: Capture) -> tuple[int, Any]:
    capsys.readouterr()
    code = main([command, *argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def verdicts(document: Any) -> dict[str, Any]:
    return {
        result["space"]: result["verdict"]
        for result in document["results"]
        if result["verdict"] and result["space"]
    }


@pytest.mark.parametrize("name", NAMES)
def test_they_agree(name: str, inputs: dict[str, list[str]], capsys: Capture) -> None:
    argv = inputs[name]
    code, document = asked("diagnose", argv, capsys)
    judged = verdicts(document)
    assert code == (3 if {each["status"] for each in judged.values()} == {"inconclusive"} else 0)
    others = {command: asked(command, argv, capsys) for command in ("causes", "spectrum", "check")}
    for command, (_, answer) in others.items():
        for space, verdict in verdicts(answer).items():
            assert verdict["status"] == judged[space]["status"], (command, space)
            assert verdict["sentence"].startswith(judged[space]["sentence"]), (command, space)
    code, document = others["causes"]
    (space,) = verdicts(document)
    cause = verdicts(document)[space]
    assert code == (3 if cause["status"] == "inconclusive" else 0)
    if not cause["status"].endswith("collapse"):
        added = cause["sentence"].removeprefix(judged[space]["sentence"])
        assert "likeliest cause" not in added
        assert "No cause of collapse" not in added
        reasons = " ".join(each for verdict in judged.values() for each in verdict["reasons"])
        assert "likeliest cause" not in reasons or "complete collapse" in {
            v["status"] for v in judged.values()
        }
    failed = any(verdict["status"] == "complete collapse" for verdict in judged.values())
    undecided = any(verdict["status"] == "inconclusive" for verdict in judged.values())
    assert others["check"][0] == (1 if failed else 3 if undecided else 0)


def test_a_report_has_the_same(inputs: dict[str, list[str]], capsys: Capture) -> None:
    """What it saves beside the page."""
    (folder,) = inputs["collapsed"]
    _, document = asked("causes", [folder], capsys)
    assert main(["report", folder]) == 0
    saved = json.loads((Path(folder) / "results" / "diagnose.json").read_text())
    for space, verdict in verdicts(document).items():
        assert verdicts(saved)[space]["status"] == verdict["status"] == "complete collapse"
