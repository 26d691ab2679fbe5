"""No more rows than dimensions: by N x N matrices the same as by D x D ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.eigenvalues import ROUNDING, all_bases, covariance_basis, matrices, spectra
from collapse_cli.metrics.few_rows import FewRows, compact, few_rows
from collapse_cli.metrics.groups import worth
from collapse_cli.metrics.moments import Moments, Spread, moments, spread_of
from collapse_cli.metrics.passes import Pass, gather
from collapse_cli.metrics.rows import refuse_width
from collapse_cli.metrics.spectral_numbers import equal, numbers, ray
from collapse_cli.metrics.spectrum import spectrum


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def massive(n: int, d: int, times: float) -> Tensor:
    rows = normal(n, d)
    rows[:, 3] *= times
    return rows


SCENES = {
    "random": normal(20, 90),
    "square": normal(40, 40),
    "one row fewer": normal(39, 40),
    "two": normal(2, 50),
    "three wide": normal(3, 2000),
    "rank 4": normal(30, 4) @ normal(4, 60, 1),
    "copies": normal(8, 60).repeat(4, 1),
    "constant": normal(1, 30).repeat(9, 1),
    "zeros": torch.zeros(5, 8, dtype=torch.float64),
    "a row of zeros": torch.cat([normal(9, 30), torch.zeros(1, 30, dtype=torch.float64)]),
    "offset": normal(20, 50) + 100,
    "massive coordinate": massive(30, 60, 1e3),
    "one long row": torch.cat([normal(19, 50), 100 * normal(1, 50, 1)]),
    "rectified": normal(30, 64).clamp_min(0),
    "huge": normal(20, 50) * 1e200,
    "tiny": normal(20, 50) * 1e-200,
}


def slow(rows: Tensor) -> tuple[Moments, Moments]:
    """By D x D numbers, as of rows that are many."""
    seen = Pass(rows.shape[1], rows.device)
    seen.add(rows)
    return seen.raw.moments(), seen.on_sphere.moments()


def slow_eigenvalues(matrix: Tensor) -> Tensor:
    lam = torch.linalg.eigvalsh(matrix).flip(0)
    return torch.where(lam > ROUNDING * lam[0], lam.clamp_min(0), 0.0)


@pytest.mark.parametrize("scene", SCENES)
def test_every_number_is_that_of_the_scatter(scene: str) -> None:
    """To 1e-11, eigenvalues to 1e-11 of the largest, of which the others are rounding; to the last zero."""
    rows = SCENES[scene]
    seen, (raw, on_sphere) = gather(rows), slow(rows)
    assert isinstance(seen.raw, FewRows)
    lam, expected = spectra(seen.raw, seen.on_sphere), {}
    for name, matrix in matrices(raw, on_sphere).items():
        expected[name] = slow_eigenvalues(matrix)
        assert lam[name].shape == (rows.shape[1],)
        assert bool(((lam[name] > 0) == (expected[name] > 0)).all())
        bound = 1e-11 * float(expected[name][0])
        torch.testing.assert_close(lam[name], expected[name], rtol=0, atol=bound)
    by_few = numbers(lam, seen.on_sphere, None) | ray(seen.raw)
    by_all = numbers(expected, on_sphere, None) | ray(raw)
    assert by_few == pytest.approx(by_all, rel=1e-11, abs=1e-11)
    for kind in (torch.float16, torch.float64):
        assert equal(seen.raw, kind) is equal(raw, kind)


@pytest.mark.parametrize(("times", "within"), [(1e3, 1e-11), (1e6, 1e-8)])
def test_small_eigenvalues_beside_a_massive_coordinate(times: float, within: float) -> None:
    """The squares of the singular values, which are right to some 2 eps sigma_1 / sigma_k. At 1e6 the scatter leaves 1e-4 of the
    small ones, or 1e-15, by the place of the coordinate, and the Gram matrix 1e-2.
    """
    few = few_rows(massive(40, 60, times))
    expected = torch.linalg.svdvals(few.deviations).square()[:39]
    found = torch.linalg.eigvalsh(compact(few.deviations)).flip(0)[:39]
    torch.testing.assert_close(found, expected, rtol=within, atol=0)


@pytest.mark.parametrize("scene", SCENES)
def test_matrices_are_there_for_those_that_ask(scene: str) -> None:
    rows = SCENES[scene] * 1.0
    size = float(rows.abs().max())
    rows = rows / size if size else rows
    few, whole = few_rows(rows), moments(rows)
    for found, expected in (
        (few.mean, whole.mean),
        (few.scatter, whole.scatter),
        (few.covariance, whole.covariance),
        (few.second_moment, whole.second_moment),
        (few.variances, whole.variances),
        (torch.tensor(few.along_mean(3)), torch.tensor(whole.along_mean(3))),
        (torch.tensor(few.squares(7)), torch.tensor(whole.squares(7))),
    ):
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)
    assert few.count == whole.count


@pytest.mark.parametrize(("n", "kind"), [(7, FewRows), (8, FewRows), (9, Moments)])
def test_rows_are_held_where_they_are_few(n: int, kind: type[Spread]) -> None:
    """N = D is the last; nothing is D x D there, and the vectors of a basis are as many as rows."""
    rows = normal(n, 8)
    assert isinstance(spread_of(rows), kind)
    seen = gather(rows)
    assert isinstance(seen.raw, kind)
    assert isinstance(seen.on_sphere, kind)
    vectors = 8 if kind is Moments else 0
    assert {v.shape for _, v in all_bases(seen.raw, seen.on_sphere).values()} == {(8, vectors)}


@pytest.mark.parametrize("scene", ["random", "square", "rank 4", "copies", "constant", "massive coordinate"])
def test_directions_diagonalise_the_covariance(scene: str) -> None:
    rows = SCENES[scene]
    n, d = rows.shape
    lam, vectors = covariance_basis(few_rows(rows))
    assert (lam.shape, vectors.shape) == ((d,), (d, n))
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(n).double())
    covariance = moments(rows).covariance
    torch.testing.assert_close(
        vectors * lam[:n] @ vectors.T, covariance, rtol=0, atol=1e-11 * (1 + float(covariance.trace()))
    )


def test_groups_are_worth_the_same() -> None:
    rows, owner = normal(10, 40).repeat_interleave(3, dim=0) + 0.5 * normal(30, 40, 1), torch.arange(30) // 3
    few, whole = (
        worth(rows, on_sphere, owner, torch.Generator().manual_seed(0))
        for on_sphere in (gather(rows).on_sphere, slow(rows)[1])
    )
    assert (few.icc, few.effective) == pytest.approx((whole.icc, whole.effective), rel=1e-11)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_broken_rows_are_refused(broken: float) -> None:
    rows = normal(4, 9)
    rows[2, 1] = broken
    with pytest.raises(CollapseError, match="1 of 4 embeddings"):
        gather(rows)


def test_very_wide_rows_are_measured_where_they_are_few() -> None:
    """Two rows of 20,000 numbers, whose covariance would be 3 GiB: one direction has variance."""
    rows = normal(2, 20_000)
    with pytest.raises(CollapseError):
        refuse_width(20_000)
    result = spectrum(rows, torch.Generator().manual_seed(0))
    assert (float(result.numerical_rank), float(result.effective_rank)) == pytest.approx((1, 1))
    u = rows / rows.norm(dim=1, keepdim=True)
    assert result.eigenvalues[0] == pytest.approx(float((u[0] - u[1]).square().sum()) / 2)
