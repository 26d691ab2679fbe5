"""Products of many rows at a time: those of float64 are the slow ones, and the error of float32 is measured, whatever it is."""

from __future__ import annotations

import numpy
import pytest
import torch
from torch import Tensor

from collapse_cli.metrics import products
from collapse_cli.metrics.moments import Gathering, Moments
from collapse_cli.metrics.passes import Pass, gather
from collapse_cli.metrics.products import Plain, bound

CPU = torch.device("cpu")
N, D = 3000, 12


def normal(seed: int = 0) -> Tensor:
    return torch.randn(N, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


SCENES = {
    "isotropic": normal(),
    "power law": normal(1) * torch.logspace(0, -2, D, dtype=torch.float64),
    "a mean of ten thousand spreads": normal(2) + 1e4,
    "sorted clusters": torch.cat([0.1 * normal(k)[:500] + 9 * normal(9)[k] for k in range(6)]),
    "the first block far away": torch.cat([normal(3)[:300] + 1e3, normal(3)[300:]]),
    "a massive coordinate": normal(4) + 1e3 * torch.eye(D, dtype=torch.float64)[3],
    "never negative": normal(5).relu(),
    "dead dimensions": normal(6) * (torch.arange(D) < 7),
    "one ray": normal(7).norm(dim=1, keepdim=True) * torch.arange(1, D + 1) + 1e-3 * normal(8),
}


def seen(z: Tensor, way: str) -> tuple[Moments, Moments, tuple[Tensor, Tensor] | None]:
    state = Pass(D, CPU, products=way)  # type: ignore[arg-type]
    for start in range(0, N, 700):
        state.add(z[start : start + 700])
    result = state.gathered()
    return result.raw, result.on_sphere, result.moved


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("scene", SCENES)
def test_float64_products_are_the_slow_ones(
    scene: str, kind: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To 1e-11 of the largest eigenvalue, and the means to 1e-11 of their length."""
    z, expected = SCENES[scene].to(kind), gather(SCENES[scene].to(kind))
    monkeypatch.setattr(products, "CHUNK", 64 * D)
    monkeypatch.setattr(products, "MOST", 512)
    raw, unit, moved = seen(z, "float64")
    assert moved is None
    for found, slow in ((raw, expected.raw), (unit, expected.on_sphere)):
        largest = torch.linalg.matrix_norm(slow.scatter, 2)
        assert float((found.scatter - slow.scatter).abs().max()) <= 1e-11 * float(largest)
        assert float((found.mean - slow.mean).norm() / slow.mean.norm()) < 1e-11


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("scene", SCENES)
def test_no_eigenvalue_is_further_off_than_the_bound(scene: str, kind: torch.dtype) -> None:
    z, expected = SCENES[scene].to(kind), gather(SCENES[scene].to(kind))
    raw, unit, moved = seen(z, "float32")
    assert moved is not None
    for found, slow, error in ((raw, expected.raw, moved[0]), (unit, expected.on_sphere, moved[1])):
        most = torch.linalg.matrix_norm(slow.scatter, 2)
        off = torch.linalg.matrix_norm(found.scatter - slow.scatter, 2)
        assert float(off) <= bound(error) + 1e-14 * float(most)


def test_what_the_probes_say_of_an_error_is_its_norm() -> None:
    """|E g|^2 has the mean |E|_F^2 over random g: of 1,000 of them to 10 %, for rank one and for full rank alike."""
    g = torch.randn(D, 1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for error in (torch.outer(normal()[0], normal()[0]), normal()[:D] + normal()[:D].T):
        told = bound(error @ g) / products.MARGIN
        assert told == pytest.approx(float(error.norm()), rel=0.1)


def test_an_error_that_is_made_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tenth row is lost by the product, and by nothing else: the bound is above what that changes, 1/10 of the scatter."""
    z, expected = normal(), gather(normal())

    def lossy(rows: numpy.ndarray, out: numpy.ndarray) -> None:
        some = rows[numpy.arange(len(rows)) % 10 > 0]
        numpy.dot(some.T, some, out=out)

    monkeypatch.setattr(products, "_square", lossy)
    raw, _, moved = seen(z, "float32")
    assert moved is not None
    off = float(torch.linalg.matrix_norm(raw.scatter - expected.raw.scatter, 2))
    assert 0.1 * N < off <= bound(moved[0])


@pytest.mark.parametrize("size", [1e-12, 1e12, 0.0, torch.nan, torch.inf])
def test_rows_that_are_not_plain_are_left_to_the_slow_way(size: float) -> None:
    into = Gathering(D, CPU), Gathering(D, CPU)
    plain, z = Plain(torch.zeros(D, 0, dtype=torch.float64), into, exact=False), normal()[:40]
    z[7] = z[7] * size if size else 0
    assert plain.take(z) is None
    plain.settle()
    assert into[0].count == 0
