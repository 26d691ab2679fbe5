"""One verdict for every command: networks with an offset, failed runs, views from elsewhere, embeddings about their mean."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from torch import nn

import collapse_cli as collapse
from collapse_cli import data, embedding
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.judgement import judgement
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.cli import main

COUNT = 3000  # images of a file


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run that spreads out, and one that collapses."""
    folder = tmp_path_factory.mktemp("runs")
    for method in ("align-uniform", "positive-only"):
        argv = ["train", method, "--epochs", "3", "--out", str(folder / method), "--quiet"]
        assert main(argv) == 0
    return {method: folder / method for method in ("align-uniform", "positive-only")}


def offset(subject: Subject, lengths: float) -> Subject:
    """The same network with a constant of so many mean row lengths added to the bias of its last layer."""
    assert subject.case is not None
    last = [layer for layer in subject.case.method.projector.modules() if isinstance(layer, nn.Linear)][-1]
    z = subject.clean.projections
    assert z is not None
    constant = torch.nn.functional.normalize(
        torch.randn(z.shape[1], generator=torch.Generator().manual_seed(7)), dim=0
    )
    with torch.no_grad():
        last.bias += lengths * z.norm(dim=1).mean() * constant
    case = subject.case
    clean = embedding.embed(case.method, case.images, case.normalisation, subject.clean.index)
    return replace(subject, clean=clean)


@pytest.mark.parametrize("recorded", [True, False], ids=["with its history", "the checkpoint alone"])
def test_an_offset_in_the_last_bias_is_no_collapse(trained: dict[str, Path], recorded: bool) -> None:
    """50 row lengths: mean cosine .999, and within four directions as many active ones as before."""
    plain = load(trained["align-uniform"], Measuring())
    before = judgement(plain, "z")
    moved = offset(load(trained["align-uniform"], Measuring()), 50.0)
    after = judgement(moved if recorded else replace(moved, record=None), "z")
    assert after.spectrum.mean_cosine is not None
    assert after.spectrum.mean_cosine > 0.99
    assert after.verdict.status == before.verdict.status
    assert abs(after.spectrum.active - before.spectrum.active) <= 4
    assert any("common offset" in reason for reason in after.verdict.reasons)


def test_a_collapse_with_an_offset_is_still_one(trained: dict[str, Path]) -> None:
    """Its history says so; without that nothing is said firmly, for the ray no longer points along the mean."""
    moved = offset(load(trained["positive-only"], Measuring()), 50.0)
    assert judgement(moved, "z").verdict.status == "complete collapse"
    alone = offset(load(trained["positive-only"], Measuring()), 50.0)
    assert judgement(replace(alone, record=None), "z").verdict.status == "inconclusive"


def test_centring_hides_no_collapse(trained: dict[str, Path]) -> None:
    """The numbers are those about the mean; the verdict is that of the embeddings as they are."""
    plain, centred = (collapse.diagnose(trained["positive-only"], **way) for way in ({}, {"centre": True}))
    assert plain.status == centred.status == "complete collapse"
    assert centred.z.mean_cosine < 0.1 < 0.9 < plain.z.mean_cosine


def test_a_failed_run_has_no_verdict(
    trained: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No epoch was completed: 3, whatever the initial network looks like; unfinished ones say after how many epochs."""
    argv = [
        "train",
        "positive-only",
        "--epochs",
        "3",
        "--lr",
        "1e30",
        "--out",
        str(tmp_path / "failed"),
        "-q",
    ]
    assert main(argv) == 2
    for command in ("diagnose", "spectrum"):
        assert main([command, str(tmp_path / "failed")]) == 3
        assert "no epoch" in capsys.readouterr().out
    shutil.copytree(trained["align-uniform"], tmp_path / "going")
    told = tmp_path / "going" / "settings.toml"
    told.write_text(told.read_text().replace("epochs = 3", "epochs = 40"))
    assert main(["diagnose", str(tmp_path / "going")]) == 0
    assert "after 3 of 40 epochs" in capsys.readouterr().out.replace("\n", " ").replace("  ", " ")


@pytest.fixture
def views(tmp_path: Path) -> dict[str, Path]:
    """Unit rows with an offset of 30 row lengths; another view of them, rows of other images, and both views in one file."""
    random = numpy.random.default_rng(0)
    images = random.normal(size=(COUNT, 16))

    def unit(rows: numpy.ndarray) -> numpy.ndarray:
        moved = rows + 30
        return moved / numpy.linalg.norm(moved, axis=1, keepdims=True)

    near = unit(images + 0.3 * random.normal(size=(COUNT, 16)))
    numpy.save(tmp_path / "first.npy", unit(images))
    numpy.save(tmp_path / "second.npy", near)
    numpy.save(tmp_path / "strangers.npy", unit(random.normal(size=(COUNT, 16))))
    both = numpy.concatenate([unit(images), near])
    numpy.savez(tmp_path / "both.npz", representations=both, image=numpy.tile(numpy.arange(COUNT), 2))
    return {file.stem: file for file in tmp_path.iterdir()}


def test_a_second_view_is_firm_at_the_extreme_alone(views: dict[str, Path]) -> None:
    """Views as far apart as images are a collapse; nearer ones may be of a collapsed encoder, under weak augmentation."""
    alone = collapse.diagnose(views["first"])
    assert alone.status == "inconclusive"
    assert "--second" in alone.entries[0].verdict.advice[0]  # type: ignore[union-attr]
    near = collapse.diagnose(views["first"], second=str(views["second"]))
    assert near.status == "inconclusive"
    assert any("variance between images" in reason for reason in near.entries[0].verdict.reasons)  # type: ignore[union-attr]
    assert collapse.diagnose(views["first"], second=str(views["strangers"])).status == "complete collapse"


def test_views_of_are_pairs_and_groups(views: dict[str, Path]) -> None:
    """Two rows of each image: pairs as with --second, and no more independent rows than a little over half of all."""
    found = collapse.spectrum(views["both"], views_of="image")
    assert found.groups == COUNT
    assert COUNT <= found.effective_samples < 1.3 * COUNT
    two, one = (
        collapse.alignment(path, **way).alignment
        for path, way in (
            (views["both"], {"views_of": "image"}),
            (views["first"], {"second": str(views["second"])}),
        )
    )
    assert two == pytest.approx(float(one), rel=1e-9)


def test_views_in_another_order_are_refused(views: dict[str, Path], tmp_path: Path) -> None:
    """They would look like views that say nothing of their image."""
    numpy.save(tmp_path / "turned.npy", numpy.load(views["second"])[::-1][:2000])
    numpy.save(tmp_path / "start.npy", numpy.load(views["first"])[-2000:])
    with pytest.raises(collapse.CollapseError, match="other rows"):
        collapse.diagnose(tmp_path / "start.npy", second=str(tmp_path / "turned.npy"))


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ({"second": "nowhere.npy"}, "nowhere.npy"),
        ({"views_of": "nowhere"}, "nowhere"),
        ({"second": "x.npy", "views_of": "y"}, "give only one of them"),
    ],
)
def test_bad_views(way: dict[str, str], said: str, views: dict[str, Path]) -> None:
    with pytest.raises(collapse.CollapseError) as error:
        collapse.diagnose(views["first"], **way)
    assert said in f"{error.value} {error.value.hint}"


def test_views_of_a_network_are_its_own(trained: dict[str, Path], views: dict[str, Path]) -> None:
    with pytest.raises(collapse.CollapseError, match="contains no embeddings"):
        collapse.diagnose(trained["align-uniform"], second=str(views["first"]))


def test_the_json_says_how_it_was_asked(views: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(views["first"]), "--centre", "--json"]) == 3
    (given,) = json.loads(capsys.readouterr().out)["inputs"]
    assert given["options"]["centre"] is True
    assert "second" not in given["options"]


def test_near_copies_blame_no_network(trained: dict[str, Path], tmp_path: Path) -> None:
    """One digit with noise of 3 % of the range, 300 times: two views of an image are as far apart as two images, at random
    initialisation, too. h, which is healthy, was called collapsed; z, which is one point, still is."""
    random = numpy.random.default_rng(1)
    digit = data.load("digits", "train").pixels[5, 0].numpy().astype(float)
    for i, noise in enumerate(random.normal(0, 0.03 * 255, (300, 8, 8))):
        Image.fromarray(numpy.clip(digit + noise, 0, 255).astype(numpy.uint8)).save(tmp_path / f"{i:03}.png")
    result = collapse.diagnose(trained["positive-only"], dataset=f"folder:{tmp_path}")
    assert result.z.status == "complete collapse"
    assert result.h.status == "inconclusive"
    assert "The images themselves differ too little to blame the network" in result.h.verdict.sentence
    assert "Give images that differ" in result.h.verdict.advice[0]
    assert collapse.diagnose(trained["align-uniform"], dataset=f"folder:{tmp_path}").status == "inconclusive"


def test_a_collapsed_network_is_not_called_healthy_on_other_images(
    trained: dict[str, Path], tmp_path: Path
) -> None:
    """On inverted digits its views are told apart 10 times as clearly as at random initialisation, on one ray: it was healthy."""
    for i, pixels in enumerate(data.load("digits", "train").pixels[:300, 0].numpy()):
        Image.fromarray(255 - pixels).save(tmp_path / f"{i:03}.png")
    z = collapse.diagnose(trained["positive-only"], dataset=f"folder:{tmp_path}").z
    assert z.status in ("inconclusive", "complete collapse")
