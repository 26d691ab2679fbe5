"""Alignment, uniformity and cosine against slow loops, torch.pdist and the tabulated bounds."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy.stats import t as student
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import alignment as room
from collapse_cli.metrics import pairwise
from collapse_cli.metrics.alignment import (
    alignment,
    class_alignment,
    mean_cosine,
    measure,
    spread,
    uniformity,
)
from collapse_cli.metrics.jackknife import Error


def sphere(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.mark.parametrize("tile", [(7, 11), (64, 16), (2048, 2048)])
def test_uniformity_is_the_formula_over_pairs(tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairwise, "TILE", tile)
    u = sphere(100, 5)
    expected = torch.pdist(u.double()).square().mul(-2).exp().mean().log()
    assert uniformity(u) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize(("d", "bound"), [(2, -1.5750), (16, -3.5130), (128, -3.9375), (2048, -3.9961)])
def test_the_bound(d: int, bound: float) -> None:
    """Tabulated from log 0F1(; d/2; t^2) - 2t at t = 2; isotropic rows come close to it."""
    assert room.uniformity_bound(d) == pytest.approx(bound, abs=1e-4)
    assert uniformity(sphere(2000, d)) == pytest.approx(bound, abs=0.01)


def test_mean_cosine_is_the_slow_loop() -> None:
    u = sphere(12, 3).double()
    pairs = [float(u[i] @ u[j]) for i in range(12) for j in range(12) if i != j]
    assert mean_cosine(u) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


def test_spread() -> None:
    u = sphere(500, 16)
    assert spread(u) == pytest.approx(float(u.std(dim=0).mean()) * 4, rel=1e-5)
    assert spread(u) == pytest.approx(1, abs=0.03)


def test_alignment_of_equal_and_opposite_views() -> None:
    u = sphere(20, 4)
    assert alignment(u, u) == 0
    assert alignment(u, -u) == pytest.approx(4, rel=1e-5)
    assert alignment(u, -u, alpha=1) == pytest.approx(2, rel=1e-5)


def test_class_alignment_is_the_slow_loop() -> None:
    groups = [sphere(5, 3, 1), sphere(8, 3, 2)]
    distances = [
        float((g[i] - g[j]).square().sum())
        for g in groups
        for i in range(len(g))
        for j in range(i + 1, len(g))
    ]
    assert class_alignment(groups) == pytest.approx(sum(distances) / len(distances), rel=1e-5)


def test_a_planted_collapse_is_seen_and_alignment_alone_is_fooled() -> None:
    point = torch.ones(50, 8) * 3
    found = measure(point, (point, point))
    assert found.alignment == 0, "perfect, and yet"
    assert (found.uniformity, found.mean_cosine, found.std_sqrt_d) == pytest.approx((0, 1, 0), abs=1e-6)


def test_one_collapsed_class_is_seen() -> None:
    rows, labels = sphere(60, 16), torch.arange(60) % 3
    rows[labels == 1] = rows[1].clone()
    found = measure(rows, (rows, sphere(60, 16, 9)), labels, ("a", "b", "c"))
    assert found.uniformity_of_class["b"] == pytest.approx(0, abs=1e-5)
    assert max(found.uniformity_of_class["a"], found.uniformity_of_class["c"]) < -3
    assert set(found.alignment_of_class) == {"a", "b", "c"}
    expected = alignment(rows[labels == 2], sphere(60, 16, 9)[labels == 2])
    assert found.alignment_of_class["c"] == pytest.approx(expected, rel=1e-5)


def test_classes_have_the_intervals_of_their_own_pairs_and_rows() -> None:
    """As wide as if the other classes were not there; none of seven pairs."""
    rows, other = sphere(67, 16), sphere(67, 16, 9)
    labels = torch.tensor([0] * 60 + [1] * 7)
    found, alone = (
        measure(rows, (rows, other), labels, ("a", "b")),
        measure(rows[:60], (rows[:60], other[:60])),
    )
    for of_class, whole in (
        (found.alignment_of_class, alone.alignment), (found.uniformity_of_class, alone.uniformity)
    ):  # fmt: skip
        assert of_class["a"].interval == pytest.approx(whole.interval, rel=1e-6)
        assert of_class["b"].interval is None


def test_length_does_not_matter() -> None:
    rows = torch.randn(40, 6, generator=torch.Generator().manual_seed(3))
    lengths = torch.linspace(0.1, 9, 40).unsqueeze(1)
    assert measure(rows * lengths).uniformity == pytest.approx(float(measure(rows).uniformity), abs=1e-5)


def test_one_row_is_too_few() -> None:
    with pytest.raises(CollapseError, match="at least 2 embeddings"):
        measure(torch.ones(1, 4))


def test_uniformity_is_the_slow_double_loop() -> None:
    u = normalize(sphere(9, 4).double(), dim=1)
    pairs = [(i, j) for i in range(9) for j in range(9) if i < j]
    for t in (1.0, 2.0, 3.0):
        mean = sum(math.exp(-t * float((u[i] - u[j]).square().sum())) for i, j in pairs) / 36
        assert uniformity(u, t) == pytest.approx(math.log(mean), abs=1e-9)


@pytest.mark.parametrize(("d", "bound"), [(32, -3.7518), (64, -3.8752), (256, -3.9688), (512, -3.9844)])
def test_the_rest_of_the_table(d: int, bound: float) -> None:
    assert room.uniformity_bound(d) == pytest.approx(bound, abs=1e-4)


def test_two_opposite_points() -> None:
    """Half of the rows at u, half at -u, N = 2m: of the pairs, (m-1)/(2m-1) at distance 0 and m/(2m-1) at distance 4.

    Mean cosine -1/(N-1), its minimum; uniformity log of the mixture of 1 and exp(-8).
    """
    m, u = 10, sphere(1, 6)
    rows = torch.cat([u.repeat(m, 1), -u.repeat(m, 1)])
    found = measure(rows)
    assert found.mean_cosine == pytest.approx(-1 / 19, abs=1e-6)
    assert found.uniformity == pytest.approx(math.log((9 + 10 * math.exp(-8)) / 19), abs=1e-5)


def test_independent_views_are_at_their_null() -> None:
    """E||u - u'||^2 = 2 for independent isotropic rows, with standard deviation 2/sqrt(d) each: 4 sd of 4000."""
    found = measure(sphere(4000, 25, 1), (sphere(4000, 25, 1), sphere(4000, 25, 2)))
    assert found.alignment == pytest.approx(2, abs=4 * 2 / 5 / 4000**0.5)
    assert (found.alignment.null, found.mean_cosine.null, found.std_sqrt_d.null) == (2, 0, 1)
    assert found.uniformity.null == room.uniformity_bound(25)
    assert found.pairs == 4000


def test_a_class_with_one_image_has_no_pairs_and_no_labels_no_classes() -> None:
    rows = sphere(5, 3)
    found = measure(rows, labels=torch.tensor([0, 0, 1, 2, 2]), classes=("a", "b", "c"))
    assert list(found.uniformity_of_class) == ["a", "c"]
    assert (found.alignment, found.alignment_of_class, found.pairs) == (None, None, None)
    bare = measure(rows)
    assert (bare.class_alignment, bare.uniformity_of_class) == (None, None)


def test_std_is_blind_to_lost_rank_and_uniformity_is_not() -> None:
    """Isotropic in r of d directions, then turned: the variance, and so std·√d, stays; uniformity rises to r's own bound."""
    frame, _ = torch.linalg.qr(torch.randn(64, 64, generator=torch.Generator().manual_seed(1)))
    found = measure(sphere(3000, 4) @ frame[:4])
    assert found.std_sqrt_d > 0.9
    assert found.uniformity == pytest.approx(room.uniformity_bound(4), abs=0.02)
    assert found.uniformity - found.uniformity.null > 1


def test_a_dead_network_is_one_point() -> None:
    """All rows 0, as behind dead ReLUs: complete collapse, not the widest spread there is (-4, below the bound)."""
    found = measure(torch.zeros(50, 8), (torch.zeros(50, 8), torch.zeros(50, 8)))
    assert found.uniformity == pytest.approx(0, abs=1e-6)
    assert found.mean_cosine == pytest.approx(1, abs=1e-6)
    assert found.std_sqrt_d == 0


@pytest.mark.parametrize("scale", [1e-14, 1e25])
def test_very_short_and_very_long_rows(scale: float) -> None:
    found, expected = measure(sphere(40, 8) * scale), measure(sphere(40, 8))
    assert found.uniformity == pytest.approx(float(expected.uniformity), abs=1e-5)
    assert found.std_sqrt_d == pytest.approx(float(expected.std_sqrt_d), abs=1e-5)


def test_broken_rows_are_refused() -> None:
    rows = sphere(10, 4)
    rows[3, 1] = math.nan
    with pytest.raises(CollapseError, match="1 of 10 embeddings"):
        measure(rows)


def test_alignment_has_the_interval_of_a_mean() -> None:
    """Student's t of n independent distances: scipy's, with n - 1 degrees of freedom."""
    u, v = sphere(40, 6, 1), sphere(40, 6, 2)
    distance = (normalize(u.double(), dim=1) - normalize(v.double(), dim=1)).square().sum(1).numpy()
    expected = student.interval(0.95, 39, loc=distance.mean(), scale=distance.std(ddof=1) / 40**0.5)
    assert measure(u, (u, v)).alignment.interval == pytest.approx(expected, rel=1e-6)


def jackknife(rows: torch.Tensor, number: Callable[[torch.Tensor], float]) -> float:
    """The textbook's standard error: one row left out at a time."""
    n, every = len(rows), torch.arange(len(rows))
    left = torch.tensor([number(every[every != k]) for k in range(n)], dtype=torch.float64)
    return math.sqrt((n - 1) / n * float((left - left.mean()).square().sum()))


def half(interval: tuple[float, float]) -> float:
    return (interval[1] - interval[0]) / 2 / 1.98  # t of 100 or so degrees of freedom


def test_intervals_of_pairs_are_the_plain_jackknifes_where_rows_matter() -> None:
    """Rows about one point, some further off: what a row does outweighs what pairs do, and leaving rows out agrees to 10 %."""
    generator = torch.Generator().manual_seed(4)
    rows = torch.randn(120, 6, generator=generator) * torch.rand(120, 1, generator=generator) ** 2 * 2
    rows[:, 0] += 3
    labels = torch.arange(120) % 2
    u, found = normalize(rows.double(), dim=1), measure(rows, labels=labels, classes=("a", "b"))
    groups = lambda kept: [u[kept][labels[kept] == c] for c in (0, 1)]  # noqa: E731
    for value, number in (
        (found.uniformity, lambda kept: uniformity(u[kept])),
        (found.mean_cosine, lambda kept: mean_cosine(u[kept])),
        (found.std_sqrt_d, lambda kept: spread(u[kept])),
        (found.class_alignment, lambda kept: class_alignment(groups(kept))),
    ):
        assert value.interval[0] < value < value.interval[1]
        assert half(value.interval) == pytest.approx(jackknife(u, number), rel=0.1)


def test_intervals_cover() -> None:
    """60 draws of isotropic rows, where pairs are all there is: the mean lies in at least 51 of them, and not in twice as wide.

    The standard deviation of a mean cosine is sqrt(2/d)/N; a plain jackknife would be 1.4 times as wide.
    """
    found = [
        measure(sphere(200, 20, seed), labels=torch.arange(200) % 4, classes=tuple("abcd"))
        for seed in range(60)
    ]
    for name in ("uniformity", "mean_cosine", "std_sqrt_d", "class_alignment"):
        values = [getattr(one, name) for one in found]
        mean = sum(values) / 60
        assert sum(value.interval[0] <= mean <= value.interval[1] for value in values) >= 51, name
    widths = [half(one.mean_cosine.interval) for one in found]
    assert sum(widths) / 60 == pytest.approx((2 / 20) ** 0.5 / 200, rel=0.25)


def test_intervals_stay_in_the_range_of_their_number() -> None:
    """All views equal, rows on one point: 0 to 4, at most 0, at most 1. Seven rows: no interval."""
    point = torch.ones(50, 8)
    found = measure(point, (point, point))
    assert found.alignment.interval == (0, 0)
    assert found.uniformity.interval[1] <= 0
    few = measure(sphere(7, 3), (sphere(7, 3), sphere(7, 3, 1)))
    assert (few.uniformity.interval, few.alignment.interval, few.mean_cosine.interval) == (None, None, None)


@pytest.mark.parametrize(
    ("classes", "names"),
    [((), ["0", "1", "7"]), (("a",), ["a", "1", "7"]), (tuple("abcdefgh"), ["a", "b", "h"])],
)
def test_labels_without_names_are_classes_all_the_same(classes: tuple[str, ...], names: list[str]) -> None:
    """Of classes 0, 1, 7 and, of a single row, 3: the same numbers whatever the classes are called."""
    rows, other = sphere(31, 5), sphere(31, 5, seed=1)
    labels = torch.tensor([0, 1, 7] * 10 + [3])
    found = measure(rows, (rows, other), labels, classes)
    groups = [rows[labels == label] for label in (0, 1, 7)]
    distances = torch.cat([torch.pdist(group.double()).square() for group in groups])
    assert found.class_alignment == pytest.approx(float(distances.mean()), rel=1e-5)
    assert found.alignment_of_class is not None
    assert found.uniformity_of_class is not None
    assert list(found.alignment_of_class) == list(found.uniformity_of_class) == names
    wanted = [alignment(rows[labels == label], other[labels == label]) for label in (0, 1, 7)]
    assert list(found.alignment_of_class.values()) == pytest.approx(wanted)


def test_errors_of_unequal_classes_are_the_double_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of classes of 12, 5 and 3 rows, one of them tight: the mean square of what rows i, j do together, written out."""
    seen: list[tuple[torch.Tensor, float]] = []
    true = room.of_pairs

    def of_pairs(influences: torch.Tensor, together: float) -> Error:
        seen.append((influences, together))
        return true(influences, together)

    monkeypatch.setattr(room, "of_pairs", of_pairs)
    member = torch.tensor([0] * 12 + [1] * 5 + [2] * 3)
    rows = torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows = normalize(torch.where((member == 1)[:, None], rows * 0.2 + 1, rows), dim=1)
    measure(rows, labels=member)
    alike = (member[:, None] == member) & ~torch.eye(20, dtype=torch.bool)
    distances = 2 - 2 * rows @ rows.T
    value, pairs = float(distances[alike].mean()), float(alike.sum()) / 2
    p = alike.double().sum(dim=1)
    e = 20 * ((distances * alike).sum(dim=1) - p * value) / pairs
    square = 0.0
    for i in range(20):
        for j in range(20):
            both = 400 * (distances[i, j] - value) / pairs if alike[i, j] else 0.0
            both += e[i] * (1 - 20 * p[j] / pairs) + e[j] * (1 - 20 * p[i] / pairs)
            square += float(both) ** 2
    influences, together = next(each for each in reversed(seen) if len(each[0]) == 20)
    torch.testing.assert_close(influences, e)
    assert together == pytest.approx(square / (20 * 19), rel=1e-9)
