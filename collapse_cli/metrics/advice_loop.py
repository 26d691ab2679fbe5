"""What to try next in a training loop, where there is no file, no run and no option: arguments of a monitor, and more steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from collapse_cli.metrics.advice import Context, advice, many_equal, passing
from collapse_cli.metrics.advice_samples import HALVED, enough, is_small
from collapse_cli.metrics.signs import COMPLETE, few_rows_vary
from collapse_cli.metrics.spectrum import Spectrum

PROBE = "See whether the directions are useful: a linear probe on h, or collapse.probe() of embeddings with labels."
LATER = "Ask again as the training goes on: the alarm judges each look, and compute() the last of them."
REPELS = (
    "Look at what repels embeddings of different images: negatives, stop-gradient, predictor, variance term, temperature, and at "
    "the learning rate."
)
VIEWS = (
    "Give update() the other view of the same images, too, as z2=: with it a collapse is told from an offset."
)
MORE = "Ask again after more steps; of a checkpoint with its images collapse.diagnose() compares the network with random weights."


@dataclass(frozen=True)
class Held:
    """What a monitor holds: embeddings of the largest batch, batches, and how many it may hold."""

    of_batch: int
    batches: int
    window: int


def in_a_loop(status: str, spectrum: Spectrum, context: Context, held: Held) -> tuple[str, ...]:
    """The likeliest first; what needs no file is as for everybody."""
    own = {"complete collapse": _complete, "dimensional collapse": _dimensional, "healthy": _healthy}
    if status in own:
        return tuple(own[status](context))
    told_apart = spectrum.dimensions == 1 or many_equal(spectrum)
    if told_apart or (passing(context) and spectrum.total_variance < COMPLETE**2):
        return advice(status, spectrum, context)
    if spectrum.total_variance < COMPLETE**2:
        return (VIEWS if context.alignment is None else MORE,)
    if few_rows_vary(spectrum):
        return advice(status, spectrum, context)
    return (_more(spectrum, held),)


def _complete(context: Context) -> Iterator[str]:
    yield REPELS


def _dimensional(context: Context) -> Iterator[str]:
    if context.space == "z":
        yield "Judge h: a projector may drop what its loss has no use for."
    else:
        yield "Look at the layer before, as h= of update() or with collapse.layers(model, loader)."


def _healthy(context: Context) -> Iterator[str]:
    if context.classes > 1:
        yield PROBE
    yield LATER


def _more(spectrum: Spectrum, held: Held) -> str:
    """More embeddings, of more batches."""
    small = is_small(spectrum)
    wanted = enough(spectrum) if small else HALVED * spectrum.samples
    why = "a small sample limits the rank" if small else "four times as many halve the interval"
    window = math.ceil(wanted / max(held.of_batch, 1))
    if held.batches < min(window, held.window):
        return f"Ask again after more steps: {why}, and {held.batches} of {held.window} batches are there."
    return f"Give window={window}, so that about {wanted:,} embeddings are judged: {why}."
