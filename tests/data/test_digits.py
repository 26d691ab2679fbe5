from __future__ import annotations

import torch
from sklearn.datasets import load_digits

from collapse_cli import data


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
