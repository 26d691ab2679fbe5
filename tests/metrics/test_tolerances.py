"""Tolerances: what is read, what is refused, and which one counts for a number."""

from __future__ import annotations

import pytest

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.tolerances import Tolerance, tolerances


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("5%", Tolerance(0.05, True)),
        (" .1 ", Tolerance(0.1, False)),
        ("0", Tolerance(0, False)),
        ("7%", Tolerance(0.07, True)),
    ],
)
def test_tolerances(text: str, read: Tolerance) -> None:
    assert tolerances([text], "5%").general == read
    assert tolerances([str(read)], "5%").general == read


@pytest.mark.parametrize("text", ["", "-5%", "five", "5%%", "1e999", "nan", "5 of null"])
def test_no_tolerances(text: str) -> None:
    with pytest.raises(CollapseError):
        tolerances([text], "5%")


def test_the_nearest_name_counts() -> None:
    """A name with its space before the name, and that before what is said of all."""
    texts = ["10%", "effective_rank=2%", "effective_rank.z = 3", " uniformity.z=0.1"]
    allowed = tolerances(texts, "5%")
    assert allowed.of("effective_rank.h") == Tolerance(0.02, True)
    assert allowed.of("effective_rank.z") == Tolerance(3, False)
    assert allowed.of("uniformity.z") == Tolerance(0.1, False)
    assert allowed.of("uniformity.h") == Tolerance(0.1, True)
    assert str(allowed) == "10%, effective_rank 2%, effective_rank.z 3, uniformity.z 0.1"


def test_what_nobody_says_is_the_default() -> None:
    assert (
        tolerances([], "5%").of("rank.h")
        == tolerances(["knn=1%"], "5%").of("rank.h")
        == Tolerance(0.05, True)
    )


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["5%", "6%"], "two tolerances for every number"),
        (["rank=1", "rank=2"], "two tolerances for rank"),
        (["=5%"], "'=5%' is no tolerance"),
        (["rank="], "'rank=' is no tolerance"),
        (["rank=-1"], "'rank=-1' is no tolerance"),
        (["rank==1"], "'rank==1' is no tolerance"),
    ],
    ids=str,
)
def test_what_is_refused(texts: list[str], why: str) -> None:
    with pytest.raises(CollapseError) as refused:
        tolerances(texts, "5%")
    assert why in refused.value.message
    assert "effective_rank.h=2%" in refused.value.hint or "one of them" in refused.value.hint
