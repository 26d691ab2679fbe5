"""Scatter within and between groups: LiDAR's sums as slow loops, scikit-learn's discriminant analysis, planted groups."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.classes import classes
from collapse_cli.metrics.scatter import Groups, Scatters, groups, of_labels, of_views, scatters


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def loops(views: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Within and between of rows (q_i,D) of each group, one outer product at a time."""
    means = [group.mean(0) for group in views]
    overall = sum(means) / len(means)
    n, d = sum(len(group) for group in views), views[0].shape[1]
    within, between = torch.zeros(d, d).double(), torch.zeros(d, d).double()
    for group, mean in zip(views, means, strict=True):
        between += torch.outer(mean - overall, mean - overall) / (len(views) - 1)
        for row in group:
            within += torch.outer(row - mean, row - mean) / (n - len(views))
    return within, between


def test_views_are_the_papers_sums() -> None:
    """n = 7 images of q = 3 views: divisors n (q - 1) = 14 and n - 1 = 6."""
    views = normal(7, 3, 5) + normal(7, 1, 5, seed=1)
    found, (within, between) = of_views(views), loops(list(views))
    torch.testing.assert_close(found.within, within)
    torch.testing.assert_close(found.between, between)
    torch.testing.assert_close(found.mean, views.mean((0, 1)))
    assert (found.groups, found.rows, found.share) == (7, 21, pytest.approx(1 / 3))


def test_labels_of_unequal_classes_are_the_sums() -> None:
    """Classes of 2, 5 and 9 rows, labelled 7, 1 and 4, in no order; `share` is the mean of 1/2, 1/5 and 1/9."""
    rows, labels = normal(16, 4), torch.tensor([7] * 2 + [1] * 5 + [4] * 9)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(3))
    found = of_labels(rows[order], labels[order])
    within, between = loops([rows[labels == c] for c in (1, 4, 7)])
    torch.testing.assert_close(found.within, within)
    torch.testing.assert_close(found.between, between)
    assert found.share == pytest.approx((1 / 2 + 1 / 5 + 1 / 9) / 3)


def test_within_is_scikit_learns() -> None:
    """Its covariance is divided by N, here by N - C."""
    labels = torch.arange(60) % 4
    rows = normal(60, 5) + normal(4, 5, seed=1)[labels]
    theirs = LinearDiscriminantAnalysis(solver="eigen", store_covariance=True).fit(
        rows.numpy(), labels.numpy()
    )
    within = of_labels(rows, labels).within * 56 / 60
    torch.testing.assert_close(within, torch.from_numpy(theirs.covariance_))


def test_views_are_labels() -> None:
    """Images one below the other, or view by view as they are embedded."""
    views = normal(9, 4, 3)
    one, other = of_views(views), of_labels(views.transpose(0, 1).flatten(0, 1), torch.arange(9).repeat(4))
    torch.testing.assert_close(one.within, other.within)
    torch.testing.assert_close(one.between, other.between)


def test_a_group_of_equal_rows_has_no_scatter_at_all() -> None:
    """Exactly 0, where the mean of so many equal numbers is another one in the last digit, half of the time."""
    rows, labels = normal(90, 40) + 1e6, torch.arange(90) % 3
    rows[labels == 1] = normal(40, seed=1)
    assert not torch.equal(rows[labels == 1].mean(0), rows[1])
    assert float(groups(rows, labels).deviations[labels == 1].abs().max()) == 0


def test_where_rows_lie_does_not_matter() -> None:
    """A million away, of which float64 keeps ten digits of each deviation."""
    rows, labels = normal(40, 3), torch.arange(40) % 5
    here, there = of_labels(rows, labels), of_labels(rows + 1e6, labels)
    torch.testing.assert_close(here.within, there.within, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(here.between, there.between, rtol=1e-7, atol=1e-8)


def test_net_is_nothing_where_groups_say_nothing() -> None:
    """tr(between - within / q) of noise: mean 0, and standard deviation D/q sqrt(2 / (n D)) but for what within adds; 4 of it."""
    n, q, d = 500, 4, 10
    found = of_views(normal(n, q, d))
    assert float(found.between.trace()) == pytest.approx(d / q, rel=0.1)
    assert abs(float(found.net.trace())) < 4 * d / q * math.sqrt(2 / (n * d)) * 1.2


def test_net_is_the_scatter_that_was_planted() -> None:
    """Images of variance 4 along the first axis, views of variance 1 along all."""
    plant = torch.zeros(4000, 1, 3).double()
    plant[:, 0, 0] = 2 * normal(4000, seed=2)
    net = of_views(plant + normal(4000, 2, 3)).net
    torch.testing.assert_close(net, torch.diag(torch.tensor([4.0, 0, 0]).double()), atol=0.4, rtol=0)


@pytest.mark.parametrize("labels", [[0] * 6, [0, 1, 2, 3, 4, 5]])
def test_too_few_groups_or_rows_in_them(labels: list[int]) -> None:
    with pytest.raises(CollapseError, match="6 embeddings are of") as error:
        of_labels(normal(6, 2), torch.tensor(labels))
    assert error.value.code == 3


def test_two_groups_and_two_rows_of_one_are_enough() -> None:
    """Rows 0, 2 and 5: means 1 and 5, deviations 1 and -1, divisors 1 and 1."""
    found = of_labels(torch.tensor([[0.0], [2.0], [5.0]]), torch.tensor([0, 0, 1]))
    assert (found.within.item(), found.between.item(), found.mean.item()) == (2, 8, 3)


def test_broken_rows_are_refused() -> None:
    rows = normal(6, 2)
    rows[2, 1] = math.nan
    with pytest.raises(CollapseError, match="1 of 6 embeddings"):
        of_labels(rows, torch.arange(6) % 2)


def test_scatters_hold_what_they_say() -> None:
    found = scatters(groups(normal(12, 3), torch.arange(12) % 3))
    assert isinstance(found, Scatters)
    assert {found.within.dtype, found.between.dtype, found.mean.dtype} == {torch.float64}
    assert found.within.shape == found.between.shape == (3, 3)


@pytest.mark.parametrize(
    ("labels", "said"),
    [([4, 4, 4], "all 3 embeddings are of one group"), ([0, 1, 2], "groups of one embedding each")],
)
def test_what_has_no_groups_says_which_is_missing(labels: list[int], said: str) -> None:
    rows = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    for measure, more in ((groups, ()), (classes, ((), generator))):
        with pytest.raises(CollapseError, match=said) as caught:
            measure(rows, torch.tensor(labels), *more)
        assert caught.value.code == 3


def levelled_by(power: int) -> Groups:
    return Groups(*[torch.zeros(0)] * 5, power)  # type: ignore[arg-type]


def test_squares_of_levelled_rows_are_squares_of_rows() -> None:
    """Times 2^2 the rows have squares 2^4 times as large; what float64 cannot hold is refused, or left out."""
    assert (levelled_by(2).levelled(3.0), levelled_by(-2).levelled(3.0)) == (48, 3 / 16)
    assert (levelled_by(2).plainly(48.0), levelled_by(-2).plainly(3 / 16)) == (3, 3)
    assert (levelled_by(0).plainly(5e-324), levelled_by(9).plainly(0.0)) == (5e-324, 0)
    assert levelled_by(-512).plainly(1.0) is None
    assert levelled_by(-511).plainly(1.0) == 2.0**1022
    assert levelled_by(511).plainly(1.0) == 2.0**-1022, "the smallest that has all its digits"
    assert levelled_by(511).plainly(0.5) is None
    with pytest.raises(CollapseError, match="outweighs them"):
        levelled_by(512).levelled(1.0)
