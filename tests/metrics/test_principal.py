"""Maps of embeddings: directions of planted variance, coordinates and draws beside slow loops."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.principal import along, directions, nearest, shown, stratified
from collapse_cli.metrics.spectrum import spectrum


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def rows() -> Tensor:
    """300 embeddings of 12 dimensions, whose variances fall."""
    scale = torch.linspace(3, 0.2, 12, dtype=torch.float64)
    return torch.randn(300, 12, generator=seeded(), dtype=torch.float64) * scale


def test_they_are_those_of_the_spectrum(rows: Tensor) -> None:
    axes, result = directions(rows), spectrum(rows, seeded())
    assert axes.eigenvalues.tolist() == pytest.approx(list(result.eigenvalues), rel=1e-9)
    assert axes.active == int(result.active)
    assert sum(axes.share(n) for n in range(1, 13)) == pytest.approx(1)


def test_coordinates_beside_a_slow_loop(rows: Tensor) -> None:
    """v . (u - mean) for each row; their variance is the eigenvalue, and two directions are not correlated."""
    axes = directions(rows)
    lengths = [math.sqrt(sum(x * x for x in row)) for row in rows.tolist()]
    units = [[x / length for x in row] for row, length in zip(rows.tolist(), lengths, strict=True)]
    mean = [sum(column) / len(units) for column in zip(*units, strict=True)]
    points = along(rows, axes, (2, 5))
    for column, number in enumerate((2, 5)):
        vector = axes.vectors[:, number - 1].tolist()
        slow = [sum(v * (x - m) for v, x, m in zip(vector, row, mean, strict=True)) for row in units]
        assert points[:, column].tolist() == pytest.approx(slow, abs=1e-12)
        assert sum(x * x for x in slow) / 299 == pytest.approx(float(axes.eigenvalues[number - 1]))
    assert float((points[:, 0] * points[:, 1]).sum()) == pytest.approx(0, abs=1e-10)


def test_signs_do_not_depend_on_the_solver(rows: Tensor) -> None:
    """The largest entry of each direction is positive: rows in another order give the same directions."""
    axes, turned = directions(rows), directions(rows.flip(0))
    assert bool((axes.vectors.gather(0, axes.vectors.abs().argmax(0, keepdim=True)) > 0).all())
    assert torch.allclose(axes.vectors, turned.vectors, atol=1e-8)


def test_few_rows_in_many_dimensions() -> None:
    """5 rows span 5 directions, of which 4 vary."""
    rows = torch.randn(5, 40, generator=seeded())
    axes = directions(rows)
    assert axes.vectors.shape == (40, 5)
    assert int((axes.eigenvalues > 0).sum()) == 4
    points = along(rows, axes, (1, 2))
    assert float(points[:, 0].square().sum()) / 4 == pytest.approx(float(axes.eigenvalues[0]))


@pytest.mark.parametrize(
    ("live", "pairs"), [(1, [(1, 2)]), (2, [(1, 2)]), (3, [(1, 2), (2, 3)]), (7, [(1, 2), (6, 7)])]
)
def test_which_pairs_are_shown(live: int, pairs: list[tuple[int, int]]) -> None:
    """`live` of 9 directions vary, around an axis that all share, so that unit length bends nothing."""
    rows = torch.zeros(400, 9, dtype=torch.float64)
    rows[:, 0] = 1
    rows[:, 1 : live + 1] = 1e-3 * torch.randn(400, live, generator=seeded(), dtype=torch.float64)
    assert shown(directions(rows)) == pairs


def test_nothing_is_shown_of_a_point_and_of_a_line() -> None:
    assert shown(directions(torch.ones(10, 4))) == []
    assert shown(directions(torch.randn(10, 1, generator=seeded()))) == []


@pytest.mark.parametrize("rows", [torch.full((5, 3), float("nan")), torch.ones(1, 3)])
def test_what_is_refused(rows: Tensor) -> None:
    with pytest.raises(CollapseError):
        directions(rows)


def test_each_class_is_there() -> None:
    """900 of one class, 99 of another, 1 of a third: 20 of them are 1 of the third, and 9 to 1 of the others."""
    labels = torch.tensor([0] * 900 + [1] * 99 + [7])[torch.randperm(1000, generator=seeded(5))]
    chosen = stratified(labels, 1000, 20, seeded())
    assert len(set(chosen.tolist())) == 20
    assert Counter(labels[chosen].tolist()) == {0: 17, 1: 2, 7: 1}


def test_equal_classes_beside_a_slow_loop() -> None:
    """Ten classes of 30: the k-th image of every class comes before the (k+1)-th of any."""
    labels = torch.arange(300) % 10
    chosen = stratified(labels, 300, 50, seeded())
    for start in range(0, 50, 10):
        assert sorted(labels[chosen[start : start + 10]].tolist()) == list(range(10))


@pytest.mark.parametrize("labels", [None, torch.arange(6) // 3])
def test_all_of_few(labels: Tensor | None) -> None:
    assert sorted(stratified(labels, 6, 100, seeded()).tolist()) == list(range(6))


def test_without_labels_the_draw_is_seeded() -> None:
    first, again, other = (stratified(None, 1000, 30, seeded(seed)).tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert len(set(first)) == 30


def test_more_classes_than_samples() -> None:
    assert len(set(stratified(torch.arange(50), 50, 8, seeded()).tolist())) == 8


def test_nearest_beside_a_slow_loop(rows: Tensor) -> None:
    point = rows[3]

    def cosine(row: list[float]) -> float:
        dot = sum(a * b for a, b in zip(row, point.tolist(), strict=True))
        return dot / math.sqrt(sum(a * a for a in row))

    slow = sorted(range(len(rows)), key=lambda n: -cosine(rows[n].tolist()))
    assert nearest(rows, point, 7).tolist() == slow[:7]
    assert slow[0] == 3


def test_of_equal_rows_the_earlier_is_nearest() -> None:
    rows = torch.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    assert nearest(rows, torch.tensor([1.0, 0.0]), 9).tolist() == [1, 2, 3, 0]
