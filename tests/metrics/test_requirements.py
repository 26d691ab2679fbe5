"""Requirements: what is read and what is refused, where, and what says nothing of the number that it names."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.bounds import RELATIONS
from collapse_cli.metrics.requirements import Domain, Requirement, parse, refuse_unfit

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}(\.[A-Za-z0-9_]{1,4}){0,2}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("effective_rank >= 20", Requirement("effective_rank", ">=", 20)),
        ("  uniformity.z<=-2 ", Requirement("uniformity.z", "<=", -2)),
        ("alignment.std_sqrt_d.z > .5", Requirement("alignment.std_sqrt_d.z", ">", 0.5)),
        ("few_labels.h < 1e-2", Requirement("few_labels.h", "<", 0.01)),
        ("knn >= 90%", Requirement("knn", ">=", 90, percent=True)),
        ("alive.h >= 50% of null", Requirement("alive.h", ">=", 50, True, "null")),
        ("alive.h >= 0.5 null", Requirement("alive.h", ">=", 0.5, of="null")),
        ("alive.h>=95%of baseline", Requirement("alive.h", ">=", 95, True, "baseline")),
        ("alive.h >= .95 baseline", Requirement("alive.h", ">=", 0.95, of="baseline")),
        ("lost == 0", Requirement("lost", "==", 0)),
        ("rank_1>=+3.", Requirement("rank_1", ">=", 3)),
    ],
)
def test_what_is_read(text: str, read: Requirement) -> None:
    assert parse(text) == read


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "a requirement is empty"),
        (" ", "a requirement is empty"),
        (">= 20", "a metric's name should stand at '>= 20'"),
        ("effective_rank", "one of >=, <=, >, <, == should stand at its end"),
        ("effective_rank = 20", "one of >=, <=, >, <, == should stand at '= 20'"),
        ("effective_rank != 20", "one of >=, <=, >, <, == should stand at '!= 20'"),
        ("effective_rank >= 95% of", "the end should stand at 'of'"),
        ("effective_rank >= 95% of baselines", "the end should stand at 'of baselines'"),
        ("effective_rank => 20", "one of >=, <=, >, <, == should stand at '=> 20'"),
        ("effective rank >= 20", "one of >=, <=, >, <, == should stand at 'rank >= 20'"),
        ("effective_rank >= ", "a number should stand at its end"),
        ("effective_rank >= twenty", "a number should stand at 'twenty'"),
        ("effective_rank >= nan", "a number should stand at 'nan'"),
        ("effective_rank >= 20 dimensions", "the end should stand at 'dimensions'"),
        ("effective_rank >= 2.5.1", "the end should stand at '.1'"),
        ("effective_rank >= 20 nullify", "the end should stand at 'nullify'"),
        ("effective_rank >= 1e999", "beyond the largest number"),
        ("rank.. >= 2", "one of >=, <=, >, <, == should stand at '.. >= 2'"),
        ("__import__('os').system('true') >= 1", "one of >=, <=, >, <, == should stand at \"('os').system"),
    ],
)
def test_what_is_refused_and_where(text: str, place: str) -> None:
    with pytest.raises(CollapseError) as refused:
        parse(text)
    assert place in refused.value.message
    assert refused.value.code == 2


@given(
    NAMES,
    st.sampled_from(sorted(RELATIONS)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(["", "null", "baseline"]),
)
def test_what_is_written_is_read(name: str, relation: str, number: float, percent: bool, of: str) -> None:
    requirement = Requirement(name, relation, number, percent, of)
    assert parse(str(requirement)) == requirement


@given(st.text() | st.text("rank_1.z <>=+-%e0of null baseline", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(CollapseError):
        assert parse(str(parse(text))) == parse(text)


SHARE, RANK, COSINE, COUNT = Domain(0, 1), Domain(0), Domain(-1, 1), Domain(0, whole=True)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("knn >= 90%", SHARE),
        ("knn <= 100%", SHARE),
        ("knn >= 1.2 of null", SHARE),
        ("rank >= 95% of baseline", RANK),
        ("rank >= 0", RANK),
        ("cosine <= -1", COSINE),
        ("lost == 0", COUNT),
        ("lost <= 110% of baseline", COUNT),
        ("unknown >= -20", Domain()),
    ],
)
def test_what_says_something(text: str, domain: Domain) -> None:
    refuse_unfit(parse(text), domain)


@pytest.mark.parametrize(
    ("text", "domain", "why", "remedy"),
    [
        ("cosine >= 95% of null", COSINE, "cosine can be negative, and a share", "cosine >= NUMBER"),
        ("cosine >= 0.95 of baseline", COSINE, "cosine can be negative, and a share", "cosine >= NUMBER"),
        ("unknown <= 50% of null", Domain(), "unknown can be negative, and a share", "unknown <= NUMBER"),
        ("rank >= -5% of null", RANK, "no share is negative", "rank >= NUMBER"),
        (
            "rank >= 20%",
            RANK,
            "20% of what? rank is no share",
            "write 20% of null, 20% of baseline, or a number",
        ),
        ("cosine >= 20%", COSINE, "20% of what? cosine is no share", "cosine >= NUMBER"),
        ("knn >= 90", SHARE, "knn is never above 1", "did you mean 90%?"),
        ("knn >= 900", SHARE, "knn is never above 1", "from 0 on and up to 1"),
        ("knn >= 101%", SHARE, "knn is never above 1", "from 0 on and up to 1"),
        ("rank >= -1", RANK, "rank is never below 0", "a bound from 0 on"),
        (
            "rank == 20",
            RANK,
            "== is for whole numbers, and rank is none",
            "rank >= NUMBER, or rank <= NUMBER",
        ),
        ("lost == 0.5", COUNT, "lost is a whole number", "lost == 10"),
        ("lost == 50%", COUNT, "lost is a whole number", "lost == 10"),
        ("lost == 1 of null", COUNT, "lost is a whole number", "lost == 10"),
    ],
)
def test_what_says_nothing(text: str, domain: Domain, why: str, remedy: str) -> None:
    with pytest.raises(CollapseError) as refused:
        refuse_unfit(parse(text), domain)
    assert f"'{parse(text)}': {why}" in refused.value.message
    assert remedy in refused.value.hint


def test_infinite_bounds_are_not_read() -> None:
    with pytest.raises(CollapseError):
        parse(f"rank >= {math.inf}")


@pytest.mark.parametrize(
    ("bound", "meant"),
    [("1.5", True), ("100", True), ("100.5", False), ("150", False), ("-0.5", False), ("-5%", False)],
)
def test_a_share_between_one_and_a_hundred_is_a_percentage(bound: str, meant: bool) -> None:
    """1 itself is a share; 101 percent are none; what is typed with its sign was meant."""
    with pytest.raises(CollapseError) as refused:
        refuse_unfit(parse(f"knn >= {bound}"), SHARE)
    assert ("did you mean" in refused.value.hint) is meant
    refuse_unfit(parse("knn >= 1"), SHARE)


def test_domains_together_hold_both() -> None:
    """Whether it counts is true of either."""
    assert Domain(0, 1) | Domain(-1, 0.5) == Domain(-1, 1)
    assert (Domain(0, whole=True) | Domain(1, 2)).whole
    assert not (Domain() | Domain()).whole
    assert Domain(0, 5) | Domain() == Domain()
