"""The course of a monitored training as curves."""

from __future__ import annotations

import math

from collapse_cli.metric import metrics
from collapse_cli.metrics.monitored import drawn_level, monitored

LEVELS = {"ln B": 5.545, "ln(2B-1)": 6.24}


def looks(*losses: float | None, at: str | None = None) -> list[dict[str, object]]:
    return [
        {"step": step, "loss": loss, "variance": 0.5, "effective_rank": 3.0, "scale": 2.0, "chance_level": at}
        for step, loss in enumerate(losses, 1)
    ]


def test_curves_are_those_of_the_fields_that_some_look_has() -> None:
    """A loss that was given at steps 1 and 3 alone has two points; alignment and h, which no look has, have no curve."""
    result = monitored(looks(6.0, None, math.nan), LEVELS)
    assert result.loss is not None
    assert result.loss[0] == 6.0
    assert math.isnan(result.loss[1])
    assert result.loss.x == (1.0, 3.0)
    assert (result.variance, result.rank_z, result.scale) == ((0.5,) * 3, (3.0,) * 3, (2.0,) * 3)
    assert list(metrics(result)) == ["loss", "variance", "rank_z", "scale"]
    assert metrics(result)["loss"]["values"] == [6.0, None]


def test_the_level_beside_the_loss_is_the_one_that_it_was_at_else_the_nearest_to_the_first_loss() -> None:
    """|6.0 - 6.24| < |6.0 - 5.545|; but where a look was at ln B, that is the level that this loss has."""
    assert drawn_level(looks(6.0, 4.0), LEVELS) == "ln(2B-1)"
    assert drawn_level([*looks(6.0), *looks(5.545, at="ln B"), *looks(4.0)], LEVELS) == "ln B"
    assert drawn_level(looks(5.6), {**LEVELS, "ln(K+1)": 9.0}) == "ln(K+1)", (
        "a queue was told of: that is what this loss compares with"
    )
    assert drawn_level(looks(5.0, at="ln(gone)"), LEVELS) == "ln B"
    assert (
        drawn_level(looks(0.8), LEVELS)
        == drawn_level(looks(-1.0), LEVELS)
        == drawn_level(looks(30.0), LEVELS)
        == ""
    )
    assert (
        drawn_level(looks(math.nan, None), LEVELS)
        == drawn_level(looks(6.0), {})
        == drawn_level([], LEVELS)
        == ""
    )
    loss = monitored(looks(6.0, 4.0), LEVELS).loss
    assert loss is not None
    assert (loss.null, loss.null_is) == ((6.24, 6.24), "chance level ln(2B-1)")
    assert monitored(looks(6.0), {"ln B": math.inf}).loss.null is None  # type: ignore[union-attr]
