"""Modes and quality against closed forms, planted collapses, and the faults that are known of others' code."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import entropy

from collapse_cli.errors import CollapseError
from collapse_cli.labs import gan_targets
from collapse_cli.metrics import modes as m
from collapse_cli.metrics.vendi import vendi

RING = gan_targets.ring()
CENTRES = RING.anchors.rows


def drawn(count: int, generator: torch.Generator, only: int = 8, std: float = 0.05) -> torch.Tensor:
    """Samples of the first `only` modes of the ring, the same number of each but for a remainder."""
    return CENTRES[torch.arange(count) % only] + std * torch.randn(count, 2, generator=generator)


def test_a_perfect_sampler_has_989_per_mille_of_high_quality(generator: torch.Generator) -> None:
    """r² / std² is chi-squared with 2 degrees: P(r < 3 std) = 1 - exp(-9/2) = .98889, ± .0007 (2 sd) of 100,000 samples."""
    assert RING.perfect == pytest.approx(1 - math.exp(-4.5))
    assert m.high_quality(drawn(100_000, generator), RING.anchors) == pytest.approx(0.98889, abs=0.0008)


def test_within_reach_is_strict() -> None:
    """Three std and not a hair more: exactly representable, std .25 about the origin reaches .75."""
    anchors = m.Anchors(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long), 0.75)
    samples = torch.tensor([[0.75, 0.0], [0.7499, 0.0], [0.0, -0.75], [0.6, 0.6]])  # |(.6, .6)| = .849
    assert m.nearest(samples, anchors)[1].tolist() == [False, True, False, False]


def test_one_mode_is_a_reverse_kl_of_log_8_and_all_alike_of_0(generator: torch.Generator) -> None:
    assert m.reverse_kl(drawn(400, generator, only=1), RING.anchors) == pytest.approx(math.log(8))
    assert m.reverse_kl(drawn(400, generator), RING.anchors) == pytest.approx(0, abs=1e-12)
    assert m.reverse_kl(drawn(400, generator, only=4), RING.anchors) == pytest.approx(math.log(2))


def test_reverse_kl_is_scipys_relative_entropy(generator: torch.Generator) -> None:
    samples = torch.randn(3000, 2, generator=generator) + 0.5
    part = torch.cdist(samples, CENTRES).argmin(dim=1).bincount(minlength=8) / 3000
    assert m.reverse_kl(samples, RING.anchors) == pytest.approx(entropy(part, [1 / 8] * 8), rel=1e-6)


def test_reverse_kl_counts_poor_samples_too() -> None:
    """Far outside every reach, in the direction of mode 0: still one mode."""
    samples = 5 * CENTRES[:1].expand(50, 2)
    assert m.reverse_kl(samples, RING.anchors) == pytest.approx(math.log(8))
    assert m.high_quality(samples, RING.anchors) == 0


@pytest.mark.parametrize("only", [1, 3, 8])
def test_a_planted_collapse_is_counted(only: int, generator: torch.Generator) -> None:
    samples = drawn(1000, generator, only)
    assert m.captured(samples, RING.anchors) == m.captured(samples, RING.anchors, m.HELD) == only


@pytest.mark.parametrize(("strays", "held"), [(9, 1), (10, 2), (11, 2)])
def test_a_mode_is_held_by_one_per_cent_and_touched_by_one_sample(strays: int, held: int) -> None:
    """Of 1000 samples, 9, 10 or 11 sit on mode 1: 10 are exactly 1 %."""
    samples = CENTRES[[0] * (1000 - strays) + [1] * strays]
    assert m.captured(samples, RING.anchors, m.HELD) == held
    assert m.captured(samples, RING.anchors) == 2
    assert m.modes(samples, samples, RING.anchors).near == held


def test_a_share_is_of_all_samples_not_of_the_good_ones() -> None:
    """5 good samples of mode 1 beside 995 that are of no use: .5 % of all, though all that is good."""
    samples = torch.cat([CENTRES[[1] * 5], torch.zeros(995, 2)])
    assert m.captured(samples, RING.anchors, m.HELD) == 0
    assert m.captured(samples, RING.anchors) == 1


def test_the_order_of_centres_means_nothing(generator: torch.Generator) -> None:
    samples = torch.randn(500, 2, generator=generator) * 1.5
    order = torch.randperm(8, generator=generator)
    other = m.Anchors(CENTRES[order], torch.arange(8), RING.anchors.reach)
    for measure in (m.captured, m.high_quality, m.reverse_kl):
        assert measure(samples, other) == pytest.approx(measure(samples, RING.anchors), abs=1e-12)


def test_several_anchors_may_be_of_one_mode() -> None:
    """As with images: three anchors, two modes; a sample is of the mode of its nearest."""
    anchors = m.Anchors(torch.tensor([[0.0], [1.0], [5.0]]), torch.tensor([0, 1, 1]), 0.2)
    samples = torch.tensor([[0.1], [0.9], [4.0], [5.1]])
    mode, good = m.nearest(samples, anchors)
    assert (mode.tolist(), good.tolist()) == ([0, 1, 1, 1], [True, True, False, True])
    assert (anchors.count, m.captured(samples, anchors)) == (2, 2)
    assert m.shares(samples, anchors).tolist() == [0.25, 0.75]


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(CollapseError, match="1 of 3 embeddings"):
        m.high_quality(torch.tensor([[0.0, 0.0], [math.nan, 0.0], [1.0, 1.0]]), RING.anchors)


def test_modes_and_quality_part(generator: torch.Generator) -> None:
    """Two modes of eight, perfectly drawn, beside all eight drawn ten times too wide.

    The first is the better by quality and precision, the second by modes near, recall and coverage: of the real samples the
    first covers two modes of eight, a quarter.
    """
    real = RING.draw(1000, generator)
    collapsed = m.modes(drawn(1000, generator, only=2), real, RING.anchors)
    wide = m.modes(drawn(1000, generator, std=0.5), real, RING.anchors)
    assert (collapsed.held, collapsed.near, wide.near) == (2, 2, 8)
    assert collapsed.high_quality > 0.97 > 0.1 > wide.high_quality
    assert collapsed.precision > 0.97 > 0.3 > wide.precision
    assert collapsed.coverage == pytest.approx(0.25, abs=0.04)
    assert collapsed.recall < 0.3 < 0.9 < wide.recall
    assert collapsed.density == pytest.approx(
        1, abs=0.1
    )  # k of the real balls hold a sample that lies among them
    assert collapsed.reverse_kl == pytest.approx(math.log(4))


def test_vendi_counts_modes(generator: torch.Generator) -> None:
    """Points at the very centres of k modes, which are many kernel widths apart, are k distinct samples."""
    real = RING.draw(1000, generator)
    for only in (1, 3, 8):
        assert m.modes(drawn(1000, generator, only, std=0.0), real, RING.anchors).vendi == pytest.approx(
            only, rel=1e-3
        )
    samples = drawn(1000, generator)
    found = m.modes(samples, real, RING.anchors).vendi
    assert found == pytest.approx(vendi(samples[:500], 3 * 0.05)), "the first 500, a kernel of 3 std"


def test_over_runs_is_the_mean_with_both_ends(generator: torch.Generator) -> None:
    real = RING.draw(1000, generator)
    runs = [m.modes(drawn(1000, generator, only), real, RING.anchors) for only in (1, 2, 6)]
    perfect = m.modes(real, real, RING.anchors)
    found = m.over(runs, perfect)
    assert (found.held, found.held.interval) == (3, (1, 6))
    assert found.by_share[0] == pytest.approx((1 + 1 / 2 + 1 / 6) / 3, abs=1e-3)
    assert found.by_share.null == tuple(perfect.by_share)
    assert m.over(runs[:1], perfect).held.interval is None
    assert m.over(runs[:2], perfect).held.interval == (1, 2)


@pytest.mark.parametrize(
    ("only", "std", "status"), [(3, 0.05, "mode collapse"), (8, 0.8, "blurred"), (8, 0.07, "all modes")]
)
def test_verdicts(only: int, std: float, status: str, generator: torch.Generator) -> None:
    real = RING.draw(1000, generator)
    found = m.modes(drawn(1000, generator, only, std), real, RING.anchors)
    said = m.verdict(found, 8, RING.perfect)
    assert said.status == status
    assert "perfect sampler: 98.9 %" in said.sentence


@pytest.mark.parametrize(
    ("near", "quality", "status"),
    [
        (18.9, 1.0, "mode collapse"),
        (19, 1.0, "all modes"),
        (19, 0.2, "all modes"),
        (19, 0.19, "blurred"),
        (18.9, 0.19, "mode collapse"),
    ],
)
def test_where_verdicts_turn(near: float, quality: float, status: str) -> None:
    """Of 20 modes in the mean over seeds 19 are .95 of them; of a perfect sampler's .8 a quarter is .2."""
    found = m.modes(CENTRES, CENTRES, RING.anchors)
    assert m.verdict(replace(found, near=near, high_quality=quality), 20, 0.8).status == status


def test_the_balance_leaves_a_diverged_run_open() -> None:
    """One row of two rates with two seeds: 8 and 1 modes make 4.5; nan in one seed is nan."""
    well, poor = CENTRES.repeat(10, 1), CENTRES[:1].repeat(80, 1)
    broken = torch.full_like(well, math.nan)
    found = m.balance(
        [torch.stack([torch.stack([well, poor]), torch.stack([well, broken])])], RING.anchors, (1,), (0.5, 5)
    )
    assert found.held[0][0] == 4.5
    assert math.isnan(found.held[0][1])
    assert found.high_quality[0][0] == 1
    assert (found.held.row_names, found.held.column_names) == (("1",), ("0.5", "5"))


def test_the_best_balance_of_a_map() -> None:
    """7 of 8 modes twice, the better one of them with .5 of the samples good; nan is no balance."""
    whole = m.Balance(
        m.Matrix([[7, 2], [math.nan, 7]], ["1", "2"], ["0.2", "5"]),
        m.Matrix([[0.1, 0.9], [math.nan, 0.5]], ["1", "2"], ["0.2", "5"]),
    )
    said = m.best(whole, 8)
    assert said.status == "mode collapse"
    assert said.sentence == (
        "most modes, 7 of 8, with the learning rate of D 5 times that of G and 2 steps of D for each step of G: "
        "50 % of the "
        "samples are of high quality"
    )
    assert said.reasons == (
        "fewest modes, 2 of 8, with the learning rate of D 5 times that of G and 1 steps of D for each step of G",
    )
    assert m.best(whole, 7).status == "all modes"
    lost = m.Matrix([[math.nan]], ["1"], ["1"])
    assert m.best(m.Balance(lost, lost), 8).sentence == "training has diverged for every setting"
