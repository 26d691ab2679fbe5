"""How many classes there are is asked of the labels, not of the names."""

from __future__ import annotations

import pytest
import torch

from collapse_cli.shapes import DataShape, Images, class_count


@pytest.mark.parametrize(
    ("labels", "names", "count"),
    [
        ([0, 2, 1], ("a", "b", "c"), 3),
        ([0, 2], (), 2),
        ([0, 1], ("a", "b", "c"), 3),  # a class that none of these images is of
        ([0, 4], ("a", "b"), 3),
        ([10, 20, 30, 20], (), 3),
        ([2_000_000_000, 7], (), 2),
        ([], ("a", "b"), 2),
        ([], (), 0),
        (None, ("a", "b"), 0),
        (None, (), 0),
    ],
)
def test_classes_are_counted(labels: list[int] | None, names: tuple[str, ...], count: int) -> None:
    told = None if labels is None else torch.tensor(labels, dtype=torch.int64)
    assert class_count(told, names) == count
    pixels = torch.zeros(len(labels or []), 3, 4, 4, dtype=torch.uint8)
    assert Images(pixels, told, names, "").data_shape == DataShape((3, 4, 4), len(pixels), count)
