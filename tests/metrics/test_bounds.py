"""Numbers held against bounds and baselines: judged by hand, and by what no judgement may do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_cli.metrics.bounds import beside, judge, near_zero, no_worse, scaled, worst
from collapse_cli.metrics.tolerances import Tolerance

NUMBERS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("relation", "value", "interval", "result"),
    [
        (">=", 20, None, "pass"),
        (">", 20, None, "fail"),
        ("<=", 20, None, "pass"),
        ("<", 20, None, "fail"),
        (">=", 21, (20, 22), "pass"),
        (">", 21, (20, 22), "inconclusive"),
        (">=", 21, (19.9, 22), "inconclusive"),
        (">=", 19, (18, 20.1), "inconclusive"),
        (">=", 19, (20, 22), "inconclusive"),  # the value contradicts its own interval
        (">=", 19, (18, 19.9), "fail"),
        ("<=", 19, (18, 19.9), "pass"),
        (">=", 21, (None, 22), "inconclusive"),
        (">=", 21, (20, None), "pass"),
        (">=", None, None, "inconclusive"),
    ],
)
def test_judged_at_20(relation: str, value: float | None, interval: tuple | None, result: str) -> None:
    assert judge(relation, 20, value, interval) == result


@given(NUMBERS, NUMBERS, st.floats(0, 10), st.floats(0, 10))
def test_a_relation_and_its_mirror(bound: float, value: float, below: float, above: float) -> None:
    """x >= b where -x <= -b; and x < b is decided where x >= b is, the other way."""
    interval = (value - below, value + above)
    result = judge(">=", bound, value, interval)
    assert judge("<=", -bound, -value, (-interval[1], -interval[0])) == result
    assert judge("<", bound, value, interval) == {"pass": "fail", "fail": "pass"}.get(result, result)


def test_the_worst_that_may_be() -> None:
    """A tenth of a negative number's size is a tenth of its absolute value: -2 may become -1.8."""
    assert worst("high", 20, Tolerance(0.1, True)) == (">=", 18)
    assert worst("low", -2, Tolerance(0.1, True)) == ("<=", -1.8)
    assert worst("high", -2, Tolerance(0.5, False)) == (">=", -2.5)


@pytest.mark.parametrize(
    ("better", "base", "around", "value", "interval", "result"),
    [
        ("high", 20, None, 18, None, "pass"),
        ("high", 20, None, 17.9, None, "fail"),
        ("high", 20, None, 30, (1, 60), "pass"),
        ("high", 20, (19, 21), 16.5, (15.9, 17), "inconclusive"),  # 19 - 2 is 17: in touch
        ("high", 20, (19, 21), 16.4, (15.9, 16.9), "fail"),
        ("low", -2, None, -1.8, None, "pass"),
        ("low", -2, None, -1.79, None, "fail"),
        ("low", -2, (-2.1, -1.9), -1.65, (-1.71, -1.6), "inconclusive"),  # -1.9 + .2 is -1.7
        ("low", -2, (-2.1, -1.9), -1.6, (-1.69, -1.5), "fail"),
        ("high", 20, None, None, None, "inconclusive"),
    ],
)
def test_no_worse_by_a_tenth(
    better: str, base: float, around: tuple | None, value: float | None, interval: tuple | None, result: str
) -> None:
    assert no_worse(better, Tolerance(0.1, True), base, around, value, interval) == result


@pytest.mark.parametrize(
    ("better", "base", "around", "value", "touching", "apart"),
    [
        ("high", 4.0, (3.0, 5.0), 2.0, (1.0, 2.5), (1.0, 2.25)),
        ("low", 2.0, (1.0, 3.0), 4.0, (3.5, 5.0), (3.75, 5.0)),
    ],
)
def test_intervals_that_meet_in_a_point_touch(
    better: str, base: float, around: tuple, value: float, touching: tuple, apart: tuple
) -> None:
    """The baseline's interval shifted by the tolerance, 1/2, ends at 3 - 1/2 and at 3 + 1/2."""
    allowed = Tolerance(0.5, False)
    assert no_worse(better, allowed, base, around, value, touching) == "inconclusive"
    assert no_worse(better, allowed, base, around, value, apart) == "fail"


@given(
    st.sampled_from(["high", "low"]),
    st.floats(0, 1),
    st.booleans(),
    NUMBERS,
    st.floats(0, 10),
    st.floats(0, 1e6),
)
def test_nothing_is_worse_than_itself(
    better: str, share: float, relative: bool, value: float, half: float, gain: float
) -> None:
    """With any tolerance and interval; and what is better passes too."""
    interval = value - half, value + half
    improved = value + gain if better == "high" else value - gain
    for one in (value, improved):
        assert no_worse(better, Tolerance(share, relative), value, interval, one, interval) == "pass"


@pytest.mark.parametrize(
    ("value", "interval", "result"),
    [
        (20, None, "pass"),
        (21, None, "fail"),
        (20, (20, 20), "pass"),
        (20, (19, 21), "inconclusive"),
        (22, (19, 23), "inconclusive"),
        (22, (21, 23), "fail"),
        (22, (20, 23), "inconclusive"),
        (22, (None, 23), "inconclusive"),
    ],
)
def test_equality_with_20(value: float, interval: tuple | None, result: str) -> None:
    """An interval around 20 does not say that it is 20, and one beside it says that it is not."""
    assert judge("==", 20, value, interval) == result


@pytest.mark.parametrize(
    ("relation", "value", "interval", "around", "result"),
    [
        (">=", 19, (15, 23), (18, 20), "pass"),
        (">=", 18.9, (17, 20), (18, 20), "inconclusive"),
        (">=", 16, (15, 17), (18, 20), "fail"),
        (">=", 16, (15, 18), None, "fail"),
        (">=", 16, None, (15, 23), "inconclusive"),
        (">", 19, None, None, "fail"),
        ("<=", 19, None, None, "pass"),
        ("<=", 22, (21, 23), (18, 20), "fail"),
        ("<", 19, (19, 23), (18, 20), "inconclusive"),
    ],
)
def test_beside_a_bound_of_19(
    relation: str, value: float, interval: tuple | None, around: tuple | None, result: str
) -> None:
    """The bound is itself measured: what meets it by value passes, and what misses it fails where the intervals are apart."""
    assert beside(relation, 19, around, value, interval) == result


def test_a_share_of_an_interval() -> None:
    assert scaled((18, 22), 0.5) == (9, 11)
    assert scaled((None, 22), 0.5) == (None, 11)
    assert scaled(None, 0.5) is None


@pytest.mark.parametrize(
    ("better", "around", "value", "interval", "result"),
    [
        ("low", (-0.01, 0.01), 0.0, (-0.02, 0.02), "pass"),
        ("low", (-0.01, 0.01), 0.005, (0.0, 0.01), "pass"),
        ("low", (-0.01, 0.01), 0.05, (0.01, 0.09), "pass"),
        ("low", (-0.01, 0.01), 0.05, (0.02, 0.08), "fail"),
        ("high", (-0.01, 0.01), -0.05, (-0.08, -0.02), "fail"),
        ("low", (-0.01, 0.01), 0.05, None, "fail"),
        ("low", None, 0.05, (0.0, 0.1), "inconclusive"),
        ("low", None, 0.05, None, "fail"),
        ("low", (-0.01, 0.01), None, None, "inconclusive"),
    ],
)
def test_near_zero_a_percentage_says_nothing(
    better: str, around: tuple | None, value: float | None, interval: tuple | None, result: str
) -> None:
    """5 % of a cosine of 0.001 is 0.00005. With an interval that reaches 0 the intervals decide; without one, that 0.00005."""
    assert no_worse(better, Tolerance(0.05, True), 0.001, around, value, interval) == result


def test_an_absolute_tolerance_near_zero_counts() -> None:
    """0.001 + 0.1 is met by 0.09; of 0.2 with 0.01 around it the intervals are apart."""
    around = (-0.01, 0.01)
    assert no_worse("low", Tolerance(0.1, False), 0.001, around, 0.09, (0.05, 0.13)) == "pass"
    assert no_worse("low", Tolerance(0.1, False), 0.001, around, 0.2, (0.19, 0.21)) == "fail"
    assert no_worse("low", Tolerance(0.1, False), 0.001, around, 0.115, (0.105, 0.125)) == "inconclusive"


@pytest.mark.parametrize(
    ("around", "near"),
    [
        ((0.0, 1.0), True),
        ((-1.0, 0.0), True),
        ((0.1, 1.0), False),
        ((-1.0, -0.1), False),
        ((None, -0.1), False),
        ((None, 0.1), True),
        (None, False),
    ],
)
def test_an_interval_that_ends_at_zero_reaches_it(around: tuple | None, near: bool) -> None:
    assert near_zero(around) is near
