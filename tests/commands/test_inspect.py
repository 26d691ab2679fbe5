"""`collapse inspect` says what a file is, and what can be measured on it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn

from collapse_cli.analysis.inspection import measurable
from collapse_cli.cli import main
from collapse_cli.models import encoders

NETWORK = ["diagnose", "causes", "check", "spectrum", "alignment", "oracle", "probe", "clusters", "classes", "lidar",
           "coverage", "weights", "layers", "embed"]  # fmt: skip


def weights(prefix: str, stem: str = "imagenet") -> dict[str, Tensor]:
    """A ResNet-18 whose numbers are all one, and lie in the file once: for names and shapes."""
    with torch.device("meta"):
        network, _ = encoders.resnet("resnet18", 3, stem)
    return {
        prefix + name: torch.ones((), dtype=weight.dtype).expand(weight.shape)
        for name, weight in network.state_dict().items()
    }


@pytest.fixture(scope="module")
def moco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As MoCo v2 saves it: 9 keys of 16 dimensions."""
    path = tmp_path_factory.mktemp("foreign") / "checkpoint_0199.pth.tar"
    head = {
        f"module.encoder_q.fc.{n}": w
        for n, w in nn.Sequential(nn.Linear(512, 32), nn.ReLU(), nn.Linear(32, 16)).state_dict().items()
    }
    queue = {"module.queue": torch.zeros(16, 9)}
    torch.save(
        {"epoch": 200, "arch": "resnet18", "state_dict": weights("module.encoder_q.") | head | queue}, path
    )
    return path


def inspected(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> dict[str, Any]:
    assert main(["inspect", *map(str, argv), "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    found: dict[str, Any] = json.loads(shown.out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> str:
    """A sentence and a remedy on stderr, nothing on stdout, exit code 2 with and without --json."""
    for extra in ([], ["--json"]):
        assert main(["inspect", *map(str, argv), *extra]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "Traceback" not in shown.err
        assert len(shown.err.strip().splitlines()) == 2
    return shown.err


def test_a_foreign_checkpoint(moco: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """ResNet-18 without classifier: 11,689,512 - 513,000 = 11,176,512 parameters, in 62 - 2 + 40 statistics = 100 tensors."""
    found = inspected(capsys, moco)
    said = {
        "path": str(moco),
        "sha256": hashlib.sha256(moco.read_bytes()).hexdigest(),
        "layout": "MoCo v1/v2",
        "known_by": "names that begin with encoder_q., and the names and shapes of resnet18",
        "architecture": "resnet18",
        "stem": "imagenet",
        "where": "state_dict",
        "prefix": "module.encoder_q.",
        "branch": "online",
        "matched": "100 of 100 weights, 100.0%",
        "epoch": 200,
        "parameters": 11_176_512,
        "dtype": "float32",
        "representation": 512,
        "projector": "Linear 512-32, ReLU, Linear 32-16",
        "queue": [9, 16],
        "images": [3, 224, 224],
        "unknown": [],
        "warnings": [],
        "measure_with": NETWORK,
    }
    assert {key: found[key] for key in said} == said
    assert (found["cluster_head"], found["prototypes"]) == (None, None)
    assert any("conv1 7x7" in line for line in found["assumed"])


def test_the_same_as_text(moco: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One fact on a line, labels in a column, nothing for what is not there, and no escape codes."""
    assert main(["inspect", str(moco)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "layout           MoCo v1/v2" in lines
    assert "parameters       11,176,512" in lines
    assert "queue            9 x 16" in lines
    assert "measure with     diagnose, causes, check, spectrum, alignment, oracle, probe," in lines
    assert "                 clusters, classes, lidar, coverage, weights, layers, embed" in lines
    assert not any(line.startswith(("prototypes", "warnings", "cluster head")) for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_choices_reach_the_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": weights("backbone.", "cifar")}, tmp_path / "x.ckpt")
    assert inspected(capsys, tmp_path / "x.ckpt")["stem"] == "cifar"
    assert inspected(capsys, tmp_path / "x.ckpt", "--stem", "cifar-pad2")["stem"] == "cifar-pad2"
    assert "does not go with a conv1 of 3x3" in refused(capsys, tmp_path / "x.ckpt", "--stem", "imagenet")
    assert "has no momentum network" in refused(capsys, tmp_path / "x.ckpt", "--branch", "momentum")
    assert "resnet34" in refused(capsys, tmp_path / "x.ckpt", "--arch", "resnet34")


def test_nan_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = weights("")
    broken["layer1.0.bn1.weight"] = torch.full((64,), torch.nan)
    torch.save(broken, tmp_path / "x.pt")
    assert inspected(capsys, tmp_path / "x.pt")["warnings"] == [
        "1 of 100 weights contain nan or infinity: layer1.0.bn1.weight"
    ]


def test_weights_of_no_known_network_can_still_be_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """3 x 4 + 3 numbers of two tensors; batch norm's statistics would not count."""
    torch.save({"state_dict": nn.Linear(4, 3).half().state_dict(), "epoch": 4}, tmp_path / "x.pt")
    found = inspected(capsys, tmp_path / "x.pt")
    assert (found["layout"], found["measure_with"]) == ("unknown weights", ["weights"])
    assert (found["parameters"], found["tensors"], found["epoch"], found["dtype"]) == (15, 2, 4, "float16")
    assert found["names"] == ["weight", "bias"]
    assert "is not a network that is recognised" in found["why"]
    assert f"collapse weights {tmp_path / 'x.pt'}" in found["remedy"]
    torch.save({"bias": torch.zeros(3)}, tmp_path / "b.pt")
    assert inspected(capsys, tmp_path / "b.pt")["measure_with"] == []


def test_a_run_and_its_checkpoint(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (run, run / "checkpoint.pt"):
        found = inspected(capsys, path)
        assert (found["method"], found["trained_on"], found["epoch"]) == ("moco", "digits", 2)
        assert (found["architecture"], found["queue"], found["images"]) == ("convnet", [512, 64], [1, 8, 8])
        assert found["projector"] == "Linear 128-128, ReLU, Linear 128-64"
    assert inspected(capsys, run)["layout"] == "run folder"
    assert inspected(capsys, run)["measure_with"] == [*NETWORK, "report"]
    assert found["layout"] == "collapse checkpoint"
    assert found["sha256"] == hashlib.sha256((run / "checkpoint.pt").read_bytes()).hexdigest()


def test_a_run_that_has_just_begun(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "settings.toml").write_text((run / "settings.toml").read_text())
    found = inspected(capsys, tmp_path)
    assert (found["layout"], found["method"], found["measure_with"]) == ("run folder", "moco", [])


def test_embeddings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = numpy.zeros((30, 8), numpy.float32)
    numpy.save(tmp_path / "e.npy", rows)
    found = inspected(capsys, tmp_path / "e.npy")
    assert (found["layout"], found["h"], found["labels"]) == ("embeddings", [30, 8], "no")
    assert found["measure_with"] == ["diagnose", "check", "spectrum", "alignment", "coverage"]
    numpy.savez(
        tmp_path / "e.npz", representations=rows, projections=rows[:, :3], labels=numpy.zeros(30, int)
    )
    found = inspected(capsys, tmp_path / "e.npz")
    assert (found["h"], found["z"], found["labels"]) == ([30, 8], [30, 3], "yes")
    assert found["measure_with"] == measurable(labels=True, views=False, network=False)["measure_with"]


@pytest.mark.parametrize("name", ["x.pt", "x.npy", "x.npz", "x.txt"])
@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04"])
def test_files_of_nothing(
    name: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert str(tmp_path / name) in refused(capsys, tmp_path / name)


def test_what_is_no_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no file" in refused(capsys, tmp_path / "none.pt")
    assert "no file" in refused(capsys, tmp_path / "none.npy")
    assert "no settings.toml" in refused(capsys, tmp_path)
    torch.save(["a", "b"], tmp_path / "rows.pth")
    assert "contains a list" in refused(capsys, tmp_path / "rows.pth")
    torch.save({"image": torch.zeros(30, 8), "text": torch.zeros(30, 8)}, tmp_path / "rows.pth")
    assert "several arrays of embeddings" in refused(capsys, tmp_path / "rows.pth")
    torch.save({"collapse_format": 1}, tmp_path / "ours.pt")
    assert "is damaged" in refused(capsys, tmp_path / "ours.pt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes in folders")
@pytest.mark.parametrize("name", ["answer.json", "table.parquet", "table.arrow", "table/part.parquet"])
def test_a_pipe_is_refused_and_not_waited_for(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    os.mkfifo(tmp_path / name)
    place = tmp_path / name.partition("/")[0]
    assert main(["inspect", str(place)]) == 2
    assert str(tmp_path / name) in capsys.readouterr().err
