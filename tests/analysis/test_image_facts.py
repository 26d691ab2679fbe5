"""The images are looked at before the encoder is blamed: by diagnose and causes alike, and of sound images no word is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

import collapse_cli as collapse
from collapse_cli.analysis import train_labels
from collapse_cli.cli import main

Make = Callable[[int], numpy.ndarray]


def noise(seed: int) -> numpy.ndarray:
    return numpy.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=numpy.uint8)


def smooth(seed: int) -> numpy.ndarray:
    """32 x 32, which JPEG hardly changes."""
    small = Image.fromarray(noise(seed)[:4, :4])
    return numpy.asarray(small.resize((32, 32), Image.Resampling.BICUBIC))


def plain(*levels: int) -> numpy.ndarray:
    return numpy.broadcast_to(numpy.array(levels, numpy.uint8), (8, 8, 3))


def filled(folder: Path, make: Make, count: int, ending: str = "png") -> str:
    folder.mkdir(parents=True)
    for i in range(count):
        options = {"quality": 80 + i % 15} if ending == "jpg" else {}
        Image.fromarray(make(i)).save(folder / f"{i:03}.{ending}", **options)
    return f"folder:{folder}"


def trained(method: str, dataset: str, out: Path) -> str:
    small = ["--encoder", "mlp", "--epochs", "1", "--batch", "16", "--out", str(out), "-q"]
    assert main(["train", method, "--dataset", dataset, *small]) == 0
    return str(out)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One epoch each, on 70 copies of one image, on 200 that differ, and on 200 of 32 x 32."""
    folder = tmp_path_factory.mktemp("runs")
    sets = {
        "copies": filled(folder / "data" / "copies", lambda i: noise(0), 70),
        "sound": filled(folder / "data" / "sound", noise, 200),
        "smooth": filled(folder / "data" / "smooth", smooth, 200),
    }
    return {name: trained("align-uniform", dataset, folder / name) for name, dataset in sets.items()}


def said(result: Any) -> str:
    """All that a verdict says of an input."""
    verdicts = [entry.verdict for entry in result if entry.verdict]
    return " ".join(" ".join((v.sentence, *v.reasons, *v.findings, *v.advice, *v.commands)) for v in verdicts)


def test_copies_of_one_image_are_no_collapse(runs: dict[str, str]) -> None:
    """Both commands give one verdict, the data are the first cause, and no setting of the training is advised."""
    diagnosis, causes = collapse.diagnose(runs["copies"]), collapse.causes(runs["copies"])
    assert diagnosis.status == causes.status == "inconclusive"
    for text in (said(diagnosis), said(causes)):
        assert (
            "The images themselves are identical: 1 distinct image of 56; no encoder can tell them apart."
            in text
        )
        assert "collapse inspect folder:" in text
        assert not any(word in text for word in ("--lr", "--strength", "collapse train", "augmentation"))
    ranked = [entry for entry in causes if entry.kind == "cause"]
    assert [entry.subject for entry in ranked] == ["images that hardly differ"]
    assert ranked[0].details["cure"] == ""


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda i: noise(i % 2), "2 distinct images of 70"),
        (lambda i: plain(0, 0, 0), "All 70 images are black"),
        (lambda i: plain(255, 255, 255), "All 70 images are white"),
        (lambda i: plain(i, 255 - i, 3 * i), "All 70 images are of one colour each"),
        (lambda i: noise(i) if i < 7 else noise(0), "64 of 70 images (91 %) are one image"),
    ],
    ids=["two images", "black", "white", "one colour each", "nine tenths one image"],
)
def test_faults_of_the_data_lead(runs: dict[str, str], tmp_path: Path, make: Make, sentence: str) -> None:
    dataset = filled(tmp_path / "planted", make, 70)
    result = collapse.diagnose(runs["sound"], dataset=dataset)
    assert result.status == "inconclusive"
    assert all(entry.verdict.sentence.startswith(sentence) for entry in result if entry.verdict)


def test_copies_that_were_saved_again_are_one_image(runs: dict[str, str], tmp_path: Path) -> None:
    """JPEG of quality 80 to 94, whose pixels differ."""
    dataset = filled(tmp_path / "planted", lambda i: smooth(0), 70, "jpg")
    result = collapse.diagnose(runs["smooth"], dataset=dataset)
    assert result.status == "inconclusive"
    assert "nearly identical: all 70 are one image" in said(result)


def test_ten_images_cannot_judge_a_hundred_dimensions(runs: dict[str, str], tmp_path: Path) -> None:
    """Ten images of 32 x 32, thirty times each as JPEG: 300 embeddings, most of which differ a little."""
    dataset = filled(tmp_path / "planted", lambda i: smooth(i % 10), 300, "jpg")
    result = collapse.diagnose(runs["smooth"], dataset=dataset)
    assert result.status == "inconclusive"
    assert "10 distinct images of 300 (near copies counted once) are too few to judge" in said(result)


def test_a_tenth_of_copies_is_a_finding(runs: dict[str, str], tmp_path: Path) -> None:
    """It is said that equal embeddings are those of equal images."""
    dataset = filled(tmp_path / "planted", lambda i: noise(i if i % 10 else 1), 300)
    text = said(collapse.diagnose(runs["sound"], dataset=dataset))
    assert "30 of 300 images are copies of others, pixel for pixel." in text
    assert "the copies are in the data" in text


def test_of_sound_images_no_word_is_said(runs: dict[str, str], tmp_path: Path) -> None:
    dataset = filled(tmp_path / "planted", lambda i: noise(1000 + i), 300)
    text = said(collapse.diagnose(runs["sound"], dataset=dataset)) + said(collapse.causes(runs["sound"]))
    assert not any(words in text for words in ("images are", "distinct image", "pixel for pixel", "copies"))


def test_one_class_is_the_first_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SupCon on images of one folder, which training refuses today: all of them attract each other."""
    monkeypatch.setattr(train_labels, "refuse", lambda run, images: None)
    filled(tmp_path / "data" / "cat", noise, 80)
    run = trained("supcon", f"folder:{tmp_path / 'data'}", tmp_path / "run")
    assert "All images have one label (cat)" in said(collapse.diagnose(run))
    first = next(entry for entry in collapse.causes(run) if entry.kind == "cause")
    assert first.subject == "labels of one class"
    other = filled(tmp_path / "other" / "dog", noise, 80).removesuffix("/dog")
    elsewhere = collapse.causes(run, dataset=other)
    assert "labels of one class" not in [entry.subject for entry in elsewhere], "they trained nothing"


def test_raw_pixels_are_looked_at_too(tmp_path: Path) -> None:
    result = collapse.diagnose(f"pixels:{filled(tmp_path / 'planted', lambda i: noise(0), 70)}")
    assert result.status == "inconclusive"
    assert "The images themselves are identical" in said(result)
