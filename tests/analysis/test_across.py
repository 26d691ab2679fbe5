"""One network on several data sets: planted collapses on one of them, data sets that are narrow themselves, and the words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import collapse_cli as collapse
from collapse_cli import embedding
from collapse_cli.analysis import across
from collapse_cli.analysis.judgement import judgement
from collapse_cli.cli import main
from collapse_cli.data.words import word_counts

Capture = pytest.CaptureFixture[str]
SHIFT = 0.05


class Gated(nn.Module):
    """An encoder that maps images with bright corners, which no digit has, to nearly one point."""

    def __init__(self, encoder: nn.Module, centre: Tensor) -> None:
        super().__init__()
        self.encoder = encoder
        self.centre = nn.Buffer(centre)

    def forward(self, images: Tensor) -> Tensor:
        h = self.encoder(images)
        bright = images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].mean(dim=(1, 2)) > 0
        gated: Tensor = torch.where(bright[:, None], self.centre + SHIFT * (h - self.centre), h)
        return gated


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`stripes` differ as digits do, and have bright corners; `copies` are one image with a little noise."""
    folder, random = tmp_path_factory.mktemp("sets"), numpy.random.default_rng(0)
    y, x = numpy.mgrid[0:8, 0:8]
    angle, phase, wave = (random.uniform(0, high, (300, 1, 1)) for high in (3.1, 6.2, 2.0))
    stripes = 170 + 80 * numpy.sin(wave * (x * numpy.cos(angle) + y * numpy.sin(angle)) + phase)
    copies = 200 * (numpy.hypot(x - 3.5, y - 3.5) < 3) + random.normal(0, 5, (300, 8, 8))
    for name, pixels in {"stripes": stripes, "copies": copies}.items():
        (folder / name).mkdir()
        for n, image in enumerate(pixels.clip(0, 255).astype("uint8")):
            Image.fromarray(image).save(folder / name / f"{n:03}.png")
    return folder


def loaded(run: Path, dataset: str, gated: bool) -> collapse.Subject:
    subject = collapse.load(run, dataset=dataset)
    case: Any = subject.case
    if gated:
        own = collapse.load(run, dataset="digits")
        case.method.encoder = Gated(case.method.encoder, own.clean.representations.mean(dim=0))
    again = embedding.embed(case.method, case.images, case.normalisation, subject.clean.index)
    return replace(subject, clean=again)


def rulings(run: Path, dataset: str, gated: bool) -> tuple[dict[str, str], dict[str, str]]:
    """By space: what the contrast with digits comes to, and the status from then on."""
    subjects = [loaded(run, name, gated) for name in ("digits", dataset)]
    entries = across.contrasts(subjects)
    statuses = {space: judgement(subjects[1], space).verdict.status for space in subjects[1].rows}
    return {entry.space: entry.result.ruling for entry in entries}, statuses


def test_a_network_that_collapses_on_others_is_seen(run: Path, sets: Path) -> None:
    """The gate leaves .0025 of the variance of stripes, which differ as digits do, to the pixels and to untrained networks."""
    said, statuses = rulings(run, f"folder:{sets}/stripes", gated=True)
    assert said["h"] == "one point"
    assert statuses["h"] == "complete collapse"
    assert rulings(run, f"folder:{sets}/stripes", gated=False)[0].get("h") != "one point"


def test_a_narrow_data_set_is_not_the_network_s_collapse(run: Path, sets: Path) -> None:
    said, statuses = rulings(run, f"folder:{sets}/copies", gated=False)
    assert set(said.values()) == {"narrow"}
    assert not any(status.endswith("collapse") for status in statuses.values())


def test_the_command(run: Path, sets: Path, capsys: Capture) -> None:
    """Each data set is an input that names it, one sentence is the contrast's, and the next command has both."""
    capsys.readouterr()
    both = ["--samples", "300", "--dataset", "digits", "--dataset", f"folder:{sets}/copies"]
    assert main(["diagnose", str(run), *both, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [facts["dataset"] for facts in document["inputs"]] == ["digits", f"folder:{sets}/copies"]
    contrasts = [result for result in document["results"] if result["kind"] == "contrast"]
    assert {result["input"] for result in contrasts} == {1}
    assert sum("the images themselves differ little" in result.get("answer", "") for result in contrasts) == 1
    assert document["next"][0].endswith(f"--dataset digits --dataset folder:{sets}/copies")


def test_compare(run: Path, sets: Path, capsys: Capture) -> None:
    capsys.readouterr()
    main(
        ["compare", str(run), "--samples", "300", "--dataset", "digits", "--dataset", f"folder:{sets}/copies"]
    )
    shown = " ".join(capsys.readouterr().out.split())
    assert "on copies the images themselves differ little" in shown
    assert "moco digits" in shown
    assert "moco copies" in shown


@pytest.mark.parametrize("command", ["spectrum", "alignment", "report"])
def test_other_commands_take_one(command: str, run: Path, capsys: Capture) -> None:
    assert main([command, str(run), "--dataset", "digits", "--dataset", "mnist"]) == 2
    assert "--dataset was given 2 times" in capsys.readouterr().err


def test_embeddings_and_repeated_names_are_refused(run: Path, tmp_path: Path, capsys: Capture) -> None:
    numpy.save(tmp_path / "a.npy", numpy.eye(30))
    assert main(["diagnose", str(tmp_path / "a.npy"), "--dataset", "digits", "--dataset", "mnist"]) == 2
    assert "give one file for each set" in capsys.readouterr().err
    assert main(["diagnose", str(run), "--dataset", "digits", "--dataset", "digits"]) == 2
    assert "was given twice" in capsys.readouterr().err


def test_two_files_of_embeddings_are_told_with_an_if() -> None:
    """Own texts spread out, others within .1 % of their variance of one point: the network, or texts that are alike."""
    random = numpy.random.default_rng(0)
    own, others = random.standard_normal((600, 32)), 3 + 0.03 * random.standard_normal((600, 32))
    result = collapse.diagnose(own, others)
    said = [entry.answer for entry in result if entry.kind == "contrast"]
    assert len(said) == 1
    assert said[0].startswith(
        "If one network gave both: healthy on array 1, and on array 2 nearly one point, with 0.1 %"
    )
    assert result["array 2"].entries[0].status == "inconclusive"


def test_words_of_texts() -> None:
    """Texts with the same words are equal, whatever their order; with no word in common at distance √2, and empty ones are 0."""
    rows = word_counts(["a cat sat", "Sat, a cat!", "blue skies", ""])
    assert torch.equal(rows[0], rows[1])
    assert float((rows[0] - rows[2]).norm()) == pytest.approx(2**0.5)
    assert float(rows[3].norm()) == 0
