"""The one training loop. It yields an Epoch after each pass; whoever called it shows and keeps things."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn

from collapse_cli import distributed, stepping
from collapse_cli.augment.recipes import augment
from collapse_cli.embedding import embed, pixels_in_turn, sample
from collapse_cli.errors import CollapseError
from collapse_cli.methods import Method
from collapse_cli.metrics.alignment import mean_cosine, spread
from collapse_cli.metrics.eigenvalues import effective_rank
from collapse_cli.models.batch_norm import settle
from collapse_cli.observing import Observer, observed
from collapse_cli.schedule import Clock, epochs_of, per_epoch, per_step
from collapse_cli.settings import Training
from collapse_cli.shapes import Batch, Curves, Images, Normalisation
from collapse_cli.training_state import Part, State

WATCHED = 512  # images whose projections are measured after each epoch
SHARP = 0.2  # temperature, below which gradients grow large
WIDE = 16  # pixels of a side, from which convolutions are a fifth to a quarter faster with their channels side by side
SETTLING = 30  # batches that batch norm's statistics are settled on before the first step


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data came to. Measured on the clean projections z of up to 512 training images.

    extra: the method's own numbers; curves: its curves, name -> (x, y).
    """

    number: int
    epochs: int
    loss: float
    chance: float | None
    std_sqrt_d: float
    effective_rank: float
    dimensions: int
    mean_cosine: float
    learning_rate: float
    images_per_second: float
    seconds: float
    extra: dict[str, float]
    curves: Curves


def nothing() -> None:
    """What is done between two steps where nobody asks for anything."""


def train(
    method: Method,
    images: Images,
    normalisation: Normalisation,
    settings: Training,
    state: State,
    between: Callable[[], None] = nothing,
    observer: Observer | None = None,
) -> Iterator[Epoch]:
    """Train from `state` to the end of `settings.epochs`, or of `settings.steps`; it moves method and state. Yields each epoch.

    An epoch is a pass over the images; the last ends where the steps do.
    between: called between any two steps of an epoch, when method and state hold all that the rest of the training needs. It
    may save them, and ends the training by raising. observer: told of every step. Nothing changes by either.
    Raises CollapseError where the batch is larger than the data set or the loss is no longer finite.
    """
    steps = steps_per_epoch(images, settings)
    network = cast(nn.Module, method).train()
    if state.epoch == 0 and state.part is None:
        _settle(method, batches(images, normalisation, settings, state.generator))
    if min(images.shape[1:]) >= WIDE:
        stepping.channels_last(network, state.optimizer)
    loss_of = stepping.ready(method, settings, state.optimizer)
    while not (clock := Clock(settings, steps, state.epoch, state.taken)).over:
        part = _begun(state, clock.of_epoch)
        began = time.perf_counter() - part.seconds
        rest = _steps(_rest(images, normalisation, settings, state, part), settings.accumulate)
        for step, parts in zip(range(part.step + 1, part.steps + 1), rest, strict=False):
            for group in state.optimizer.param_groups:
                group["lr"] = clock.rate(step)
            moved = partial(stepping.accumulated, method, parts, state.optimizer, loss_of)
            loss = observed(observer, method, parts[0], moved)
            if step == part.steps:
                chance = method.chance()  # of this loss: after the step it may be another
            method.after_step(clock.done(step))
            part.total += loss
            part.step, part.seconds = step, time.perf_counter() - began
            if step < part.steps:
                between()
        refuse_diverged(method, settings, state)
        distributed.average_statistics(network)
        seconds = time.perf_counter() - began
        mean = float(part.total) / part.steps
        state.epoch, state.taken, state.part = state.epoch + 1, state.taken + part.steps, None
        yield _watch(method, images, normalisation, clock, state, mean, chance, seconds)


def _settle(method: Method, batches: Iterator[Batch]) -> None:
    """Batch norm's statistics before the first step, those of the first views of some batches."""
    views = (batch.first for batch in islice(batches, SETTLING))
    settle(nn.Sequential(method.encoder, method.projector), views)
    distributed.average_statistics(cast(nn.Module, method))


def _steps(batches: Iterator[Batch], accumulate: int) -> Iterator[tuple[Batch, ...]]:
    """The batches of each step, of which each knows its place; the last ones, if too few, are left out."""
    while len(parts := tuple(islice(batches, accumulate))) == accumulate:
        yield (
            tuple(replace(batch, place=place) for place, batch in enumerate(parts))
            if accumulate > 1
            else parts
        )


def _begun(state: State, steps: int) -> Part:
    """The part of the epoch under way, or of the next one, of which nothing is done."""
    if state.part is None:
        total = torch.zeros((), device=state.parameters[0].device)
        state.part = Part(state.generator.get_state(), steps, total)
    state.part.steps = steps  # of a run that was stopped in a short epoch, and goes on for longer
    return state.part


def _rest(
    images: Images, normalisation: Normalisation, settings: Training, state: State, part: Part
) -> Iterator[Batch]:
    """The batches of an epoch that are still to come, in the order that was drawn when it began."""
    generator, here = state.generator, state.generator.get_state()
    generator.set_state(part.opening)
    order = shuffled(images, generator)  # (N,)
    if part.step:
        generator.set_state(here)
    return batches(images, normalisation, settings, generator, order[part.step * per_step(settings) :])


def refuse_diverged(method: Method, settings: Training, state: State) -> None:
    """Raises CollapseError where the losses of the epoch under way are no longer finite, or the weights after them."""
    loss = float("nan") if state.part is None else float(state.part.total) / max(state.part.step, 1)
    weights = all(bool(parameter.isfinite().all()) for parameter in state.parameters)
    if not math.isfinite(loss) or not weights:
        what = "weights are no longer finite" if math.isfinite(loss) else f"the loss was {loss}"
        raise CollapseError(
            f"{what} in epoch {state.epoch + 1}",
            f"{_milder(method, settings)}; the last checkpoint is intact",
        )


def _milder(method: Method, settings: Training) -> str:
    """The options, among those of this method, that keep a loss finite."""
    options = [f"--lr {settings.lr / 10:g}"] if settings.lr else []
    if method.temperature is not None and method.temperature < SHARP:
        options.append(f"--temperature {SHARP:g}")
    if settings.precision == "bf16":
        options.append("--precision fp32")
    return f"train again with {' or '.join(options)}" if options else "look for extreme values in the images"


def steps_per_epoch(images: Images, settings: Training) -> int:
    """At least 1. Raises CollapseError where the images of a step are more than those of the data set."""
    count = len(images)
    if steps := per_epoch(count, settings):
        return steps
    remedy = f"give --batch {count}, or less" if count > 1 else "a training needs two images at least"
    if settings.accumulate > 1:
        batches = f"--batch {settings.batch} times --accumulate {settings.accumulate} is"
        raise CollapseError(f"{batches} more than the {count} images of {images.name}", "lower one of them")
    raise CollapseError(f"--batch {settings.batch} is more than the {count} images of {images.name}", remedy)


def shuffled(images: Images, generator: torch.Generator) -> Tensor:
    """A random order (N,) int64 of the images, on the generator's device."""
    return torch.randperm(len(images), generator=generator, device=generator.device)


def batches(
    images: Images,
    normalisation: Normalisation,
    settings: Training,
    generator: torch.Generator,
    order: Tensor | None = None,
) -> Iterator[Batch]:
    """One pass in random order, or over `order` (n,), two views each; the incomplete last batch is dropped."""
    device = generator.device
    order = shuffled(images, generator) if order is None else order
    labels = None if images.labels is None else images.labels.to(device)
    whole = [index for index in torch.split(order, settings.batch) if len(index) == settings.batch]
    for index, pixels in pixels_in_turn(images, whole, device):  # (B,), (B,C,H,W)

        def view(pixels: Tensor = pixels) -> Tensor:
            return normalisation(augment(pixels, settings.recipe, settings.strength, generator))

        yield Batch(view(), view(), index, None if labels is None else labels[index], generator)


def _watch(
    method: Method,
    images: Images,
    normalisation: Normalisation,
    clock: Clock,
    state: State,
    loss: float,
    chance: float | None,
    seconds: float,
) -> Epoch:
    """The Epoch just done, which `clock` stands at. Measuring draws nothing from the run's generator."""
    settings, steps = clock.settings, clock.of_epoch
    embeddings = embed(method, images, normalisation, sample(images, WATCHED, settings.seed))
    space = embeddings.representations if embeddings.projections is None else embeddings.projections
    z = nn.functional.normalize(space, dim=1)  # (n, d)
    return Epoch(
        number=state.epoch,
        epochs=epochs_of(settings, clock.steps, clock.epoch, clock.taken),
        loss=loss,
        chance=chance,
        std_sqrt_d=spread(z),
        effective_rank=effective_rank(z),
        dimensions=z.shape[1],
        mean_cosine=mean_cosine(z),
        learning_rate=clock.last_rate,
        images_per_second=steps * per_step(settings) / seconds,
        seconds=seconds,
        extra=method.diagnostics(),
        curves=method.curves(),
    )
