"""Alignment of adjacent layers: planted frames give 1, random ones chance, equal singular values a block."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from collapse_cli.metrics.layer_alignment import (
    along,
    block_energy,
    inward,
    leading,
    outward,
    pair,
    separated,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def frame(d: int, seed: int = 0) -> Tensor:
    return torch.linalg.qr(drawn(d, d, seed=seed))[0]


def planted(sigma: list[float], tau: list[float], between: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """first = U S V'^T and second = U' T (U B)^T: A = B^T, the identity without `between`."""
    u = frame(len(sigma), 1)
    meets = u if between is None else u @ between
    first = u * torch.tensor(sigma, dtype=torch.float64) @ frame(len(sigma), 2).T
    return first, frame(len(tau), 3) * torch.tensor(tau, dtype=torch.float64) @ meets.T


def test_aligned_layers() -> None:
    """A = I: every block holds all of its energy, every |A_kk| is 1. Product 64, 36, 16, 4, .01, .0025: a gap of 400 after 4."""
    first, second = planted([8, 6, 4, 2, 0.1, 0.05], [8, 6, 4, 2, 0.1, 0.05])
    found = pair(first.float(), second.float())
    assert (found.dimensions, found.leading, found.separated) == (6, 4, 4)
    assert found.gap == pytest.approx(400, rel=1e-3)
    assert (found.block_energy, found.diagonal) == pytest.approx((1, 1), abs=1e-5)
    assert (found.block_energy.null, found.diagonal.null) == pytest.approx(
        (2 / 3, math.sqrt(2 / (6 * math.pi)))
    )
    assert found.overlap is not None
    assert tuple(found.overlap) == pytest.approx([1] * 6, abs=1e-5)
    assert found.overlap.null == found.overlap.x == pytest.approx([k / 6 for k in range(1, 7)])
    assert found.entries is not None
    assert tuple(found.entries) == pytest.approx([1] * 4, abs=1e-5)
    assert found.entries.x == (1, 2, 3, 4)


def test_equal_singular_values_align_as_a_block_alone() -> None:
    """Three equal ones in both layers and a turn among them: the block of 3 holds all, no direction of it is told apart."""
    turn = torch.eye(6, dtype=torch.float64)
    turn[:3, :3] = frame(3, 5)
    found = pair(*planted([5, 5, 5, 0.3, 0.2, 0.1], [2, 2, 2, 0.03, 0.02, 0.01], turn))
    assert (found.leading, found.separated, found.diagonal, found.entries) == (3, 0, None, None)
    assert found.gap == pytest.approx(10 / 0.009)
    assert found.block_energy == pytest.approx(1)
    assert found.block_energy.null == 0.5


def test_random_layers_are_at_chance() -> None:
    """E ||A[:k, :k]||^2/k = k/d and E |A_ij| = Γ(d/2)/(√π Γ((d+1)/2)), which √(2/(πd)) comes to; within 4 sd of the means."""
    d = 16
    blocks = [
        block_energy(inward(drawn(d, d, seed=s))[1].T @ outward(drawn(d, d, seed=s + 999))[1])
        for s in range(200)
    ]
    energies = torch.stack(blocks)  # (200, d)
    error = 4 * energies.std(dim=0) / 200**0.5 + 1e-12
    assert ((energies.mean(dim=0) - torch.arange(1, d + 1) / d).abs() <= error).all()
    entries = torch.stack([(frame(d, s).T @ frame(d, s + 999)).abs() for s in range(200)])
    exact = math.exp(math.lgamma(d / 2) - math.lgamma((d + 1) / 2)) / math.pi**0.5
    assert float(entries.mean()) == pytest.approx(exact, abs=4 * float(entries.std()) / (200 * d * d) ** 0.5)
    assert exact == pytest.approx(pair(drawn(d, d), drawn(d, d, seed=1)).diagonal.null, rel=0.02)


def test_block_energy_is_the_slow_loop() -> None:
    a = drawn(5, 5)
    expected = [sum(float(a[i, j]) ** 2 for i in range(k) for j in range(k)) / k for k in range(1, 6)]
    assert block_energy(a).tolist() == pytest.approx(expected)
    assert block_energy(frame(7))[-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("product", "d", "expected"),
    [
        ([9, 8, 7, 0.1, 0.05], 5, (3, 70)),  # the largest ratio
        ([9, 3, 0.1, 0.01, 0.0001], 6, (4, 100)),  # the larger one of two gaps, and not the last of d
        ([9, 9, 9, 9, 0.001], 5, (4, 9000)),  # at d - 1 no gap: the stable rank 4, which is the same here
        ([5, 4, 3, 2, 0.1], 5, (2, 4 / 3)),  # no gap before it: (25 + 16 + 9 + 4)/25 = 2.16
        ([4, 0, 0, 0], 4, (1, 1e6)),  # a zero counts as 1e-6 of the largest
        ([2, 2], 2, (2, None)),  # nothing after all directions
        ([3], 1, (1, None)),
    ],
    ids=str,
)
def test_where_the_leading_directions_end(
    product: list[float], d: int, expected: tuple[int, float | None]
) -> None:
    k, gap = leading(torch.tensor(product, dtype=torch.float64), d)
    assert k == expected[0]
    assert gap == (None if expected[1] is None else pytest.approx(expected[1]))


def test_separated_from_both_neighbours_by_a_twentieth() -> None:
    """10 and 9.6 are 4 % apart, 9.6 and 9 are 6.25 %, 9 and 4 far, 4 and 4 equal, 1 the last."""
    sigma = torch.tensor([10, 9.6, 9, 4, 4, 1])
    assert separated(sigma).tolist() == [False, False, True, False, False, True]


def test_only_separated_directions_of_both_layers_are_told() -> None:
    found = pair(*planted([9, 9, 5, 0.2, 0.1], [9, 6, 5, 0.02, 0.01]))
    assert (found.leading, found.separated) == (3, 1)
    assert found.entries is not None
    assert (found.entries.x, tuple(found.entries)) == ((3,), pytest.approx((1,)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.01, 100))
def test_a_turn_between_the_layers_changes_nothing(seed: int, scale: float) -> None:
    """second R^T after R first is the same map, and A the same up to signs."""
    first, second, turn = drawn(6, 9, seed=seed), drawn(4, 6, seed=seed + 1), frame(6, seed + 2)
    one, other = pair(first, second), pair(scale * turn @ first, second @ turn.T)
    assert (one.leading, one.separated) == (other.leading, other.separated)
    assert one.block_energy == pytest.approx(other.block_energy, rel=1e-6)


def test_a_scale_between_the_layers_belongs_to_the_first() -> None:
    first, second, scale = drawn(6, 9), drawn(8, 6, seed=1), drawn(6, seed=2)
    assert pair(first, second, scale) == pair(scale.unsqueeze(1) * first, second)
    assert pair(first, second, scale).block_energy != pair(first, second).block_energy


def test_directions_of_a_layer_that_has_fewer() -> None:
    """out 4 of d = 6: two directions of the input are never taken up; rank 4 of the product's 6 is its shape, no gap."""
    found = pair(drawn(6, 6), drawn(4, 6, seed=1))
    assert found.leading < 4
    assert found.overlap is not None
    assert [math.isnan(value) for value in found.overlap] == [False] * 4 + [True] * 2


def test_a_convolution_is_read_over_all_frequencies() -> None:
    """Parseval: the Gram matrix of the (out·kh·kw, in) kernel is the mean of W(f)^H W(f) over the f of any padding >= 3."""
    kernel = drawn(5, 4, 3, 3)
    spectrum = torch.fft.fft2(kernel, s=(8, 8))  # (5, 4, 8, 8)
    gram = torch.einsum("oifg,ojfg->ij", spectrum.conj(), spectrum).real / 64
    lam = torch.linalg.eigvalsh(gram).flip(0)
    sigma, v = inward(kernel)
    assert sigma.square().tolist() == pytest.approx(lam.tolist())
    assert (v.T @ gram @ v).diagonal().tolist() == pytest.approx(lam.tolist())


def test_before_training_is_measured_at_the_same_k() -> None:
    first, second = planted([8, 7, 0.2, 0.1], [8, 7, 0.02, 0.01])
    swapped = second[:, [1, 0, 2, 3]]
    found = pair(first, second, before=(first, swapped))
    (_, u), (_, v) = outward(first), inward(swapped)
    expected = float((v.T @ u)[:2, :2].square().sum()) / 2
    assert (found.leading, found.block_energy) == (2, pytest.approx(1))
    assert found.block_energy_before == pytest.approx(expected)
    assert found.block_energy_before.null == 0.5
    assert pair(first, second).block_energy_before is None


def test_a_dead_layer_aligns_with_nothing() -> None:
    found = pair(torch.zeros(5, 3), drawn(4, 5))
    assert (found.dimensions, found.leading, found.block_energy, found.overlap) == (5, 0, None, None)
    curve = along([found, pair(drawn(4, 4), drawn(4, 4, seed=1))], ["a → b", "c → d"])
    assert math.isnan(curve[0])
    assert curve.null[0] == 0
    assert (curve.x, curve.names) == ((0, 1), ("a → b", "c → d"))
