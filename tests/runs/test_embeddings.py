"""Embeddings come back as they were saved; arrays that do not fit one another are a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from pyarrow import parquet

from collapse_cli.embedding import sample
from collapse_cli.errors import CollapseError
from collapse_cli.runs import embeddings
from collapse_cli.runs.embeddings import SavedEmbeddings
from collapse_cli.runs.labels import LabelFile
from collapse_cli.shapes import Embeddings, Images

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
    kept = SavedEmbeddings(
        some(0, labels, projections), (first, second) if views else None, 0.07 if views else None
    )
    embeddings.save(tmp_path / "e.npz", kept)
    assert [path.name for path in tmp_path.iterdir()] == ["e.npz"]
    found = embeddings.load(tmp_path / "e.npz")
    spaces = ("representations", "projections")
    same(kept.clean, found.clean, (*spaces, "labels", "index", "classes", "source"))
    assert (found.views is not None, found.temperature) == (views, kept.temperature)
    for ours, theirs in zip(kept.views or (), found.views or (), strict=True):
        same(ours, theirs, spaces)


def test_views_of_fewer_images_keep_their_own_labels_and_index(tmp_path: Path) -> None:
    """`embed` keeps the views of up to 2,000 of 10,000 images: 3 of 6 here, the images 7, 21 and 28 (labels 1, 1, 0)."""
    clean, chosen = some(0, True, True), torch.tensor([1, 3, 4])
    assert clean.labels is not None
    pair = [
        Embeddings(v.representations[chosen], None, clean.labels[chosen], clean.index[chosen], (), "")
        for v in (some(1, True, True), some(2, True, True))
    ]
    embeddings.save(tmp_path / "e.npz", SavedEmbeddings(clean, (pair[0], pair[1]), None))
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
        {},
        {"features": ROWS[0]},
        {"features": ROWS, "others": ROWS},
        {"representations": numpy.array([{}], dtype=object)},
        {"representations": ROWS[0]},
        {"representations": ROWS, "labels": numpy.array(["a"] * 4, dtype=object)},
        {"representations": ROWS, "labels": numpy.array(["a"] * 3)},
        {"representations": ROWS, "labels": numpy.array([True] * 4)},
        {"representations": ROWS.astype(complex)},
        {"representations": ROWS.astype(str)},
        {"representations": ROWS, "labels": numpy.arange(3)},
        {"representations": ROWS, "labels": numpy.array([0.5] * 4)},
        {"representations": ROWS, "index": numpy.arange(3)},
        {"representations": ROWS, "projections": ROWS[0]},
        {"representations": ROWS, "projections": ROWS[:3]},
        {"representations": ROWS, "first_representations": ROWS, "second_representations": ROWS[:3]},
        {
            "representations": ROWS,
            "first_representations": ROWS,
            "second_representations": ROWS,
            "first_index": numpy.arange(4),
            "second_index": numpy.arange(4)[::-1],
        },
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
    assert (labels.dtype, labels.tolist()) == (torch.int64, [2, 0, 1, 1])
    numpy.savez(
        tmp_path / "e.npz",
        representations=ROWS,
        labels=numpy.array([3, 0, 1, 1], dtype),
        classes=list("abcd"),
    )
    labels = embeddings.load(tmp_path / "e.npz").clean.labels
    assert labels is not None
    assert (labels.dtype, labels.tolist()) == (torch.int64, [3, 0, 1, 1])


def test_npy_of_no_numbers(tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.ones((4, 3), complex))
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


def write(path: Path, rows: numpy.ndarray, **others: Any) -> Path:
    """The same rows as a file of any kind, or a folder of three shards; others beside them, where the file can hold them."""
    named = {"features": rows, **others}
    if path.suffix == ".npy":
        numpy.save(path, rows)
    elif path.suffix == ".npz":
        numpy.savez(path, **named)
    elif path.suffix == ".safetensors":
        pytest.importorskip("safetensors.numpy").save_file(named, path)
    elif path.suffix in (".pt", ".pth"):
        torch.save({name: torch.tensor(array) for name, array in named.items()}, path)
    elif path.suffix == ".csv":
        numpy.savetxt(path, rows, delimiter=",", fmt="%.17g")
    elif path.suffix == ".parquet":
        parquet.write_table(pyarrow.table({"features": list(rows)}), path)
    else:
        path.mkdir()
        for number, part in enumerate((rows[:1], rows[1:3], rows[3:])):
            numpy.save(path / f"{number}.npy", part)
    return path


KINDS = ("e.npy", "e.npz", "e.pt", "e.pth", "e.safetensors", "e.csv", "e.parquet", "folder")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_holds_the_same_rows(name: str, dtype: str, tmp_path: Path) -> None:
    """All rows as the file has them (text is read as doubles), and the same in memory, of float32 at least."""
    rows = (numpy.arange(15).reshape(5, 3) / 7).astype(dtype)
    path = write(tmp_path / name, rows)
    assert embeddings.are_at(path)
    kept = embeddings.load(path)
    assert list(kept.every) == ["h"]
    every, whole = kept.every["h"], torch.from_numpy(rows)
    assert every.shape == (5, 3)
    assert every[0:5].dtype == (torch.float64 if name == "e.csv" else whole.dtype)
    assert torch.equal(every[0:5].to(whole.dtype), whole)
    assert torch.equal(every[torch.tensor([4, 0])].to(whole.dtype), whole[[4, 0]])
    held = kept.clean.representations
    assert held.dtype == (torch.float64 if "float64" in (dtype, str(every[0:1].dtype)[6:]) else torch.float32)
    assert torch.equal(held.to(whole.dtype), whole)
    assert (kept.clean.source, kept.clean.index.tolist(), kept.clean.labels) == (name, [0, 1, 2, 3, 4], None)
    assert kept.layout == ("embeddings in 3 shards" if name == "folder" else "embeddings")


@pytest.mark.parametrize("name", ["e.npz", "e.pt", "e.safetensors"])
def test_the_only_rows_of_a_file_whatever_their_name(name: str, tmp_path: Path) -> None:
    kept = embeddings.load(write(tmp_path / name, ROWS, labels=numpy.array([3, 0, 1, 1])))
    assert kept.assumed == ("embeddings: the array features", "whole numbers, measured as they are")
    assert kept.clean.labels is not None
    assert (kept.clean.labels.tolist(), kept.clean.classes) == ([2, 0, 1, 1], ("0", "1", "3"))
    with pytest.raises(CollapseError, match="several arrays of embeddings") as caught:
        embeddings.load(write(tmp_path / name, ROWS, texts=ROWS))
    assert "features (4, 3)" in caught.value.message
    assert "texts (4, 3)" in caught.value.message
    assert "representations" in caught.value.hint


def test_a_lone_tensor_and_a_dict_of_our_names(tmp_path: Path) -> None:
    torch.save(torch.from_numpy(ROWS).bfloat16(), tmp_path / "e.pt")
    assert torch.equal(embeddings.load(tmp_path / "e.pt").clean.representations, torch.from_numpy(ROWS))
    z, labels = torch.from_numpy(ROWS[:, :2]), ["b", "a", "b", "c"]
    torch.save(
        {"representations": torch.from_numpy(ROWS), "projections": z, "labels": labels, "temperature": 0.1},
        tmp_path / "e.pt",
    )
    found = embeddings.load(tmp_path / "e.pt")
    assert found.clean.projections is not None
    assert found.clean.labels is not None
    assert torch.equal(found.clean.projections, z)
    assert (found.clean.labels.tolist(), found.clean.classes) == ([1, 0, 1, 2], ("a", "b", "c"))
    assert found.temperature == 0.1
    torch.save(torch.zeros(4), tmp_path / "e.pt")
    with pytest.raises(CollapseError, match=r"float32 of shape \(4,\)"):
        embeddings.load(tmp_path / "e.pt")


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (torch.zeros(4, 3), True),
        ({"features": torch.zeros(4, 3), "labels": torch.zeros(4)}, True),
        ({"representations": torch.zeros(4, 3), "source": "digits"}, True),
        ({"fc.weight": torch.zeros(4, 3), "fc.bias": torch.zeros(4)}, False),
        ({"state_dict": {"fc.weight": torch.zeros(4, 3)}, "epoch": 3}, False),
        ({"features": torch.zeros(4, 3), "epoch": 3}, True),
        ({"collapse_format": 1, "method": {"a": torch.zeros(4, 3)}}, False),
        ({}, False),
        ([torch.zeros(4, 3)], True),
    ],
)
def test_rows_are_told_from_weights(content: Any, rows: bool, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "e.pt")
    assert embeddings.are_at(tmp_path / "e.pt") is rows
    (tmp_path / "e.pt").write_bytes(b"hello")
    assert not embeddings.are_at(tmp_path / "e.pt")
    assert not embeddings.are_at(tmp_path / "none.pt")


def test_a_run_with_arrays_in_its_folder_is_a_run(tmp_path: Path) -> None:
    assert not embeddings.are_at(tmp_path)
    numpy.save(tmp_path / "e.npy", ROWS)
    assert embeddings.are_at(tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    assert not embeddings.are_at(tmp_path)


@pytest.mark.parametrize("samples", [1, 5, 6, 7])
def test_a_sample_is_that_of_images(samples: int, tmp_path: Path) -> None:
    """6 rows: sizes below, of and above; the same draw as of 6 images, in the order of the file."""
    images = Images(torch.zeros(6, 1, 1, 1, dtype=torch.uint8), None, (), "")
    clean = some(0, True, True)
    embeddings.save(tmp_path / "e.npz", SavedEmbeddings(clean, None, None))
    kept = embeddings.load(tmp_path / "e.npz", samples, seed=3)
    places = sample(images, samples, seed=3)
    assert clean.labels is not None
    assert kept.clean.labels is not None
    assert kept.clean.projections is not None
    assert kept.clean.index.tolist() == (7 * places).tolist()
    assert kept.clean.labels.tolist() == clean.labels[places].tolist()
    assert torch.equal(kept.clean.representations, clean.representations[places])
    assert {name: rows.shape for name, rows in kept.every.items()} == {"h": (6, 4), "z": (6, 2)}


def test_images_that_have_views_are_sampled_first(tmp_path: Path) -> None:
    """Views of the images 7, 21 and 28: among any 3 or more rows are all of them, of fewer only them and their views."""
    chosen = torch.tensor([1, 3, 4])
    first, second = (
        Embeddings(v.representations[chosen], None, None, v.index[chosen], (), "")
        for v in (some(1, False, False), some(2, False, False))
    )
    embeddings.save(tmp_path / "e.npz", SavedEmbeddings(some(0, False, False), (first, second), None))
    for samples in range(1, 7):
        kept = embeddings.load(tmp_path / "e.npz", samples)
        index = kept.clean.index.tolist()
        assert len(index) == samples
        assert kept.views is not None
        for view, whole in zip(kept.views, (first, second), strict=True):
            assert view.index.tolist() == [i for i in (7, 21, 28) if i in index]
            assert len(view) == min(samples, 3)
            assert torch.equal(
                view.representations, whole.representations[torch.isin(whole.index, view.index)]
            )


def test_labels_beside_stand_in_for_those_within(tmp_path: Path) -> None:
    numpy.savez(
        tmp_path / "e.npz", representations=ROWS, labels=numpy.arange(4), classes=["p", "q", "r", "s"]
    )
    (tmp_path / "l.txt").write_text("b\na\nb\na\n")
    clean = embeddings.load(tmp_path / "e.npz", beside=LabelFile(tmp_path / "l.txt")).clean
    assert clean.labels is not None
    assert (clean.labels.tolist(), clean.classes) == ([1, 0, 1, 0], ("a", "b"))
    drawn = embeddings.load(tmp_path / "e.npz", 2, 0, LabelFile(tmp_path / "l.txt")).clean
    assert drawn.labels is not None
    assert [("b", "a", "b", "a")[i] for i in drawn.index] == [drawn.classes[i] for i in drawn.labels]


@pytest.mark.parametrize("values", [[30, -1, 7, 7], ["c", "a", "b", "b"]], ids=["numbers", "names"])
def test_labels_without_names_are_names(values: list[Any], tmp_path: Path) -> None:
    """The classes are the distinct labels in their order; a view of two of them has the same numbers."""
    numpy.savez(
        tmp_path / "e.npz", representations=ROWS, labels=values,
        first_representations=ROWS[2:], first_index=[2, 0], first_labels=[values[2], values[0]],
        second_representations=ROWS[2:], second_index=[2, 0], second_labels=[values[2], values[0]],
    )  # fmt: skip
    kept = embeddings.load(tmp_path / "e.npz")
    assert kept.clean.labels is not None
    assert kept.views is not None
    assert kept.clean.labels.tolist() == [2, 0, 1, 1]
    assert kept.clean.classes == tuple(str(value) for value in sorted(set(values)))
    for view in kept.views:
        assert view.labels is not None
        assert (view.labels.tolist(), view.classes) == ([1, 2], kept.clean.classes)


def test_a_class_of_the_views_alone_comes_last(tmp_path: Path) -> None:
    views = {
        f"{view}_{name}": values
        for view in ("first", "second")
        for name, values in (("representations", ROWS), ("labels", [5, 4, 9, 9]))
    }
    numpy.savez(tmp_path / "e.npz", representations=ROWS, labels=[5, 9, 9, 9], **views)
    kept = embeddings.load(tmp_path / "e.npz")
    assert kept.clean.classes == ("5", "9")
    assert kept.views is not None
    assert kept.views[0].labels is not None
    assert (kept.views[0].labels.tolist(), kept.views[0].classes) == ([0, 2, 1, 1], ("5", "9", "4"))


@pytest.mark.parametrize("beside", [True, False])
def test_views_have_the_labels_of_their_images(beside: bool, tmp_path: Path) -> None:
    """Images 7, 3, 5, 1 have labels y, x, y, x, beside the file or within; views are of 1 and 7. A file beside counts more."""
    views = {
        f"{view}_{name}": values
        for view in ("first", "second")
        for name, values in (("representations", ROWS[:2]), ("index", [1, 7]))
    }
    own = {"first_labels": [0, 0], "second_labels": [0, 0]} if beside else {"labels": ["y", "x", "y", "x"]}
    numpy.savez(tmp_path / "e.npz", representations=ROWS, index=[7, 3, 5, 1], **views, **own)
    (tmp_path / "l.txt").write_text("y\nx\ny\nx\n")
    kept = embeddings.load(tmp_path / "e.npz", beside=LabelFile(tmp_path / "l.txt") if beside else None)
    assert kept.views is not None
    for view in kept.views:
        assert view.labels is not None
        assert (view.labels.tolist(), view.classes) == ([0, 1], ("x", "y"))


def test_names_without_labels_are_no_labels(tmp_path: Path) -> None:
    numpy.savez(tmp_path / "e.npz", representations=ROWS, classes=["a", "b"])
    clean = embeddings.load(tmp_path / "e.npz").clean
    assert (clean.labels, clean.classes) == (None, ())
