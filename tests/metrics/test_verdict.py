"""Verdicts: the four statuses, their bounds and intervals, and that worse evidence never makes a healthier one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from collapse_cli.metrics.advice import Context, advice
from collapse_cli.metrics.ranks import ACTIVE, active
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.metrics.verdict import COMPLETE, DIMENSIONAL, verdict
from collapse_cli.values import Curve, Measured

WORST_FIRST = ["complete collapse", "dimensional collapse", "healthy"]


def evidence(
    n: int = 1000,
    d: int = 64,
    spread: float = 1.0,
    lives: int = 64,
    chance: float | None = 64,
    around: tuple[float, float] | None = None,
    total: tuple[float, float] | None = None,
    **more: Any,
) -> Spectrum:
    """A Spectrum of which only what a verdict reads is set; around, total: intervals of both deciding numbers."""
    values: dict[str, Any] = dict.fromkeys((field.name for field in dataclasses.fields(Spectrum)), 0)
    values |= {
        "eigenvalues": Curve([spread**2 / d] * d),
        "effective_rank_untrained": None,
        "std_sqrt_d": spread,
    }
    values |= {
        "total_variance": Measured(spread**2, interval=total),
        "active": Measured(lives, chance, around),
    }
    return Spectrum(**(values | {"samples": n, "dimensions": d} | more))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"spread": COMPLETE - 1e-6}, "complete collapse"),
        ({"spread": COMPLETE}, "healthy"),
        ({"lives": 31}, "dimensional collapse"),
        ({"lives": 32}, "healthy"),
        ({"lives": 31, "chance": None}, "dimensional collapse"),
        ({"lives": 20, "chance": 40}, "healthy"),
        ({"lives": 19, "chance": 40}, "dimensional collapse"),
        ({"n": 64}, "inconclusive"),
        ({"n": 65}, "healthy"),
        ({"n": 64, "lives": 3}, "inconclusive"),
        ({"n": 64, "spread": 0.01}, "complete collapse"),
        ({"n": 8, "spread": 0.01}, "complete collapse"),
        ({"n": 7, "d": 4, "spread": 0.01}, "inconclusive"),
        ({"lives": 31, "around": (30, 31.9)}, "dimensional collapse"),
        ({"lives": 31, "around": (30, 32)}, "inconclusive"),
        ({"lives": 33, "around": (31.9, 35)}, "inconclusive"),
        ({"lives": 33, "around": (32, 35)}, "healthy"),
        ({"spread": 0.2, "total": (0.03, 0.0624)}, "complete collapse"),
        ({"spread": 0.2, "total": (0.03, 0.0625)}, "inconclusive"),
    ],
)
def test_thresholds(given: dict[str, Any], status: str) -> None:
    """Total variance below .25 squared; active below half of chance (D where unknown); intervals over a bound; N <= D; N < 8."""
    assert (COMPLETE, DIMENSIONAL, ACTIVE) == (0.25, 0.5, 0.03)
    assert verdict(evidence(**given)).status == status


def test_a_verdict_says_why_and_what_to_try() -> None:
    found = verdict(evidence(lives=5, around=(4, 7)), Context(space="z", method="moco", loss=4.0, chance=6.2))
    assert found.sentence == "dimensional collapse: 5 of 64 dimensions are active"
    assert found.reasons[1] == "active dimensions 5 [4, 7], null 64; dimensional collapse is below 32"
    assert "training loss 4, below chance (6.2)" in found.reasons
    assert [one.number for one in found.thresholds] == ["total_variance", "active"]
    assert (found.thresholds[1].bound, found.thresholds[1].below) == (32, "dimensional collapse")
    assert "arXiv:2110.09348" in found.thresholds[1].source
    steps = advice(found.status, evidence(lives=5, around=(4, 7)), Context(space="z", method="moco"))
    assert any("vicreg" in step for step in steps)
    assert found.advice == (), "which is made where it is wanted"
    assert verdict(evidence(n=64)).reasons[1] == "N = 64 <= D = 64: give at least 640 rows"
    assert "--samples 640" in advice("inconclusive", evidence(n=64), Context())[0]


def test_one_point_is_told_from_nearly_one_way() -> None:
    """Below a total variance of .01 a point; above it the mean cosine, 1 less the total variance: .98 of .02."""
    said = {total: verdict(evidence(spread=total**0.5)).sentence for total in (0.009, 0.02)}
    assert said[0.009] == "complete collapse: all images land on one point"
    assert said[0.02] == "complete collapse: all images point nearly one way, mean cosine 0.98"


def test_a_queue_never_full_is_not_judged() -> None:
    """For however collapsed it looks."""
    assert verdict(evidence(spread=0.01), Context(queue=0.4)).status == "inconclusive"
    assert verdict(evidence(spread=0.01), Context(queue=1.0)).status == "complete collapse"


def test_as_many_directions_as_class_means() -> None:
    """10 classes have 9 directions between them."""
    said = {lives: verdict(evidence(lives=lives), Context(classes=10)).sentence for lives in (7, 9, 10, 11)}
    assert ["classes" in said[lives] for lives in (7, 9, 10, 11)] == [False, True, True, False]
    assert "classes" not in verdict(evidence(lives=9)).sentence


@pytest.mark.parametrize(("alignment", "offset"), [(None, True), (0.001, True), (0.03, False)])
def test_an_offset_is_told_from_a_point(alignment: float | None, offset: bool) -> None:
    """Total variance .02: two images lie .04 apart. Where views of one lie .03 apart, nothing is left of the images."""
    seen, context = evidence(spread=0.02**0.5), Context(method="moco", alignment=alignment)
    found = verdict(seen, context)
    assert found.status == "complete collapse"
    assert any("64 of 64 directions" in reason for reason in found.reasons)
    assert any("mean row" in step for step in advice(found.status, seen, context)) == offset


rank, level = st.integers(0, 64), st.floats(0, 2)


@given(rank, rank, level, level)
def test_monotone(one: int, other: int, spread: float, wider: float) -> None:
    (fewer, more), (low, high) = sorted((one, other)), sorted((spread, wider))
    worse, better = (
        verdict(evidence(lives=fewer, spread=low)),
        verdict(evidence(lives=more, spread=high)),
    )
    assert WORST_FIRST.index(worse.status) <= WORST_FIRST.index(better.status)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12))
def test_variance_taken_away_heals_nothing(directions: list[tuple[float, float]]) -> None:
    """Of each direction a share is kept, also of the largest: the scale of `active` is none of theirs."""
    whole = torch.tensor([size for size, _ in directions], dtype=torch.float64) / len(directions)
    kept = whole * torch.tensor([share for _, share in directions], dtype=torch.float64)
    said = [
        verdict(
            evidence(d=len(lam), spread=float(lam.sum()) ** 0.5, lives=active(lam), chance=len(lam))
        ).status
        for lam in (kept, whole)
    ]
    assert WORST_FIRST.index(said[0]) <= WORST_FIRST.index(said[1])
