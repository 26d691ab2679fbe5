"""Where float32 products are used, every number is that of float64; where they are not exact enough, float64 is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics import passes, precision
from collapse_cli.metrics.intervals import RAW, UNIT
from collapse_cli.metrics.moments import Gathered
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.precision import product_error, settled, settled_pass

N, D = 2**14, 32


def normal(seed: int = 0) -> Tensor:
    return torch.randn(N, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


TURN = torch.linalg.qr(normal(99)[:D]).Q


def falling(ratio: float) -> Tensor:
    """Eigenvalues from 1 down to this share, along no axis."""
    return (
        normal(1) * torch.logspace(0, torch.tensor(ratio).log10().item() / 2, D, dtype=torch.float64) @ TURN
    )


SCENES: dict[str, Callable[[], Tensor]] = {
    **{
        f"falling to {ratio:g}": lambda ratio=ratio: falling(ratio)
        for ratio in (1e-2, 1e-4, 1e-6, 1e-8, 1e-14)
    },  # type: ignore[misc]
    "a mean of ten thousand spreads": lambda: normal() + 1e4 * TURN[0],
    "a constant added to all numbers": lambda: 100 + 0.5 * normal(1),  # least varies along the mean
    "rank 8": lambda: normal()[:, :8] @ normal(2)[:8],
    "dead dimensions": lambda: falling(1e-2) @ TURN.T * (torch.arange(D) < 20),
    "equal rows": lambda: torch.full((N, D), 0.1, dtype=torch.float64),
    "one ray": lambda: normal(7).norm(dim=1, keepdim=True) * TURN[0] + 1e-3 * normal(8),
    "a row of 1e6": lambda: torch.cat([normal()[1:], 1e6 * normal()[:1]]),
    "a scale of 1e-30": lambda: 1e-30 * falling(1e-3),
}


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """float32 is tried whatever the size, and whatever a pilot says."""
    monkeypatch.setattr(passes, "SMALL", 0)
    monkeypatch.setattr(precision, "WORK", 0)
    monkeypatch.setattr(precision, "_promising", lambda rows: True)


@pytest.mark.usefixtures("tried")
@pytest.mark.parametrize("kind", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("scene", SCENES)
def test_every_number_is_that_of_float64(scene: str, kind: torch.dtype) -> None:
    """To the digits that count, and no eigenvalue is further off than what is said."""
    z = SCENES[scene]().to(kind)
    if not bool(torch.isfinite(z).all()):
        pytest.skip("float16 has no such numbers")
    seen, bases = settled_pass(z)
    exact, slow = precision._with_bases(gather(z, counted=True))
    digits = [
        precision._digits({name: lam for name, (lam, _) in each.items()}, gathered)
        for each, gathered in ((bases, seen), (slow, exact))
    ]
    assert digits[0] == digits[1]
    if (said := product_error(seen, bases)) is not None:
        for name in (RAW, UNIT):
            assert float((bases[name][0] - slow[name][0]).abs().max()) <= (said + 1e-13) * float(
                slow[name][0][0]
            )


def once(z: Tensor) -> Gathered:
    return gather(z, exact=False)


@pytest.mark.usefixtures("tried")
def test_what_needs_float64_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """In three digits: a tail of 1e-10 of the largest eigenvalue, of which float32 keeps nothing, is not; one of 0.3 is."""
    monkeypatch.setattr(precision, "DIGITS", 3)
    for ratio, enough in ((0.3, True), (1e-10, False)):
        seen = precision._with_bases(once(falling(ratio).half()))
        assert settled(*seen) is enough


def test_a_pilot_tells_steep_spectra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision._promising(falling(1e-5))
    assert not precision._promising(falling(1e-9))
    assert not precision._promising(torch.ones(100, 3))
    assert precision._promising(
        normal() * (torch.arange(D) < 20)
    )  # columns of zeros are exact in float32, too


def test_few_rows_are_float64() -> None:
    seen, bases = settled_pass(normal())
    assert seen.moved is None
    assert product_error(seen, bases) is None
