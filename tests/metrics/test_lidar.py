"""LiDAR: scipy's generalised eigenproblem, a design whose answer is known, planted collapses, and the plain jackknife."""

from __future__ import annotations

import math

import numpy
import pytest
import torch
from scipy.linalg import eigh
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.lidar import Lidar, _pushes, discriminants, lidar
from collapse_cli.metrics.scatter import Groups, groups, of_views, scatters

TILTED = 2.0 ** (-torch.arange(16).double() / 4)


def chance(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def grouped(views: Tensor) -> Groups:
    """Of (n,q,D)."""
    return groups(views.flatten(0, 1), torch.arange(len(views)).repeat_interleave(views.shape[1]))


def planted(n: int, q: int, between: Tensor, within: Tensor | float, generator: Generator) -> Tensor:
    """Views (n,q,D) of images that deviate `between` (D,) along each axis, and their views `within`."""
    images = torch.randn(n, 1, len(between), generator=generator, dtype=torch.float64) * between
    return images + torch.randn(n, q, len(between), generator=generator, dtype=torch.float64) * within


def cross(r: int, d: int, a: float, b: float) -> Tensor:
    """Images at +-a along each of r axes, views of each at +-b along all d: (2r, 2d, d)."""
    signs = torch.cat([torch.eye(d), -torch.eye(d)]).double()
    images = torch.cat([signs[:r], signs[d : d + r]])
    return a * images[:, None] + b * signs[None]


def test_of_a_cross_everything_is_known() -> None:
    """r = 3 of d = 5 axes, n = 6 images, q = 10 views, a = 2, b = 1.

    Sb = 2 a^2 / (n - 1) = 8/5 along the three, Sw = 2 b^2 / (q - 1) = 2/9 along all: the three eigenvalues are equal.
    Net of Sw/q: 8/5 - 1/45 = 71/45 along three, -1/45 along two; Sw + net: 81/45 and 9/45.
    tr Sw = 50/45, tr net = 211/45. Of the five directions, two are more within than between.
    """
    found = lidar(grouped(cross(3, 5, 2, 1)), chance(), delta=0)
    assert found.lidar == pytest.approx(3)
    assert found.eigenvalues == pytest.approx([7.2, 7.2, 7.2, 0, 0])
    assert found.augmentation == pytest.approx(50 / 261)
    assert found.overwhelmed == 2
    assert found.along == pytest.approx([10 / 81] * 3 + [1, 1])
    assert (found.groups, found.views, found.dimensions, found.delta) == (6, 10, 5, 0)


def test_eigenvalues_are_scipys() -> None:
    seen = of_views(planted(50, 4, TILTED, 0.4, chance()))
    lam, u = discriminants(seen, 1e-3)
    within = seen.within + 1e-3 * torch.eye(16)
    expected = eigh(seen.between.numpy(), within.numpy(), eigvals_only=True)[::-1]
    assert lam.tolist() == pytest.approx(expected, rel=1e-9)
    torch.testing.assert_close(u.T @ within @ u, torch.eye(16).double())
    torch.testing.assert_close(u.T @ seen.between @ u, lam.diag(), atol=1e-9, rtol=1e-9)


def test_lidar_is_the_entropy_of_them() -> None:
    """delta is 1e-2 of the mean of Sw's diagonal, or 1e-2 itself."""
    views = planted(60, 5, TILTED, 0.4, chance())
    seen = of_views(views)
    for relative, added in ((True, 1e-2 * float(seen.within.trace()) / 16), (False, 1e-2)):
        lam = eigh(seen.between.numpy(), (seen.within + added * torch.eye(16)).numpy(), eigvals_only=True)
        p = lam / lam.sum()
        found = lidar(grouped(views), chance(), delta=1e-2, relative=relative)
        assert found.delta == pytest.approx(added)
        assert found.lidar == pytest.approx(math.exp(-(p * torch.from_numpy(p).log().numpy()).sum()))
    assert lidar(grouped(views), chance()).delta == pytest.approx(1e-4 * float(seen.within.trace()) / 16)


def test_shares_along_the_principal_directions_are_numpys() -> None:
    """Of within and between that have no axis in common, three views each: total Sw + Sb - Sw/3, share v^T Sw v over it."""
    mixed = torch.randn(2, 5, 5, generator=chance(5), dtype=torch.float64)
    images = torch.randn(40, 1, 5, generator=chance(6), dtype=torch.float64) @ mixed[0]
    views = images + torch.randn(40, 3, 5, generator=chance(7), dtype=torch.float64) @ mixed[1]
    seen = of_views(views)
    within, total = seen.within.numpy(), (seen.within * 2 / 3 + seen.between).numpy()
    lam, axes = numpy.linalg.eigh(total)
    expected = ((axes.T @ within @ axes).diagonal() / lam)[::-1]
    assert lidar(grouped(views), chance()).along == pytest.approx(expected.clip(0, 1), rel=1e-9)


def test_a_turn_and_another_scale_change_nothing_but_an_absolute_delta() -> None:
    views = planted(60, 5, TILTED, 0.4, chance())
    turn, _ = torch.linalg.qr(torch.randn(16, 16, generator=chance(1), dtype=torch.float64))
    here, there = (lidar(grouped(v), chance()) for v in (views, 1e-3 * views @ turn + 5))
    assert there.lidar == pytest.approx(here.lidar, rel=1e-8)
    assert there.augmentation == pytest.approx(here.augmentation, rel=1e-8)
    assert there.along == pytest.approx(here.along, rel=1e-6)
    white = planted(60, 5, TILTED, TILTED, chance())  # every direction alike but for delta
    absolute = [lidar(grouped(s * white), chance(), 1e-2, relative=False).lidar for s in (1, 1e-3)]
    assert absolute[1] / absolute[0] < 0.7


def test_noise_is_its_own_null_and_scores_high() -> None:
    """Views without any image in them: LiDAR near D = 16, all variance within, every direction overwhelmed."""
    found = lidar(grouped(planted(400, 5, 0 * TILTED, 1.0, chance())), chance(1))
    assert found.lidar == pytest.approx(found.lidar.null, rel=0.02)
    assert found.lidar > 15
    assert found.augmentation == pytest.approx(1, abs=0.02)
    assert found.augmentation.null == pytest.approx(1, abs=0.02)
    assert found.overwhelmed == found.overwhelmed.null == 16
    assert min(found.along) > 0.8


def test_a_planted_collapse_to_four_directions() -> None:
    """Images differ along 4 of 16 axes, by 5 times as much as views do: Sb/Sw is 25.1 along these, 0.1 along the others.

    Exp of the entropy of (25.1 x 4, 0.1 x 12): 4.32, of 16 that noise fills; views win in the other 12.
    """
    between = torch.tensor([5.0] * 4 + [0.0] * 12).double()
    found = lidar(grouped(planted(1000, 10, between, 1.0, chance())), chance(1))
    assert found.lidar == pytest.approx(4.32, abs=0.05)
    assert found.overwhelmed == 12
    assert found.augmentation == pytest.approx(16 / 116, abs=0.01)
    assert found.lidar.null > 15.5


def test_strong_augmentation_overwhelms_the_directions_it_is_strong_in() -> None:
    """Views deviate by twice as much as images along 6 axes and half as much along 10; the largest directions are theirs."""
    within = torch.tensor([2.0] * 6 + [0.5] * 10).double()
    found = lidar(grouped(planted(1000, 4, torch.ones(16).double(), within, chance())), chance())
    assert found.overwhelmed == 6
    assert found.along[:6] == pytest.approx([0.8] * 6, abs=0.06)
    assert found.along[6:] == pytest.approx([0.2] * 10, abs=0.06)


def test_directions_without_any_variance_are_left_out() -> None:
    views = planted(50, 4, TILTED, 0.5, chance())
    views[..., 12:] = 3
    found = lidar(grouped(views), chance())
    assert [math.isnan(share) for share in found.along] == [False] * 12 + [True] * 4
    assert 1 < found.lidar <= 12


def test_classes_in_the_place_of_images_bound_it() -> None:
    """Five classes of unequal size have four directions between them, the mean of 1/n_c stands for 1/q."""
    labels = torch.arange(300).square() % 11  # six classes: 0, 1, 3, 4, 5, 9
    rows = torch.randn(6, 16, generator=chance(2), dtype=torch.float64)[labels.unique(return_inverse=True)[1]]
    found = lidar(groups(rows + 0.1 * torch.randn(300, 16, generator=chance(3)), labels), chance())
    sizes = labels.unique(return_counts=True)[1]
    assert found.lidar <= 5
    assert found.eigenvalues[4] > 1
    assert list(found.eigenvalues[5:]) == [0] * 11, "exactly, and not what rounding leaves"
    assert found.views == pytest.approx(1 / float((1 / sizes.double()).mean()), abs=1e-6)


def test_equal_views_measure_nothing() -> None:
    with pytest.raises(CollapseError, match="have the same embedding") as error:
        lidar(grouped(torch.randn(20, 1, 4, generator=chance()).repeat(1, 3, 1)), chance())
    assert error.value.code == 3


def without(rows: Tensor, labels: Tensor, group: int) -> Lidar:
    return lidar(groups(rows[labels != group], labels[labels != group]), chance())


def test_a_group_that_weighs_more_moves_both_scatters_about_their_mean() -> None:
    """What all groups together push is nothing: each scatter is the mean of what its groups hold. Of two to five views."""
    labels = torch.arange(9).repeat_interleave(torch.arange(9) % 4 + 2)
    found = groups(torch.randn(len(labels), 4, generator=chance(), dtype=torch.float64), labels)
    axes = torch.linalg.qr(torch.randn(4, 4, generator=chance(1), dtype=torch.float64))[0]
    for pushes in _pushes(found, scatters(found), axes):
        assert pushes.shape == (9, 4)
        torch.testing.assert_close(pushes.mean(0), torch.zeros(4).double(), atol=1e-12, rtol=0)


def test_the_interval_knows_that_delta_moves_with_the_views() -> None:
    """Views that differ very unlike along the axes, and a delta of a tenth of their mean: the plain jackknife, to 8 %."""
    within = torch.tensor([2.0, 1, 0.5, 0.2, 0.1, 0.05]).double()
    views = planted(60, 6, TILTED[:6] * 2, within, chance(4))
    left = [lidar(grouped(torch.cat([views[:k], views[k + 1 :]])), chance(), 0.1).lidar for k in range(60)]
    logs = torch.tensor(left, dtype=torch.float64).log()
    low, high = lidar(grouped(views), chance(), 0.1).lidar.interval
    error = math.sqrt(59 * float(logs.var(correction=0)))
    assert math.log(high / low) / 2 / 2.0 == pytest.approx(error, rel=0.08)


@pytest.mark.parametrize("fewest", [6, 2])
def test_the_interval_is_the_plain_jackknifes(fewest: int) -> None:
    """One image left out at a time, 60 of them, logarithm of LiDAR; t of about 60 degrees of freedom is 2.0. To 8 %.

    Of six views each, and of two to six.
    """
    views = planted(60, 6, TILTED[:6] * 2, 0.5, chance(4))
    kept = torch.arange(6) < fewest + (torch.arange(60) % (7 - fewest))[:, None]  # (n, q)
    rows, labels = views[kept], torch.arange(60).repeat_interleave(6).view(60, 6)[kept]
    found = lidar(groups(rows, labels), chance())
    left = [without(rows, labels, group) for group in range(60)]
    for name, log in (("lidar", True), ("augmentation", False)):
        values = torch.tensor([float(getattr(one, name)) for one in left], dtype=torch.float64)
        values = values.log() if log else values
        error = math.sqrt(59 / 60 * float((values - values.mean()).square().sum()))
        low, high = (math.log(v) if log else v for v in getattr(found, name).interval)
        assert (high - low) / 2 / 2.02 == pytest.approx(error, rel=0.08), name


def test_intervals_cover() -> None:
    """40 draws of tilted images: the mean lies in at least 34 of them."""
    found = [lidar(grouped(planted(150, 5, TILTED, 0.3, chance(s))), chance()) for s in range(40)]
    for name in ("lidar", "augmentation", "overwhelmed"):
        values = [getattr(one, name) for one in found]
        mean = sum(values) / 40
        assert sum(value.interval[0] <= mean <= value.interval[1] for value in values) >= 34, name
        assert all(value.interval[0] <= value <= value.interval[1] for value in values)


def test_an_interval_ends_where_lidar_does() -> None:
    """Of 8 images that differ along all of 16 axes no more than 7 directions, where the jackknife alone would say 8.9; of 20
    along one alone, no fewer than 1.
    """
    many = lidar(grouped(planted(8, 40, TILTED**0, 0.01, chance(15))), chance())
    assert many.lidar < many.lidar.interval[1] == 7
    between = torch.tensor([1e3, 1e-3, 1e-3]).double()
    one = lidar(grouped(planted(20, 3, between, 1.0, chance())), chance())
    assert 1 <= one.lidar.interval[0] <= one.lidar == pytest.approx(1, abs=1e-3)


def test_few_images_have_no_interval() -> None:
    assert lidar(grouped(planted(7, 3, TILTED, 0.3, chance())), chance()).lidar.interval is None
    assert lidar(grouped(planted(8, 3, TILTED, 0.3, chance())), chance()).lidar.interval is not None


def test_without_delta_every_direction_must_vary() -> None:
    views = planted(50, 4, TILTED, 0.5, chance())
    views[..., 15] = 3
    with pytest.raises(CollapseError, match="do not differ along some direction"):
        lidar(grouped(views), chance(), delta=0)
