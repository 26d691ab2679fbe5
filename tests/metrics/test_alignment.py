"""Alignment, uniformity and cosine against slow loops, torch.pdist and the tabulated bounds."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import alignment as room
from collapse_cli.metrics.alignment import (
    alignment,
    class_alignment,
    mean_cosine,
    measure,
    spread,
    uniformity,
)


def sphere(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.mark.parametrize("block", [7, 64, 2048])
def test_uniformity_is_the_formula_over_pairs(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BLOCK", block)
    u = sphere(100, 5)
    expected = torch.pdist(u.double()).square().mul(-2).exp().mean().log()
    assert uniformity(u) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize(("d", "bound"), [(2, -1.5750), (16, -3.5130), (128, -3.9375), (2048, -3.9961)])
def test_the_bound(d: int, bound: float) -> None:
    """Tabulated from log 0F1(; d/2; t^2) - 2t at t = 2; isotropic rows come close to it."""
    assert room.uniformity_bound(d) == pytest.approx(bound, abs=1e-4)
    assert uniformity(sphere(2000, d)) == pytest.approx(bound, abs=0.01)


def test_mean_cosine_is_the_slow_loop() -> None:
    u = sphere(12, 3).double()
    pairs = [float(u[i] @ u[j]) for i in range(12) for j in range(12) if i != j]
    assert mean_cosine(u) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


def test_spread() -> None:
    u = sphere(500, 16)
    assert spread(u) == pytest.approx(float(u.std(dim=0).mean()) * 4, rel=1e-5)
    assert spread(u) == pytest.approx(1, abs=0.03)


def test_alignment_of_equal_and_opposite_views() -> None:
    u = sphere(20, 4)
    assert alignment(u, u) == 0
    assert alignment(u, -u) == pytest.approx(4, rel=1e-5)
    assert alignment(u, -u, alpha=1) == pytest.approx(2, rel=1e-5)


def test_class_alignment_is_the_slow_loop() -> None:
    groups = [sphere(5, 3, 1), sphere(8, 3, 2)]
    distances = [
        float((g[i] - g[j]).square().sum())
        for g in groups
        for i in range(len(g))
        for j in range(i + 1, len(g))
    ]
    assert class_alignment(groups) == pytest.approx(sum(distances) / len(distances), rel=1e-5)


def test_a_planted_collapse_is_seen_and_alignment_alone_is_fooled() -> None:
    point = torch.ones(50, 8) * 3
    found = measure(point, (point, point))
    assert found.alignment == 0, "perfect, and yet"
    assert (found.uniformity, found.mean_cosine, found.std_sqrt_d) == pytest.approx((0, 1, 0), abs=1e-6)


def test_one_collapsed_class_is_seen() -> None:
    rows, labels = sphere(60, 16), torch.arange(60) % 3
    rows[labels == 1] = rows[1].clone()
    found = measure(rows, (rows, sphere(60, 16, 9)), labels, ("a", "b", "c"))
    assert found.uniformity_of_class["b"] == pytest.approx(0, abs=1e-5)
    assert max(found.uniformity_of_class["a"], found.uniformity_of_class["c"]) < -3
    assert set(found.alignment_of_class) == {"a", "b", "c"}
    expected = alignment(rows[labels == 2], sphere(60, 16, 9)[labels == 2])
    assert found.alignment_of_class["c"] == pytest.approx(expected, rel=1e-5)


def test_length_does_not_matter() -> None:
    rows = torch.randn(40, 6, generator=torch.Generator().manual_seed(3))
    lengths = torch.linspace(0.1, 9, 40).unsqueeze(1)
    assert measure(rows * lengths).uniformity == pytest.approx(float(measure(rows).uniformity), abs=1e-5)


def test_one_row_is_too_few() -> None:
    with pytest.raises(CollapseError, match="at least 2 rows"):
        measure(torch.ones(1, 4))
