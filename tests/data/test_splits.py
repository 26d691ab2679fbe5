from __future__ import annotations

from pathlib import Path

import pytest

from collapse_cli.data import splits
from collapse_cli.errors import CollapseError

HERE = Path("images")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 10, 1001])
def test_cut_parts_the_whole(count: int) -> None:
    """round(0.8 N) for train, the rest for test, nothing twice and nothing lost."""
    train, test = splits.cut(count, "train"), splits.cut(count, "test")
    assert len(train) == round(0.8 * count)
    assert sorted(train + test) == splits.cut(count, "all") == list(range(count))


def test_cut_is_shuffled_and_never_changes() -> None:
    """Sorted class folders cut in order would leave the last classes out of train."""
    assert splits.cut(1000, "test") == splits.cut(1000, "test")
    assert splits.cut(1000, "test") != list(range(800, 1000))
    assert 60 < sum(i < 400 for i in splits.cut(1000, "test")) < 100  # 80 expected, 4 sigma = 20


def test_take_reads_the_words() -> None:
    words = ["train", "validation", "", "train"]
    assert splits.take(words, "train", HERE) == [0, 3]
    assert splits.take(words, "test", HERE) == [1]
    assert splits.take(words, "all", HERE) == [0, 1, 3]


def test_test_comes_before_validation() -> None:
    assert splits.take(["val", "test", "train"], "test", HERE) == [1]


@pytest.mark.parametrize(("words", "split"), [(["train"], "test"), (["test"], "train")])
def test_a_missing_half_is_never_taken_from_the_other(words: list[str], split: str) -> None:
    with pytest.raises(CollapseError, match=f"images has no {split} split") as caught:
        splits.take(words, split, HERE)
    assert caught.value.hint == f"it has: {words[0]}"


@pytest.mark.parametrize(
    ("split", "count", "other"), [("train", 20, "test"), ("test", 80, "train"), ("all", 0, "")]
)
def test_what_a_cut_holds_out_is_counted(split: str, count: int, other: str) -> None:
    """Of 100 items a cut holds out 20 of train and 80 of test; all holds out none."""
    notes = splits.left_out((), split, 100)
    assert [(note.count, note.total) for note in notes] == ([(count, 100)] if count else [])
    assert all(f"these the {other} part" in note.sentence for note in notes)


def test_a_second_test_split_is_counted() -> None:
    """val is the test split only where there is no test."""
    words = ["train", "test", "val", "val", "train"]
    (note,) = splits.left_out(words, "train", 5)
    assert note.sentence.startswith("2 of 5 images are left out: they are in val, and the test split is test")
    assert splits.left_out(["train", "val"], "train", 2) == splits.left_out(words, "all", 5) == ()
