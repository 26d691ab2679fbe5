"""Requirements: what is read and what is refused, where; judged by hand, and by what no judgement may do."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.requirements import (
    RELATIONS,
    Requirement,
    Tolerance,
    judge,
    no_worse,
    parse,
    tolerance,
    worst,
)

NUMBERS = st.floats(-1e6, 1e6)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}(\.[A-Za-z0-9_]{1,4}){0,2}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("effective_rank >= 20", Requirement("effective_rank", ">=", 20)),
        ("  uniformity.z<=-2 ", Requirement("uniformity.z", "<=", -2)),
        ("alignment.std_sqrt_d.z > .5", Requirement("alignment.std_sqrt_d.z", ">", 0.5)),
        ("few_labels.h < 1e-2", Requirement("few_labels.h", "<", 0.01)),
        ("knn >= 90%", Requirement("knn", ">=", 0.9)),
        ("alive.h >= 50% of null", Requirement("alive.h", ">=", 0.5, of_null=True)),
        ("alive.h >= 0.5 null", Requirement("alive.h", ">=", 0.5, of_null=True)),
        ("rank_1>=+3.", Requirement("rank_1", ">=", 3)),
    ],
)
def test_what_is_read(text: str, read: Requirement) -> None:
    assert parse(text) == read


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "a metric's name should stand at its end"),
        (">= 20", "a metric's name should stand at '>= 20'"),
        ("effective_rank", "one of >=, <=, >, < should stand at its end"),
        ("effective_rank == 20", "one of >=, <=, >, < should stand at '== 20'"),
        ("effective_rank => 20", "one of >=, <=, >, < should stand at '=> 20'"),
        ("effective rank >= 20", "one of >=, <=, >, < should stand at 'rank >= 20'"),
        ("effective_rank >= ", "a number should stand at its end"),
        ("effective_rank >= twenty", "a number should stand at 'twenty'"),
        ("effective_rank >= nan", "a number should stand at 'nan'"),
        ("effective_rank >= 20 dimensions", "the end should stand at 'dimensions'"),
        ("effective_rank >= 2.5.1", "the end should stand at '.1'"),
        ("effective_rank >= 20 nullify", "the end should stand at 'nullify'"),
        ("effective_rank >= 1e999", "beyond the largest number"),
        ("rank.. >= 2", "one of >=, <=, >, < should stand at '.. >= 2'"),
        ("__import__('os').system('true') >= 1", "one of >=, <=, >, < should stand at \"('os').system"),
    ],
)
def test_what_is_refused_and_where(text: str, place: str) -> None:
    with pytest.raises(CollapseError) as refused:
        parse(text)
    assert place in refused.value.message
    assert refused.value.code == 2


@given(
    NAMES, st.sampled_from(sorted(RELATIONS)), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
def test_what_is_written_is_read(name: str, relation: str, number: float, of_null: bool) -> None:
    one = Requirement(name, relation, number, of_null)
    assert parse(str(one)) == one


@given(st.text() | st.text("rank_1.z <>=+-%e0of null", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(CollapseError):
        assert parse(str(parse(text))) == parse(text)


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


@pytest.mark.parametrize(
    ("text", "read"),
    [("5%", Tolerance(0.05, True)), (" .1 ", Tolerance(0.1, False)), ("0", Tolerance(0, False))],
)
def test_tolerances(text: str, read: Tolerance) -> None:
    assert tolerance(text) == read
    assert tolerance(str(read)) == read


@pytest.mark.parametrize("text", ["", "-5%", "five", "5%%", "1e999", "nan", "5 of null"])
def test_no_tolerances(text: str) -> None:
    with pytest.raises(CollapseError):
        tolerance(text)


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


def test_infinite_bounds_are_not_read() -> None:
    with pytest.raises(CollapseError):
        parse(f"rank >= {math.inf}")
