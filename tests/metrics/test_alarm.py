"""The alarm on looks that are written by hand: what it warns of, when, and when not."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collapse_cli.metrics.alarm import Alarm, Constants, Warned
from collapse_cli.metrics.looks import Look

START = Look(1, 64, 32, True, 1.0, 0.9, 0.2, 0.1, 0.2, 24.0)  # noise of rank 24 about the first mean
LEARNED = replace(START, effective_rank=12.0)
RULE = Constants()
LINE = {"top_share": 0.96, "line_cosine": 0.995}


def warnings(looks: list[Look], alarm: Alarm | None = None) -> list[Warned]:
    alarm = alarm or Alarm()
    return [warned for each in looks if (warned := alarm.update(each))]


def course(*parts: tuple[int, dict[str, Any]], every: int = 1) -> list[Look]:
    """Twenty steps of the start, then looks at healthy embeddings but for the given numbers, each part up to a step."""
    looks = [replace(START, step=step) for step in range(1, 21)]
    at = 20
    for last, numbers in parts:
        looks += [replace(LEARNED, step=step, **numbers) for step in range(at + 1, last + 1)]
        at = last
    return looks[::every]


def test_a_healthy_course_is_silent() -> None:
    alarm = Alarm()
    assert warnings(course((1000, {})), alarm) == []
    assert alarm.armed
    assert alarm.unjudged() == ()


def test_what_is_not_finite_is_warned_of_at_once_and_once() -> None:
    looks = [
        *course((29, {})),
        replace(LEARNED, step=30, finite=False),
        replace(LEARNED, step=31, finite=False),
    ]
    assert warnings(looks) == [Warned("not finite", 30, {})]


def test_a_step_that_was_not_finite_hides_no_later_collapse() -> None:
    """A training with gradients in half precision leaves out such a step and goes on; 300 steps later variance falls."""
    looks = course((299, {}), (300, {"finite": False}), (600, {}), (800, {"variance": 0.05}))
    assert [(warned.kind, warned.step) for warned in warnings(looks)] == [
        ("not finite", 300),
        ("complete collapse", 601 + RULE.fallen_held),
    ]


@pytest.mark.parametrize(
    ("kind", "sign", "held"),
    [
        ("collapse of scale", {"scale": 0.009}, RULE.scale_held),
        ("complete collapse", {"variance": 0.11}, RULE.fallen_held),
        ("one direction", LINE, RULE.line_held),
        ("late loss of rank", {"effective_rank": 5.0}, RULE.rank_held),
    ],
)
def test_a_sign_warns_when_it_has_held(kind: str, sign: dict[str, float], held: int) -> None:
    """It begins at step 301; the median of five ranks is small from the third, 303, on."""
    late = 2 if kind == "late loss of rank" else 0
    (warned,) = warnings(course((300, {}), (450, sign)))
    assert (warned.kind, warned.step) == (kind, 301 + late + held)
    assert warnings(course((300, {}), (300 + held, sign), (700, {}))) == []


def test_a_rank_that_is_lost_while_it_learns_is_none() -> None:
    """24 → 12 → 5 from step 101 on, as MoCo at a temperature of 5; the same fall after step 200 is late, as is a further one."""
    assert warnings(course((100, {}), (1000, {"effective_rank": 5.0}))) == []
    (late,) = warnings(course((200, {}), (400, {"effective_rank": 5.0})))
    assert late.kind == "late loss of rank"
    (again,) = warnings(course((100, {}), (400, {"effective_rank": 5.0}), (600, {"effective_rank": 2.0})))
    assert (again.kind, again.step) == ("late loss of rank", 401 + 2 + RULE.rank_held)


def test_before_the_embeddings_have_spread_small_variance_has_to_last() -> None:
    """It falls at step 21, so that the network leaves the start and has not spread since."""
    (warned,) = warnings(course((900, {"variance": 0.09})))
    assert (warned.kind, warned.step) == ("complete collapse", 21 + RULE.start_held)
    assert warnings(course((900, {"variance": 0.11}))) == []


def test_a_slow_start_has_to_last_for_half_of_it() -> None:
    """The variance is .09 from step 301 on, and has not spread since the start: at step s with s - 301 = (s - 1) // 2."""
    (warned,) = warnings(course((300, {"variance": 0.3}), (900, {"variance": 0.09})))
    assert warned.step == 600


def test_small_variance_that_recovers_is_that_of_the_start() -> None:
    """.001, then ten times that within 60 steps, as MoCo's with a small temperature; without the rise it is a collapse."""
    low = {"variance": 0.001}
    recovering = [(60 + at, {"variance": 0.001 * 10 ** (at / 60)}) for at in range(1, 110)]
    assert warnings(course((60, low), *recovering, (900, {}))) == []
    assert [each.kind for each in warnings(course((60, low), (400, low)))] == ["complete collapse"]


def test_a_line_that_recovers_is_none() -> None:
    """The variance, which is not small, triples while the sign holds: the time begins again."""
    assert (
        warnings(
            course((200, {}), (280, LINE | {"variance": 0.3}), (379, LINE | {"variance": 0.9}), (400, {}))
        )
        == []
    )


def test_a_plateau_of_the_start_does_not_arm_soon() -> None:
    """Noise about the first mean has spread from the first look on; with a warm-up the fall comes later, and recovers."""
    start = [replace(START, step=step) for step in range(1, 150)]
    fall = [replace(START, step=step, variance=0.15) for step in range(150, 299)]
    assert warnings([*start, *fall]) == []


def test_a_rank_that_falls_with_learning_is_silent() -> None:
    """As 24 / sqrt(step / 20): in the second half of the steps it falls to .71 of what it was, however far in all."""
    learning = [(step, {"effective_rank": 24 * (20 / step) ** 0.5}) for step in range(21, 2000)]
    assert warnings(course(*learning)) == []


@pytest.mark.parametrize("every", [1, 10, 50])
def test_time_counts_in_steps(every: int) -> None:
    """A sign holds from the first look that shows it, 501, to the first look after its time."""
    (warned,) = warnings(course((500, {}), (900, {"scale": 1e-4}), every=every))
    assert warned.step == 501 + -(-RULE.scale_held // every) * every


@pytest.mark.parametrize("every", [10, 50])
def test_looks_far_apart_arm_too(every: int) -> None:
    """Rank and variance as of a switch that removes the stop-gradient: found within 200 steps."""
    (warned,) = warnings(course((400, {}), (700, {"variance": 0.1}), every=every))
    assert 400 < warned.step <= 600


def test_numbers_that_are_nan_show_nothing() -> None:
    none = dict.fromkeys(("scale", "variance", "top_share", "line_cosine", "effective_rank"), math.nan)
    assert warnings(course((300, {}), (900, none))) == []


def test_what_follows_from_a_graver_collapse_is_not_warned_of() -> None:
    """A complete collapse, and after it a line, a loss of scale and of rank; the other way round all are named."""
    fallen = {"variance": 0.01}
    after = fallen | LINE | {"scale": 1e-4, "effective_rank": 2.0}
    assert [each.kind for each in warnings(course((300, {}), (400, fallen), (900, after)))] == [
        "complete collapse"
    ]
    kinds = [each.kind for each in warnings(course((300, {}), (400, {"scale": 1e-4}), (900, after)))]
    assert kinds == ["collapse of scale", "complete collapse"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from([{}, {"scale": 1e-3}, {"variance": 0.1}, {"variance": 0.01}, {"effective_rank": 4.0}]),
        min_size=6, max_size=6,
    ),
    st.integers(1, 599),
)  # fmt: skip
def test_a_saved_state_decides_the_same(parts: list[dict[str, float]], cut: int) -> None:
    """Through JSON, at any step."""
    looks = course(*[(100 * (at + 1), part) for at, part in enumerate(parts)])
    whole, before, after = Alarm(), Alarm(), Alarm()
    expected = warnings(looks, whole)
    seen = warnings(looks[:cut], before)
    saved = json.dumps(before.state_dict())
    after.load_state_dict(json.loads(saved))
    assert seen + warnings(looks[cut:], after) == expected
    assert after.state_dict() == whole.state_dict()
    assert json.dumps(before.state_dict()) == saved  # a copy was loaded


def test_what_cannot_be_judged_is_said() -> None:
    alarm = Alarm()
    warnings(course((40, {"variance": 0.1})), alarm)
    assert len(alarm.unjudged()) == 1
    assert "not spread" in alarm.unjudged()[0]
    late = Alarm()
    late.update(replace(LEARNED, step=5000, alignment=0.5))
    assert "5,000" in late.unjudged()[0]
    assert len(late.unjudged()) == 2
    collapsed = Alarm()
    collapsed.update(replace(LEARNED, step=5000, alignment=1.75))
    assert "Two views" in collapsed.unjudged()[1]
    slow = Alarm()
    warnings([replace(START, step=step, alignment=1.7) for step in range(1, 60)], slow)
    assert [
        "hardly changed" in slow.unjudged()[0],
        "Two views" in slow.unjudged()[1],
        len(slow.unjudged()),
    ] == [True, True, 3]
