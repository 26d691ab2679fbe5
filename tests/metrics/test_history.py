"""The course of a run, from the lines of its history."""

from __future__ import annotations

import pytest

from collapse_cli.metrics.history import history


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
