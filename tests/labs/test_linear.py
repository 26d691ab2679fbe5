"""Deep linear networks beside slow loops from the equations, automatic differentiation, closed forms, and single runs."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.labs import linear_flow
from collapse_cli.labs.linear import (
    FRAMES,
    Frame,
    LinearLab,
    SampledViews,
    augmentation,
    moments,
    root,
    train,
)
from collapse_cli.labs.linear_dynamics import dynamics, layers
from collapse_cli.labs.linear_flow import flow
from collapse_cli.labs.linear_losses import Contrast, contrast, loss, loss_of
from collapse_cli.labs.linear_networks import Sweep, bent_motion, forward, initial, linear_motion, product
from collapse_cli.labs.linear_results import phases
from collapse_cli.settings import Linear

SMALL = Linear(width=6, points=40, batch=12, steps=8)
LOSSES = ("distance", "dot")
S, B, D = 3, 7, 4


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ran(settings: Linear, sweep: Sweep, **covariances: Tensor) -> list[Frame]:
    return list(train(LinearLab(settings, sweep, **covariances)))


def eq_2(z: Tensor, positives: Tensor) -> float:
    """Eq. 2 as it stands, over the batch size: z (B, d), z' (B, d)."""
    total = 0.0
    for i in range(len(z)):
        own = math.exp(-float((z[i] - positives[i]).square().sum()) / 2)
        others = [math.exp(-float((z[i] - z[j]).square().sum()) / 2) for j in range(len(z)) if j != i]
        total -= math.log(own / (sum(others) + own))
    return total / len(z)


def published(z: Tensor, positives: Tensor, temperature: float) -> float:
    """The published code's cross-entropy of z z'^T / T, one direction, as a loop."""
    total = 0.0
    for i in range(len(z)):
        candidates = [math.exp(float(z[i] @ positives[j]) / temperature) for j in range(len(z))]
        total -= math.log(candidates[i] / sum(candidates))
    return total / len(z)


@pytest.mark.parametrize("name", LOSSES)
def test_gram_form_is_the_loop(name: str) -> None:
    z, positives = drawn(S, B, D), drawn(S, B, D, seed=1)
    found = loss(contrast(name, 0.7).similarities(z, positives))
    slow = [
        eq_2(*pair) if name == "distance" else published(*pair, 0.7)
        for pair in zip(z, positives, strict=True)
    ]
    assert found.tolist() == pytest.approx(slow, rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_told_apart_costs_log_b(name: str) -> None:
    """Equal z: all B candidates are equally similar, -log 1/B."""
    z = torch.ones(1, B, D, dtype=torch.float64)
    similar = contrast(name, 0.1).similarities(z, z)
    for found in (loss(similar), loss_of(similar.softmax(-1))):
        assert float(found) == pytest.approx(math.log(B))


def test_x_of_the_paper() -> None:
    """X = sum_ij alpha_ij (x_i - x_j)(x_i - x_j)^T - sum_i (1 - alpha_ii)(x'_i - x_i)(x'_i - x_i)^T, over B, as a double loop."""
    x, positives = drawn(1, B, D), drawn(1, B, D, seed=1)
    distance = contrast("distance", 1.0)
    alpha = distance.similarities(x, positives).softmax(-1)
    slow = torch.zeros(D, D, dtype=torch.float64)
    for i in range(B):
        for j in (j for j in range(B) if j != i):
            slow += alpha[0, i, j] * torch.outer(x[0, i] - x[0, j], x[0, i] - x[0, j])
        slow -= (1 - alpha[0, i, i]) * torch.outer(positives[0, i] - x[0, i], positives[0, i] - x[0, i])
    torch.testing.assert_close(distance.matrix(alpha, x, positives)[0], slow / B)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_minus_w_x(name: str, depth: int) -> None:
    """dL/dW = -W X of the product, through the layers by the chain rule: what automatic differentiation finds."""
    weights, x, positives = 0.6 * drawn(S, depth, D, D), drawn(S, B, D, seed=1), drawn(S, B, D, seed=2)
    by_theory = linear_motion(weights, x, positives, contrast(name, 0.9))
    by_autograd = bent_motion(weights, None, x, positives, contrast(name, 0.9))
    torch.testing.assert_close(by_theory.gradient, by_autograd.gradient, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(by_theory.loss, by_autograd.loss)
    if depth == 1:
        torch.testing.assert_close(by_theory.gradient[:, 0], -weights[:, 0] @ by_theory.matrix)
    torch.testing.assert_close(by_theory.matrix, by_theory.matrix.mT)


def test_the_product_is_the_network() -> None:
    weights, x = drawn(S, 3, D, D), drawn(S, B, D, seed=1)
    torch.testing.assert_close(product(weights), weights[:, 2] @ weights[:, 1] @ weights[:, 0])
    torch.testing.assert_close(forward(weights, x), x @ product(weights).mT)


def test_relu_stands_between_own_layers_alone() -> None:
    """L = 1 has none, L = 2 one: z = W_2 relu(W_1 x), the identity that fills L = 1 up to 2 not bent."""
    lab = LinearLab(replace(SMALL, relu=True), Sweep((0.5,), (1, 2), (0,)))
    z, x = lab.embedded(lab.weights, [0, 1]), lab.data[0]
    first, second = lab.weights[1]
    torch.testing.assert_close(z[0], x @ first.T)
    torch.testing.assert_close(z[1], (x @ first.T).relu() @ second.T)
    batch = next(lab.batches())
    found = lab.motion(lab.weights, batch)
    assert found.matrix.isnan().all()
    straight = LinearLab(SMALL, Sweep((0.5,), (1, 2), (0,))).motion(lab.weights, batch)
    torch.testing.assert_close(found.gradient[0], straight.gradient[0])
    assert not torch.allclose(found.gradient[1], straight.gradient[1])


@pytest.mark.parametrize("settings", [SMALL, replace(SMALL, loss="dot"), replace(SMALL, relu=True)])
def test_a_sweep_is_its_single_runs(settings: Linear) -> None:
    """Networks that train at once do not know of each other."""
    sweep = Sweep((0.0, 1.5), (1, 3), (0, 4))
    together = ran(settings, sweep)[-1]
    for place, (noise, depth, seed) in enumerate(sweep.members):
        alone = ran(settings, Sweep((noise,), (depth,), (seed,)))[-1]
        torch.testing.assert_close(together.weights[place, :depth], alone.weights[0], rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(together.loss[place], alone.loss[0])
        assert torch.equal(together.weights[place, depth:], torch.eye(6).double().expand(3 - depth, 6, 6))


def test_seeds_do_not_depend_on_their_order() -> None:
    """Bit for bit: the same bmm, in another place of the batch."""
    one, other = (ran(SMALL, Sweep((1.0,), (2,), seeds))[-1] for seeds in ((0, 1), (1, 0)))
    assert torch.equal(one.weights, other.weights.flip(0))
    assert not torch.allclose(one.weights[0], one.weights[1])


def test_a_step_by_hand() -> None:
    """W - lr dL/dW with the gradient of the slow loss by central differences; the anchor clean, the positive x + k noise."""
    settings = replace(SMALL, steps=1, lr=0.3, width=2, batch=4)
    sweep = Sweep((1.5,), (1,), (0,))
    lab = LinearLab(settings, sweep)
    batch = LinearLab(settings, sweep).batches()
    for _ in range(17):  # the first 16 batches are those of the first frame
        points = next(batch)
    x, positives = points.points[0], points.points[0] + 1.5 * points.noises[0][0]
    assert torch.equal(points.noises[0][0][:, 0], torch.zeros(4).double()), (
        "the first half of the coordinates is left alone"
    )
    w, slope = lab.weights[0, 0], torch.zeros(2, 2, dtype=torch.float64)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        step = torch.zeros_like(w)
        step[i, j] = 1e-5
        slope[i, j] = (
            eq_2(x @ (w + step).T, positives @ (w + step).T)
            - eq_2(x @ (w - step).T, positives @ (w - step).T)
        ) / 2e-5
    torch.testing.assert_close(list(train(lab))[-1].weights[0, 0], w - 0.3 * slope, rtol=1e-7, atol=1e-8)


def test_the_first_frame_is_a_mean_over_batches_that_move_nothing() -> None:
    """X and the loss of the weights as drawn, over 16 batches."""
    sweep = Sweep((0.5, 1.5), (1, 2), (3,))
    lab, first = LinearLab(SMALL, sweep), ran(SMALL, sweep)[0]
    seen = [lab.motion(lab.weights, batch) for batch in islice(lab.batches(), 16)]
    assert torch.equal(first.weights, lab.weights)
    torch.testing.assert_close(first.matrix, torch.stack([one.matrix for one in seen]).mean(0))
    torch.testing.assert_close(first.loss, torch.stack([one.loss for one in seen]).mean(0))


def test_data_and_weights_of_a_seed_are_drawn_apart() -> None:
    """From one generator both would begin with the same numbers; and every seed has weights of its own."""
    lab = LinearLab(replace(SMALL, init="gaussian"), Sweep((1.0,), (1,), (0, 1)))
    drawn_first = lab.weights[:, 0] * 6**0.5 / 0.5  # (seeds, 6, 6)
    assert not torch.isclose(drawn_first[0], lab.data[0, :6]).any()
    assert not torch.isclose(drawn_first[0], drawn_first[1]).any()
    assert not torch.isclose(lab.data[0], lab.data[1]).all(1).any()


def test_every_network_embeds_the_points_of_its_own_seed() -> None:
    lab = LinearLab(SMALL, Sweep((0.5, 1.0), (1,), (0, 1)))  # of seeds 0, 1, 0, 1
    found = lab.embedded(lab.weights, [2, 3])
    for place, seed in enumerate((0, 1)):
        torch.testing.assert_close(found[place], lab.data[seed] @ lab.weights[seed, 0].T)


def test_diverged_is_beyond_a_root_mean_square_of_1000() -> None:
    """Of z = c x with x normal it is c, to .6 % (1 sd of 12,000 numbers); and what is no number."""
    lab = LinearLab(replace(SMALL, points=2000), Sweep((1.0,), (1,), (0,)))
    for size, diverged in ((900.0, False), (1100.0, True), (math.nan, True), (math.inf, True)):
        assert lab.diverged(size * torch.ones(1, 1, 6, 1).double() * torch.eye(6).double()).item() == diverged


def test_dot_has_two_noisy_views() -> None:
    lab = LinearLab(replace(SMALL, loss="dot", augment="isotropic"), Sweep((1.0,), (1,), (0,)))
    first, second = next(lab.batches()).noises
    assert not torch.allclose(first, second)
    assert len(next(LinearLab(SMALL, Sweep((1.0,), (1,), (0,))).batches()).noises) == 1


def test_initialisations() -> None:
    """Decaying: exp(-.35 k). Orthogonal: W W^T = 1/4. Gaussian: entries of std .5/√d, singular values of rms .5 in the mean."""
    generator = torch.Generator().manual_seed(0)
    decaying = torch.linalg.svdvals(initial("decaying", 2, 16, generator))
    torch.testing.assert_close(decaying, torch.exp(-0.35 * torch.arange(16).double()).expand(2, 16))
    orthogonal = initial("orthogonal", 2, 16, generator)
    torch.testing.assert_close(orthogonal @ orthogonal.mT, torch.eye(16).double().expand(2, 16, 16) / 4)
    signs = (initial("orthogonal", 400, 3, generator)[:, 0, 0] > 0).double().mean()
    assert float(signs) == pytest.approx(0.5, abs=0.1), "QR leaves a first entry below 0"
    gaussian = initial("gaussian", 50, 16, generator)
    assert float(torch.linalg.svdvals(gaussian).square().mean()) == pytest.approx(0.25, rel=0.03)
    shallow, deep = (initial("gaussian", n, 4, torch.Generator().manual_seed(0)) for n in (1, 3))
    assert torch.equal(shallow, deep[:1])


def test_covariances() -> None:
    """Data and noise have those that are given; a root squares to its matrix, also where an eigenvalue is 0."""
    torch.testing.assert_close(augmentation("block", 5).diagonal(), torch.tensor([0, 0, 1, 1, 1]).double())
    torch.testing.assert_close(augmentation("isotropic", 2), torch.eye(2).double())
    factor = drawn(6, 2)
    given = factor @ factor.T
    torch.testing.assert_close(root(given) @ root(given), given)
    lab = LinearLab(replace(SMALL, points=20000, batch=20000), Sweep((1.0,), (1,), (0,)), given, 4 * given)
    torch.testing.assert_close(lab.data[0].T.cov(), given, rtol=0.05, atol=0.05)
    torch.testing.assert_close(next(lab.batches()).noises[0][0].T.cov(), 4 * given, rtol=0.05, atol=0.2)


def test_moments_are_dense_at_first() -> None:
    assert moments(1) == [0, 1]
    assert moments(5) == [0, 1, 2, 3, 4, 5]
    found = moments(3000)
    assert (found[:4], found[-1], len(found)) == ([0, 1, 4, 8], 3000, FRAMES + 1)


def test_descent_comes_to_the_flow_as_its_steps_shrink() -> None:
    """Euler's error is linear in the step: with half the rate and twice the steps it is half."""
    sweep = Sweep((0.5, 1.5), (1, 2), (0,))
    end = list(flow(LinearLab(replace(SMALL, steps=20, lr=0.1), sweep)))[-1]

    def error(parts: int) -> float:
        settings = replace(SMALL, integrator="descent", steps=20 * parts, lr=0.1 / parts)
        return float((ran(settings, sweep)[-1].weights - end.weights).norm() / end.weights.norm())

    first, second, third = error(1), error(2), error(4)
    assert first < 0.05
    assert first / second == pytest.approx(2, rel=0.1)
    assert second / third == pytest.approx(2, rel=0.05)


def test_flow_conserves_what_descent_moves() -> None:
    """W_1 W_1^T - W_2^T W_2 is constant along the flow; a step of descent changes it by lr^2 (G_1 G_1^T - G_2^T G_2)."""
    settings, sweep = replace(SMALL, steps=20, lr=0.1), Sweep((0.5,), (2,), (0,))

    def drift(frames: list[Frame], lab: LinearLab) -> float:
        return float(dynamics(lab, frames, 0).drift or 0.0)

    lab = LinearLab(settings, sweep)
    assert drift(list(flow(lab)), lab) < 1e-7
    lab = LinearLab(replace(settings, integrator="descent"), sweep)
    assert drift(list(train(lab)), lab) > 1e-4


def test_flow_tells_the_mean_loss_of_each_span() -> None:
    """Along the flow the loss on its batch falls; its mean over a short span is that of both ends, to 3 % of the fall."""
    settings, sweep = replace(SMALL, steps=20, lr=0.1), Sweep((0.5,), (2,), (0,))
    lab = LinearLab(settings, sweep)
    frames, batch = list(flow(lab)), next(LinearLab(settings, sweep).batches())
    ends = torch.cat([lab.motion(frame.weights, batch).loss for frame in frames])
    assert bool((ends.diff() < 0).all())
    told = torch.cat([frame.loss for frame in frames])
    assert float(told[0]) == pytest.approx(float(ends[0]))
    off = (told[1:] - (ends[:-1] + ends[1:]) / 2) / ends.diff()
    assert float(off.abs().max()) < 0.03


def test_flow_of_a_constant_x_is_its_exponential(monkeypatch: pytest.MonkeyPatch) -> None:
    """With X held fixed W(t) = W(0) exp(X t): Theorem 1, with two of six eigenvalues negative."""
    lam = torch.tensor([0.9, 0.5, 0.3, 0.1, -0.7, -1.5], dtype=torch.float64)
    vectors = torch.linalg.qr(drawn(6, 6))[0]
    fixed = vectors * lam @ vectors.T
    lab = LinearLab(replace(SMALL, steps=30, lr=0.1), Sweep((1.0,), (1,), (0,)))
    held = Contrast(lab.contrast.similarities, lambda alpha, x, y: fixed.expand(1, 6, 6), clean_anchors=True)
    monkeypatch.setattr(lab, "contrast", held)
    frames = list(flow(lab))
    torch.testing.assert_close(
        frames[-1].weights[0, 0], lab.weights[0, 0] @ torch.linalg.matrix_exp(3 * fixed), rtol=1e-6, atol=1e-8
    )
    torch.testing.assert_close(frames[-1].matrix[0], fixed)
    found = dynamics(lab, frames, 0)
    assert found.negative == 2
    assert found.growth_ratio == pytest.approx(1, abs=1e-2)


def test_flow_that_cannot_be_followed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failed:
        success = False

    monkeypatch.setattr(linear_flow, "solve_ivp", lambda *_, **__: Failed())
    with pytest.raises(CollapseError, match="could not be integrated"):
        list(flow(LinearLab(SMALL, Sweep((0.0,), (1,), (0,)))))


def test_results_of_a_planted_training() -> None:
    """W_2 W_1 goes from the identity to diag(4, 2, .02, .01)^2 of isotropic x: λ some 256, 16, 2e-7, 1e-8: 2 alive.

    Both layers diagonal: A = 1, the block of k = 2 holds all; equal layers: Q = 0 throughout.
    """
    settings = replace(SMALL, width=4, points=2000, steps=3)
    lab = LinearLab(settings, Sweep((0.5,), (2,), (0,)))
    sigma = torch.tensor([4.0, 2.0, 0.02, 0.01], dtype=torch.float64)
    x = torch.diag(torch.tensor([3.0, 1.0, -1.0, -2.0], dtype=torch.float64)).unsqueeze(0)
    made = [torch.eye(4).double().expand(1, 2, 4, 4), sigma.diag().expand(1, 2, 4, 4)]
    frames = [
        Frame(step, 0.1 * step, w, x, torch.tensor([0.7])) for step, w in zip((0, 3), made, strict=True)
    ]
    found = dynamics(lab, frames, 0)
    assert (found.alive, found.dead, found.negative) == (2, 2, 2)
    assert found.survivors == (4, 2)
    assert found.survivors.x == (0, 3)
    lam = torch.linalg.eigvalsh((lab.data[0] * sigma**2).T.cov()).flip(0)
    assert tuple(found.spectrum) == pytest.approx(lam.tolist(), rel=1e-6, abs=1e-12)
    assert found.gap == pytest.approx(float(lam[:2].log().mean() - lam[2:].log().mean()), rel=1e-6)
    assert (found.block_energy, found.block_energy.null) == pytest.approx((1, 0.5), abs=1e-9)
    assert (found.imbalance, found.drift, found.drift.null) == pytest.approx((0, 0, 0), abs=1e-12)
    assert (found.loss, found.loss.null) == pytest.approx((0.7, math.log(12)))
    assert found.fates is not None
    assert (found.fates.x, tuple(found.fates)) == (
        pytest.approx((3, 1, -1, -2)),
        pytest.approx((16, 4, 4e-4, 1e-4)),
    )
    assert found.product is not None
    assert {name: tuple(one) for name, one in found.product.items()} == {
        "σ1": pytest.approx((1, 16)), "σ2": pytest.approx((1, 4)), "σ3": pytest.approx((1, 4e-4)), "σ4": pytest.approx((1, 1e-4)),
    }  # fmt: skip
    assert [tuple(one.sigma["σ1"]) for one in layers(lab, frames, 0)] == [pytest.approx((1, 4))] * 2


def test_of_relus_no_theory_is_told() -> None:
    lab = LinearLab(replace(SMALL, relu=True), Sweep((0.5,), (2,), (0,)))
    found = dynamics(lab, list(train(lab)), 0)
    assert (found.negative, found.growth_ratio, found.drift, found.product) == (None,) * 4
    assert found.block_energy is not None


def test_phases_know_their_names() -> None:
    found = phases([[16, 11], [8, 7]], (0.5, 1.5), (1, 2)).alive
    assert (found.row_names, found.column_names) == (("0.5", "1.5"), ("1", "2"))


def test_strong_augmentation_kills_and_weak_does_not() -> None:
    """A small one of the paper's first cause: in 300 steps 4 of 8 dimensions are dead for a noise of 2, none for .5."""
    settings = Linear(width=8, points=500, batch=32, steps=300, init="orthogonal")
    lab = LinearLab(settings, Sweep((0.5, 2.0), (1,), (0, 1)))
    frames = list(train(lab))
    found = [dynamics(lab, frames, place) for place in range(4)]
    assert [one.alive for one in found] == [8, 8, 4, 4]
    assert [one.negative for one in found] == [0, 0, 4, 4]


def test_isotropic_noise_kills_all() -> None:
    """A noise of 2 on all coordinates: all 8 eigenvalues of X are negative, and nothing lives, not even the largest."""
    settings = Linear(width=8, points=500, batch=32, steps=300, init="orthogonal", augment="isotropic")
    lab = LinearLab(settings, Sweep((2.0,), (1,), (0,)))
    found = dynamics(lab, list(train(lab)), 0)
    assert (found.alive, found.dead, found.negative) == (0, 8, 8)
    assert found.loss == pytest.approx(math.log(32), abs=1e-3)


def test_batches_are_drawn_without_replacement() -> None:
    lab = LinearLab(replace(SMALL, batch=40), Sweep((1.0,), (1,), (0,)))
    batch = next(lab.batches())
    assert isinstance(batch, SampledViews)
    torch.testing.assert_close(batch.points[0].sort(0).values, lab.data[0].sort(0).values)
