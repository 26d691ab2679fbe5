"""Standard errors against the plain jackknife, closed forms, and repetition; a light version of the coverage table."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy.stats import t as student
from torch import Tensor

from collapse_cli.metrics.eigenvalues import eigenvalues
from collapse_cli.metrics.jackknife import (
    Error,
    derivatives,
    error_of,
    neighbours,
    of_eigenvalues,
    of_mean,
    of_pairs,
    of_variances,
    partners,
    raised,
    share_of_pairs,
    share_of_spectra,
)
from collapse_cli.metrics.moments import merge, moments, without
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.ranks import entropy, log_participation, log_stable
from collapse_cli.metrics.rows import unit
from collapse_cli.metrics.spectrum import spectrum

Number = Callable[[Tensor], Tensor]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def falling(n: int, d: int, generator: torch.Generator, power: float = 1.0) -> Tensor:
    """(n, d): lambda_j = j^-power."""
    fall = torch.arange(1, d + 1, dtype=torch.float64) ** (-power / 2)
    return torch.randn(n, d, generator=generator, dtype=torch.float64) * fall


def ours(numbers: list[Number], rows: Tensor) -> list[Error]:
    """Of functions of the covariance's eigenvalues, from all rows."""
    lam, vectors = torch.linalg.eigh(moments(rows).covariance)
    return of_eigenvalues(
        numbers,
        lam.flip(0),
        vectors.flip(1),
        rows - rows.mean(dim=0),
        torch.ones_like(rows[:, 0]),
        centred=True,
    )


def leaving_out(number: Number, rows: Tensor, blocks: int) -> float:
    """The textbook's: every block of rows left out in turn, the number computed anew."""
    whole, left = moments(rows), []
    for k in range(blocks):
        rest = without(whole, moments(rows[k::blocks]))
        left.append(float(number(eigenvalues(rest.covariance))))
    found = torch.tensor(left, dtype=torch.float64)
    return math.sqrt((blocks - 1) / blocks * float((found - found.mean()).square().sum()))


@pytest.mark.parametrize("number", [entropy, log_participation, log_stable])
def test_where_slopes_matter_it_is_the_plain_jackknife(number: Number) -> None:
    """Steep spectra, 800 rows: one row left out at a time gives the same standard error within 5 %."""
    rows = falling(800, 6, seeded(), power=3)
    assert ours([number], rows)[0].size == pytest.approx(leaving_out(number, rows, 800), rel=0.05)


@pytest.mark.parametrize("number", [entropy, log_participation])
def test_where_pairs_matter_it_is_half_its_variance(number: Number) -> None:
    """At isotropy ranks have no slope. 60 draws: the plain jackknife's mean variance is twice the true one, ours is not."""
    generator, n, d = seeded(1), 320, 16
    values, own, plain = [], [], []
    for _ in range(60):
        rows = torch.randn(n, d, generator=generator, dtype=torch.float64)
        values.append(float(number(eigenvalues(moments(rows).covariance))))
        own.append(ours([number], rows)[0].size ** 2)
        plain.append(leaving_out(number, rows, 20) ** 2)
    true = float(torch.tensor(values, dtype=torch.float64).var())  # itself to 18 %
    assert sum(plain) / 60 / true > 1.5
    assert 0.7 < sum(own) / 60 / true < 1.5


def test_a_largest_among_equals_is_no_wider_than_it_is() -> None:
    """The largest of 32 equal eigenvalues: its own direction's slope alone would be a standard error 2.3 times too large."""
    generator = seeded(2)
    draws = [torch.randn(320, 32, generator=generator, dtype=torch.float64) for _ in range(60)]
    values = torch.stack([log_stable(eigenvalues(moments(rows).covariance)) for rows in draws])
    sizes = [ours([log_stable], rows)[0].size for rows in draws]
    assert 0.75 < sum(sizes) / 60 / float(values.std()) < 1.5


def test_turning_and_scaling_change_nothing() -> None:
    rows = falling(300, 7, seeded(3))
    turn, _ = torch.linalg.qr(torch.randn(7, 7, generator=seeded(4), dtype=torch.float64))
    one, other = ours([entropy], rows)[0], ours([entropy], 1e3 * rows @ turn)[0]
    assert (other.size, other.degrees) == pytest.approx((one.size, one.degrees), rel=1e-7)


def test_four_times_the_rows_halve_it() -> None:
    sizes = [ours([entropy], falling(n, 8, seeded(5)))[0].size for n in (1000, 4000)]
    assert sizes[0] / sizes[1] == pytest.approx(2, rel=0.1)


def test_equal_eigenvalues_are_no_trouble() -> None:
    """Rows +-e_k: every row pushes one eigenvalue up as all others do theirs, so no rank of them moves."""
    rows = torch.eye(8, dtype=torch.float64).repeat(10, 1)
    errors = ours([entropy, log_participation], torch.cat([rows, -rows]))
    assert [error.size for error in errors] == pytest.approx([0, 0], abs=1e-12)


def test_of_a_mean_it_is_the_textbooks() -> None:
    values = torch.tensor([1.0, 2, 4, 9], dtype=torch.float64)
    error = of_mean(values)
    assert error.size == pytest.approx(float(values.std()) / 2)
    low, high = error.around(4.0)
    assert (high - low) / 2 == pytest.approx(error.size * student.ppf(0.975, 3))
    assert (high + low) / 2 == pytest.approx(4)


def of_kernel(kernel: Tensor) -> Error:
    """The error of the mean of k_ij over i != j, from the matrix (N,N)."""
    n = len(kernel)
    kernel = kernel - kernel.diag().diag()
    means = kernel.sum(dim=1) / (n - 1)
    mean, square = float(means.mean()), float(kernel.square().sum()) / (n * (n - 1))
    influences = 2 * (means - mean)
    together = 4 * (square - mean**2) - 2 * float(influences.square().mean())
    return of_pairs(influences, max(together, 0.0))


def test_of_pairs_where_rows_do_all() -> None:
    """k = x + y: twice the mean of x, of standard error 2 std(x) / sqrt(N), and no pair does more than its rows."""
    x = torch.randn(500, generator=seeded(6), dtype=torch.float64)
    assert of_kernel(x[:, None] + x).size == pytest.approx(2 * float(x.std()) / math.sqrt(500), rel=0.01)


def test_of_pairs_where_pairs_do_all() -> None:
    """k = x . y / sqrt(d) of normal x, y in d = 16 dimensions: variance 2 / (N(N-1)); rows have influence by chance alone.

    The mean variance over 200 draws is it or a little more, for the larger of two estimates is taken, not its double.
    """
    generator, n, d = seeded(6), 100, 16
    draws = torch.randn(200, n, d, generator=generator, dtype=torch.float64)
    mean = sum(of_kernel(x @ x.T / d**0.5).size ** 2 for x in draws) / 200
    assert 0.95 < mean / (2 / (n * (n - 1))) < 1.5


def test_variances_alone() -> None:
    """log of the trace, of Gaussian rows: its variance is 2 sum v^2 / (sum v)^2 / N, whatever the axes."""
    rows = falling(4000, 5, seeded(7))
    variances = rows.var(dim=0)
    error = of_variances(
        [lambda v: v.sum(dim=-1).log()], variances, rows - rows.mean(dim=0), torch.ones_like(rows[:, 0])
    )[0]
    share = variances / variances.sum()
    assert error.size == pytest.approx(math.sqrt(2 * float(share.square().sum()) / 4000), rel=0.05)


def test_the_fewest_degrees_of_freedom_are_of_the_heaviest_tails() -> None:
    """One row that outweighs all others: 4. Influences of even size: as many as there are rows."""
    influences = torch.zeros(100, dtype=torch.float64)
    influences[0] = 1
    assert of_pairs(influences, 0.0).degrees == 4
    even = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(50)
    assert of_pairs(even, 0.0).degrees > 1000


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_intervals_cover(power: float) -> None:
    """Every interval of a spectrum over 60 draws of N = 20 D: nominal 95 %, so that fewer than 51 or 0 misses are rare.

    tests/benchmarks/coverage.py has the whole table. Counts may always be covered: their intervals go in whole steps.
    """
    generator, found = seeded(8), []
    for _ in range(60):
        found.append(spectrum(falling(240, 12, generator, power), generator))
    for name in ("effective_rank", "effective_rank_raw", "effective_rank_sigma", "rankme", "vendi", "participation_ratio",
                 "isoscore", "stable_rank", "top_share", "alpha", "total_variance", "mean_cosine", "std_sqrt_d"):  # fmt: skip
        values = [getattr(one, name) for one in found]
        mean = sum(values) / len(values)
        covered = sum(value.interval[0] <= mean <= value.interval[1] for value in values)
        assert covered >= 51, name
    for name in ("dimensions_90", "dimensions_95", "dimensions_99", "alive", "above_edge"):
        values = [getattr(one, name) for one in found]
        median = sorted(values)[30]
        assert sum(value.interval[0] <= median <= value.interval[1] for value in values) >= 54, name
        assert all(value.interval[0] == round(value.interval[0]) for value in values)


def test_merged_blocks_leave_the_rest() -> None:
    """The plain jackknife above stands on `without`: what is left is what the other rows give."""
    rows = falling(60, 4, seeded(9))
    seen = gather(rows)
    rest = without(seen.on_sphere, moments(unit(rows)[::6]))
    kept = torch.ones(60, dtype=torch.bool)
    kept[::6] = False
    torch.testing.assert_close(rest.covariance, moments(unit(rows)[kept]).covariance)
    again = merge(without(seen.raw, moments(rows[::6])), moments(rows[::6]))
    torch.testing.assert_close(again.covariance, seen.raw.covariance)


@pytest.mark.parametrize("order", [2, 3, 4, 10])
def test_the_part_that_is_true_of_one_order(order: int) -> None:
    """A statistic of order k alone has ratio (k - 1)/2 and the part 1/k; pairs alone have 1/2; order 1 is the jackknife's own."""
    assert share_of_spectra((order - 1) / 2) == pytest.approx(1 / order)
    assert share_of_spectra(0.0) == share_of_pairs(0.0) == 1
    assert share_of_pairs(0.5) == pytest.approx(0.5)
    assert share_of_pairs(0.25) == 0.75


def test_between_orders_it_stays_above_the_exact_part() -> None:
    """Of orders 1 and 2 mixed it is 1 - ratio exactly: met at either end, and at half of the way .875 in place of .75."""
    between = [share_of_spectra(step / 100) - (1 - step / 100) for step in range(51)]
    assert min(between) == between[0] == pytest.approx(between[-1]) == 0
    assert max(between) == pytest.approx(0.125)
    assert between[25] == pytest.approx(0.125)


def test_an_end_beyond_float64_is_infinite() -> None:
    """exp(709.7) is float64's last; nothing is raised on the way to infinity."""
    assert raised(1.0) == math.e
    assert raised(709.0) == math.exp(709.0)
    assert raised(710.0) == raised(1e300) == math.inf
    assert raised(-1e300) == 0


@pytest.mark.parametrize("n", [2, 3, 12, 100, 200, 256, 257, 1000])
def test_pairs_are_different_ones_for_as_long_as_there_are(n: int) -> None:
    """Of 256 rows 128 pairs hold each row once; of fewer none is a row with itself, and none comes twice before all have come."""
    first, second = (part.tolist() for part in partners(n, torch.device("cpu")))
    assert len(first) == len(second) == 128
    assert {*first, *second} <= set(range(n))
    assert all(one != other for one, other in zip(first, second, strict=True))
    ordered = list(zip(first, second, strict=True))
    assert len(set(ordered)) == min(128, n * (n - 1))
    if n >= 256:
        assert sorted(first + second) == list(range(256)), "disjoint"


def test_slopes_and_how_they_bend() -> None:
    """v1^2 + 3 v1 v2: slopes 2 v1 + 3 v2 and 3 v1; a push (a, b) bends them by 2a + 3b and 3a, whatever the step."""
    values, pushes = torch.tensor([4.0, 1.0]).double(), torch.tensor([[1.0, 0], [0, 1], [2, -1]]).double()
    number = lambda v: v[..., 0] ** 2 + 3 * v[..., 0] * v[..., 1]  # noqa: E731
    slopes, bends = derivatives([number, lambda v: v.sum(dim=-1)], values, pushes)
    assert slopes.tolist() == [pytest.approx([11, 12]), pytest.approx([1, 1])]
    torch.testing.assert_close(
        bends[:, 0], torch.tensor([[2.0, 3], [3, 0], [1, 6]]).double(), rtol=1e-6, atol=1e-6
    )
    torch.testing.assert_close(bends[:, 1], torch.zeros(3, 2).double(), rtol=0, atol=1e-6)


def test_neighbours_among_eigenvalues() -> None:
    """3 and 1 seen through 12 rows: the noise between them is 3 x 1 / 12 = 1/4, the gap 2: e^-16 of either is the other's.

    Of 3 itself the noise is 3/4 and the gap 0. One turns into the other by 1 / sqrt(4 + 4/4); 1 into 3 by the negative of that.
    """
    mixing, angles = neighbours(torch.tensor([3.0, 1.0]).double(), 12)
    own = 1 / (1 + math.exp(-16))
    assert mixing.tolist() == [
        pytest.approx([own, 1 - own], abs=1e-12),
        pytest.approx([1 - own, own], abs=1e-12),
    ]
    assert angles.tolist() == [pytest.approx([0, 5**-0.5]), pytest.approx([-(5**-0.5), 0])]


def test_the_standard_error_and_its_degrees() -> None:
    """-sqrt 3, 0 four times, sqrt 3: variance 1 and a Gaussian's kurtosis, 3, so 600 of them have 2 / (2 / 600) = 600 degrees.

    A pair's mean square of 300 is 300 / (2 x 600) = 1/4 of the jackknife's variance: three quarters of that are true.
    """
    influences = torch.tensor([-(3**0.5), 0, 0, 0, 0, 3**0.5], dtype=torch.float64).repeat(100)
    alone, paired = of_pairs(influences, 0.0), of_pairs(influences + 7, 300.0)
    assert (alone.size, alone.degrees) == (pytest.approx(600**-0.5), pytest.approx(600))
    assert (paired.size, paired.degrees) == (pytest.approx((0.75 / 600) ** 0.5), pytest.approx(600))
    assert of_pairs(torch.ones(9).double(), 0.0) == Error(0.0, 4.0), "no influence, no error"


def test_rows_that_stand_for_many() -> None:
    """Each of the 60 for ten: the same variance over ten times as many, (3 - 1)/600 + 90 x 60 x 3 / 600^2 = .0483 of noise."""
    influences = torch.tensor([-(3**0.5), 0, 0, 0, 0, 3**0.5], dtype=torch.float64).repeat(10)
    error = error_of(influences, torch.full((60,), 10.0).double(), 0.0, share_of_pairs)
    assert error.size == pytest.approx(600**-0.5)
    assert error.degrees == pytest.approx(2 / (2 / 600 + 90 * 60 * 3 / 600**2))


def test_pairs_of_variances_are_pairs_of_rows_at_random() -> None:
    """The trace of rows +-e_1, +-e_2 by turns moves with pairs alone; rows with a weight of their own are in no pair."""
    rows = torch.eye(2).double().repeat(20, 1) * torch.tensor([[1.0], [1], [-1], [-1]]).double().repeat(10, 1)
    rows = torch.cat([rows, 5 * torch.eye(2).double()])  # two long ones, which stand for themselves
    weights = torch.cat([torch.full((40,), 3.0), torch.ones(2)]).double()
    trace = [lambda v: v.sum(dim=-1)]
    found = of_variances(trace, torch.ones(2).double(), rows, weights)[0]
    pushes = (rows.square() - 1).sum(dim=1)
    pairs = torch.stack([-2 * rows[i] @ rows[j] for i in range(40) for j in range(40) if i != j])
    expected = error_of(pushes, weights, float(pairs.square().mean()), share_of_pairs)
    assert (found.size, found.degrees) == (pytest.approx(expected.size), pytest.approx(expected.degrees))
