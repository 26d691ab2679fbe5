"""The Vendi score: published values, closed forms, both ways of computing it, and its errors."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.metrics.vendi import distinct, gaussian, vendi, vendi_of


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


def slow(kernel: Tensor) -> float:
    lam = torch.linalg.eigvalsh(kernel / len(kernel)).tolist()
    return math.exp(-sum(v * math.log(v) for v in lam if v > 1e-14))


def test_published_values() -> None:
    """Of the reference implementation's README: samples in three equal pairs, and two of three that are alike."""
    samples = torch.tensor([0.0, 0, 10, 10, 20, 20])
    assert vendi_of((-(samples[:, None] - samples).abs()).exp()) == pytest.approx(2.9999, abs=1e-4)
    assert vendi_of(torch.tensor([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])) == pytest.approx(2.1573, abs=1e-4)


@pytest.mark.parametrize(("n", "d"), [(50, 6), (6, 50), (20, 20), (21, 20), (20, 21)])
def test_the_cosine_kernel_both_ways(n: int, d: int) -> None:
    """From D x D numbers where rows are more than dimensions, else from N x N; the N x N kernel is the definition."""
    rows = normal(n, d) + 1
    u = normalize(rows, dim=1)
    assert vendi(rows) == pytest.approx(slow(u @ u.T), rel=1e-9)


def test_it_is_the_spectrums() -> None:
    rows = normal(300, 12) + 0.5
    assert vendi(rows) == pytest.approx(spectrum(rows, Generator().manual_seed(0)).vendi, rel=1e-9)


def test_a_width_makes_it_count_modes() -> None:
    """Four modes 10 apart, of 25, 25, 25 and 25 rows 0.001 wide: with width 1, four; of 97, 1, 1, 1: exp of that entropy."""
    centres = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10]]).double()
    for counts in ([25] * 4, [97, 1, 1, 1]):
        rows = centres.repeat_interleave(torch.tensor(counts), 0) + 1e-3 * normal(100, 2)
        expected = math.exp(-sum(c / 100 * math.log(c / 100) for c in counts))
        assert vendi(rows, 1.0) == pytest.approx(expected, rel=1e-4)
    assert vendi(rows, 1e-5) == pytest.approx(100), "every row is distinct"
    assert vendi(rows, 1e5) == pytest.approx(1, abs=1e-4), "none is"


def test_the_gaussian_is_its_formula() -> None:
    rows = normal(5, 3)
    kernel = gaussian(rows, 0.7)
    for i in range(5):
        for j in range(5):
            expected = math.exp(-float((rows[i] - rows[j]).square().sum()) / (2 * 0.49))
            assert float(kernel[i, j]) == pytest.approx(expected)


def test_equal_rows_are_one_and_orthogonal_ones_are_many() -> None:
    assert vendi(torch.ones(10, 4)) == pytest.approx(1)
    assert vendi(torch.eye(4).repeat(5, 1)) == pytest.approx(4)


def test_rows_more_than_dimensions_have_an_interval() -> None:
    assert distinct(normal(20, 20)).interval is None
    low, high = distinct(normal(21, 20)).interval
    assert low < distinct(normal(21, 20)).value < high
    assert distinct(normal(20, 20), 1.0).interval is not None
    assert distinct(normal(8, 2), 1.0).interval is None


@pytest.mark.parametrize("width", [None, 1.0])
def test_its_error_is_the_spread_of_draws(width: float | None) -> None:
    """40 draws about (0.5, …), of which a standard deviation is known to 11 %; errors to a third of it."""
    found = [distinct(0.7 * normal(200, 4, seed=s) + 0.5, width) for s in range(40)]
    logs = torch.tensor([math.log(one.value) for one in found])
    errors = sum(one.error.size for one in found) / 40
    assert errors == pytest.approx(float(logs.std()), rel=0.33)


@pytest.mark.parametrize("width", [None, 1.0])
def test_its_error_is_the_plain_jackknifes(width: float | None) -> None:
    """One row left out at a time, of 80 about axes of very different length: each must meet its own eigenvalue. To 15 %."""
    rows = normal(80, 4) * torch.tensor([3.0, 1.0, 0.5, 0.2]) / 3 + (1.0 if width is None else 0.0)
    left = [math.log(vendi(torch.cat([rows[:k], rows[k + 1 :]]), width)) for k in range(80)]
    error = math.sqrt(79 / 80 * sum((one - sum(left) / 80) ** 2 for one in left))
    assert distinct(rows, width).error.size == pytest.approx(error, rel=0.15)


def test_no_interval_reaches_below_one_row() -> None:
    """19 equal rows and one a little aside: 1.0003, whose error is twice what it is above 1."""
    rows = torch.ones(20, 3).double()
    rows[0, 1] = 1.05
    low, high = distinct(rows).interval
    assert low == 1
    assert high == pytest.approx(1.001, abs=2e-4)


def test_broken_rows_are_refused() -> None:
    for width in (None, 1.0):
        with pytest.raises(CollapseError, match="1 of 5 embeddings"):
            vendi(torch.tensor([[0.0], [1], [math.nan], [2], [3]]), width)
