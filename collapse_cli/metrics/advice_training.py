"""What to change in a training of ours: options that its method has, with values in the direction that is left to go."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from collapse_cli.metrics.causes_steps import ENOUGH, FEW
from collapse_cli.settings import flat, resolve
from collapse_cli.stage import Stage

if TYPE_CHECKING:
    from collapse_cli.metrics.advice import Context

MILD, SHARP, SLOW = 0.5, 0.2, 0.99  # strength, temperature and momentum that are advised
PUBLISHED = 1.0  # strength
TOO_STRONG = 2.0


def command(context: Context, method: str, *options: str) -> str:
    """`collapse train …` with another method, or the run's own, on the same images and into another folder."""
    return " ".join([context.trainings.get(method, f"collapse train {method}"), *options])


def other(context: Context, method: str, why: str) -> Iterator[str]:
    """Another method than that of the run."""
    if context.method != method:
        yield f"Try {method}: {why}: {command(context, method)}"


def untrained(context: Context, stage: Stage) -> Iterator[str]:
    """Where no epoch is completed there is nothing to judge yet."""
    rate = context.settings.get("lr", 0)
    if stage.status == "failed" and rate:
        again = command(context, context.method, "--lr", f"{rate / 10:g}")
        yield f"Mend what the error names, or train again with a lower learning rate: {again}"
    elif stage.status == "failed":
        yield "Train it again."
    elif stage.status == "running":
        yield "Wait for its first epoch."
    else:
        yield f"Go on with the training: {resumed(context)}"


def resumed(context: Context, epochs: int = 0) -> str:
    """The command that goes on with a run to so many epochs; by default to as many as are planned, or twice those done."""
    planned, done = (context.stage.planned, context.stage.epochs) if context.stage else (0, 0)
    run = context.folder or "RUN"  # as it is typed, quoted
    wanted = max(epochs, 2 * done if done >= planned else planned)
    more = f" --epochs {wanted}" if wanted > planned else ""
    return f"collapse train --resume {run}{more}"


def of_learning(context: Context) -> str:
    """Where the weights have not moved: the usual learning rate, more steps, or ten times the run's own rate."""
    rate, usual = context.settings.get("lr", 0), resolve(context.method).training.lr
    if rate >= usual and (context.steps or FEW) < FEW:
        return f"Go on with the training, which has had few steps: {resumed(context, _enough(context))}"
    faster = usual if rate < usual else 10 * rate
    return f"Train with a larger learning rate: {command(context, context.method, '--lr', f'{faster:g}')}"


def of_one_dimension(context: Context) -> str:
    """A projection of one dimension: the width that is usual, where it is a setting of the method."""
    name = "subvector" if "subvector" in context.settings else "dim"
    usual = flat(resolve(context.method).tables())[name]
    wider = f", or try --{name} {usual}" if context.settings.get(name) == 1 else ""
    return f"Judge h{wider}: a projection of one dimension has none to lose."


def of_queue(context: Context) -> Iterator[str]:
    """Until the queue is full, or with one that fills: none longer than half of the images, which holds stale keys."""
    stage, filled, shorter = context.stage, context.queue or 0, _shorter(context)
    needed = math.ceil(stage.epochs / filled) if stage and filled else 0
    on = f"Go on until the queue is full: {resumed(context, needed)}"
    if not shorter:
        yield on
        return
    again = f"Train with a shorter queue: {command(context, context.method, '--queue', str(shorter))}"
    long = context.settings.get("queue", 0) > (context.trained_on or math.inf) / 2
    yield from (again, on) if long else (on, again)


def _shorter(context: Context) -> int:
    """Keys, a power of two, of a queue that the training so far would have filled; 0 where the method cannot take so few."""
    queue, filled = context.settings.get("queue", 0), context.queue or 0
    room = min(filled * queue, (context.trained_on or math.inf) / 2)
    keys = 2 ** math.floor(math.log2(room)) if room >= 1 else 0
    return int(keys) if context.settings.get("hardest", 2) <= keys < queue else 0


def of_passing(context: Context) -> str:
    """A collapse that a training passes through in its first steps."""
    early = "The first steps bring images together before they are repelled; go on with the training"
    return (
        f"{early}: {resumed(context, _enough(context))}" if context.folder or context.stage else f"{early}."
    )


def _enough(context: Context) -> int:
    """Epochs of so many steps as a training needs; 0 where that is not known."""
    epochs = context.stage.epochs if context.stage else 0
    return math.ceil(ENOUGH * epochs / context.steps) if context.steps else 0


def of_collapse(context: Context) -> Iterator[str]:
    """A complete one: what is missing in the loss, or a setting that undoes what it has."""
    if context.repels is False:
        yield from other(context, "moco", "negatives keep images apart (He et al. 2020, arXiv:1911.05722)")
        yield from other(
            context, "vicreg", "a variance term keeps images apart (Bardes et al. 2022, arXiv:2105.04906)"
        )
        return
    settings = context.settings
    if settings.get("key_encoder") == "momentum" and settings["momentum"] < SLOW:
        yield (
            f"Try --momentum {SLOW}: fast keys put the loss at the chance level (He et al. 2020, arXiv:1911.05722)."
        )
    if settings.get("lr"):
        yield f"Try --lr {settings['lr'] / 10:g}, a tenth of the learning rate."
    if settings.get("strength", 0) >= TOO_STRONG and settings.get("recipe") != "none":
        yield f"Try --strength {PUBLISHED:g}: from {TOO_STRONG:g} on negatives do not help either (digits)."
    if not settings:
        yield "Try a lower learning rate."


def of_few_dimensions(context: Context) -> Iterator[str]:
    """Milder views, a sharper softmax, or a loss that asks for directions."""
    settings, why = context.settings, "its loss asks for variance or spread; then hold both beside each other"
    if settings.get("strength", 0) > MILD and settings.get("recipe") != "none":
        yield (
            f"Try --strength {MILD}: milder views leave more directions (Jing et al. 2022, theorem 1; digits: 15 to 30 of 64)."
        )
    if settings.get("temperature", 0) > SHARP:
        yield f"Try --temperature {SHARP}: a lower one leaves more directions (digits: rank 11 at 0.5, 18 at 0.2)."
    yield from other(context, "vicreg", why)
    yield from other(context, "align-uniform", why)
