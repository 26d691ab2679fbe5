"""The alarm on looks that are written by hand: what it warns of, when, and when not."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collapse_cli.metrics.alarm import Alarm, Constants, Warned
from collapse_cli.metrics.looks import Look

HEALTHY = Look(1, 64, 32, True, 1.0, 0.9, 0.2, 0.1, 0.2, 12.0)
RULE = Constants()


def warnings(looks: list[Look], alarm: Alarm | None = None) -> list[Warned]:
    alarm = alarm or Alarm()
    return [warned for each in looks if (warned := alarm.update(each))]


def course(*parts: tuple[int, dict[str, float]], every: int = 1) -> list[Look]:
    """Looks at healthy embeddings but for the given numbers, each part up to and including a step."""
    looks, at = [], 0
    for last, numbers in parts:
        looks += [
            replace(HEALTHY, step=step, **numbers)
            for step in range(at + 1, last + 1)
            if (step - 1) % every == 0
        ]
        at = last
    return looks


def test_a_healthy_course_is_silent() -> None:
    assert warnings(course((1000, {}))) == []


def test_what_is_not_finite_is_warned_of_at_once_and_once() -> None:
    looks = [
        *course((9, {})),
        replace(HEALTHY, step=10, finite=False),
        replace(HEALTHY, step=11, finite=False),
    ]
    assert warnings(looks) == [Warned("not finite", 10, {})]


@pytest.mark.parametrize(
    ("kind", "sign", "held"),
    [
        ("collapse of scale", {"scale": 0.009}, RULE.scale_held),
        ("complete collapse", {"variance": 0.19}, RULE.fallen_held),
        ("one direction", {"top_share": 0.96, "line_cosine": 0.995}, RULE.line_held),
        ("late loss of rank", {"effective_rank": 5.0}, RULE.rank_held),
    ],
)
def test_a_sign_warns_when_it_has_held(kind: str, sign: dict[str, float], held: int) -> None:
    """It begins at step 301; the median of five ranks is small from the third, 303, on."""
    late = 2 if kind == "late loss of rank" else 0
    (warned,) = warnings(course((300, {}), (700, sign)))
    assert (warned.kind, warned.step) == (kind, 301 + late + held)
    assert warnings(course((300, {}), (300 + held, sign), (700, {}))) == []


def test_small_variance_is_that_of_the_start_until_the_embeddings_have_spread() -> None:
    """Not armed, a variance of .1 may stay; one below .02 is warned of after its longer time."""
    assert warnings(course((900, {"variance": 0.1}))) == []
    (warned,) = warnings(course((900, {"variance": 0.01})))
    assert (warned.kind, warned.step) == ("complete collapse", 1 + RULE.variance_held)


def test_a_rank_that_falls_early_belongs_to_learning() -> None:
    assert (
        warnings(
            course(
                (50, {"effective_rank": 12.0}), (140, {"effective_rank": 5.0}), (900, {"effective_rank": 7.0})
            )
        )
        == []
    )


@pytest.mark.parametrize("every", [1, 10, 50])
def test_time_counts_in_steps(every: int) -> None:
    """A sign holds from the first look that shows it to the first look after its time."""
    (warned,) = warnings(course((500, {}), (900, {"scale": 1e-4}), every=every))
    first = 501
    assert warned.step == first + -(-RULE.scale_held // every) * every


def test_numbers_that_are_nan_show_nothing() -> None:
    none = dict.fromkeys(("scale", "variance", "top_share", "line_cosine", "effective_rank"), math.nan)
    assert warnings(course((300, {}), (900, none))) == []


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from([{}, {"scale": 1e-3}, {"variance": 0.1}, {"effective_rank": 4.0}]),
        min_size=6,
        max_size=6,
    ),
    st.integers(1, 599),
)
def test_a_saved_state_decides_the_same(parts: list[dict[str, float]], cut: int) -> None:
    """Through JSON, at any step."""
    looks = course(*[(100 * (at + 1), part) for at, part in enumerate(parts)])
    whole, before, after = Alarm(), Alarm(), Alarm()
    expected = warnings(looks, whole)
    seen = warnings(looks[:cut], before)
    after.load_state_dict(json.loads(json.dumps(before.state_dict())))
    assert seen + warnings(looks[cut:], after) == expected
    assert after.state_dict() == whole.state_dict()


def test_what_cannot_be_judged_is_said() -> None:
    alarm = Alarm()
    warnings(course((10, {"variance": 0.1})), alarm)
    assert len(alarm.unjudged()) == 1
    warnings(course((10, {})), alarm)
    assert alarm.unjudged() == ()
    late = Alarm()
    late.update(replace(HEALTHY, step=5000))
    assert "5,000" in late.unjudged()[0]
