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


def test_a_collapsed_space_is_chance_exactly() -> None:
    """All rows equal: one class is said of every picture, and 100 of 400 are of it."""
    _, _, train_labels, test_labels = case(0.0)
    point = torch.ones(1, 6)
    found = few_labels(
        point.repeat(200, 1),
        train_labels,
        point.repeat(400, 1),
        test_labels,
        torch.Generator().manual_seed(0),
    )
    assert found.accuracy == 0.25
    assert (found.labels, found.draws) == (10, 3)


def test_as_many_labels_as_there_are() -> None:
    """50 of each class: every draw is all of them, so the draws agree but for rounding."""
    train, test, train_labels, test_labels = case(1.0)
    found = few_labels(train, train_labels, test, test_labels, torch.Generator().manual_seed(0), per_class=50)
    assert found.accuracy.interval == pytest.approx((found.accuracy, found.accuracy), abs=0.005)


def test_the_same_generator_draws_the_same_labels() -> None:
    train, test, a, b = case(1.0)
    first, second = (few_labels(train, a, test, b, torch.Generator().manual_seed(7)) for _ in range(2))
    assert first == second


def test_one_class_cannot_be_probed() -> None:
    rows, labels = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(40).long()
    with pytest.raises(CollapseError) as raised:
        few_labels(rows, labels, rows, labels, torch.Generator().manual_seed(0))
    assert raised.value.code == 3


def test_broken_rows_are_refused() -> None:
    train, test, train_labels, test_labels = case(1.0)
    train[:, 0] = float("nan")
    with pytest.raises(CollapseError, match="nan"):
        few_labels(train, train_labels, test, test_labels, torch.Generator().manual_seed(0))
