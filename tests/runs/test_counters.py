"""Numbers in the names of files: what counts shards, and what is a point of a series."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from collapse_cli.runs.counters import Name, axis, count_shards, counter, missing, natural, total


def names(*paths: str) -> list[Name]:
    return [Name.of(PurePath(path)) for path in paths]


def test_a_name_is_its_texts_and_numbers() -> None:
    (name,) = names("img_emb/part-00003-of-00008.npy")
    assert (name.texts, name.numbers) == (("img_emb/part-", "-of-", ""), (3, 8))
    assert (name.words, name.without(0), total(name)) == (("part", "of"), "img_emb/part-*-of-8", (0, 8))
    assert total(names("shard_3.npy")[0]) is None


def test_ten_comes_after_two() -> None:
    assert sorted(["s_10", "s_2", "s_1"], key=natural) == ["s_1", "s_2", "s_10"]


@pytest.mark.parametrize(
    ("paths", "counts", "points"),
    [
        (("rows_0.npy", "rows_1.npy"), 0, []),
        (("epoch_0.npy", "epoch_10.npy"), None, [0]),
        (("Epoch 0.npy", "Epoch 10.npy"), None, [0]),
        (("layer3/rank0.npy", "layer3/rank1.npy", "layer4/rank0.npy"), 1, [0]),
        (("epoch=0-step=10.npy", "epoch=1-step=20.npy"), None, [0, 1]),
        (("seed1/emb.npy", "seed2/emb.npy"), None, [0]),
        (("part-0-of-2.npy", "part-1-of-2.npy"), 0, []),
        (("a.npy", "a.npy"), None, []),
        (("rank0_chunk0.npy", "rank0_chunk1.npy", "rank1_chunk0.npy"), 1, []),
    ],
)
def test_which_number_counts(paths: tuple[str, ...], counts: int | None, points: list[int]) -> None:
    assert (counter(names(*paths)), axis(names(*paths))) == (counts, points)


@pytest.mark.parametrize(
    ("word", "numbers", "lengths", "shards"),
    [
        ("", [0, 1, 2], [5, 5, 2], True),
        ("", [0, 1, 2, 4, 5, 6, 7], [5] * 7, True),  # one of eight is missing
        ("resnet", [18, 50], [60, 60], False),
        ("shard", [2, 10], [60, 60], True),  # its word says what it counts
        ("rows", [0, 20, 40], [20, 20, 7], True),
        ("", [0, 20, 40], [20, 20, 7], True),  # the rows before each
        ("", [0, 100, 200], [50, 50, 50], False),  # steps of a training
        ("shard", [1, 1, 2], [5, 5, 5], False),  # shard_1 and shard_01
    ],
)
def test_what_counts_shards(word: str, numbers: list[int], lengths: list[int], shards: bool) -> None:
    assert count_shards(word, numbers, lengths) is shards


@pytest.mark.parametrize(
    ("numbers", "count", "lost"),
    [
        ([0, 1, 2, 4, 5, 6, 7], None, [3]),
        ([2, 3, 5], None, [4]),
        ([0, 1], 4, [2, 3]),  # counted from 0
        ([1, 2, 4], 4, [3]),  # counted from 1, to 4 of 4
        ([1, 2, 3], 4, [0]),
        ([0, 1, 2, 3], 4, []),
    ],
)
def test_what_is_missing(numbers: list[int], count: int | None, lost: list[int]) -> None:
    assert missing(numbers, count) == lost
