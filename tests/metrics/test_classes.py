"""Classes: planted collapses of one class and of all, means recomputed row by row, scikit-learn, the plain jackknife."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.neighbors import NearestCentroid
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.classes import Classes, _share, classes, single
from collapse_cli.metrics.eigenvalues import eigenvalues
from collapse_cli.metrics.nearest_mean import nearest_mean
from collapse_cli.metrics.neural_collapse import Classifier, Geometry, numbers
from collapse_cli.metrics.probe import wilson
from collapse_cli.metrics.scatter import groups

NAMES = ("a", "b", "c", "d", "e")


def chance(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=chance(seed), dtype=torch.float64)


def scene(n: int = 300, d: int = 16, width: float = 0.5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows (n,d) of five classes about the same five points, whatever the seed; labels (n,)."""
    labels = torch.arange(n) % 5
    return normal(5, d, seed=99)[labels] + width * normal(n, d, seed=seed), labels


def measured(rows: Tensor, labels: Tensor, classifier: Classifier | None = None) -> Classes:
    return classes(rows, labels, NAMES, chance(), classifier)


def test_one_collapsed_class_is_seen_where_the_means_hide_it() -> None:
    """Class c on one line and class e on one point: within hardly changes, least variance and rank are 0 and 1.

    Variances are 16/4 = 4 in the mean for three classes, 1/4 and 0 for the others: 1.63 and 0.10 of the mean class's, 2.45.
    """
    rows, labels = scene()
    before = measured(rows, labels)
    line = labels == 2
    rows[line] = rows[line].mean(0) + 0.5 * normal(60, 1, seed=3) * torch.eye(16)[0].double()
    rows[labels == 4] = rows[4].clone()
    found = measured(rows, labels)
    assert found.rank_of_class["c"] == pytest.approx(1)
    assert (found.rank_of_class["e"], found.variance_of_class["e"]) == (1, 0)
    assert found.least_variance == 0
    assert found.variance_of_class["c"] == pytest.approx(0.10, abs=0.04)
    assert all(found.variance_of_class[name] == pytest.approx(1.63, abs=0.2) for name in "abd")
    assert all(found.rank_of_class[name] > 12 for name in "abd")
    assert found.nearest_mean == pytest.approx(before.nearest_mean, abs=0.02), "says nothing of it"
    assert found.least_variance.null > 0.8
    assert found.least_rank.null > 4


def test_a_class_that_is_a_point_but_for_float32_has_rank_1() -> None:
    """Rounding noise is isotropic: its effective rank would be near 16."""
    rows, labels = scene()
    point = rows[1].float() * (1 + 1e-7 * normal(300, 16, seed=5).float())
    rows[labels == 1] = point[labels == 1].double()
    assert measured(rows, labels).rank_of_class["b"] == 1


@pytest.mark.parametrize(("n", "d"), [(300, 16), (60, 40)])
def test_ranks_are_those_of_each_classes_covariance(n: int, d: int) -> None:
    """Also where a class has 12 rows in 40 dimensions."""
    rows, labels = scene(n, d)
    for name, rank in measured(rows, labels).rank_of_class.items():
        assert rank == pytest.approx(effective(rows[labels == NAMES.index(name)]), rel=1e-9)


def test_nearest_mean_leaves_the_row_out() -> None:
    """Against means computed anew for every row, in a scene where that matters."""
    rows, labels = scene(25, 4, width=1.5)
    nearest = nearest_mean(groups(rows, labels), leave_out=True)
    for i in range(25):
        kept = torch.arange(25) != i
        means = torch.stack([rows[kept & (labels == c)].mean(0) for c in range(5)])
        assert int(nearest[i]) == int((means - rows[i]).square().sum(1).argmin())


def test_mismatch_is_scikit_learns_centroids_against_the_classifier() -> None:
    """With the bias, which decides here: without it another share would come out."""
    rows, labels = scene(width=1.2)
    weights, bias = normal(5, 16, seed=7), 3 * normal(5, seed=8)
    centroids = NearestCentroid().fit(rows.numpy(), labels.numpy()).predict(rows.numpy())
    logits = rows @ weights.T + bias
    found = measured(rows, labels, Classifier(weights, bias))
    expected = float((logits.argmax(1).numpy() != centroids).mean())
    assert found.mismatch == pytest.approx(expected)
    assert found.mismatch != measured(rows, labels, Classifier(weights)).mismatch
    assert measured(rows, labels).mismatch is None


def test_few_rows_and_labels_with_gaps_mismatch_alike() -> None:
    """Eight rows of each class, whose own rows count in its mean here, as in scikit-learn; labels 0, 2, 4, 6, 8 of nine."""
    rows, labels = scene(40, width=1.2)
    weights = torch.zeros(9, 16).double()
    weights[::2] = normal(5, 16, seed=99)  # the classes' centres: most rows are where their mean is
    said = NearestCentroid().fit(rows.numpy(), 2 * labels.numpy()).predict(rows.numpy())
    expected = float(((rows @ weights.T).argmax(1).numpy() != said).mean())
    assert 0 < expected < 0.5
    assert measured(rows, 2 * labels, Classifier(weights)).mismatch == pytest.approx(expected)
    assert measured(rows, labels).nearest_mean < (said == 2 * labels.numpy()).mean(), (
        "left out, fewer are right"
    )


def test_two_rows_make_a_class() -> None:
    found = measured(normal(22, 4), torch.tensor([0] * 10 + [1] * 10 + [2] * 2))
    assert (found.samples, found.classes) == (22, 3)


def test_shuffled_labels_are_the_null() -> None:
    """Classes of n_c = 60 rows, D = 16, on one distribution of variance v: two means differ by 2 v / (D n_c) chi^2 of D,
    whose inverse has mean 1/(D - 2): CDNV n_c D / (2 (D - 2)) = 34.3 in the mean of ten pairs; nearest mean 1/5.
    """
    rows = normal(300, 16)
    found = measured(rows, torch.arange(300) % 5)
    assert found.cdnv == pytest.approx(34.3, rel=0.35)
    assert found.cdnv.null == pytest.approx(34.3, rel=0.35)
    assert found.nearest_mean.null == pytest.approx(0.2, abs=0.08)
    assert found.between.null == pytest.approx(16 / 60 * 4 / 5, rel=0.5)


def test_complete_collapse_is_told() -> None:
    """All rows one point: nothing is within or between, ratios have no value, every class has rank 1."""
    found = measured(torch.ones(50, 8), torch.arange(50) % 5)
    assert (found.within, found.between) == (0, 0)
    assert (found.cdnv, found.nc1, found.nc1_quotient, found.equinorm) == (None, None, None, None)
    assert set(found.rank_of_class.values()) == {1}
    assert found.nearest_mean == 0.2


def test_means_that_differ_by_rounding_alone_have_an_interval_without_end() -> None:
    """Each of three classes holds two points equally often: variance between them is rounding, and no bound holds NC1."""
    rows = torch.randn(2, 6, dtype=torch.float64, generator=Generator().manual_seed(1))[torch.arange(60) % 2]
    result = classes(rows, torch.arange(60) % 3, ("a", "b", "c"), Generator())
    assert all(
        number.interval is None or not math.isnan(sum(number.interval))
        for number in (result.nc1, result.nc1_quotient)
    )


def test_separated_classes_are_near_their_collapse() -> None:
    """Width 0.01: variance within 1e-4 of that between, all rows nearest to their own mean."""
    found = measured(*scene(width=0.01))
    assert found.nearest_mean == 1
    assert found.nc1_quotient == pytest.approx(1e-4, rel=0.3)
    assert found.cdnv < 1e-3


def test_names_cosines_and_counts() -> None:
    """Labels 0, 2 and 9, of which NAMES knows two; a class with a single row is left out."""
    rows, labels = normal(31, 4), torch.tensor([0] * 10 + [2] * 12 + [9] * 8 + [3])
    found = measured(rows, labels)
    assert (found.samples, found.classes, found.dimensions) == (30, 3, 4)
    assert list(found.variance_of_class) == ["a", "c", "9"]
    assert found.cosines.row_names == found.cosines.column_names == ("a", "c", "9")
    means = torch.stack([rows[labels == c].mean(0) for c in (0, 2, 9)])
    unit = torch.nn.functional.normalize(means - means.mean(0), dim=1)
    expected = (unit @ unit.T).tolist()
    assert [list(row) for row in found.cosines] == [pytest.approx(row, abs=0.0051) for row in expected]
    assert all(value == round(value, 2) for row in found.cosines for value in row)


@pytest.mark.parametrize("labels", [[0] * 8, list(range(8)), [0, 0, 0, 1, 2, 3, 4, 5]])
def test_fewer_than_two_classes_of_two_rows(labels: list[int]) -> None:
    with pytest.raises(CollapseError) as error:
        measured(normal(8, 3), torch.tensor(labels))
    assert error.value.code == 3


@pytest.mark.parametrize("sizes", [(20, 20, 20, 20, 20), (10, 14, 20, 26, 30)])
def test_intervals_are_the_plain_jackknifes(sizes: tuple[int, ...]) -> None:
    """Rows of one class after the other left out, logarithms: (n_c - 1)/n_c of their squares about the class's mean, to 12 %.

    Of classes alike, and of such that are the wider the fewer rows they have.
    """
    labels = torch.arange(5).repeat_interleave(torch.tensor(sizes))
    width = 0.7 * 20 / torch.tensor(sizes).double()[labels, None]
    rows = normal(5, 8, seed=99)[labels] + width * normal(100, 8)
    every, weights, c = torch.arange(100), Classifier(normal(5, 8, seed=7)), torch.arange(5)
    found = measured(rows, labels, weights)
    left = [
        numbers(Geometry.of(groups(rows[every != k], labels[every != k])), weights, c) for k in range(100)
    ]
    for name in ("cdnv", "nc1", "nc1_quotient", "between", "within", "equinorm", "equiangular", "self_dual"):
        logs = torch.stack([one[name].log() for one in left])
        variances = [logs[labels == one].var(correction=0) * (sizes[one] - 1) for one in range(5)]
        low, high = getattr(found, name).interval
        assert math.log(high / low) / 2 / 1.98 == pytest.approx(math.sqrt(sum(variances)), rel=0.12), name


def test_the_least_rank_has_its_own_classes_interval_and_null() -> None:
    """Class d of five lives on some four axes, the others on eight. One of its rows left out at a time, 40 of them: the
    logarithm's jackknife, times the t of about 39 degrees, 2.02; the null is the least of all classes when shuffled.
    """
    rows, labels = scene(200, 8)
    own = labels == 3
    rows[own] *= torch.tensor([4.0, 3, 2, 1, 0.1, 0.1, 0.1, 0.1])
    found = measured(rows, labels)
    assert min(found.rank_of_class, key=found.rank_of_class.__getitem__) == "d"
    left = [effective(torch.cat([rows[own][:k], rows[own][k + 1 :]])) for k in range(40)]
    error = math.sqrt(39 / 40 * sum((math.log(one) - sum(map(math.log, left)) / 40) ** 2 for one in left))
    low, high = found.least_rank.interval
    assert found.least_rank == pytest.approx(effective(rows[own]))
    assert low < found.least_rank < high
    assert math.log(high / low) / 2 / 2.02 == pytest.approx(error, rel=0.15)
    shuffled = labels[torch.randperm(200, generator=chance())]
    assert found.least_rank.null == pytest.approx(min(effective(rows[shuffled == c]) for c in range(5)))


def effective(rows: Tensor) -> float:
    """Rank of rows (n,D) by the entropy of numpy's covariance."""
    p = eigenvalues(torch.cov(rows.T))
    p = p[p > 0] / p.sum()
    return math.exp(-float((p * p.log()).sum()))


def test_intervals_cover() -> None:
    """40 draws: the mean lies in at least 34 of them, and their width is that of the draws, to a third."""
    found = [measured(*scene(seed=seed)) for seed in range(40)]
    for name in ("cdnv", "nc1", "nc1_quotient", "within", "between", "equinorm", "equiangular"):
        values = [getattr(one, name) for one in found]
        mean = sum(values) / 40
        assert sum(value.interval[0] <= mean <= value.interval[1] for value in values) >= 34, name
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / 39)
        widths = sum(value.interval[1] - value.interval[0] for value in values) / 40
        assert widths / 3.94 == pytest.approx(spread, rel=0.33), name


def test_classes_of_one_row_are_counted() -> None:
    """Of labels 0 0 1 2 2 3 two are alone, of four classes."""
    assert single(torch.tensor([0, 0, 1, 2, 2, 3])) == (2, 4)
    assert single(torch.tensor([5, 5])) == (0, 1)


def test_a_share_beside_its_chance() -> None:
    """3 of 4 rows, by chance 1 of 2; Wilson's interval of 3 of 4."""
    found = _share(torch.tensor([True, True, False, True]), torch.tensor([False, True]))
    assert (found, found.null, found.interval) == (0.75, 0.5, wilson(3, 4))


def test_two_classes_have_no_angles() -> None:
    """Two means are always opposite and equally far: NC2 says nothing; of three it does."""
    for count, told in ((2, False), (3, True)):
        found = measured(normal(30, 4), torch.arange(30) % count)
        assert (found.equinorm is not None, found.equiangular is not None) == (told, told)


@pytest.mark.parametrize("width", [4, 2])
def test_the_simplex_has_collapsed_as_far_as_classes_can(width: int) -> None:
    """Three means at equal angles of 120 degrees and equal distance: equal norms, cosines -1/2, dual to weights that are they.

    Also in the plane that they span, where classes are more than dimensions.
    """
    simplex = torch.zeros(3, width).double()
    simplex[:, :2] = torch.tensor([[1.0, 0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]]).double()
    labels = torch.arange(60) % 3
    noise = torch.zeros(60, width).double()
    noise[:30, 0], noise[30:, 0] = 0.1, -0.1
    found = measured(5 * simplex[labels] + noise, labels, Classifier(7 * simplex))
    assert (found.equinorm, found.equiangular, found.self_dual) == pytest.approx((0, 0, 0), abs=1e-7)
    assert (found.within, found.between) == pytest.approx((0.01, 25))
    assert found.cdnv == pytest.approx(0.02 / 2 / 75), "means lie 5 sqrt 3 apart"
    assert found.nc1_quotient == pytest.approx(0.01 / 25)
    assert found.nc1 == pytest.approx(0.01 / 12.5 / 3), (
        "Sigma_B has 12.5 along either axis, and noise is along one"
    )
    assert [list(row) for row in found.cosines] == [[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]]
