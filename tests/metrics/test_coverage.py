"""Precision, recall, density, coverage: scikit-learn's neighbours, dropped and invented modes, roles, chance and intervals."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import coverage as room
from collapse_cli.metrics import coverage_balls
from collapse_cli.metrics.coverage import coverage
from collapse_cli.metrics.coverage_balls import Prdc, expected_coverage, prdc, statistics
from collapse_cli.metrics.jackknife import Error
from collapse_cli.metrics.vendi import Distinct

CENTRES = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10]]).double()


def chance(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=chance(seed), dtype=torch.float64)


def modes(n: int, held: int, seed: int = 0) -> Tensor:
    """n rows spread evenly over the first `held` of four modes."""
    return CENTRES[torch.arange(n) % held] + normal(n, 2, seed=seed)


def scikit(real: Tensor, generated: Tensor, k: int) -> Prdc:
    """By scikit-learn's exact neighbours: the first of k + 1 is the row itself."""
    reach = [
        NearestNeighbors(n_neighbors=k + 1, algorithm="kd_tree").fit(rows).kneighbors(rows)[0][:, -1]
        for rows in (real.numpy(), generated.numpy())
    ]
    apart = torch.cdist(real, generated, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    inside, other = apart < reach[0][:, None], apart < reach[1]
    return Prdc(
        inside.any(0).mean(), other.any(1).mean(), inside.sum() / k / len(generated), inside.any(1).mean()
    )


@pytest.mark.parametrize(
    ("n", "m", "d", "k"), [(80, 80, 3, 5), (60, 45, 8, 1), (30, 90, 2, 10), (7, 6, 2, 5)]
)
def test_it_is_scikit_learns(n: int, m: int, d: int, k: int) -> None:
    real, generated = normal(n, d), 0.7 * normal(m, d, seed=1) + 0.3
    assert vars(prdc(real, generated, k)) == pytest.approx(vars(scikit(real, generated, k)), abs=1e-12)


@pytest.mark.parametrize("cells", [1, 70, 1000, 10**9])
def test_how_many_distances_are_held_does_not_matter(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = normal(60, 4), normal(50, 4, seed=1)
    expected = scikit(real, generated, 5)
    monkeypatch.setattr(coverage_balls, "CELLS", cells)
    assert vars(prdc(real, generated)) == pytest.approx(vars(expected), abs=1e-12)


def test_by_hand() -> None:
    """k = 1. Real 0, 1, 3 reach to 1, 1, 2; generated 0.5, 9 reach to 8.5.

    0.5 is inside the balls of 0 and 1, and 0.5 off 3 by 2.5, outside; 9 is nowhere: precision 1/2, density 2/2,
    coverage 2/3. Every real row is within 8.5 of 0.5: recall 1.
    """
    found = prdc(torch.tensor([[0.0], [1], [3]]), torch.tensor([[0.5], [9]]), k=1)
    assert vars(found) == pytest.approx({"precision": 0.5, "recall": 1, "density": 1, "coverage": 2 / 3})


def test_on_the_edge_of_a_ball_is_outside() -> None:
    """k = 1. Real 0 and 1 reach to 1; a generated row at 2 is 1 away from the second: on the edge."""
    found = prdc(torch.tensor([[0.0], [1]]), torch.tensor([[2.0], [50]]), k=1)
    assert (found.precision, found.density, found.coverage) == (0, 0, 0)


@pytest.mark.parametrize("offset", [0, 1e6])
def test_a_set_covers_itself(offset: float) -> None:
    """Every ball holds its own row and the k - 1 nearest, not the k-th on its edge: density is exactly 1.

    Also a million away, where the products of rows have lost six digits.
    """
    rows = normal(200, 5) + offset
    assert vars(prdc(rows, rows.flip(0))) == {"precision": 1, "recall": 1, "density": 1, "coverage": 1}


def test_a_dropped_mode() -> None:
    """Generated rows know three of four modes: a quarter of the real rows is out of reach, everything generated is real."""
    found, full = prdc(modes(400, 4), modes(400, 3, seed=1)), prdc(modes(400, 4), modes(400, 4, seed=1))
    assert found.precision > 0.95
    assert full.recall - found.recall == pytest.approx(1 / 4, abs=0.03)
    assert full.coverage - found.coverage == pytest.approx(1 / 4, abs=0.03)
    assert found.density == pytest.approx(1, abs=0.1)


def test_swapped_arguments_are_told() -> None:
    """The same two sets the other way round: a quarter of the generated rows is of a mode that is not real."""
    found, swapped = (
        prdc(*sets)
        for sets in [(modes(400, 4), modes(400, 3, seed=1)), (modes(400, 3, seed=1), modes(400, 4))]
    )
    assert (swapped.precision, swapped.recall) == (found.recall, found.precision)
    assert swapped.precision == pytest.approx(3 / 4, abs=0.03)
    assert swapped.coverage > 0.9 > found.coverage + 0.1


def test_complete_collapse_of_the_generated() -> None:
    """All generated rows one real row: precise, dense, and covering only the few balls that it lies in; recall 0, for the
    generated balls have no size.
    """
    real = normal(300, 4)
    found = prdc(real, real[:1].repeat(300, 1))
    assert (found.precision, found.recall) == (1, 0)
    assert found.coverage < 0.1


@pytest.mark.parametrize(("n", "m", "k"), [(100, 100, 5), (60, 150, 3), (40, 40, 1)])
def test_expected_coverage(n: int, m: int, k: int) -> None:
    """Against the mean of 60 draws, to 4 of its standard errors; and 1 - 2^-k for ever more rows."""
    draws = [prdc(normal(n, 3, seed=s), normal(m, 3, seed=1000 + s), k).coverage for s in range(60)]
    deviation = torch.tensor(draws).std().item() / 60**0.5
    assert sum(draws) / 60 == pytest.approx(expected_coverage(n, m, k), abs=4 * deviation)
    assert expected_coverage(10**6, 10**6, 5) == pytest.approx(1 - 2**-5, abs=1e-5)
    assert expected_coverage(10_000, 10_000) == pytest.approx(0.96877, abs=1e-5)


def test_every_block_left_out_is_what_the_rows_that_stay_would_give() -> None:
    real, generated = modes(120, 4), modes(100, 3, seed=1)
    own, other = torch.arange(120) % 20, torch.arange(100).flip(0) % 20
    found, *without = statistics(real, generated, 5, own, other, 20)
    assert found == prdc(real, generated)
    for block, one in enumerate(without):
        assert vars(one) == pytest.approx(
            vars(prdc(real[own != block], generated[other != block])), abs=1e-12
        )


def test_all_of_it_beside_chance() -> None:
    """A dropped mode again; Vendi with a kernel as wide as the modes counts four and three of them, to some extent."""
    found = coverage(modes(400, 4), modes(300, 3, seed=1), chance(), width=3.0)
    assert (found.real, found.generated, found.k, found.compared) == (400, 300, 5, 300)
    for name, value in vars(prdc(modes(400, 4), modes(300, 3, seed=1))).items():
        assert getattr(found, name) == value
    assert found.coverage.null == expected_coverage(400, 300)
    assert found.density.null == 1
    assert found.precision.null == found.recall.null > 0.9
    assert found.recall.interval[1] < found.recall.null
    assert found.coverage.interval[1] < found.coverage.null
    assert found.vendi_ratio == pytest.approx(found.vendi_generated / found.vendi_real)
    assert found.vendi_ratio == pytest.approx(0.78, abs=0.05)
    assert found.vendi_ratio.interval[1] < 1
    assert found.vendi_generated.null == found.vendi_real


def test_sets_of_one_distribution_are_at_chance() -> None:
    """All four, and the ratio, within their intervals of it: recall and precision of halves, which are smaller, nearly."""
    found = coverage(normal(400, 4), normal(400, 4, seed=1), chance())
    for name in ("precision", "recall", "density", "coverage", "vendi_ratio"):
        value = getattr(found, name)
        assert value.interval[0] <= value.null <= value.interval[1], name


def test_intervals_cover() -> None:
    """40 draws of rows that partly cover others: the mean lies in at least 36 of them, and they are up to twice too wide."""
    found = [
        coverage(normal(200, 4, seed=s), 0.7 * normal(200, 4, seed=900 + s) + 0.4, chance())
        for s in range(40)
    ]
    for name in ("precision", "recall", "density", "coverage"):
        values = [getattr(one, name) for one in found]
        mean = sum(values) / 40
        assert sum(value.interval[0] <= mean <= value.interval[1] for value in values) >= 36, name
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / 39)
        assert sum(v.interval[1] - v.interval[0] for v in values) / 40 / 4.19 < 2.2 * spread, name


def test_a_share_of_0_is_not_sure() -> None:
    """Nothing of n rows: Wilson's interval ends at z^2 / (n + z^2), 3.84 / 53.84 of the 50 generated rows that precision is a
    share of, 3.84 / 103.84 of the 100 real ones.
    """
    found = coverage(normal(100, 3), normal(50, 3, seed=1) + 100, chance())
    assert found.precision == found.recall == found.coverage == 0
    assert found.precision.interval == pytest.approx((0, 0.07135), abs=1e-4)
    assert found.recall.interval == found.coverage.interval == pytest.approx((0, 0.03699), abs=1e-4)


def test_the_jackknife_over_twentieths_by_hand() -> None:
    """Values .49 and .51 by turns, mean .5: error sqrt(19/20 x 20 x .01^2) = .043589, times 2.0930, the t of 19 degrees."""
    half = 2.093024 * math.sqrt(19e-4)
    assert room._interval(0.7, [0.49, 0.51] * 10, 0) == pytest.approx((0.7 - half, 0.7 + half), rel=1e-6)


def test_the_ratio_of_independent_scores() -> None:
    """Errors .03 and .04 of the logarithms make .05, with the fewer degrees of freedom, 10, whose t is 2.2281."""
    one, other = Distinct(4.0, Error(0.03, 20)), Distinct(2.0, Error(0.04, 10))
    for sets, ratio in (((one, other), 0.5), ((other, one), 2.0)):
        found = room._compared(*sets)["vendi_ratio"]
        assert (found, found.null) == (ratio, 1)
        by = math.exp(0.05 * 2.228139)
        assert found.interval == pytest.approx((ratio / by, ratio * by), rel=1e-6)


def test_blocks_are_equal_and_at_random() -> None:
    """Rows sorted by class, every twentieth of one kind: a block must not be that kind."""
    blocks = room._blocks(100, chance())
    assert blocks.bincount().tolist() == [5] * 20
    assert not torch.equal(blocks, torch.arange(100) % 20)
    assert not torch.equal(blocks, room._blocks(100, chance(1)))


def test_the_null_is_of_two_halves_that_share_no_row() -> None:
    """Scikit-learn's precision and recall of one half by the other, which are each other's; 41 rows: one stands aside."""
    real, order = normal(41, 3), torch.randperm(41, generator=chance(7))
    halves = scikit(real[order[:20]], real[order[20:40]], 2)
    found = room._chance(real, 30, 2, chance(7))
    assert found["precision"] == found["recall"] == pytest.approx((halves.precision + halves.recall) / 2)
    assert (found["density"], found["coverage"]) == (1, expected_coverage(41, 30, 2))
    assert found["precision"] < 0.95


def test_few_rows_have_no_interval_and_fewer_no_answer() -> None:
    """2 k + 20 rows of each for an interval; k + 1 for a ball; for the null, two halves of that."""
    assert coverage(normal(29, 2), normal(30, 2), chance()).precision.interval is None
    assert coverage(normal(30, 2), normal(30, 2), chance()).precision.interval is not None
    assert coverage(normal(11, 2), normal(6, 2), chance()).precision.null is None
    assert coverage(normal(12, 2), normal(6, 2), chance()).precision.null is not None
    for sets in ((normal(5, 2), normal(9, 2)), (normal(9, 2), normal(5, 2))):
        with pytest.raises(CollapseError, match="5 embeddings do not have 5 neighbours") as error:
            prdc(*sets)
        assert error.value.code == 3


def test_what_cannot_be_compared() -> None:
    with pytest.raises(CollapseError, match="have 3 dimensions, the generated ones 2"):
        prdc(normal(9, 3), normal(9, 2))
    with pytest.raises(CollapseError, match="1 of 9 embeddings"):
        prdc(normal(9, 3), normal(9, 3).index_fill(0, torch.tensor([4]), math.nan))


@pytest.mark.slow
def test_published_values() -> None:
    """Of the reference implementation's README, for 10,000 normal rows of 1000 numbers each.

    Of draws: shares agree to 0.03; a density has expectation 1 whatever D, and in so many dimensions varies by 0.05.
    """
    found = prdc(normal(10_000, 1000), normal(10_000, 1000, seed=1))
    assert (found.precision, found.recall) == pytest.approx((0.4772, 0.4705), abs=0.03)
    assert found.coverage == pytest.approx(0.9735, abs=0.01)
    assert found.density == pytest.approx(1.0555, abs=0.15)
