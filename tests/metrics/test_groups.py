"""Rows in groups: the correlation that was planted, the independent rows they are worth, and intervals that cover."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics import groups as room
from collapse_cli.metrics import jackknife_groups
from collapse_cli.metrics.eigenvalues import eigenvalues
from collapse_cli.metrics.groups import units, worth
from collapse_cli.metrics.jackknife import Error, of_eigenvalues, of_variances
from collapse_cli.metrics.moments import moments, without
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.ranks import entropy, log_participation, participation_ratio
from collapse_cli.metrics.spectrum import Spectrum, spectrum


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def in_groups(
    count: int, size: int, d: int, icc: float, generator: torch.Generator, power: float = 0.0
) -> tuple[Tensor, Tensor]:
    """(count size, d) with lambda_j = j^-power, of which groups have the part `icc` in common; and the group of each row."""
    fall = torch.arange(1, d + 1, dtype=torch.float64) ** (-power / 2)
    between = torch.randn(count, 1, d, generator=generator, dtype=torch.float64) * math.sqrt(icc)
    within = torch.randn(count, size, d, generator=generator, dtype=torch.float64) * math.sqrt(1 - icc)
    return ((between + within) * fall).view(count * size, d), torch.arange(count).repeat_interleave(size)


def found(rows: Tensor, owner: Tensor, seed: int = 0) -> room.Worth:
    return worth(rows, gather(rows).on_sphere, owner, seeded(seed))


@pytest.mark.parametrize("icc", [0.0, 0.3, 0.9])
def test_the_planted_correlation(icc: float) -> None:
    """600 groups of 6 in 24 dimensions: unit rows correlate as raw ones do, to 1/24. Squares correlate by icc², so that
    N / (1 + 5 icc²) independent rows tell as much.
    """
    rows, owner = in_groups(600, 6, 24, icc, seeded(1))
    one = found(rows, owner)
    assert one.icc == pytest.approx(icc, abs=0.04)
    assert one.effective == pytest.approx(3600 / (1 + 5 * icc**2), rel=0.1)


@pytest.mark.parametrize("icc", [0.5, 0.9])
def test_the_covariance_errs_as_that_of_so_many_independent_rows(icc: float) -> None:
    """Its participation ratio knows nothing but that error. Mean of 30: 60 groups of 12, against independent rows drawn anew."""
    ratios, own = [], []
    for seed in range(30):
        rows, owner = in_groups(60, 12, 16, icc, seeded(seed))
        count = round(found(rows, owner).effective)
        fresh = torch.randn(count, 16, generator=seeded(900 + seed), dtype=torch.float64)
        ratios.append(participation_ratio(eigenvalues(gather(rows).on_sphere.covariance)))
        own.append(participation_ratio(eigenvalues(gather(fresh).on_sphere.covariance)))
    lost, expected = 16 - sum(ratios) / 30, 16 - sum(own) / 30
    assert lost == pytest.approx(expected, rel=0.12)


def test_a_sample_of_pairs_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, owner = in_groups(300, 20, 12, 0.6, seeded(2))
    whole = found(rows, owner)
    monkeypatch.setattr(room, "GROUPS", 150)
    monkeypatch.setattr(room, "PER_GROUP", 8)
    some = found(rows, owner)
    assert (some.icc, some.effective) == pytest.approx((whole.icc, whole.effective), rel=0.1)


def test_never_below_the_groups_and_never_above_the_rows() -> None:
    """One group of 400 beside 100 of one row each: N²/sum m² would be 1.6. Groups drawn at random are worth all rows."""
    rows = torch.randn(500, 8, generator=seeded(3))
    rows[:400] = rows[0]
    uneven = torch.cat([torch.zeros(400, dtype=torch.int64), torch.arange(1, 101)])
    assert found(rows, uneven).effective == 101
    rows = torch.randn(500, 8, generator=seeded(3))
    assert found(rows, torch.arange(500)).effective == 500
    assert found(rows, torch.arange(500) % 50).effective == pytest.approx(500, rel=0.05)
    assert found(rows, torch.zeros(500, dtype=torch.int64)).effective == 1


def leaving_out(rows: Tensor, owner: Tensor, number) -> float:  # type: ignore[no-untyped-def]
    """The textbook's: every group left out in turn, the number of the covariance computed anew."""
    whole, count, left = moments(rows), int(owner.max()) + 1, []
    for g in range(count):
        left.append(float(number(eigenvalues(without(whole, moments(rows[owner == g])).covariance))))
    values = torch.tensor(left, dtype=torch.float64)
    return math.sqrt((count - 1) / count * float((values - values.mean()).square().sum()))


def ours(rows: Tensor, owner: Tensor, number, count: float):  # type: ignore[no-untyped-def]
    """By slopes."""
    lam, vectors = torch.linalg.eigh(moments(rows).covariance)
    grouped = units(rows, owner, torch.zeros(0, dtype=torch.int64), seeded())
    about = grouped.rows - rows.mean(dim=0)
    (error,) = jackknife_groups.of_eigenvalues(
        [number], lam.flip(0), vectors.flip(1), about, grouped, count, centred=True
    )
    return error


@pytest.mark.parametrize("number", [entropy, log_participation])
def test_where_slopes_matter_it_is_the_plain_jackknife_of_groups(number) -> None:  # type: ignore[no-untyped-def]
    """Steep spectra, 300 groups of 5: one group left out at a time gives the same standard error within 10 %."""
    rows, owner = in_groups(300, 5, 6, 0.8, seeded(4), power=3)
    assert ours(rows, owner, number, 400).size == pytest.approx(leaving_out(rows, owner, number), rel=0.1)


def test_groups_of_one_row_are_rows() -> None:
    """But for G - 1 in place of G and the rows' order, which decides whose pairs are looked at."""
    rows = torch.randn(400, 6, generator=seeded(5), dtype=torch.float64) * torch.arange(1, 7) ** -1.0
    lam, vectors = torch.linalg.eigh(moments(rows).covariance)
    weights, about = torch.ones(400, dtype=torch.float64), rows - rows.mean(dim=0)
    (plain,) = of_eigenvalues([entropy], lam.flip(0), vectors.flip(1), about, weights, centred=True)
    error = ours(rows, torch.arange(400), entropy, 400)
    assert error.size == pytest.approx(plain.size * math.sqrt(400 / 399), rel=0.02)
    grouped = units(rows, torch.arange(400), torch.zeros(0, dtype=torch.int64), seeded())
    variances = rows.var(dim=0)
    trace = [lambda v: v.sum(dim=-1).log()]
    (one,) = jackknife_groups.of_variances(trace, variances, grouped.rows - rows.mean(dim=0), grouped)
    (other,) = of_variances(trace, variances, about, weights)
    assert one.size == pytest.approx(other.size * math.sqrt(400 / 399), rel=0.02)


def test_pairs_of_groups_of_one_row_are_pairs_of_rows() -> None:
    """At isotropy slopes are nothing, and what pairs do together is all of the error: in the mean of 20, the same."""
    squares, plain = 0.0, 0.0
    for seed in range(20):
        rows = torch.randn(400, 12, generator=seeded(seed), dtype=torch.float64)
        lam, vectors = torch.linalg.eigh(moments(rows).covariance)
        weights, about = torch.ones(400, dtype=torch.float64), rows - rows.mean(dim=0)
        (error,) = of_eigenvalues([entropy], lam.flip(0), vectors.flip(1), about, weights, centred=True)
        plain += error.size**2
        squares += ours(rows, torch.arange(400), entropy, 400).size ** 2
    assert squares / plain == pytest.approx(1, abs=0.15)


def test_copies_have_the_interval_of_the_distinct_rows() -> None:
    """Every row ten times: as each once, and not a third of it."""
    rows = torch.randn(300, 8, generator=seeded(6)) * torch.arange(1, 9) ** -1.0
    once, often = spectrum(rows, seeded()), spectrum(rows.repeat(10, 1), seeded())
    assert (often.distinct, often.effective_samples, often.groups) == (300, 300, None)
    for name in ("effective_rank", "total_variance", "stable_rank"):
        width = [one[1] - one[0] for one in (getattr(s, name).interval for s in (once, often))]
        assert width[1] == pytest.approx(width[0], rel=0.1), name
    assert often.effective_rank == pytest.approx(float(once.effective_rank), rel=1e-2)


def test_forty_rows_many_times_are_forty() -> None:
    """3,000 rows of 40 distinct ones in 128 dimensions, and 40 groups of 50 that hardly differ: 39 directions, as the null."""
    few = torch.randn(40, 128, generator=seeded(7))[torch.randint(40, (3000,), generator=seeded(8))]
    copies = spectrum(few, seeded())
    rows, owner = in_groups(40, 50, 128, 0.99, seeded(9))
    grouped = spectrum(rows, seeded(), groups=owner)
    assert (copies.effective_samples, copies.distinct) == (40, 40)
    assert grouped.groups == 40
    assert 40 <= (grouped.effective_samples or 0) <= 42
    for one in (copies, grouped):
        assert one.active == 39
        assert 39 <= (one.active.null or 0) <= 41  # type: ignore[attr-defined]
        assert one.effective_rank.interval is None  # type: ignore[attr-defined]


def test_fewer_than_eight_groups_have_no_intervals() -> None:
    rows, owner = in_groups(7, 100, 4, 0.1, seeded(10))
    assert spectrum(rows, seeded(), groups=owner).effective_rank.interval is None  # type: ignore[attr-defined]


def test_names_of_groups_and_order_of_rows_change_little() -> None:
    """Another order draws another sample of pairs: the same to a tenth."""
    rows, owner = in_groups(100, 5, 8, 0.7, seeded(11), power=1)
    order, names = torch.randperm(500, generator=seeded(12)), torch.randperm(100, generator=seeded(13))
    one, other = (
        spectrum(each, seeded(), groups=own)
        for each, own in ((rows, owner), (rows[order], names[owner][order]))
    )
    assert other.icc == pytest.approx(one.icc or 0, rel=1e-6)
    assert other.effective_samples == one.effective_samples
    low, high = one.effective_rank.interval, other.effective_rank.interval  # type: ignore[attr-defined]
    assert high[1] - high[0] == pytest.approx(low[1] - low[0], rel=0.1)


def test_many_groups_are_sampled_with_the_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three groups have half of the rows: they stand for themselves, and the weights are of all groups."""
    sizes = torch.cat([torch.full((400,), 3), torch.full((3,), 400)])
    owner = torch.arange(403).repeat_interleave(sizes)
    rows = torch.randn(len(owner), 5, generator=seeded(14), dtype=torch.float64)
    monkeypatch.setattr(room, "UNITS", 100)
    monkeypatch.setattr(room, "SPECIAL", 10)
    grouped = units(rows, owner, torch.tensor([0]), seeded())
    assert float(grouped.weights.sum()) == pytest.approx(403)
    large = grouped.sizes > 50 * 403 / len(owner)
    assert int(large.sum()) == 3
    assert bool((grouped.weights[large] == 1).all())
    assert float((grouped.weights * grouped.sizes).sum()) == pytest.approx(403, rel=0.02)


def cover(kind: str, size: int, icc: float, times: int) -> dict[str, float]:
    """Of intervals by 100 groups in 16 dimensions: in %, how many hold the mean of the number over the replications."""
    generator, every = seeded(size), []
    for _ in range(times):
        rows, owner = in_groups(100, size, 16, icc, generator, power=1.0 if kind == "power law" else 0.0)
        if kind == "low rank":
            rows = rows * torch.where(torch.arange(16) < 2, 1.0, 0.05)
        every.append(spectrum(rows, generator, groups=owner))
    return {
        name: _covered(every, name)
        for name in ("effective_rank", "participation_ratio", "total_variance", "rankme")
    }


def _covered(every: list[Spectrum], name: str) -> float:
    values = [getattr(one, name) for one in every]
    mean = sum(values) / len(values)
    return 100 * sum(one.interval[0] <= mean <= one.interval[1] for one in values) / len(values)


def test_intervals_by_groups_cover() -> None:
    """40 draws of 100 groups of 20 at .9, a power law: nominal 95 %, so that fewer than 33 are rare; of rows 25 to 45 % cover."""
    assert min(cover("power law", 20, 0.9, 40).values()) >= 82


@pytest.mark.slow
@pytest.mark.parametrize("icc", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("size", [5, 20])
@pytest.mark.parametrize("kind", ["isotropic", "low rank", "power law"])
def test_intervals_by_groups_cover_at_length(kind: str, size: int, icc: float) -> None:
    """200 draws: 90 % or more, but for three binomial standard errors (6 %)."""
    shares = cover(kind, size, icc, 200)
    assert min(shares.values()) >= 84, shares


@pytest.mark.parametrize(
    ("d", "pairs"), [(1, 128), (724, 128), (727, 126), (1024, 64), (2048, 16), (2200, 16), (5000, 16)]
)
def test_fewer_pairs_of_groups_in_many_dimensions(d: int, pairs: int) -> None:
    """2^26 numbers in their matrices: 128 of up to 724 dimensions, and never fewer than 16."""
    assert jackknife_groups.pairs_of(d) == pairs


@pytest.mark.parametrize(
    ("groups", "degrees", "left"),
    [(10, 100.0, 9), (10, 2.0, 4), (3, 2.0, 2), (3, 9.0, 2), (2, 5.0, 1), (101, 50.0, 50)],
)
def test_few_groups_have_few_degrees(groups: int, degrees: float, left: float) -> None:
    """G - 1 at most, and four at least where there are as many; the variance is divided by G - 1."""
    one = room.Units(*[torch.zeros(1)] * 5, groups)  # type: ignore[arg-type]
    found = jackknife_groups.of_few(Error(3.0, degrees), one)
    assert (found.size, found.degrees) == (pytest.approx(3 * math.sqrt(groups / (groups - 1))), left)


@pytest.mark.parametrize(("largest", "step"), [(0.5, 1e-4), (1.0, 1e-4), (4.0, 2.5e-5)])
def test_the_largest_group_pushes_no_eigenvalue_below_zero(largest: float, step: float) -> None:
    one = room.Units(*[torch.zeros(1)] * 3, torch.tensor([0.1, largest]), torch.zeros(2), 2)  # type: ignore[arg-type]
    assert jackknife_groups._step(one) == pytest.approx(step)


@pytest.mark.parametrize("centred", [True, False])
def test_what_two_groups_do_together_is_the_slow_loop(centred: bool) -> None:
    """Three groups of 1, 2 and 3 rows that stand for twice as many: sum_l A_kl A'_kl angle_kl, less the product of their sums."""
    turned, angles = (
        torch.randn(6, 3, generator=seeded()).double(),
        torch.randn(3, 3, generator=seeded(1)).double(),
    )
    owner, share = torch.tensor([0, 1, 1, 2, 2, 2]), torch.full((6,), 2.0).double()
    one = room.Units(turned, owner, share, torch.tensor([1.0, 2, 3]).double(), torch.ones(3).double(), 3)
    first, second = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])
    found = jackknife_groups._together(turned, one, first, second, angles, centred)
    for p, (g, h) in enumerate(((0, 1), (1, 2), (2, 0))):
        a, b = (2 * turned[owner == k].T @ turned[owner == k] for k in (g, h))
        sums = [2 * turned[owner == k].sum(dim=0) for k in (g, h)]
        for k in range(3):
            expected = sum(float(a[k, m] * b[k, m] * angles[k, m]) for m in range(3))
            expected -= float(sums[0][k] * sums[1][k]) if centred else 0.0
            assert float(found[p, k]) == pytest.approx(expected)


def test_a_group_of_very_many_rows_is_a_sample_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for 60 numbers, of three groups in two dimensions 10 rows each: those of 40 stand for four each, times G/N = 3/60."""
    monkeypatch.setattr(room, "READ", 60)
    owner = torch.arange(3).repeat_interleave(torch.tensor([10, 10, 40]))
    one = units(torch.arange(120).view(60, 2).float(), owner, torch.zeros(0, dtype=torch.int64), seeded())
    assert one.owner.bincount().tolist() == [10, 10, 10]
    assert sorted(set(one.share.tolist())) == pytest.approx([0.05, 0.2])
    assert sorted(one.sizes.tolist()) == pytest.approx([0.5, 0.5, 2])
    assert one.weights.tolist() == [1, 1, 1]
    assert one.summed(torch.ones(30, 1).double())[:, 0].tolist() == pytest.approx(one.sizes.tolist())


def test_rows_that_are_worth_less_than_two_have_a_null_of_two() -> None:
    assert [room.Independent(worth_).count for worth_ in (1.0, 2.0, 2.4, 2.6)] == [2, 2, 2, 3]


def test_groups_are_numbered_anew() -> None:
    assert room.renumbered(torch.tensor([7, 3, 7, 9])).tolist() == [1, 0, 1, 2]
