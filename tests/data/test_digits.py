from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from collapse_cli import data
from collapse_cli.data import digits


def rows(split: str) -> torch.Tensor:
    images = data.load("digits", split)
    assert isinstance(images.pixels, torch.Tensor)
    assert images.labels is not None
    return torch.cat([images.pixels.flatten(1).long(), images.labels[:, None]], dim=1)  # (N, 65)


def test_train_and_test_are_the_whole_and_share_nothing() -> None:
    """1,797 = 1,347 + 450, as multisets of (image, label)."""
    train, test, both = rows("train"), rows("test"), rows("all")
    assert (len(train), len(test), len(both)) == (1347, 450, 1797)
    parts, whole = torch.cat([train, test]).tolist(), both.tolist()
    assert sorted(parts) == sorted(whole)


def test_the_split_is_the_same_whatever_the_seed() -> None:
    torch.manual_seed(1)
    first = rows("test")
    torch.manual_seed(2)
    assert torch.equal(first, rows("test"))


def test_the_split_is_stratified() -> None:
    """450 of 1,797 is a share of 0.2504: each class's count is within one of its own share."""
    all_, test = (rows(split)[:, -1].bincount() for split in ("all", "test"))
    assert (test - all_ * 450 / 1797).abs().max() < 1


def test_levels_are_spread_over_uint8() -> None:
    """0..16 times 255/16, rounded: 0 -> 0, 4 -> 63.75 -> 64, 8 -> 127.5 -> 128 (to even), 16 -> 255."""
    images = data.load("digits", "all")
    assert images.pixels.dtype == torch.uint8  # type: ignore[union-attr]
    levels = torch.from_numpy(load_digits().images).long()[:, None]
    table = torch.tensor([round(level * 255 / 16) for level in range(17)])
    assert table[[0, 4, 8, 16]].tolist() == [0, 64, 128, 255]
    assert torch.equal(torch.as_tensor(images.pixels).long(), table[levels])


def test_the_split_is_that_of_scikit_learn() -> None:
    """Images and labels in the order that train_test_split gives, though it is not imported to draw them."""
    found = load_digits()
    both = numpy.column_stack([numpy.rint(found.data * 255 / 16), found.target]).astype(int)
    parts = train_test_split(both, test_size=450, stratify=found.target, random_state=0)
    for split, part in zip(("train", "test", "all"), (*parts, both), strict=True):
        assert rows(split).tolist() == part.tolist()


def test_scikit_learn_reads_them_where_its_file_lies_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = rows("all")
    monkeypatch.setattr(digits, "FILE", Path("nowhere.csv.gz"))
    assert torch.equal(rows("all"), expected)


def test_digits_are_loaded_without_scikit_learn() -> None:
    """It takes seconds to import, with pandas."""
    script = "import sys; from collapse_cli import data; data.load('digits'); print({'sklearn', 'pandas'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
