"""Embeddings come back as they were saved; arrays that do not fit one another are a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import embeddings
from collapse_cli.runs.embeddings import Kept
from collapse_cli.shapes import Embeddings

ROWS = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)


def some(seed: int, labels: bool, projections: bool, count: int = 6) -> Embeddings:
    generator = torch.Generator().manual_seed(seed)
    return Embeddings(
        torch.randn(count, 4, generator=generator),
        torch.randn(count, 2, generator=generator) if projections else None,
        torch.arange(count) % 2 if labels else None,
        torch.arange(count) * 7,
        ("katze", "größe") if labels else (),
        "digits/test",
    )


def same(ours: Embeddings, theirs: Embeddings, parts: tuple[str, ...]) -> None:
    for part in parts:
        one, other = getattr(ours, part), getattr(theirs, part)
        if isinstance(one, torch.Tensor):
            assert torch.equal(one, other)
            assert one.dtype == other.dtype
        else:
            assert one == other


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("projections", [True, False])
@pytest.mark.parametrize("views", [True, False])
def test_npz_round_trip(labels: bool, projections: bool, views: bool, tmp_path: Path) -> None:
    first, second = (some(seed, labels, projections) for seed in (1, 2))
    kept = Kept(some(0, labels, projections), (first, second) if views else None, 0.07 if views else None)
    embeddings.save(tmp_path / "e.npz", kept)
    assert [path.name for path in tmp_path.iterdir()] == ["e.npz"]
    found = embeddings.load(tmp_path / "e.npz")
    spaces = ("representations", "projections")
    same(kept.clean, found.clean, (*spaces, "labels", "index", "classes", "source"))
    assert (found.views is not None, found.temperature) == (views, kept.temperature)
    for ours, theirs in zip(kept.views or (), found.views or (), strict=True):
        same(ours, theirs, spaces)


def test_views_of_fewer_pictures_keep_their_own_labels_and_index(tmp_path: Path) -> None:
    """`embed` keeps the views of up to 2,000 of 10,000 pictures: 3 of 6 here, the pictures 7, 21 and 28 (labels 1, 1, 0)."""
    clean, chosen = some(0, True, True), torch.tensor([1, 3, 4])
    assert clean.labels is not None
    pair = [
        Embeddings(v.representations[chosen], None, clean.labels[chosen], clean.index[chosen], (), "")
        for v in (some(1, True, True), some(2, True, True))
    ]
    embeddings.save(tmp_path / "e.npz", Kept(clean, (pair[0], pair[1]), None))
    found = embeddings.load(tmp_path / "e.npz").views
    assert found is not None
    for view in found:
        assert view.index.tolist() == [7, 21, 28]
        assert view.labels is not None
        assert view.labels.tolist() == [1, 1, 0]


def test_a_missing_file_and_text(tmp_path: Path) -> None:
    for name in ("e.npy", "e.npz"):
        with pytest.raises(CollapseError, match="no file"):
            embeddings.load(tmp_path / name)
        for content in (b"hello", b"", b"PK\x03\x04 no archive"):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(CollapseError, match="cannot be read"):
                embeddings.load(tmp_path / name)


@pytest.mark.parametrize("name", ["e.npy", "e.npz"])
def test_half_a_file(name: str, tmp_path: Path) -> None:
    if name == "e.npy":
        numpy.save(tmp_path / name, numpy.zeros((90, 9)))
    else:
        numpy.savez(tmp_path / name, representations=numpy.zeros((90, 9)))
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(CollapseError, match="cannot be read"):
        embeddings.load(tmp_path / name)


@pytest.mark.parametrize(
    "arrays",
    [
        {"features": ROWS},
        {},
        {"representations": numpy.array([{}], dtype=object)},
        {"representations": ROWS[0]},
        {"representations": ROWS, "labels": numpy.array(["a"] * 4, dtype=object)},
        {"representations": ROWS, "labels": numpy.array(["a"] * 4)},
        {"representations": ROWS, "labels": numpy.arange(3)},
        {"representations": ROWS, "labels": numpy.array([0.5] * 4)},
        {"representations": ROWS, "index": numpy.arange(3)},
        {"representations": ROWS, "projections": ROWS[0]},
        {"representations": ROWS, "projections": ROWS[:3]},
        {"representations": ROWS, "first_representations": ROWS, "second_representations": ROWS[:3]},
    ],
    ids=lambda arrays: " ".join(f"{name}{array.dtype}{array.shape}" for name, array in arrays.items()),
)
def test_npz_that_does_not_fit(arrays: dict[str, Any], tmp_path: Path) -> None:
    """Nothing that later fails, or is measured against the wrong rows, is let in."""
    numpy.savez(tmp_path / "e.npz", **arrays)
    with pytest.raises(CollapseError) as caught:
        embeddings.load(tmp_path / "e.npz")
    assert caught.value.hint


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint16"])
def test_labels_of_any_integers_become_int64(dtype: str, tmp_path: Path) -> None:
    numpy.savez(tmp_path / "e.npz", representations=ROWS, labels=numpy.array([3, 0, 1, 1], dtype))
    labels = embeddings.load(tmp_path / "e.npz").clean.labels
    assert labels is not None
    assert (labels.dtype, labels.tolist()) == (torch.int64, [3, 0, 1, 1])


@pytest.mark.parametrize("dtype", [bool, complex])
def test_npy_of_no_numbers(dtype: type, tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.ones((4, 3), dtype))
    with pytest.raises(CollapseError, match="shape"):
        embeddings.load(tmp_path / "e.npy")


@pytest.mark.parametrize("shape", [(4,), (2, 2, 2), (4, 0), ()])
def test_npy_of_another_shape(shape: tuple[int, ...], tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.ones(shape))
    with pytest.raises(CollapseError, match="shape"):
        embeddings.load(tmp_path / "e.npy")


def test_doubles_stay_doubles_and_halves_become_floats(tmp_path: Path) -> None:
    """2^-30 + 1 needs a double; 1/3 in float16 is 0.333251953125, in float32 too."""
    numpy.save(tmp_path / "d.npy", numpy.array([[1 + 2.0**-30]]))
    numpy.save(tmp_path / "h.npy", numpy.array([[1 / 3]], dtype=numpy.float16))
    double, half = (embeddings.load(tmp_path / f"{name}.npy").clean for name in "dh")
    assert double.representations.item() == 1 + 2.0**-30
    assert (half.representations.dtype, half.representations.item()) == (torch.float32, 0.333251953125)
    assert (double.source, double.labels, double.index.tolist()) == ("d.npy", None, [0])
