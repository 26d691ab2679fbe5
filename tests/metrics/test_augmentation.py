"""Augmentation against data: planted directions, slow loops, scipy's generalised eigenvalues, and what nothing looks like."""

from __future__ import annotations

import math

import numpy
import pytest
import scipy.linalg
import torch
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.augmentation import augmentation, died, generalised, recognised, strengths
from collapse_cli.metrics.scatter import of_views


def views(between: Tensor, within: Tensor, n: int, q: int, generator: Generator) -> Tensor:
    """(n,q,D): images of variance `between` (D,), each with q views of variance `within` (D,) around it."""
    images = torch.randn(n, 1, len(between), generator=generator, dtype=torch.float64) * between.sqrt()
    return images + torch.randn(n, q, len(within), generator=generator, dtype=torch.float64) * within.sqrt()


def slow(first: Tensor, second: Tensor) -> float:
    """The definition of `recognised`, pair by pair."""
    middle = torch.cat([first, second]).double().mean(dim=0)
    won = 0.0
    for i, view in enumerate(first.double() - middle):
        own = torch.cosine_similarity(view, second[i].double() - middle, dim=0)
        for j in range(len(second)):
            other = torch.cosine_similarity(view, second[j].double() - middle, dim=0)
            won += 0.0 if j == i else float(own > other) + 0.5 * float(own == other)
    return won / (len(first) * (len(first) - 1))


@pytest.mark.parametrize(("n", "d"), [(2, 1), (3, 5), (17, 4)])
def test_recognised_is_its_definition(n: int, d: int, generator: Generator) -> None:
    first, second = torch.randn(2, n, d, generator=generator)
    assert recognised(first, second) == pytest.approx(slow(first, second), abs=1e-12)


def test_equal_views_are_all_recognised_and_equal_images_are_all_ties(generator: Generator) -> None:
    rows = torch.randn(30, 8, generator=generator)
    assert recognised(rows, rows) == 1
    assert recognised(rows, rows).null == 0.5
    assert recognised(torch.ones(30, 8), torch.ones(30, 8)) == 0.5


def test_the_share_within_images_has_no_unit(generator: Generator) -> None:
    """Variance 1 between and 3 within images: 3/4 of all, however small; of equal rows all is within."""
    h = views(torch.ones(6), 3 * torch.ones(6), 4000, 2, generator)
    for scale in (1.0, 1e-3, 1e3):
        assert augmentation(scale * h).within == pytest.approx(0.75, abs=0.02)
    assert augmentation(torch.ones(9, 2, 6)).within == 1


def test_no_interval_reaches_beyond_a_share(generator: Generator) -> None:
    """28 of 30 images are recognised before all others, two, whose views are exchanged, are not; of opposite views the other
    way round. 1.96 errors of so few reach over the end.
    """
    rows = torch.randn(30, 8, generator=generator, dtype=torch.float64)
    rows = rows - rows.mean(dim=0)
    other = rows[[1, 0, *range(2, 30)]]
    for second, end in ((other, 1), (-other, 0)):
        found = recognised(rows, second)
        assert found == pytest.approx(slow(rows, second), abs=1e-12)
        assert found != end
        assert end in found.interval


def test_of_three_views_the_first_two_are_recognised(generator: Generator) -> None:
    h = torch.randn(40, 3, 5, generator=generator) + torch.randn(40, 1, 5, generator=generator)
    assert augmentation(h).recognised == recognised(h[:, 0], h[:, 1]) < 1


def test_of_one_gaussian_direction(generator: Generator) -> None:
    """In one dimension the cosine is a sign: views of covariance rho agree in sign with 1/2 + asin(rho)/pi, images in half.

    Own agrees and the other does not: 1/2 (1/2 + a); both or neither: a tie, 1/2. Together 1/2 + a/2, a = asin(rho)/pi.
    """
    one, rho = torch.ones(1), 0.8
    drawn = views(one * rho, one * (1 - rho), 1500, 2, generator)
    assert recognised(drawn[:, 0], drawn[:, 1]) == pytest.approx(0.5 + math.asin(rho) / math.pi / 2, abs=0.02)


def test_by_chance_half_are_recognised_and_the_interval_says_so(generator: Generator) -> None:
    """Of 200 pairs of unrelated rows the interval holds .5 in some 95 %: in at least 33 of 40 draws (P < 1e-3 of fewer).

    And is no wider than that takes: 3.92 standard deviations of the draws, which 40 tell to 11 %.
    """
    found = [recognised(*torch.randn(2, 200, 5, generator=generator)) for _ in range(40)]
    assert sum(one.interval[0] <= 0.5 <= one.interval[1] for one in found) >= 33
    width = sum(one.interval[1] - one.interval[0] for one in found) / 40
    assert width / 3.92 == pytest.approx(numpy.std(found, ddof=1), rel=0.33)


def test_shares_are_scipys_generalised_eigenvalues(generator: Generator) -> None:
    drawn = torch.randn(60, 3, 7, generator=generator, dtype=torch.float64) + 2 * torch.randn(
        60, 1, 7, generator=generator
    )
    shares, axes = generalised(drawn)
    found = of_views(drawn)
    total = found.within + found.net
    expected = scipy.linalg.eigh(found.within.numpy(), total.numpy(), eigvals_only=True)[::-1]
    numpy.testing.assert_allclose(shares, expected, rtol=1e-9)
    torch.testing.assert_close(axes.T @ total @ axes, torch.eye(7, dtype=torch.float64))
    torch.testing.assert_close(axes.T @ found.within @ axes, shares.diag())


def test_shares_of_planted_directions(generator: Generator) -> None:
    """within / (within + between): 1/(1+9) = .1 three times, 4/(4+1) = .8 twice; 3000 images of 4 views leave some .02."""
    drawn = views(torch.tensor([9.0, 9, 9, 1, 1]), torch.tensor([1.0, 1, 1, 4, 4]), 3000, 4, generator)
    torch.testing.assert_close(
        generalised(drawn)[0], torch.tensor([0.8, 0.8, 0.1, 0.1, 0.1]).double(), atol=0.03, rtol=0
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_shares_do_not_change_with_the_coordinates(scale: float, generator: Generator) -> None:
    """An invertible map and a shift of all rows change neither share nor count."""
    drawn = views(torch.tensor([4.0, 2, 1, 1]), torch.tensor([1.0, 1, 1, 4]), 100, 3, generator)
    turned = drawn @ torch.randn(4, 4, generator=generator, dtype=torch.float64) * scale + 5 * scale
    torch.testing.assert_close(generalised(turned)[0], generalised(drawn)[0], rtol=1e-6, atol=1e-8)
    assert augmentation(turned).wins == augmentation(drawn).wins


@pytest.mark.parametrize(("q", "least"), [(4, 0.778), (2, 0.516)])
def test_where_images_do_not_differ_augmentation_wins_everywhere(
    q: int, least: float, generator: Generator
) -> None:
    """Of noise q Sb Sw^-1 is an F matrix: y = D/n = 1/8 and y' = D/(n (q - 1)), its edge ((1 + sqrt(y + y' - y y'))/(1 - y'))^2.

    2.140 and 2.877; over q, less 1/q and under 1 + …: 1/(1 + (2.140 - 1)/4) = .778 from four views, .516 from two.
    """
    drawn = torch.randn(512, q, 64, generator=generator, dtype=torch.float64)
    assert float(generalised(drawn)[0].min()) == pytest.approx(least, abs=0.03)
    found = augmentation(drawn)
    assert (found.wins, found.directions) == (64, 64)
    assert found.within == pytest.approx(1, abs=0.02)


def test_of_too_many_directions_the_first_are_taken(generator: Generator) -> None:
    """20 images carry 2 directions, however wide the space."""
    assert augmentation(torch.randn(20, 2, 64, generator=generator)).directions == 2


def test_without_augmentation_nothing_is_within(generator: Generator) -> None:
    found = augmentation(torch.randn(50, 1, 6, generator=generator).expand(50, 3, 6))
    assert (found.wins, found.within, found.recognised, found.died) == (0, 0, 1, None)


def test_one_point_has_no_directions() -> None:
    found = augmentation(torch.ones(50, 2, 6))
    assert (found.directions, found.wins, found.within, found.recognised) == (0, 0, 1, 0.5)


def test_what_died_is_what_was_planted(generator: Generator) -> None:
    """z keeps the three directions of data and loses the two of augmentation: all of these died, none of the others."""
    h = views(torch.tensor([9.0, 9, 9, 1, 1]), torch.tensor([1.0, 1, 1, 4, 4]), 500, 4, generator)
    found = augmentation(h, h[..., :3])
    assert (found.wins, found.died, found.died.null) == (2, 1, 0)
    found = augmentation(h, h[..., 3:])
    assert (found.died, found.died.null) == (0, 1)


def test_died_is_below_a_hundredth_of_the_largest(generator: Generator) -> None:
    """z = (10 c1, 1.1 c2, .9 c3) covaries 100, 1.21 and .81 with exactly uncorrelated c: of the largest .0121 and .0081."""
    c = torch.linalg.qr(torch.randn(90, 4, generator=generator, dtype=torch.float64).sub_(0))[0]
    c = torch.linalg.qr(c - c.mean(dim=0))[0] * 89**0.5
    c = c - c.mean(dim=0)
    z = c[:, :3] * torch.tensor([10.0, 1.1, 0.9])
    for offset in (0, 100):  # of a covariance that is about the means
        assert died(c + offset, z - offset).tolist() == [False, False, True, True]


def test_curves_over_strength_carry_the_untrained_network(generator: Generator) -> None:
    now = [augmentation(torch.randn(30, 2, 3, generator=generator)) for _ in range(2)]
    both = strengths([0.5, 1.0], now, now[::-1])
    assert both.recognised == (now[0].recognised, now[1].recognised)
    assert both.recognised.null == (now[1].recognised, now[0].recognised)
    assert both.wins.x == (0.5, 1.0)
    assert both.wins[0] == now[0].wins / 3
    assert strengths([0.5, 1.0], now, None).within.null is None


def test_one_view_and_broken_rows_are_refused() -> None:
    with pytest.raises(CollapseError, match="no variance within"):
        augmentation(torch.randn(9, 1, 3))
    with pytest.raises(CollapseError, match="nan"):
        augmentation(torch.full((9, 2, 3), math.nan))


def test_too_few_images_have_no_directions_to_die(generator: torch.Generator) -> None:
    """Two images leave n / 8 = 0 directions: none in which augmentation wins, and nothing that could have died."""
    views = torch.randn(2, 4, 6, generator=generator)
    found = augmentation(views, views)
    assert (found.directions, found.wins, found.died) == (0, 0, None)
