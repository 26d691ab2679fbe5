"""What else is known of a space, what that adds to the evidence, and what to try next, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from collapse_cli.figures import percent
from collapse_cli.metrics.image_set import ImageSet
from collapse_cli.metrics.image_words import fault, in_the_data, leave_out, remedy, too_few
from collapse_cli.metrics.signs import COMPLETE, few_rows_vary
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.shapes import Stage

ROUNDING = 1e-6  # total variance that float32 leaves of equal rows
OUTLIER, OF_AXES = 0.5, 5  # of the variance in the first direction, of so many at least
MANY_EQUAL = 0.1  # of the embeddings are one point: its reason is the first thing to find out
AT_CHANCE = 0.98  # of the chance loss: nothing was learnt
EARLY = 40  # steps: healthy MoCo has a mean cosine of .95 to .98 at its 20th, .70 at its 42nd (digits)
MILD, SHARP, SLOW = 0.5, 0.2, 0.99  # strength, temperature and momentum that are advised


@dataclass(frozen=True)
class Context:
    """What is known of a space besides its spectrum; each part may be missing.

    Of its training: settings, all by name; repels: whether its loss keeps images apart; stage: how far it got.
    space: `h` or `z`; method: that trained it; classes: of the images; alignment: mean squared distance of two views, in
    [0, 4]; loss, chance_level: of the last epoch; queue: share of the run's queue that was ever active; class_scatter: variance
    within classes over that between them, tr Sigma_W / tr Sigma_B of the unit rows; steps: of the training so far; codes: what
    whole numbers are, in words; bytes: whether they are bytes; network: whether more images can be embedded;
    looks_untrained: why the network looks as at random initialisation, in a sentence; images: facts of those that were embedded;
    dataset: as commands name it; different: how many copies among the embeddings come from different images; one_label: the
    class of all images that a supervised loss learned from, empty where there are more.
    """

    space: str = ""
    method: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    repels: bool | None = None
    stage: Stage | None = None
    classes: int = 0
    alignment: float | None = None
    loss: float | None = None
    chance_level: float | None = None
    queue: float | None = None
    class_scatter: float | None = None
    steps: int | None = None
    codes: str = ""
    bytes: bool = False
    network: bool = False
    looks_untrained: str = ""
    images: ImageSet | None = None
    dataset: str = ""
    different: int | None = None
    one_label: str = ""


def passing(context: Context) -> bool:
    """Whether a collapse may be one that training passes through: the loss keeps images apart, and has had few steps to do so."""
    return context.steps is not None and context.steps < EARLY and context.repels is not False


def more(spectrum: Spectrum, context: Context, status: str) -> Iterator[str]:
    """Evidence that decides nothing, but tells one collapse from another."""
    total = float(spectrum.total_variance)
    if status == "dimensional collapse" and spectrum.std_sqrt_d > 0.5:
        yield f"The usual check does not see it: std·√D is {spectrum.std_sqrt_d:.3g}."
    enough = spectrum.dimensions >= OF_AXES and (spectrum.distinct or spectrum.samples) > OF_AXES
    if enough and total > ROUNDING and spectrum.eigenvalues and spectrum.eigenvalues[0] > OUTLIER * total:
        yield f"One direction, an outlier, holds {percent(spectrum.eigenvalues[0] / total)} of the variance."
    initial = spectrum.effective_rank_initial
    if initial is not None:
        low, high = getattr(initial, "interval", None) or (initial, initial)
        yield (
            f"The effective rank is {spectrum.effective_rank:.3g}; at random initialisation it is {low:.3g} to {high:.3g}."
        )
    if context.alignment is not None and total > ROUNDING:
        near = context.alignment / (2 * total)  # 2 total: mean squared distance of two rows
        yield f"The squared distance of two views of an image is {percent(near)} of that of two images."
    if context.loss is not None and context.chance_level:
        where = "at" if context.loss > AT_CHANCE * context.chance_level else "below"
        yield f"The training loss is {context.loss:.3g}, {where} the chance level ({context.chance_level:.3g})."


def advice(status: str, spectrum: Spectrum, context: Context) -> tuple[str, ...]:
    """What to try next, the likeliest first. Of options only those that the method has, in the direction that is left to go."""
    if fault(context.images) or (status == "inconclusive" and too_few(context.images, spectrum.dimensions)):
        return (remedy(context.dataset, context.network),)
    if context.stage and context.stage.epochs == 0:
        return tuple(_untrained(context, context.stage))
    by_status = {
        "complete collapse": _complete,
        "dimensional collapse": _dimensional,
        "inconclusive": _inconclusive,
        "healthy": _healthy,
    }
    return tuple(by_status[status](spectrum, context))


def _untrained(context: Context, stage: Stage) -> Iterator[str]:
    """Where no epoch is completed there is nothing to judge yet."""
    if stage.status == "failed":
        rate = context.settings.get("lr", 0)
        yield (
            f"Train again with a lower learning rate (collapse train {context.method} --lr {rate / 10:g}), or mend what the "
            "error names."
            if rate
            else "Train it again."
        )
    elif stage.status == "running":
        yield "Wait for its first epoch."
    else:
        yield f"Go on with the training: collapse train {context.method} --resume, with its run folder."


def _complete(spectrum: Spectrum, context: Context) -> Iterator[str]:
    if context.method:
        yield "Ask why: collapse causes says which force is missing or too weak."
    else:
        yield "Ask why: collapse causes, with the run folder or the checkpoint, says what brought all images to one point."
    if context.repels is False:
        yield from _other(context, "moco", "negatives keep images apart (He et al. 2020, arXiv:1911.05722)")
        yield from _other(
            context, "vicreg", "a variance term keeps images apart (Bardes et al. 2022, arXiv:2105.04906)"
        )
    elif context.method:
        settings = context.settings
        if settings.get("key_encoder") == "momentum" and settings["momentum"] < SLOW:
            yield f"Try --momentum {SLOW}: fast keys put the loss at the chance level (He et al. 2020, arXiv:1911.05722)."
        milder = ", or --strength below 2: beyond it negatives do not help either (digits)"
        yield (
            f"Try a lower --lr than {settings['lr']:g}{milder if settings['strength'] >= 2 else ''}."
            if settings
            else "Try a lower learning rate."
        )


def _dimensional(spectrum: Spectrum, context: Context) -> Iterator[str]:
    if context.space == "z":
        yield "See what h is worth: collapse probe reads classes from h; a projector may drop what its loss has no use for."
    if not context.method:
        yield "Measure the layer before: a projector loses directions that its input keeps (Jing et al. 2022, fig. 7)."
        return
    settings, why = context.settings, "its loss asks for variance or spread; then collapse compare"
    if settings.get("strength", 0) > MILD:
        yield (
            f"Try --strength {MILD}: milder views leave more directions (Jing et al. 2022, theorem 1; digits: 15 to 30 of 64)."
        )
    if settings.get("temperature", 0) > SHARP:
        yield f"Try --temperature {SHARP}: a lower one leaves more directions (digits: rank 11 at 0.5, 18 at 0.2)."
    yield from _other(context, "vicreg", why)
    yield from _other(context, "align-uniform", why)


def _other(context: Context, method: str, why: str) -> Iterator[str]:
    """Another method than that of the run."""
    if context.method != method:
        yield f"Try collapse train {method}: {why}."


def _inconclusive(spectrum: Spectrum, context: Context) -> Iterator[str]:
    samples_needed, n = max(10 * spectrum.dimensions, 100), spectrum.effective_samples or spectrum.samples
    if context.looks_untrained:
        yield "Give the checkpoint that training ended with."
    elif context.queue is not None and context.queue < 1:
        yield "Go on with collapse train --resume and more --epochs, or train with a shorter --queue."
    elif spectrum.dimensions == 1:
        yield "Give the embeddings themselves, a row of numbers for each image."
    elif (spectrum.largest_group or 0) >= MANY_EQUAL:
        yield _why_equal(spectrum, context)
    elif context.codes:
        unpack = (
            ", or --unpack bits, or --unpack scale, if the bytes stand for fractions" if context.bytes else ""
        )
        yield f"Give the embeddings that the codes were made from{unpack}."
    elif passing(context) and spectrum.total_variance < COMPLETE**2:
        yield (
            "Go on with collapse train --resume and more --epochs: the first steps bring images together before they are "
            "repelled."
        )
    elif spectrum.total_variance < COMPLETE**2:
        yield _to_tell(context)
    elif few_rows_vary(spectrum):
        yield "Leave out the embeddings that lie far from all others, and measure these and those apart."
    elif n < samples_needed:
        yield f"{_more(samples_needed, spectrum, context)}: a small sample limits the rank."
    else:
        more = _more(4 * spectrum.samples, spectrum, context)
        yield f"{more}, which halves the interval; or take it as a case at the bound."


def _to_tell(context: Context) -> str:
    """What tells a collapse from an offset, of what is not there yet."""
    if context.alignment is not None:
        return "Give the checkpoint with its images: views of a collapsed encoder lie close, too, where they differ little."
    return (
        "Give the checkpoint with its images, a second view of the same images (--second other.npy), or the column that says "
        "which rows are views of one image (--views-of image_id)."
    )


def _more(count: int, spectrum: Spectrum, context: Context) -> str:
    """How more can be had: of images through a network, or of a file's rows."""
    kind = "groups" if spectrum.groups is not None else "distinct embeddings"
    return f"Give --samples {count} or more" if context.network else f"Give {count:,} {kind} or more"


def _why_equal(spectrum: Spectrum, context: Context) -> str:
    if in_the_data(spectrum.samples - (spectrum.distinct or spectrum.samples), context.different):
        return leave_out(context.dataset)
    share = spectrum.largest_group or 0.0
    return f"Find out why {percent(share)} of the inputs give one output: padding, empty inputs, a broken loader, dead units."


def _healthy(spectrum: Spectrum, context: Context) -> Iterator[str]:
    if (spectrum.largest_group or 0) >= MANY_EQUAL:
        yield _why_equal(spectrum, context)
    if context.classes:
        yield "See whether the directions are useful: collapse probe."
    yield "Hold later versions to this with collapse check."
