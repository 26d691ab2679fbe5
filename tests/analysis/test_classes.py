"""What is said of classes, in a sentence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from collapse_cli.analysis.classes import answer
from collapse_cli.values import Measured


def test_shares_have_one_decimal_beside_their_chance() -> None:
    """.8125 and by chance .1234; a rank of 3.25, of shuffled labels 4.756."""
    result: Any = SimpleNamespace(nearest_mean=Measured(0.8125, 0.1234), least_rank=Measured(3.25, 4.756))
    assert answer(result) == (
        "The nearest class mean is the right one for 81.2 % of the embeddings (shuffled labels: 12.3 %); the class with the "
        "fewest directions has an effective rank of 3.25 (shuffled labels: 4.76)."
    )
