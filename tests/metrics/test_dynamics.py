"""Dynamics of linear networks: planted layers with known answers, and the theorems on exact trajectories."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.dynamics import conserved, fates, gap, grown, growth, meeting, negative


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def frame(d: int, seed: int = 0) -> Tensor:
    return torch.linalg.qr(drawn(d, d, seed=seed))[0]


def diagonal(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).diag()


def test_negative_counts_what_is_surely_below_zero() -> None:
    """Eigenvalues 2, 1, -.01, -.5: the third is half a percent of the largest, and has no sign."""
    turned = frame(4) @ diagonal(2, 1, -0.01, -0.5) @ frame(4).T
    assert negative(turned) == 1
    assert negative(-turned) == 2
    assert negative(1e3 * turned) == negative(1e-3 * turned) == 1, "of the largest, whatever the scale"


def test_fates_go_with_their_directions() -> None:
    """W = U diag(3, 2, 1) V^T and X = V diag(5, -1, -2) V^T: along v_k, X is 5, -1, -2."""
    v = frame(3, 1)
    said, sigma = fates(frame(3) @ diagonal(3, 2, 1) @ v.T, v @ diagonal(5, -1, -2) @ v.T)
    torch.testing.assert_close(said, torch.tensor([5.0, -1, -2], dtype=torch.float64))
    torch.testing.assert_close(sigma, torch.tensor([3.0, 2, 1], dtype=torch.float64))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_growth_of_aligned_layers_is_their_slope(depth: int) -> None:
    """W_l = F_l diag(s_l) F_(l-1)^T with common frames between: d sigma_1^k/dt under dW_1/dt = (W_L … W_2)^T W X, by differences.

    For L = 2 the theorem's sigma_1 sigma_2^2 v.Xv, for L = 3 sigma_1 (sigma_2 sigma_3)^2 v.Xv.
    """
    frames = [frame(3, seed) for seed in range(depth + 1)]
    layers = torch.stack(
        [
            frames[n + 1] @ diagonal(*(3 / (n + 1), 2 / (n + 1), 1 / (n + 1))) @ frames[n].T
            for n in range(depth)
        ]
    )
    x = drawn(3, 3, seed=9)
    x = x + x.T
    above = torch.linalg.multi_dot([*reversed(layers[1:]), torch.eye(3).double(), torch.eye(3).double()])
    slope = above.T @ above @ layers[0] @ x
    up, down = (torch.linalg.svdvals(layers[0] + step * slope) for step in (1e-6, -1e-6))
    torch.testing.assert_close(growth(layers, x), (up - down) / 2e-6, rtol=1e-6, atol=1e-6)


def test_one_layer_grows_as_theorem_1_says() -> None:
    """W(t) = W(0) exp(X t) with W(0) = V diag(3, 2, 1) V^T, X = V diag(.4, .1, -.3) V^T: sigma_k(t) = sigma_k exp(lambda_k t)."""
    v, lam = frame(3), torch.tensor([0.4, 0.1, -0.3], dtype=torch.float64)
    time = torch.linspace(0, 1, 201, dtype=torch.float64)
    sigma = torch.tensor([3.0, 2, 1], dtype=torch.float64) * torch.exp(lam * time.unsqueeze(1))
    layers = (v * sigma.unsqueeze(1) @ v.T).unsqueeze(1)
    measured, expected = grown(layers, (v * lam @ v.T).expand(200, 3, 3), time)
    assert len(measured) == 600
    torch.testing.assert_close(measured, expected, rtol=1e-4, atol=1e-6)


def test_growth_is_of_distinct_singular_values_alone() -> None:
    """2, 2.05, 1: the first two are 2.5 % apart, below the 5 % that tell vectors apart."""
    layers = diagonal(2.05, 2, 1).expand(3, 1, 3, 3)
    measured, expected = grown(
        layers, torch.eye(3).double().expand(2, 3, 3), torch.tensor([0.0, 1, 2]).double()
    )
    assert measured.tolist() == [0, 0]
    assert expected.tolist() == [1, 1]


def test_growth_is_of_aligned_directions_alone() -> None:
    """W_2 = diag(3, 2, 1) after a turn of the last two directions of W_1 = diag(3, 2, 1) by 30 degrees: |A| = 1, .87, .87."""
    turn = torch.eye(3).double()
    turn[1:, 1:] = torch.tensor([[math.cos(math.pi / 6), -0.5], [0.5, math.cos(math.pi / 6)]])
    layers = torch.stack([turn @ diagonal(3, 2, 1), diagonal(3, 2, 1)]).expand(2, 2, 3, 3)
    assert meeting(layers).tolist() == [[True, False, False]] * 2
    measured, expected = grown(layers, torch.eye(3).double().unsqueeze(0), torch.tensor([0.0, 1]).double())
    assert (measured.tolist(), expected.tolist()) == ([0], [pytest.approx(27)])


def test_aligned_at_both_ends_and_apart_in_every_layer() -> None:
    """W_2 = diag(2.05, 2, 1) has a pair that is not told apart, though W_1 = diag(3, 2, 1) has none.

    A turn of W_1 by 30 degrees after the first frame leaves the first direction alone to be compared over the span.
    """
    straight, level = diagonal(3, 2, 1), diagonal(2.05, 2, 1)
    assert meeting(torch.stack([straight, level]).unsqueeze(0)).tolist() == [[False, False, True]]
    turn = torch.eye(3).double()
    turn[1:, 1:] = torch.tensor([[math.cos(math.pi / 6), -0.5], [0.5, math.cos(math.pi / 6)]])
    layers = torch.stack([torch.stack([one @ straight, straight]) for one in (torch.eye(3).double(), turn)])
    for frames in (layers, layers.flip(0)):
        found = grown(frames, torch.eye(3).double().unsqueeze(0), torch.tensor([0.0, 1]).double())
        assert [one.tolist() for one in found] == [[0], [pytest.approx(27)]]


def test_conserved() -> None:
    """W_1 = diag(2, 1), W_2 = diag(1, 3): W_1 W_1^T - W_2^T W_2 = diag(3, -8); of balanced layers it is 0.

    Of any layers it lives between them, in the space that W_1 writes and W_2 reads.
    """
    first, second = drawn(3, 3), drawn(3, 3, seed=1)
    (found,) = conserved(torch.stack([first, second]))
    torch.testing.assert_close(found, first @ first.T - second.T @ second)
    torch.testing.assert_close(
        conserved(torch.stack([diagonal(2, 1), diagonal(1, 3)])), diagonal(3, -8).unsqueeze(0)
    )
    u, v = frame(3), frame(3, 1)
    balanced = torch.stack([u @ diagonal(3, 2, 1) @ v.T, v @ diagonal(3, 2, 1) @ u.T])
    torch.testing.assert_close(conserved(balanced), torch.zeros(1, 3, 3).double())


def test_gap() -> None:
    """(e^3, e, 1, e^-2): 2 - (-1) = 3 nats; zeros count as float64's rounding of the largest."""
    assert gap(torch.tensor([3.0, 1, 0, -2], dtype=torch.float64).exp()) == pytest.approx(3)
    assert gap(torch.tensor([4.0, 0], dtype=torch.float64)) == pytest.approx(
        -math.log(torch.finfo(torch.float64).eps)
    )
