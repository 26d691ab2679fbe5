"""What copies mean, in words: nothing below 1 %, named from there, first from 10 %, and from 50 % the others are judged."""

from __future__ import annotations

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
