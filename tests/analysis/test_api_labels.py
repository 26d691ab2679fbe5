"""Labels beside an array or a path: of any kind, and refused where they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import collapse_cli as collapse
from collapse_cli.errors import CollapseError

Z = numpy.random.default_rng(0).standard_normal((60, 4)).astype("f4")
Y = numpy.arange(60) % 3

LABELS: dict[str, Any] = {
    "array": Y,
    "other numbers": Y * 10 - 1,
    "bytes": Y.astype("u1"),
    "list": Y.tolist(),
    "tensor": torch.from_numpy(Y),
    "names": ["abc"[n] for n in Y],
    "array of names": numpy.array(["abc"[n] for n in Y]),
    "objects": numpy.array(["abc"[n] for n in Y], dtype=object),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_every_kind_name_the_same_classes(name: str) -> None:
    subject = collapse.load(Z, labels=LABELS[name])
    assert subject.clean.labels is not None
    assert subject.clean.labels.tolist() == Y.tolist()
    named = {"other numbers": ("-1", "9", "19"), "array": ("0", "1", "2")}
    assert subject.clean.classes == named.get(name, subject.clean.classes)


@pytest.mark.parametrize("suffix", [".npy", ".csv"])
def test_labels_of_a_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"labels{suffix}"
    if suffix == ".npy":
        numpy.save(path, Y)
    else:
        path.write_text("label\n" + "\n".join(map(str, Y)))
    numpy.save(tmp_path / "z.npy", Z)
    of_array, of_file = (collapse.probe(z, labels=path) for z in (Z, tmp_path / "z.npy"))
    assert of_array.knn == of_file.knn


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (Y[:9], "there are 9 labels for 60 embeddings\ngive one label for each embedding"),
        (Y / 2, "labels contains numbers with fractions as labels, such as"),
        (torch.from_numpy(Y / 2).bfloat16(), "labels contains numbers with fractions as labels"),
        (Y[:, None], r"labels is int64 of shape \(60, 1\)"),
        ([[1], [2, 3]], "labels are a list whose parts differ in length"),
        ([None, "a"], "1 of 2 labels are missing"),
        (range(60).__iter__(), "labels is object of shape"),
        ("nowhere.npy", "nowhere.npy"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(CollapseError, match=message) as raised:
        collapse.probe(Z, labels=labels)
    assert raised.value.hint


def test_labels_of_one_among_several_are_refused() -> None:
    for function in (collapse.spectrum, collapse.check):
        with pytest.raises(CollapseError, match="labels belong to one source"):
            function(Z, Z, labels=Y)
    with pytest.raises(CollapseError, match="labels of a path are read from a file"):
        collapse.check("z.npy", labels=Y)
