"""The largest value of the second half of the steps, against a list of all of them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collapse_cli.metrics.recent_peak import MOST, RecentPeak


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=40), st.integers(1, 60))
def test_it_is_the_largest_of_the_second_half(values: list[float], every: int) -> None:
    peak, steps = RecentPeak([]), [1 + every * at for at in range(len(values))]
    for at, value in enumerate(values):
        peak.add(steps[at], value)
        recent = [
            value for step, value in zip(steps, values, strict=True) if steps[at] / 2 <= step <= steps[at]
        ]
        assert peak.value == max(recent)


def test_a_long_fall_is_kept_in_few_numbers_and_never_too_large() -> None:
    """1/step falls throughout: of step n the peak is that of step n/2, rounded up; where steps were dropped, a little less."""
    kept: list[list[float]] = []
    for step in range(1, 5001):
        RecentPeak(kept).add(step, 1 / step)
        assert len(kept) <= MOST
        exact = 1 / -(-step // 2)
        assert 0.95 * exact <= RecentPeak(kept).value <= exact
    assert json.loads(json.dumps(kept)) == kept


def test_before_the_first_value_it_is_0() -> None:
    assert RecentPeak([]).value == pytest.approx(0)


def test_the_last_steps_count_in_any_case() -> None:
    """1/step with least = 200: the peak of step n is that of step max(n - 200, 5) until n = 400, then that of n/2."""
    kept: list[list[float]] = []
    for step in range(5, 1000):
        RecentPeak(kept, 200).add(step, 1 / step)
        exact = 1 / max(5, min(-(-step // 2), step - 200))
        assert 0.9 * exact <= RecentPeak(kept, 200).value <= exact
