"""Verdicts: the four statuses, their thresholds, and that worse evidence never makes a healthier one."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.metrics.verdict import COMPLETE, DIMENSIONAL, verdict
from collapse_cli.results import Measured

WORST_FIRST = ["complete collapse", "dimensional collapse", "healthy"]


def evidence(
    n: int = 1000, d: int = 64, spread: float = 1.0, lives: int = 64, chance: float | None = 64
) -> Spectrum:
    """A Spectrum of which only what a verdict reads is set."""
    values = dict.fromkeys((field.name for field in dataclasses.fields(Spectrum)), 0)
    alive = Measured(lives, null=chance)
    return Spectrum(**(values | {"rows": n, "dimensions": d, "std_sqrt_d": spread, "alive": alive}))


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
    ],
)
def test_thresholds(given: dict[str, float], status: str) -> None:
    """std·√d below .25; fewer than half of the living directions of isotropic rows (D where unknown); N <= D."""
    assert (COMPLETE, DIMENSIONAL) == (0.25, 0.5)
    assert verdict(evidence(**given)).status == status


def test_a_verdict_says_why() -> None:
    found = verdict(evidence(lives=5))
    assert found.sentence == "dimensional collapse: 5 of 64 dimensions live"
    assert "5 directions above 1 % of the largest, 64 in isotropic rows" in found.reasons[0]
    assert "N = 64 <= D = 64" in verdict(evidence(n=64)).reasons[0]


rank, level = st.integers(0, 64), st.floats(0, 2)


@given(rank, rank, level, level)
def test_monotone(one: int, other: int, spread: float, wider: float) -> None:
    (fewer, more), (low, high) = sorted((one, other)), sorted((spread, wider))
    worse, better = (
        verdict(evidence(lives=fewer, spread=low)),
        verdict(evidence(lives=more, spread=high)),
    )
    assert WORST_FIRST.index(worse.status) <= WORST_FIRST.index(better.status)
