"""Sentences about what of a data set is not used, or not as it is."""

from __future__ import annotations

import pytest

from collapse_cli.data_notes import DataNote


@pytest.mark.parametrize(
    ("count", "total", "start"),
    [(1, 60, "1 of 60 images is"), (24, 1056, "24 of 1,056 images are"), (7, 7, "all 7 images are"), (1, 1, "1 of 1 images is")],
)  # fmt: skip
def test_a_note_says_how_many_of_how_many(count: int, total: int, start: str) -> None:
    assert DataNote("changed", count, total, "images", "turned").sentence == f"{start} turned"


def test_a_note_names_a_few_of_many() -> None:
    """Three names at most, and whether there are more; the remedy comes last."""
    names = ("a.png", "b.png", "c.png", "d.png")
    few = DataNote("left out", 2, 9, "images", "left out: broken", "mend them", names[:2])
    many = DataNote("left out", 4, 9, "images", "left out: broken", "mend them", names)
    assert few.sentence == "2 of 9 images (a.png, b.png) are left out: broken; mend them"
    assert many.sentence.startswith("4 of 9 images (a.png, b.png, c.png and others) are")
