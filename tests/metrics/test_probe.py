"""The few-label probe: perfect on separated classes, chance on noise."""

from __future__ import annotations

import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.probe import few_labels


def case(signal: float) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    train, test = torch.arange(200) % 4, torch.arange(400) % 4
    noise = [torch.randn(len(labels), 6, generator=generator) for labels in (train, test)]
    return (*(signal * torch.eye(6)[y] + n for y, n in zip((train, test), noise, strict=True)), train, test)


@pytest.mark.parametrize(("signal", "low", "high"), [(30.0, 1.0, 1.0), (0.0, 0.18, 0.32)])
def test_separated_and_not(signal: float, low: float, high: float) -> None:
    """Chance is 1/4; of 3 draws on 400 test rows its standard error is about 2 %."""
    train, test, train_labels, test_labels = case(signal)
    found = few_labels(train, train_labels, test, test_labels, torch.Generator().manual_seed(0))
    assert low <= found.accuracy <= high
    assert found.accuracy.null == 0.25
    assert found.accuracy.interval[0] <= found.accuracy <= found.accuracy.interval[1]


def test_too_few_labels() -> None:
    train, test, train_labels, test_labels = case(1.0)
    with pytest.raises(CollapseError, match="fewer than 51") as raised:
        few_labels(train, train_labels, test, test_labels, torch.Generator().manual_seed(0), per_class=51)
    assert raised.value.code == 3
