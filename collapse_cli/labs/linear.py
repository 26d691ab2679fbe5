"""Deep linear networks under a contrastive loss (Jing et al. 2022, arXiv:2110.09348, sections 4 and 5), a whole sweep at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from collapse_cli.labs.linear_losses import contrast
from collapse_cli.labs.linear_networks import Motion, Sweep, bent_motion, forward, initial, linear_motion
from collapse_cli.settings import Linear

FRAMES = 60  # moments at which a training is looked at, besides its start
START = 16  # batches over which X and the loss are averaged before the first step
SEEN = 2000  # of a seed's points, whose embedding is measured
HUGE = 1e3  # root mean square of z; both losses keep it near 1
DRAWN = 1 << 31  # added to a seed for data, batches and noise, apart from its weights; torch reads 32 bits
RATES = {"distance": 0.05, "dot": 0.003}  # measured: at .01 `dot` diverges for a noise of 3, at .05 for 1


@dataclass(frozen=True)
class SampledViews:
    """What all networks of a seed see: points (seeds, B, d), and unit noise of each augmented view, (seeds, B, d)."""

    points: Tensor
    noises: tuple[Tensor, ...]


@dataclass(frozen=True)
class Frame:
    """A moment, after `step` steps, at time = steps times learning rate: weights (S, L, d, d).

    matrix, loss: X (S, d, d) and the loss (S,), their mean over the time since the frame before; of the first frame, at it.
    """

    step: int
    time: float
    weights: Tensor
    matrix: Tensor
    loss: Tensor


class LinearLab:
    """One sweep: its data, its networks as they are drawn, and what moves them.

    covariance: of the data, the identity if None; noise: covariance of the unit noise, that of `settings.augment` if None; both
    (d, d) float64. A seed's data, batches and weights are the same whatever else is swept.
    """

    def __init__(
        self, settings: Linear, sweep: Sweep, covariance: Tensor | None = None, noise: Tensor | None = None
    ) -> None:
        self.settings, self.sweep = settings, sweep
        self.rate = settings.lr or RATES[settings.loss]
        self.contrast = contrast(settings.loss, settings.temperature)
        self.root = root(augmentation(settings.augment, settings.width) if noise is None else noise)
        self.generators = [Generator().manual_seed(DRAWN + seed) for seed in sweep.seeds]
        data = torch.stack(
            [_normal(settings.points, settings.width, generator) for generator in self.generators]
        )
        self.data = data if covariance is None else data @ root(covariance)  # (seeds, N, d)
        noises, _, seeds = zip(*sweep.members, strict=True)
        self.noise = torch.tensor(noises, dtype=torch.float64).view(-1, 1, 1)  # (S, 1, 1)
        self.seed = torch.tensor([sweep.seeds.index(seed) for seed in seeds])  # (S,)
        self.trained = sweep.trained()
        self.bent = sweep.trained(short=1) if settings.relu else None
        self.weights = torch.where(self.trained, self._drawn()[self.seed], torch.eye(settings.width).double())

    def _drawn(self) -> Tensor:
        """Layers of each seed, (seeds, L, d, d), as many as the deepest network has."""
        settings, deepest = self.settings, max(self.sweep.layers)
        generators = [Generator().manual_seed(seed) for seed in self.sweep.seeds]
        return torch.stack(
            [initial(settings.init, deepest, settings.width, generator) for generator in generators]
        )

    def batches(self) -> Iterator[SampledViews]:
        """Without end: B points of each seed, drawn without replacement, and fresh noise."""
        views = 1 if self.contrast.clean_anchors else 2
        while True:
            drawn = [
                _draw(data, self.settings.batch, views, generator)
                for data, generator in zip(self.data, self.generators, strict=True)
            ]
            points, *noises = (torch.stack(part) for part in zip(*drawn, strict=True))
            yield SampledViews(points, tuple(noise @ self.root for noise in noises))

    def motion(self, weights: Tensor, batch: SampledViews) -> Motion:
        """What the loss on a batch does to weights (S, L, d, d): gradients of layers that are no network's own are 0."""
        points = batch.points[self.seed]  # (S, B, d)
        *first, positives = (points + self.noise * noise[self.seed] for noise in batch.noises)
        anchors = first[0] if first else points
        if self.bent is None:
            motion = linear_motion(weights, anchors, positives, self.contrast)
        else:
            motion = bent_motion(weights, self.bent, anchors, positives, self.contrast)
        return Motion(motion.gradient * self.trained, motion.matrix, motion.loss)

    def embedded(self, weights: Tensor, places: list[int]) -> Tensor:
        """z (len(places), n, d) of the first SEEN clean points, by the networks at these places of weights (S, L, d, d)."""
        bent = None if self.bent is None else self.bent[places]
        return forward(weights[places], self.data[self.seed[places], :SEEN], bent)

    def diverged(self, weights: Tensor) -> Tensor:
        """(S,) bool: z that is not finite, or so large that the softmax has long been one-hot, right or wrong."""
        z = self.embedded(weights, list(range(len(weights))))
        return ~(z.square().mean((1, 2)).sqrt() <= HUGE)


def train(lab: LinearLab) -> Iterator[Frame]:
    """Stochastic gradient descent without momentum or decay: on new batches, or always on the first one (`descent`)."""
    batches, weights = lab.batches(), lab.weights
    if lab.settings.integrator == "descent":
        batches = itertools.repeat(next(batches))
    yield Frame(0, 0.0, weights, *_descent(lab, weights, batches, START, rate=0.0)[1:])
    for before, after in itertools.pairwise(moments(lab.settings.steps)):
        weights, matrix, losses = _descent(lab, weights, batches, after - before, lab.rate)
        yield Frame(after, after * lab.rate, weights, matrix, losses)


def _descent(
    lab: LinearLab, weights: Tensor, batches: Iterator[SampledViews], steps: int, rate: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Weights after so many steps of this rate; X and the loss, their mean over the steps."""
    matrix, losses = torch.zeros_like(weights[:, 0]), weights.new_zeros(len(weights))
    for batch in itertools.islice(batches, steps):
        moved = lab.motion(weights, batch)
        weights = weights - rate * moved.gradient
        matrix, losses = matrix + moved.matrix, losses + moved.loss
    return weights, matrix / steps, losses / steps


def moments(steps: int) -> list[int]:
    """0, then the steps after which the training is looked at, up to the last: dense where it is fast, at first."""
    return sorted({math.ceil(steps * (place / FRAMES) ** 2) for place in range(FRAMES + 1)})


def augmentation(kind: str, width: int) -> Tensor:
    """Covariance (d, d) of unit noise: on the last half of the coordinates (`block`), or on all of them."""
    shaken = torch.ones(width, dtype=torch.float64)
    shaken[: width // 2 if kind == "block" else 0] = 0
    return shaken.diag()


def root(covariance: Tensor) -> Tensor:
    """The symmetric R (d, d) with R R = covariance (d, d), symmetric and without negative eigenvalues."""
    lam, vectors = torch.linalg.eigh(covariance)
    symmetric: Tensor = vectors * lam.clamp_min(0).sqrt() @ vectors.T
    return symmetric


def _normal(rows: int, width: int, generator: Generator) -> Tensor:
    return torch.randn(rows, width, generator=generator, dtype=torch.float64)


def _draw(data: Tensor, size: int, views: int, generator: Generator) -> list[Tensor]:
    """`size` of the rows, and so many rows of unit noise for each view, (B, d) each."""
    points = data[torch.randperm(len(data), generator=generator)[:size]]
    return [points, *(_normal(size, data.shape[1], generator) for _ in range(views))]
