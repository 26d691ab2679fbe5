"""How many steps a training takes, which share of it is done before each, and the learning rate of that step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from collapse_cli.errors import CollapseError
from collapse_cli.settings import Training


def per_step(settings: Training) -> int:
    """Images that a step of the optimizer sees."""
    return settings.batch * settings.accumulate


def per_epoch(images: int, settings: Training) -> int:
    """Whole steps of a pass over so many images; what is left over is too few for one more."""
    return images // per_step(settings)


def epochs_of(settings: Training, steps: int, epoch: int = 0, taken: int = 0) -> int:
    """The epochs of a training whose passes have so many steps, the last of them perhaps cut short by `settings.steps`.

    epoch, taken: those that are done already, and their steps.
    """
    if not settings.steps:
        return settings.epochs
    return epoch + math.ceil(max(settings.steps - taken, 0) / steps)


def refuse_long_warmup(settings: Training, steps: int) -> None:
    """Raises CollapseError where the learning rate would rise to the end. steps: of an epoch."""
    whole = settings.steps / steps if settings.steps else settings.epochs
    if settings.warmup and settings.warmup >= whole:
        raise CollapseError(
            f"--warmup {settings.warmup:g} is no less than the {whole:g} epochs of the training",
            f"the rate would never be --lr: give a shorter one, such as --warmup {whole / 10:g}",
        )


@dataclass(frozen=True)
class Clock:
    """settings: of a training; steps: of one of its epochs; epoch, taken: the epochs done, and their steps."""

    settings: Training
    steps: int
    epoch: int
    taken: int

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.epoch >= epochs_of(self.settings, self.steps, self.epoch, self.taken)

    @property
    def of_epoch(self) -> int:
        """Steps of the epoch under way: the last may be cut short."""
        return min(self.steps, self.settings.steps - self.taken) if self.settings.steps else self.steps

    def done(self, step: int) -> float:
        """The share of the training that is done after so many steps of the epoch under way, in (0, 1]."""
        if self.settings.steps:
            return (self.taken + step) / self.settings.steps
        return (self.epoch + step / self.steps) / self.settings.epochs

    def rate(self, step: int) -> float:
        """The learning rate of the step of that number, from 1 on."""
        return learning_rate(self.settings, max(self.done(step) - 1 / self.all, 0.0), self.warm)

    @property
    def last_rate(self) -> float:
        """That of the last step of the epoch."""
        return learning_rate(self.settings, (self.taken + self.of_epoch - 1) / self.all, self.warm)

    @property
    def warm(self) -> float:
        """The share of the training in which the rate rises."""
        return self.settings.warmup * self.steps / self.all

    @property
    def all(self) -> int:
        """Steps of the whole training."""
        return self.settings.steps or self.steps * self.settings.epochs


def learning_rate(settings: Training, progress: float, warm: float = 0.0) -> float:
    """progress in [0, 1): the share of the steps done before this one; warm: the share over which the rate rises from 0.

    Linear warm-up, then half a cosine down to 0, or none (Loshchilov & Hutter 2017, arXiv:1608.03983; Goyal et al. 2017,
    arXiv:1706.02677).
    """
    if progress < warm:
        return settings.lr * progress / warm
    if settings.schedule == "constant":
        return settings.lr
    if warm:
        progress = (progress - warm) / (1 - warm)
    return settings.lr * (1 + math.cos(math.pi * progress)) / 2
