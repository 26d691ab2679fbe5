"""The vote of near neighbours whose candidates float32 chooses, against all cosines in float64."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics import neighbours
from collapse_cli.metrics.neighbours import Voters, _Candidates, _exactly, predicted
from collapse_cli.metrics.rows import unit

N, M, D, CLASSES = 1203, 301, 24, 7  # no whole groups


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Float32 also for few rows, in blocks of 100 queries, the last of one, and two threads."""
    monkeypatch.setattr(neighbours, "EXACT", 0)
    monkeypatch.setattr(neighbours, "FAST_CELLS", 100 * N)
    count = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(count)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def clusters(spread: float, centres: int) -> Tensor:
    return normal(centres, D, 1)[torch.arange(N + M) % centres] + spread * normal(N + M, D)


PLANTED = {
    "sphere": normal(N + M, D),
    "offset": normal(N + M, D) + 30 * normal(1, D, 1),
    "far one": torch.cat([normal(1, D, 1).repeat(N + M - 1, 1) + 1e-4 * normal(N + M - 1, D), normal(1, D)]),
    "line": normal(N + M, 1) @ normal(1, D, 1) + 1e-5 * normal(N + M, D),
    "copies": normal(N // 3, D)[torch.arange(N + M) % (N // 3)],
    "copies of half": torch.cat([normal(N // 2, D)] * 2 + [normal(N + M - N // 2 * 2, D, 1)]),
    "two points": clusters(0.0, 2),
    "one-hot": torch.eye(D, dtype=torch.float64)[torch.arange(N + M) % D],
    "grid": torch.randint(-1, 2, (N + M, D), generator=torch.Generator().manual_seed(0)).double(),
    **{f"one point, {spread:g}": clusters(spread, 1) for spread in (1e-1, 1e-3, 1e-5, 1e-7, 1e-9, 0.0)},
    **{f"ten points, {spread:g}": clusters(spread, 10) for spread in (1e-2, 1e-5, 1e-8)},
}


@pytest.mark.parametrize("temperature", [0.07, 1e-4, 1e3])
@pytest.mark.parametrize("k", [1, 20])
@pytest.mark.parametrize("name", PLANTED)
def test_the_classes_are_those_of_float64(name: str, k: int, temperature: float) -> None:
    """Also where rows or votes are tied: what float64 picks among equals is picked."""
    u = unit(PLANTED[name])
    member = torch.randint(CLASSES, (N,), generator=torch.Generator().manual_seed(2))
    voters = Voters(u[:N], member, CLASSES, k, temperature)
    assert torch.equal(predicted(voters, u[N:]), _exactly(voters, u[N:]))


@pytest.mark.parametrize("name", ["sphere", "offset", "one point, 0.001", "ten points, 0.01"])
def test_float32_decides_where_it_can(name: str) -> None:
    """Distances, not cosines, are compared: near one point float32 tells them apart as well as on a sphere."""
    u = unit(PLANTED[name])
    candidates = _Candidates.among(Voters(u[:N], torch.arange(N) % 2, 2, 20, 0.07), 32)
    assert float(candidates.predicted(u[N:])[1].double().mean()) > 0.9


@pytest.mark.parametrize("name", ["one point, 1e-09", "two points", "copies"])
def test_what_float32_cannot_tell_is_not_sure(name: str) -> None:
    """Copies of three classes each: the twentieth neighbour is one of three that are equally near."""
    u = unit(PLANTED[name])
    member = torch.randint(CLASSES, (N,), generator=torch.Generator().manual_seed(2))
    candidates = _Candidates.among(Voters(u[:N], member, CLASSES, 20, 0.07), 32)
    assert not candidates.predicted(u[N:])[1].any()


def test_the_bound_of_float32_holds() -> None:
    """Every number that float32 gives against float64, also far from the mean and near one point."""
    for name in ("sphere", "offset", "far one", "one point, 0.001"):
        u = unit(PLANTED[name])
        candidates = _Candidates.among(Voters(u[:N], torch.arange(N) % 2, 2, 1, 0.07), 64)
        centred = u[N:] - candidates.mean
        near, places = candidates._nearest(centred.float())
        lengths = centred.norm(dim=1)
        true = (u[N:] @ u[:N].T).gather(1, places) - 1 + lengths.square()[:, None] / 2
        assert bool(((near - true).abs() <= candidates._error(lengths)[:, None] + 1e-15).all())
        assert torch.equal(
            near[:, 0],
            (torch.addmm(candidates.half, centred.float(), candidates.rows.T, beta=-1)).amax(dim=1),
        )
