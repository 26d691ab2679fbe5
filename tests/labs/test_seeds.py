"""Results of several seeds as one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from collapse_cli.labs.seeds import over_seeds
from collapse_cli.results import curve, lines, number
from collapse_cli.values import Curve, Measured


@dataclass(frozen=True)
class Found:
    """Found."""

    share: float = number("a share")
    straight: Curve = curve("a curve", x="step")
    bent: Curve = curve("another", x="step", log="y")
    family: dict[str, Curve] = lines("many", of="direction", x="step", log="y")
    maybe: float | None = number("not always", default=None)


def made(share: float, values: tuple[float, ...], maybe: float | None = None) -> Found:
    line = Curve(values, x=(0, share))
    return Found(Measured(share, null=2 * share), line, Curve(values, null=values), {"one": line}, maybe)


def test_numbers_have_the_extremes_and_curves_their_mean() -> None:
    """Of 1 and 3: mean 2, null 4. Of (1, 4) and (9, 16): (5, 10) on a linear axis, (3, 8) on a logarithmic one; x in the mean."""
    found = over_seeds([made(1.0, (1, 4), 5.0), made(3.0, (9, 16), 6.0)])
    assert (found.share, found.share.interval, found.share.null) == (2, (1, 3), 4)
    assert (found.straight, found.straight.x, found.straight.null) == ((5, 10), (0, 2), None)
    assert (found.bent, found.bent.x, found.bent.null) == (pytest.approx((3, 8)), None, pytest.approx((3, 8)))
    assert found.family["one"] == pytest.approx((3, 8))
    assert found.maybe == 5.5


def test_one_seed_has_no_interval_and_what_one_has_not_got_is_left_out() -> None:
    alone = over_seeds([made(1.0, (1, 4))])
    assert (alone.share, alone.share.interval, alone.maybe) == (1, None, None)
    assert over_seeds([made(1.0, (1, 0), 5.0), made(1.0, (1, 4))]).maybe is None
    assert over_seeds([made(1.0, (1, 0)), made(1.0, (1, 4))]).bent == (1, 0), (
        "a zero has no logarithm, and stays one"
    )
