"""The lab's networks beside torch's own, its cures beside finite differences and slow loops, its stacks beside single runs."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy
import pytest
import torch
from torch import Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.labs import gan, gan_cures, gan_targets
from collapse_cli.labs.gan_losses import LOSSES
from collapse_cli.labs.stacked import Adam, fresh, mlp
from collapse_cli.settings import Gan

SMALL = Gan(steps=6, batch=8, g_width=12, d_width=12, latent=3, unroll=2, pack=2)
RING = gan_targets.ring()


def lab(
    *cure: str, seeds: tuple[int, ...] = (0,), ratios: list[float] | None = None, **own: object
) -> gan.GanLab:
    return gan.GanLab(RING, replace(SMALL, **own), cure, seeds, ratios)


def end(of: gan.GanLab) -> Tensor:
    (snapshot,) = of.train([of.own.steps])
    return snapshot.samples


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def test_the_ring_has_eight_modes_and_not_seven() -> None:
    """Angles that include the end put the first and the last mode at one place: the nearest two are 4 sin(pi/8) = 1.531 apart."""
    centres = RING.anchors.rows
    assert torch.pdist(centres).min() == pytest.approx(4 * math.sin(math.pi / 8), rel=1e-5)
    assert centres.norm(dim=1).tolist() == pytest.approx([2.0] * 8)
    assert gan_targets.ring(5).anchors.count == 5


def test_the_grid_is_that_of_the_papers() -> None:
    assert set(map(tuple, gan_targets.grid().anchors.rows.tolist())) == {
        (x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)
    }


def test_samples_of_a_target_are_gaussians_about_its_modes(generator: torch.Generator) -> None:
    """8,000 of them: std .05 of each coordinate to 2 %, each mode's share 1/8 to .015 (4 sd)."""
    drawn = RING.draw(8000, generator)
    mode = torch.cdist(drawn, RING.anchors.rows).argmin(dim=1)
    apart = drawn - RING.anchors.rows[mode]
    assert apart.std(dim=0).tolist() == pytest.approx([0.05, 0.05], rel=0.02)
    assert (mode.bincount() / 8000).tolist() == pytest.approx([1 / 8] * 8, abs=0.015)


def test_images_reach_as_far_as_95_per_cent_of_them_need(generator: torch.Generator) -> None:
    """On a line at 0, 1, 3, 6, 10 … the nearest others are 1, 1, 2, 3, 4 … away, numpy's quantile of which is the reach."""
    rows = torch.cumsum(torch.arange(20.0), dim=0).unsqueeze(1)
    made = gan_targets.images(rows, torch.arange(20) % 4)
    assert made.anchors.reach == pytest.approx(numpy.quantile([1, *range(1, 20)], 0.95))
    assert set(made.draw(50, generator).flatten().tolist()) <= set(rows.flatten().tolist())
    assert gan_targets.centres(made).shape == (4, 1)


def test_the_plane_is_where_anchors_spread_most() -> None:
    """About their mean, which lies far off along the axis of least spread: along the third axis most, then the first."""
    spread = torch.tensor([[2.0, 0, 0], [-2, 0, 0], [0, 0, 3], [0, 0, -3], [0, 1, 0], [0, -1, 0]])
    found = gan_targets.plane(gan_targets.images(spread + torch.tensor([0.0, 100, 0]), torch.arange(6)))
    torch.testing.assert_close(found.abs(), torch.tensor([[0.0, 1], [0, 0], [1, 0]]), atol=1e-5, rtol=0)
    assert torch.equal(gan_targets.plane(RING), torch.eye(2))


def test_a_stack_is_so_many_networks() -> None:
    """Each run's output is that of torch's layers with the same weights."""
    parameters = fresh([3, 5, 4, 2], generators(3))
    rows = torch.randn(3, 7, 3, generator=generators(1)[0])
    for run in range(3):
        layers = [nn.Linear(a, b) for a, b in pairwise([3, 5, 4, 2])]
        for layer, weight, bias in zip(layers, parameters[::2], parameters[1::2], strict=True):
            layer.weight.data, layer.bias.data = weight[run].T, bias[run, 0]
        single = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
        torch.testing.assert_close(mlp(parameters, rows)[run], single(rows[run]))


def test_fresh_weights_are_spread_as_torchs_own() -> None:
    """Uniform within ±1/sqrt(in): a standard deviation of 1/sqrt(3 in)."""
    weight, bias = fresh([100, 400], generators(2))
    assert weight.std().item() == pytest.approx(1 / math.sqrt(300), rel=0.02)
    assert max(weight.abs().max().item(), bias.abs().max().item()) <= 0.1


def test_adam_is_torchs_at_a_rate_for_each_run() -> None:
    """Five steps down |w - 3|^2 and a linear part, two runs at rates .1 and .02, beside torch.optim.Adam on each alone."""
    adam = Adam(torch.tensor([0.1, 0.02]).view(-1, 1, 1))
    parameters = fresh([4, 3], generators(2))
    start, moments = [one.detach().clone() for one in parameters], adam.begun(parameters)

    def loss(of: tuple[Tensor, ...] | list[Tensor]) -> Tensor:
        return sum((one - 3).square().sum() + one.sum() for one in of)  # type: ignore[return-value]

    for _ in range(5):
        parameters, moments = adam.step(
            parameters, torch.autograd.grad(loss(parameters), parameters), moments
        )
    for run, rate in enumerate((0.1, 0.02)):
        alone = [one[run].clone().requires_grad_() for one in start]
        optimizer = torch.optim.Adam(alone, rate, betas=(0.5, 0.999))
        for _ in range(5):
            optimizer.zero_grad()
            loss(alone).backward()
            optimizer.step()
        for stacked, single in zip(parameters, alone, strict=True):
            torch.testing.assert_close(stacked[run], single, atol=1e-6, rtol=1e-5)


def test_adam_moves_by_the_rate_however_small_the_gradient_is() -> None:
    """eps 1e-8 is added to the root: of a gradient of 1e-6 the first step is 1e-6 / (1e-6 + 1e-8), .99 of the rate in torch."""
    adam, start = Adam(torch.tensor([[[0.1]]])), (torch.zeros(1, 1, 1),)
    (moved,), _ = adam.moved(start, (torch.full((1, 1, 1), 1e-6),), adam.begun(start))
    assert moved.item() == pytest.approx(-0.1, rel=0.01)


@pytest.mark.parametrize("cure", [(), ("r1",), ("pac", "noise"), ("unrolled",), ("minibatch",)], ids=str)
def test_stacked_runs_end_where_single_ones_do(cure: tuple[str, ...]) -> None:
    """Three seeds with D's rate 1, 5 and 10 times G's, at once and one by one."""
    ratios = [1.0, 5.0, 10.0]
    together = end(lab(*cure, seeds=(0, 1, 2), ratios=ratios))
    for seed, ratio in enumerate(ratios):
        alone = end(lab(*cure, seeds=(seed,), lr_ratio=ratio))
        torch.testing.assert_close(together[seed], alone[0], atol=1e-5, rtol=1e-5)


def test_looking_does_not_change_the_training() -> None:
    watched = list(lab().train(range(7)))
    assert [one.step for one in watched] == list(range(7))
    assert torch.equal(watched[-1].samples, end(lab()))
    assert not torch.equal(watched[0].samples, watched[1].samples)


def test_what_is_watched_is_drawn_apart_from_what_is_trained() -> None:
    """The seed's own generator would begin with the same numbers."""
    one = lab(seeds=(0, 1))
    own = torch.randn(gan.SHOWN, SMALL.latent, generator=generators(1)[0])
    assert not torch.isclose(one.watched[0, :9], own[:9]).any()
    assert not torch.isclose(one.watched[0], one.watched[1]).all(1).any()


def test_seeds_differ_and_repeat() -> None:
    first, again = end(lab(seeds=(0, 1))), end(lab(seeds=(0, 1)))
    assert torch.equal(first, again)
    assert not torch.allclose(first[0], first[1], atol=1e-2)


def test_torchs_global_generator_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    end(lab("noise", "minibatch"))
    assert torch.equal(before, torch.random.get_rng_state())


def test_losses_where_d_is_undecided_and_where_it_is_sure() -> None:
    """At logit 0, D = 1/2: 2 log 2 for D, log 2 and -log 2 for G. At +-2, by the formulas: log(1 + e^-2) = .126928."""
    nothing, sure = torch.zeros(1, 4), torch.full((1, 4), 2.0)
    log2, small = math.log(2), math.log1p(math.exp(-2))
    expected = {
        "non-saturating": ((2 * log2, log2), (2 * small, 2 + small)),
        "minimax": ((2 * log2, -log2), (2 * small, -small)),
        "wgan-gp": ((0, 0), (-4, 2)),
        "hinge": ((2, 0), (0, 2)),
    }
    for name, (undecided, decided) in expected.items():
        d, g = LOSSES[name]
        assert (d(nothing, nothing).item(), g(nothing).item()) == pytest.approx(undecided), name
        assert (d(sure, -sure).item(), g(-sure).item()) == pytest.approx(decided), name


def quadratic(samples: Tensor) -> Tensor:
    """D(x) = |x|^2, of slope 2 |x|."""
    return samples.square().sum(dim=2)


def test_r1_is_half_gamma_times_the_mean_squared_slope() -> None:
    """|x| = 1 and 2: slopes squared 4 and 16, mean 10, times .1 / 2."""
    real = torch.tensor([[[0.6, 0.8], [0.0, 2.0]]])
    assert gan_cures.r1(quadratic, real, 0.1).tolist() == pytest.approx([0.5])


def test_the_gradient_penalty_is_asked_between() -> None:
    """Between 2 (real) and 0 at e = 1/4: x^ = 1/2, slope 1, no penalty; at e = 1: slope 4, (4 - 1)^2 = 9. Mean 4.5, times 10."""
    real, generated = torch.tensor([[[2.0], [2.0]]]), torch.zeros(1, 2, 1)
    between = torch.tensor([[[0.25], [1.0]]])
    assert gan_cures.gradient_penalty(quadratic, real, generated, 10.0, between).tolist() == pytest.approx(
        [45.0], rel=1e-5
    )


def test_the_gradient_penalty_is_asked_from_both_sides() -> None:
    """Slopes 1/2 and 0, too flat, cost as slopes too steep do: (1/4 + 1) / 2, times 10. A slope of 0 has a gradient, too."""
    real = torch.tensor([[[0.25], [0.0]]], requires_grad=True)
    found = gan_cures.gradient_penalty(quadratic, real, real, 10.0, torch.ones(1, 2, 1))
    assert found.tolist() == pytest.approx([6.25], rel=1e-4)
    (gradient,) = torch.autograd.grad(found.sum(), real)
    assert bool(gradient.isfinite().all())


def test_r1s_gradient_reaches_the_weights() -> None:
    """D(x) = w x: gamma/2 w^2, whose gradient is gamma w."""
    w = torch.tensor(3.0, requires_grad=True)
    gan_cures.r1(lambda samples: (w * samples).sum(dim=2), torch.ones(1, 5, 1), 0.1).sum().backward()
    assert w.grad is not None
    assert w.grad.item() == pytest.approx(0.3)


def test_packing_lays_samples_side_by_side() -> None:
    samples = torch.arange(8.0).reshape(1, 4, 2)
    assert gan_cures.packed(samples, 2).tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7]]]
    assert gan_cures.packed(samples, 1).equal(samples)


def test_company_is_the_papers_slow_loop(generator: torch.Generator) -> None:
    features = torch.randn(2, 5, 3 * 4, generator=generator)
    rows = features.reshape(2, 5, 3, 4)
    slow = torch.zeros(2, 5, 3)
    for s in range(2):
        for i in range(5):
            for b in range(3):
                slow[s, i, b] = sum(
                    math.exp(-float((rows[s, i, b] - rows[s, j, b]).abs().sum())) for j in range(5) if j != i
                )
    torch.testing.assert_close(gan_cures.company(features, 3), slow)


def test_company_of_a_collapsed_batch_is_everybody() -> None:
    assert gan_cures.company(torch.ones(1, 6, 8), 2).tolist() == [[[5.0, 5.0]] * 6]


def unrolled_loss(of: gan.GanLab, seen_by: gan.GanLab) -> Tensor:
    """G's loss after D's look ahead, on the batch that the lab's generators draw next."""
    for one in of.generators:
        one.manual_seed(5)
    seen = of.seen(0.0)
    return seen_by.g_loss(of.logits(of.ahead(seen, 1.0)[-1][0], seen.generated)).sum()


def test_the_unrolled_gradient_is_a_finite_difference() -> None:
    """In float64, by central differences of five of G's weights, through two steps of Adam; none crosses a kink of a ReLU."""
    one = double(lab("unrolled", latent=2, g_width=4, d_width=4))
    gradients = torch.autograd.grad(unrolled_loss(one, one), one.g)
    for place in range(5):
        assert gradients[0].flatten()[place].item() == pytest.approx(slope(one, place), rel=1e-4, abs=1e-9)


def double(one: gan.GanLab) -> gan.GanLab:
    one.g, one.d = (tuple(p.detach().double().requires_grad_() for p in of) for of in (one.g, one.d))
    one.g_adam, one.d_adam = (Adam(adam.rates.double()) for adam in (one.g_adam, one.d_adam))
    one.g_moments, one.d_moments = one.g_adam.begun(one.g), one.d_adam.begun(one.d)
    draw = one._each
    one._each = lambda drawn: draw(drawn).double()  # type: ignore[method-assign]
    return one


def slope(one: gan.GanLab, place: int, by: float = 1e-6) -> float:
    values = []
    for sign in (1, -1):
        kept = one.g
        moved = [p.detach().clone() for p in kept]
        moved[0].view(-1)[place] += sign * by
        one.g = tuple(p.requires_grad_() for p in moved)
        values.append(unrolled_loss(one, one).item())
        one.g = kept
    return (values[0] - values[1]) / (2 * by)


def test_the_gradient_goes_through_the_unrolled_steps() -> None:
    """With D's future held fixed G's gradient is another one: stopping it would make the cure `more steps of D`."""
    one = double(lab("unrolled"))
    through = torch.autograd.grad(unrolled_loss(one, one), one.g)[0]
    for generator in one.generators:
        generator.manual_seed(5)
    seen = one.seen(0.0)
    fixed = tuple(p.detach() for p in one.ahead(seen, 1.0)[-1][0])
    stopped = torch.autograd.grad(one.g_loss(one.logits(fixed, seen.generated)).sum(), one.g)[0]
    assert (through - stopped).norm() > 0.01 * stopped.norm()


def test_d_takes_only_the_first_of_the_unrolled_steps() -> None:
    """Which is the step of Adam that D would have taken on that batch."""
    one, other = lab("unrolled"), lab("unrolled")
    seen = other.seen(0.0)
    gradients = torch.autograd.grad(other.objective(other.d, seen).sum(), other.d)
    expected, _ = other.d_adam.step(other.d, gradients, other.d_moments)
    one.g_step(1.0, 0.0)
    for moved, wanted in zip(one.d, expected, strict=True):
        torch.testing.assert_close(moved, wanted)
    assert one.d_moments.steps == 1
    kept = (*one.d_moments.first, *one.d_moments.second)
    assert not any(moment.requires_grad for moment in kept), "a history would grow with every step"


def test_g_learns_from_the_last_of_the_unrolled_steps() -> None:
    """Which is the step of Adam down its loss after two steps of D."""
    one, other = lab("unrolled"), lab("unrolled")
    seen = other.seen(0.0)
    loss = other.g_loss(other.logits(other.ahead(seen, 1.0)[1][0], seen.generated)).sum()
    expected, _ = other.g_adam.step(other.g, torch.autograd.grad(loss, other.g), other.g_moments)
    one.g_step(1.0, 0.0)
    for moved, wanted in zip(one.g, expected, strict=True):
        torch.testing.assert_close(moved, wanted)


@pytest.mark.parametrize("cure", [(), ("unrolled",)])
def test_d_takes_as_many_steps_as_it_is_given(cure: tuple[str, ...]) -> None:
    """Three for each of four of G's, the first of the unrolled ones among them."""
    one = lab(*cure, steps=4, d_steps=3)
    end(one)
    assert (one.d_moments.steps, one.g_moments.steps) == (12, 4)


def test_a_loss_reads_and_a_step_writes() -> None:
    one = lab("r1")
    before = [p.clone() for p in (*one.g, *one.d)]
    one.objective(one.d, one.seen(0.0))
    one.d_step(0.0, 0.0)  # at no rate nobody moves
    one.g_step(0.0, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(before, (*one.g, *one.d), strict=True))
    one.d_step(1.0, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(before, one.g, strict=False))
    assert not torch.equal(before[len(one.g)], one.d[0])


def test_decay_ends_at_rest() -> None:
    """The last step's rate is (1 + cos(pi 99/100)) / 2 = 2.5e-4 of the first's, and moves nothing one could see."""
    last = list(lab(steps=100, decay=True).train([99, 100]))
    assert (last[1].samples - last[0].samples).abs().max() < 1e-4


def test_noise_falls_to_nothing(generator: torch.Generator) -> None:
    """What D sees has the noise's spread on top of its own at first."""
    quiet, loud = lab(batch=4000).seen(0.0), lab(batch=4000).seen(0.5)
    extra = loud.real.var(dim=1) - quiet.real.var(dim=1)
    assert extra.flatten().tolist() == pytest.approx([0.25, 0.25], abs=0.05)


@pytest.mark.parametrize(
    ("cure", "decay", "noises", "rates"),
    [
        ((), False, [0, 0, 0, 0], [1, 1, 1, 1]),
        (("noise",), False, [0.4, 0.3, 0.2, 0.1], [1, 1, 1, 1]),
        ((), True, [0, 0, 0, 0], [1, 0.853553, 0.5, 0.146447]),
    ],
)
def test_noise_and_rate_over_four_steps(
    cure: tuple[str, ...],
    decay: bool,
    noises: list[float],
    rates: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Noise falls from .4 on a line, a rate that decays by (1 + cos(pi k/4)) / 2; for D and G alike."""
    one, seen = lab(*cure, steps=4, noise=0.4, decay=decay), []
    for step in ("d_step", "g_step"):
        monkeypatch.setattr(one, step, lambda rate, noise: seen.append((rate, noise)))
    end(one)
    assert seen[::2] == seen[1::2]
    assert [noise for _, noise in seen[::2]] == pytest.approx(noises)
    assert [rate for rate, _ in seen[::2]] == pytest.approx(rates, abs=1e-6)


def test_d_sees_samples_over_the_targets_scale() -> None:
    """The ring of radius 2 becomes one of 1; what G makes is as it is made, over 2."""
    one = lab(batch=64)
    seen = one.seen(0.0)
    assert seen.real.norm(dim=2).flatten().tolist() == pytest.approx([1.0] * 64, abs=0.125)  # 5 sd of .05 / 2
    z = torch.randn(64, SMALL.latent, generator=torch.Generator().manual_seed(5))
    for generator in one.generators:
        generator.manual_seed(5)
    torch.testing.assert_close(one.seen(0.0).generated[0], mlp(one.g, z.unsqueeze(0))[0] / 2)


def test_penalties_are_part_of_what_d_minimises() -> None:
    """Wasserstein's at its points between, R1's at the real samples: what the objective has more than the loss."""
    for one in (lab(loss="wgan-gp", penalty=7.0), lab("r1", gamma=0.3)):
        seen = one.seen(0.0)

        def judge(samples: Tensor, one: gan.GanLab = one) -> Tensor:
            return one.logits(one.d, samples)

        bare = one.d_loss(judge(seen.real), judge(seen.generated))
        if seen.between is None:
            penalty = gan_cures.r1(judge, seen.real, 0.3)
        else:
            penalty = gan_cures.gradient_penalty(judge, seen.real, seen.generated, 7.0, seen.between)
        assert penalty.item() > 1e-4
        torch.testing.assert_close(one.objective(one.d, seen), bare + penalty)


def test_cures_by_name() -> None:
    assert gan_cures.chosen("none") == ()
    assert gan_cures.chosen("r1+pac") == ("r1", "pac")
    with pytest.raises(CollapseError, match="no cure named 'r2'"):
        gan_cures.chosen("r2")
