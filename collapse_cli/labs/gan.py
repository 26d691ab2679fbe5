"""A GAN of two small networks, in as many independent runs at once as there are seeds (see `stacked`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.labs.gan_cures import DEPTH, NEIGHBOURLY, company, gradient_penalty, packed, r1
from collapse_cli.labs.gan_losses import LOSSES
from collapse_cli.labs.gan_targets import Target
from collapse_cli.labs.stacked import (
    Adam,
    AdamMoments,
    Parameters,
    fresh,
    hidden,
    leaves,
    linear,
    mlp,
    uniform,
)
from collapse_cli.settings import Gan

SHOWN = 2500  # samples of each run that are measured (VEEGAN, arXiv:1705.07761)
WATCHED = 1 << 31  # added to a seed for what is drawn to measure, apart from training; torch reads 32 bits


@dataclass(frozen=True)
class Snapshot:
    """What every run's G makes of the same z after so many of its steps: (S, SHOWN, d)."""

    step: int
    samples: Tensor


@dataclass(frozen=True)
class Seen:
    """A batch as D sees it, real and generated (S, B, pack*d), and how far between them a slope is asked (S, B, 1)."""

    real: Tensor
    generated: Tensor
    between: Tensor | None


class GanLab:
    """Runs that differ by their seeds, and by D's rate where `ratios` (one for each seed) are given."""

    def __init__(
        self,
        target: Target,
        settings: Gan,
        cures: Collection[str],
        seeds: Sequence[int],
        ratios: Sequence[float] | None = None,
    ) -> None:
        self.target, self.own, self.cures = target, settings, frozenset(cures)
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.pack = settings.pack if "pac" in self.cures else 1
        self.d_loss, self.g_loss = LOSSES[settings.loss]
        rate = torch.full((len(seeds), 1, 1), settings.lr)
        ratio = torch.tensor(ratios or [settings.lr_ratio] * len(seeds)).view(-1, 1, 1)
        self.g_adam, self.d_adam = Adam(rate), Adam(rate * ratio)
        self.g, self.d = self._fresh_g(), self._fresh_d()
        self.g_moments, self.d_moments = self.g_adam.begun(self.g), self.d_adam.begun(self.d)
        watching = [torch.Generator().manual_seed(WATCHED + seed) for seed in seeds]
        self.watched = torch.stack(
            [torch.randn(SHOWN, settings.latent, generator=generator) for generator in watching]
        )

    def _fresh_g(self) -> Parameters:
        settings = self.own
        return fresh(
            [settings.latent, *[settings.g_width] * settings.layers, self.target.dimensions], self.generators
        )

    def _fresh_d(self) -> Parameters:
        """Hidden layers, the last one, and the tensor T of minibatch discrimination, always drawn and kept where it is wanted."""
        width, minibatch = self.own.d_width, "minibatch" in self.cures
        body = fresh([self.target.dimensions * self.pack, *[width] * self.own.layers], self.generators)
        last = fresh([width + NEIGHBOURLY * minibatch, 1], self.generators)
        shape, bound = (width, NEIGHBOURLY * DEPTH), 1 / math.sqrt(width)
        tensor = leaves([self._each(lambda generator: uniform(shape, bound, generator))])
        return body + last + (tensor if minibatch else ())

    def _each(self, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        """One draw for each run, from its own generator, stacked."""
        return torch.stack([draw(generator) for generator in self.generators])

    def logits(self, d: Parameters, seen: Tensor) -> Tensor:
        """D's judgement of what it sees, (S, B, pack*d) -> (S, B)."""
        if "minibatch" not in self.cures:
            return mlp(d, seen).squeeze(2)
        features = hidden(d[:-1], seen)
        return linear(d[-3], d[-2], torch.cat([features, company(features @ d[-1])], dim=2)).squeeze(2)

    def seen(self, noise: float) -> Seen:
        """A fresh batch: divided by the target's scale, noisy, packed."""
        count = self.own.batch * self.pack
        z = self._each(lambda generator: torch.randn(count, self.own.latent, generator=generator))
        real = self._each(lambda generator: self.target.draw(count, generator))
        pair = [rows / self.target.shrink for rows in (real, mlp(self.g, z))]
        if noise:
            pair = [rows + noise * self._each(_like(rows[0])) for rows in pair]
        between = None
        if self.own.loss == "wgan-gp":
            between = self._each(lambda generator: torch.rand(self.own.batch, 1, generator=generator))
        return Seen(packed(pair[0], self.pack), packed(pair[1], self.pack), between)

    def objective(self, d: Parameters, seen: Seen) -> Tensor:
        """What D minimises, penalties among it: (S,)."""

        def judge(samples: Tensor) -> Tensor:
            return self.logits(d, samples)

        loss = self.d_loss(judge(seen.real), judge(seen.generated))
        if "r1" in self.cures:
            loss = loss + r1(judge, seen.real, self.own.gamma)
        if seen.between is not None:
            loss = loss + gradient_penalty(judge, seen.real, seen.generated, self.own.penalty, seen.between)
        return loss

    def d_step(self, rate: float, noise: float) -> None:
        """D learns from one batch."""
        with torch.no_grad():
            seen = self.seen(noise)
        gradients = torch.autograd.grad(self.objective(self.d, seen).sum(), self.d)
        self.d, self.d_moments = self.d_adam.step(self.d, gradients, self.d_moments, rate)

    def g_step(self, rate: float, noise: float) -> None:
        """G learns from D as it is; unrolled, from D as it will be, and D takes the first of the steps that were looked at."""
        seen = self.seen(noise)
        ahead = self.ahead(seen, rate) if "unrolled" in self.cures else [(self.d, self.d_moments)]
        loss = self.g_loss(self.logits(ahead[-1][0], seen.generated))
        gradients = torch.autograd.grad(loss.sum(), self.g)
        self.g, self.g_moments = self.g_adam.step(self.g, gradients, self.g_moments, rate)
        if "unrolled" in self.cures:
            self.d, self.d_moments = leaves(ahead[0][0]), ahead[0][1].detached()

    def ahead(self, seen: Seen, rate: float) -> list[tuple[Parameters, AdamMoments]]:
        """D after 1, 2 … `unroll` steps on one batch, as functions of G (Metz et al. 2017, arXiv:1611.02163)."""
        d, moments, path = self.d, self.d_moments, []
        for _ in range(self.own.unroll):
            gradients = torch.autograd.grad(self.objective(d, seen).sum(), d, create_graph=True)
            d, moments = self.d_adam.moved(d, gradients, moments, rate)
            path.append((d, moments))
        return path

    def train(self, shown: Collection[int]) -> Iterator[Snapshot]:
        """All steps; a Snapshot after each number of G's steps in `shown`, 0 being before the first."""
        settings = self.own
        before = settings.d_steps - ("unrolled" in self.cures)
        for step in range(settings.steps + 1):
            if step in shown:
                yield Snapshot(step, self.samples())
            if step == settings.steps:
                return
            way = step / settings.steps
            rate = (1 + math.cos(math.pi * way)) / 2 if settings.decay else 1.0
            noise = settings.noise * (1 - way) if "noise" in self.cures else 0.0
            for _ in range(before):
                self.d_step(rate, noise)
            self.g_step(rate, noise)

    def samples(self) -> Tensor:
        """(S, SHOWN, d)"""
        with torch.no_grad():
            return mlp(self.g, self.watched)


def _like(rows: Tensor) -> Callable[[torch.Generator], Tensor]:
    return lambda generator: torch.randn(rows.shape, generator=generator)
