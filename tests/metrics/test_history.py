"""The course of a run, from the lines of its history."""

from __future__ import annotations

import pytest

from collapse_cli.metrics.history import diagnostics, history, matching


def line(number: int, chance: float | None) -> dict[str, float | None]:
    """One epoch, as `dataclasses.asdict(Epoch)` gives it."""
    return {
        "number": number, "epochs": 9, "loss": 6.0 - number, "chance": chance, "std_sqrt_d": 0.1 * number,
        "effective_rank": 2.0 * number, "dimensions": 64, "mean_cosine": 0.5, "learning_rate": 0.05, "seconds": 1.0,
    }  # fmt: skip


def test_columns_over_the_epochs_own_numbers() -> None:
    found = history([line(n, 6.24) for n in (2, 3, 5)])
    assert tuple(found.loss) == (4, 3, 1)
    assert tuple(found.effective_rank) == (4, 6, 10)
    assert tuple(found.std_sqrt_d) == pytest.approx((0.2, 0.3, 0.5))
    assert tuple(found.mean_cosine) == (0.5, 0.5, 0.5)
    assert {c.x for c in (found.loss, found.effective_rank, found.std_sqrt_d, found.mean_cosine)} == {
        (2, 3, 5)
    }
    assert found.loss.null == (6.24, 6.24, 6.24)


def test_chance_is_drawn_only_where_every_epoch_has_one() -> None:
    assert history([line(1, None), line(2, None)]).loss.null is None
    assert history([line(1, 6.2), line(2, None)]).loss.null is None
    assert history([line(1, 6.2), line(2, 6.4)]).loss.null == (6.2, 6.4), "it may move: MoCHi's does"


def test_no_epochs() -> None:
    assert tuple(history([]).loss) == ()


def test_diagnostics_have_a_curve_each_over_the_epochs_that_know_them() -> None:
    """MoCHi's mixes are watched once there are any: that curve begins later."""
    lines = [
        line(n, 6.2) | {"extra": {"filled": n / 4} | ({"mixed": 0.5} if n > 2 else {})} for n in (1, 2, 4)
    ]
    found = diagnostics(lines)
    assert {name: (tuple(one.value), one.value.x) for name, one in found.items()} == {
        "filled": ((0.25, 0.5, 1.0), (1, 2, 4)),
        "mixed": ((0.5,), (4,)),
    }


@pytest.mark.parametrize(
    ("epochs", "shown"), [(0, []), (1, [1]), (2, [1, 2]), (4, [1, 2, 3, 4]), (10, [1, 4, 7, 10])]
)
def test_matching_shows_the_first_and_the_last_epoch_and_some_between(epochs: int, shown: list[int]) -> None:
    curves = {"matching probability": [[1.0, 2.5], [0.5, 0.25]]}
    found = matching([line(n + 1, 6.2) | {"extra": {}, "curves": curves} for n in range(epochs)])
    assert list(found) == [f"epoch {n}" for n in shown]
    assert all((tuple(one.matching), one.matching.x) == ((0.5, 0.25), (1.0, 2.5)) for one in found.values())


def test_a_history_of_before_there_were_curves_has_none() -> None:
    assert matching([line(1, 6.2) | {"extra": {}}]) == {}
