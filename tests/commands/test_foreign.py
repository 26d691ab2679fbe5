"""Another library's checkpoint as an INPUT: measured on the images that --dataset names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import normalize
from torchvision import models

from collapse_cli import embedding
from collapse_cli.analysis.initial import Compared, at_initialisation
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.cli import main
from collapse_cli.models.batch_norm import settle
from collapse_cli.root_causes import Case
from tests.runs.test_foreign import quarter

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a ResNet-18 that is a quarter as wide as usual."""
    torch.manual_seed(0)
    return as_moco(quarter(models.resnet18(num_classes=16)), 16, tmp_path_factory.mktemp("theirs"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return as_moco(models.resnet18(num_classes=16), 64, tmp_path_factory.mktemp("theirs"))


def as_moco(network: Any, width: int, folder: Path) -> Path:
    """The state dict of a small-image ResNet (3x3 stem), as MoCo saves it, with its linear head of 16 dimensions."""
    network.conv1 = torch.nn.Conv2d(3, width, 3, padding=1, bias=False)
    state = {f"module.encoder_q.{name}": value for name, value in network.state_dict().items()}
    path = folder / "checkpoint_0003.pth.tar"
    torch.save(
        {"epoch": 4, "arch": "resnet18", "state_dict": state | {"module.queue": torch.zeros(16, 8)}}, path
    )
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two class folders of 10 coloured 32x32 images of noise each."""
    folder, draw = tmp_path_factory.mktemp("images"), numpy.random.default_rng(0)
    for name in ("a", "b"):
        (folder / name).mkdir()
        for i in range(10):
            pixels = draw.integers(0, 256, (32, 32, 3), dtype=numpy.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return f"folder:{folder}"


@pytest.mark.parametrize(
    ("command", "arch"),
    [
        *(
            (name, "resnet18w0.25")
            for name in ("spectrum", "alignment", "probe", "clusters", "oracle", "lidar")
        ),
        ("classes", "resnet18"),
    ],
)
def test_it_is_measured_in_both_spaces(
    command: str, arch: str, checkpoint: Path, whole: Path, dataset: str, capsys: Capture
) -> None:
    checkpoint = whole if arch == "resnet18" else checkpoint
    argv = [command, str(checkpoint), "--dataset", dataset, "--split", "all", "--json"]
    fewer = {"probe": ["--per-class", "5"], "lidar": ["--views", "2"]}.get(command, [])
    assert main([*argv, *fewer]) in (0, 3)  # 20 rows of 128 or 512: too few
    document = json.loads(capsys.readouterr().out)
    of = {one["of"] for one in document["results"]}
    assert of == {f"{checkpoint.name} · z"} | ({f"{checkpoint.name} · h"} if command != "oracle" else set())
    (facts,) = document["inputs"]
    assert (facts["architecture"], facts["prefix"], facts["epoch"]) == (arch, "module.encoder_q.", 4)


def test_it_stands_beside_its_weights_drawn_anew(checkpoint: Path, dataset: str, capsys: Capture) -> None:
    """The checkpoint was never trained either: on noise both fill, by entropy, more than a quarter of 20 rows' 19 directions."""
    argv = ["diagnose", str(checkpoint), "--dataset", dataset, "--split", "all", "--json"]
    assert main(argv) in (0, 3)
    for one in json.loads(capsys.readouterr().out)["results"]:
        now, before = (one["metrics"][key]["value"] for key in ("effective_rank", "effective_rank_initial"))
        assert 5 < min(now, before) <= max(now, before) <= 19
        assert len(one["metrics"]["eigenvalues"]["initial"]) == one["metrics"]["dimensions"]["value"]


def test_random_weights_are_compared_like_for_like(whole: Path, dataset: str, capsys: Capture) -> None:
    """The file has random weights and batch norm of no batch. Beside settled batch norm it would look collapsed: unit rows
    have a variance about tenfold smaller. Beside its own kind it does not, and it is said what it is.
    """
    subject = load(whole, Measuring(dataset=dataset, split="all"))
    settled = replace(cast(Case, subject.case), method=at_initialisation(cast(Case, subject.case), 9))
    settle(nn.Sequential(settled.method.encoder, settled.method.projector), _images(subject))

    def variance(one: Any, space: str) -> float:
        return float(normalize(one.rows[space], dim=1).var(dim=0).sum())

    for space in ("h", "z"):
        now, before = variance(subject.present, space), [variance(one, space) for one in subject.initial]
        assert 0.5 * min(before) < now < 2 * max(before)
        assert variance(Compared(settled, cast(Any, subject.present).index), space) > 3 * max(before)
    assert subject.looks_untrained("z").startswith("its encoder and projector look untrained")
    assert main(["spectrum", str(whole), "--dataset", dataset, "--split", "all", "--json"]) in (0, 3)
    shown = capsys.readouterr()
    (facts,) = json.loads(shown.out)["inputs"]
    assert facts["warnings"][-1].startswith("the running statistics of 20 of 20 batch norms are initial")
    assert facts["warnings"][-1] in shown.err


def _images(subject: Subject) -> list[Tensor]:
    case = cast(Case, subject.case)
    return [case.normalisation(embedding.take(case.images, subject.clean.index, case.device) / 255)]


def test_without_images_it_is_asked_for_them(checkpoint: Path, capsys: Capture) -> None:
    assert main(["spectrum", str(checkpoint)]) == 2
    said = capsys.readouterr().err
    assert "holds the weights of a network" in said
    assert "--dataset" in said


def test_grey_images_of_another_side_are_told(checkpoint: Path, capsys: Capture) -> None:
    """Digits are grey and 8 x 8. Its weights are random, which is an answer of its own: 3."""
    assert main(["spectrum", str(checkpoint), "--dataset", "digits", "--samples", "100"]) == 3
    told = capsys.readouterr().err
    assert "all 1,347 images are grey, and repeated on the three channels that the network takes" in told
    assert "all 1,347 images are used at their own 8 x 8 pixels, though the network is for 32 x 32" in told


def test_what_was_assumed_is_said(checkpoint: Path, dataset: str, capsys: Capture) -> None:
    """Its weights are random, which is an answer of its own: 3."""
    assert main(["spectrum", str(checkpoint), "--dataset", dataset]) == 3
    said = capsys.readouterr().err
    assert "images of side 32" in said
    assert main(["spectrum", str(checkpoint), "--dataset", dataset, "-q"]) == 3
    assert capsys.readouterr().err == ""


def test_its_own_cluster_head_is_judged(tmp_path: Path, dataset: str, capsys: Capture) -> None:
    """As Contrastive Clustering saves it, with a head that puts every image into the second of three clusters."""
    torch.manual_seed(0)
    network = models.resnet18()
    network.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    network.fc = torch.nn.Identity()
    instances = torch.nn.Sequential(torch.nn.Linear(512, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4))
    clusters = torch.nn.Sequential(torch.nn.Linear(512, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    torch.nn.init.zeros_(clusters[2].weight)
    clusters[2].bias.data = torch.tensor([0.0, 1.0, 0.0])
    parts = {"resnet": network, "instance_projector": instances, "cluster_projector": clusters}
    state = {f"{part}.{name}": w for part, net in parts.items() for name, w in net.state_dict().items()}
    torch.save({"net": state, "epoch": 1}, tmp_path / "checkpoint_1.tar")
    argv = ["clusters", str(tmp_path / "checkpoint_1.tar"), "--dataset", dataset, "--split", "all", "--json"]
    assert main(argv) == 0
    head = json.loads(capsys.readouterr().out)["results"][0]
    assert (head["settings"]["assigned by"], head["settings"]["M"]) == ("head", 3)
    assert head["metrics"]["used"]["value"] == 1
