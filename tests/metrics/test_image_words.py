"""Where images are the fault, which finding stands beside a verdict, and that sound images are not mentioned."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from collapse_cli.metrics.image_set import ImageSet
from collapse_cli.metrics.image_words import fault, findings, in_the_data, of_equal, remedy, too_few

SOUND = ImageSet(1000, 1000, 1000, 1000, 1, 0, 0, 0, 0.5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"distinct": 1, "looks": 1, "compared": 1, "largest": 1000}, "1 distinct image of 1,000; no encoder can tell them"),
        ({"looks": 1, "largest": 1000}, "nearly identical: all 1,000 are one image"),
        ({"distinct": 2, "looks": 2, "compared": 2, "largest": 500}, "of 1,000: their embeddings can span at most 1 dimension, "),
        ({"looks": 7, "largest": 143}, "7 distinct images of 1,000 (near copies counted once): their"),
        ({"looks": 7, "largest": 143}, "embeddings can span at most 6 dimensions, "),
        ({"largest": 900}, "900 of 1,000 images (90 %) are one image, or nearly so"),
        ({"constant": 1000, "black": 1000}, "All 1,000 images are black"),
        ({"constant": 1000, "white": 1000}, "All 1,000 images are white"),
        ({"constant": 900}, "900 of 1,000 images are of one colour each: they give an encoder their colours"),
    ],
)  # fmt: skip
def test_faults(changes: dict[str, int], sentence: str) -> None:
    reason = fault(replace(SOUND, **changes))
    assert reason is not None
    assert sentence in reason.sentence
    assert reason.times >= 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"looks": 8, "largest": 125},
        {"largest": 899},
        {"constant": 899},
        {"images": 5, "distinct": 5, "looks": 5, "compared": 5},
    ],
)
def test_no_fault(changes: dict[str, int]) -> None:
    """At the bounds from the other side; five images that all differ are few embeddings, not copies."""
    assert fault(replace(SOUND, **changes)) is None


def test_two_images_can_be_one_and_a_single_image_is_no_copy() -> None:
    pair = replace(SOUND, images=2, distinct=1, looks=1, compared=1, largest=2)
    reason = fault(pair)
    assert reason is not None
    assert "1 distinct image of 2" in reason.sentence
    assert fault(replace(pair, images=1, largest=1)) is None


def test_nothing_is_found_where_nothing_was_compared() -> None:
    """Shares of no images are no findings: none of copies, near copies, or images of one colour."""
    assert list(findings(replace(SOUND, images=0, distinct=0, looks=0, compared=0, largest=0))) == []


def test_copies_of_few_images_judge_no_dimensions() -> None:
    """20 images, 50 times each, cannot judge 20 dimensions; they can judge 19. Of few images that are no copies others tell."""
    few = replace(SOUND, distinct=20, looks=20, compared=20, largest=50)
    reason = too_few(few, 20)
    assert reason is not None
    assert reason.times == 1
    assert too_few(few, 19) is None
    assert too_few(replace(SOUND, images=30, distinct=30, looks=30, compared=30), 128) is None


def test_findings_begin_at_one_in_a_hundred() -> None:
    assert list(findings(SOUND)) == list(findings(None)) == []
    few = replace(SOUND, distinct=991, looks=982, compared=991, constant=9, contradicting=9)
    assert list(findings(few)) == []
    many = replace(SOUND, distinct=900, looks=880, compared=900, constant=10, black=10, contradicting=10)
    copies, near, plain, contradicting = findings(many)
    assert copies == "100 of 1,000 images are copies of others, pixel for pixel."
    assert near.startswith("20 of 900 distinct images are nearly identical")
    assert plain == "10 of 1,000 images are of one colour (black): nothing is in them."
    assert contradicting.startswith("10 of 1,000 images")


def test_equal_embeddings_have_a_reason() -> None:
    """Of 100 embeddings that repeat another: none, 50 or all of other images."""
    assert "copies are in the data" in of_equal(100, 0, 1000)
    assert of_equal(100, 50, 1000).startswith("50 of the 100 embeddings")
    assert of_equal(100, None, 1000) == of_equal(5, 5, 1000) == of_equal(0, 0, 1000) == ""
    assert in_the_data(100, 10)
    assert not in_the_data(100, 11)
    assert not in_the_data(100, None)


def test_the_remedy_can_be_typed() -> None:
    command = remedy("folder:my images", True).split("`")[1]
    assert shlex.split(command) == ["collapse", "inspect", "folder:my images"]
    assert "--dataset" not in remedy("digits", False)


@pytest.mark.parametrize(
    ("changes", "measured", "value", "bound", "times"),
    [
        ({"constant": 990}, "share of images of one colour", 0.99, 0.9, 1.1),
        ({"largest": 990}, "share of one image", 0.99, 0.9, 1.1),
        ({"looks": 4}, "distinct images", 4, 8, 2),
        ({"looks": 1}, "distinct images", 1, 8, 8),
        ({"distinct": 1, "looks": 1}, "distinct images", 1, 8, 8),
    ],
)
def test_how_many_times_over_its_bound_a_fault_is(
    changes: dict[str, int], measured: str, value: float, bound: float, times: float
) -> None:
    """Shares over nine tenths; eight distinct images over those that there are."""
    reason = fault(replace(SOUND, **changes))
    assert reason is not None
    assert (reason.measured, reason.value, reason.bound) == (measured, value, bound)
    assert reason.times == pytest.approx(times)
    assert reason.meaning == "This says nothing of the encoder."


@pytest.mark.parametrize(("looks", "few"), [(15, True), (16, False)])
def test_half_of_the_images_are_mostly_copies(looks: int, few: bool) -> None:
    """Of 30 images, for 128 dimensions: from more than half on, that they are too few is not the copies' fault."""
    reason = too_few(replace(SOUND, images=30, distinct=looks, looks=looks, compared=looks), 128)
    assert (reason is not None) is few
    if reason is not None:
        assert (reason.value, reason.bound, reason.times) == (15, 128, pytest.approx(128 / 15))


def test_each_finding_at_one_in_a_hundred() -> None:
    """Copies 10 of 1,000, near copies 10 of 990 compared, white images 10, contradicting ones 10; and one fewer of each."""
    at = replace(SOUND, distinct=990, looks=980, compared=990, constant=10, white=10, contradicting=10)
    assert [line.split(" of ")[0] for line in findings(at)] == ["10", "10", "10", "10"]
    assert "(white)" in list(findings(at))[2]
    below = replace(at, distinct=991, looks=982, constant=9, white=9, contradicting=9)
    assert list(findings(below)) == []
    assert "of one colour: nothing" in next(findings(replace(SOUND, constant=10, white=4, black=6)))
    one_of_few = replace(SOUND, images=20, distinct=20, compared=20, looks=20)
    assert list(findings(one_of_few)) == [], "one in a hundred of twenty is less than one: none is none"
    assert len(list(findings(replace(one_of_few, distinct=19, compared=19, looks=19)))) == 1


@pytest.mark.parametrize(
    ("copies", "different", "told"),
    [(10, 10, True), (9, 9, False), (200, 21, True), (200, 20, False), (99, 10, True), (99, 9, False)],
)
def test_equal_embeddings_of_other_images_are_told_from_one_in_a_hundred(
    copies: int, different: int, told: bool
) -> None:
    """Of 1,000 embeddings; where nine tenths of the copies are equal images the data are named in place of the encoder."""
    assert ("the encoder makes them equal" in of_equal(copies, different, 1000)) is told
