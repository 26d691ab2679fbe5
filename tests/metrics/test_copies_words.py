"""What copies mean, in words: nothing below 1 %, named from there, first from 10 %, and from 50 % the others are judged."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.copies_words import (
    copies_in_words,
    groups_in_words,
    mostly_one_point,
    suggest_groups,
    warning,
)
from collapse_cli.metrics.spectrum import Spectrum, spectrum


def measured(rows: Tensor, groups: Tensor | None = None) -> Spectrum:
    return spectrum(rows, torch.Generator().manual_seed(0), groups=groups)


def normal(n: int = 2000, d: int = 8) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(0))


def with_a_point(share: float, zero: bool = False) -> Tensor:
    """2,000 rows of which this share is one point."""
    rows = normal()
    rows[: round(2000 * share)] = 0 if zero else rows[0].clone()
    return rows


@pytest.mark.parametrize(
    ("share", "named", "first", "mostly"),
    [
        (0.005, False, False, False),
        (0.02, True, False, False),
        (0.2, True, True, False),
        (0.6, True, True, True),
    ],
)
def test_from_which_share_on(share: float, named: bool, first: bool, mostly: bool) -> None:
    for zero in (False, True):
        one = measured(with_a_point(share, zero))
        assert (bool(copies_in_words(one)), bool(warning(one)), mostly_one_point(one)) == (
            named,
            first,
            mostly,
        )


def test_the_sentences() -> None:
    assert copies_in_words(measured(normal())) == []
    point, zeros = measured(with_a_point(0.25)), measured(with_a_point(0.25, zero=True))
    assert copies_in_words(point)[0] == "500 of 2,000 embeddings (25 %) are equal up to rounding."
    assert warning(zeros) == "500 of 2,000 embeddings (25 %) are zero."
    assert copies_in_words(point)[1] == (
        "1,501 of 2,000 embeddings are distinct; copies are no evidence, so N counts as 1,501."
    )
    assert warning(measured(normal(100).repeat(50, 1))).startswith("100 of 5,000 embeddings are distinct")


def test_codes_repeat_by_nature() -> None:
    """A count, and neither a warning nor other rows to be judged."""
    one = measured(torch.randint(0, 2, (2000, 8), generator=torch.Generator().manual_seed(0)).float())
    assert copies_in_words(one, codes=True) == [
        "256 of 2,000 embeddings are distinct; codes repeat by nature."
    ]
    assert warning(one, codes=True) == ""


def test_all_in_one_point_leaves_no_others() -> None:
    assert not mostly_one_point(measured(torch.ones(50, 4)))


def test_groups_in_words() -> None:
    rows = normal(100, 8).repeat_interleave(5, dim=0) + 1e-3 * normal(500, 8)
    one = measured(rows, torch.arange(100).repeat_interleave(5))
    assert groups_in_words(one) == (
        "The embeddings come in 100 groups (intraclass correlation 1.00): 500 of them tell as much as 100 independent embeddings."
    )
    assert groups_in_words(measured(rows)) == ""


def test_many_copies_of_many_rows_suggest_groups() -> None:
    """One point that is a third does not, nor do copies where groups were given."""
    assert suggest_groups(measured(normal(100).repeat(5, 1)))
    assert not suggest_groups(measured(with_a_point(0.33)))
    assert not suggest_groups(measured(normal(100).repeat(5, 1), torch.arange(100).repeat(5)))


def planted(
    n: int, distinct: int, largest: float, zeros: float = 0.0, counted: int | None = None
) -> Spectrum:
    """Of which only the counts of copies are set."""
    values = {field.name: 0 for field in fields(Spectrum) if field.default is MISSING}
    values |= {"samples": n, "distinct": distinct, "largest_group": largest, "zero_rows": zeros}
    return Spectrum(**values, effective_samples=counted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("copies", "largest", "sentences", "first"),
    [
        (0, 0.01, 0, ""),  # a single one of a hundred is no group
        (1, 0.02, 2, ""),  # two of a hundred are
        (9, 0.099, 2, ""),
        (9, 0.1, 2, "10 of 100 embeddings (10 %) are equal up to rounding."),
        (10, 0.0099, 1, "90 of 100 embeddings are distinct; copies are no evidence, so N counts as 77."),
        (9, 0.0099, 1, ""),
    ],
)
def test_the_bounds_of_copies(copies: int, largest: float, sentences: int, first: str) -> None:
    """Of 100: named from 1 % on, first from 10 % on."""
    one = planted(100, 100 - copies, largest, counted=77)
    assert len(copies_in_words(one)) == sentences
    assert warning(one) == first


def test_one_in_a_hundred_copies_is_named() -> None:
    assert copies_in_words(planted(1000, 991, 0.009)) == []
    assert len(copies_in_words(planted(1000, 990, 0.009))) == 1
    assert copies_in_words(planted(1000, 999, 0.002, zeros=0.009)) == []
    assert copies_in_words(planted(1000, 999, 0.002, zeros=0.01)) == [
        "10 of 1,000 embeddings (1 %) are zero."
    ]


def test_half_of_the_embeddings_are_most_of_them() -> None:
    """Where a second one is left to be judged."""
    assert mostly_one_point(planted(100, 2, 0.5))
    assert not mostly_one_point(planted(100, 2, 0.499))
    assert not mostly_one_point(planted(100, 1, 1.0))


def test_a_group_of_zeros_is_called_zero() -> None:
    """999 of 1,000 of the group: the others are zero up to rounding."""
    told = [copies_in_words(planted(10_000, 9_001, 0.1, zeros))[0] for zeros in (0.0999, 0.0998)]
    assert told == [
        "999 of 10,000 embeddings (10 %) are zero.",
        "1,000 of 10,000 embeddings (10 %) are equal up to rounding.",
    ]
    assert (
        copies_in_words(planted(10, 1, 1.0))[0] == "10 of 10 embeddings (100 %) are the same, up to rounding."
    )


@pytest.mark.parametrize(
    ("share", "told"), [(0.98, "98 %"), (0.99, "99.00 %"), (0.9996, "99.96 %"), (1.0, "100 %")]
)
def test_nearly_all_is_not_all(share: float, told: str) -> None:
    assert f"({told})" in copies_in_words(planted(10_000, 1, share))[0]


def test_a_tenth_of_copies_of_many_rows_suggests_groups() -> None:
    """300 of 1,000 are copies, 199 or 201 of them those of one point: 101 or 99 of others are left."""
    assert suggest_groups(planted(1000, 700, 0.200))
    assert suggest_groups(planted(1000, 700, 0.201)), "exactly a tenth"
    assert not suggest_groups(planted(1000, 700, 0.202))
    assert not suggest_groups(planted(1000, 700, 0.2), codes=True)


def test_codes_that_all_differ_are_not_mentioned() -> None:
    assert copies_in_words(planted(100, 100, 0.01), codes=True) == []
    assert copies_in_words(planted(100, 99, 0.02), codes=True) == [
        "99 of 100 embeddings are distinct; codes repeat by nature."
    ]
