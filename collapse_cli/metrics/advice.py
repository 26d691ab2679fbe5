"""What else is known of a space, what that adds to the evidence, and what to try next, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from collapse_cli.figures import percent
from collapse_cli.metrics import advice_samples, advice_training
from collapse_cli.metrics.image_set import ImageSet
from collapse_cli.metrics.image_words import fault, in_the_data, leave_out, remedy, too_few
from collapse_cli.metrics.signs import COMPLETE, few_rows_vary
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.stage import Stage

ROUNDING = 1e-6  # total variance that float32 leaves of equal rows
OUTLIER, OF_AXES = 0.5, 5  # of the variance in the first direction, of so many at least
MANY_EQUAL = 0.1  # of the embeddings are one point: its reason is the first thing to find out
FEW_OUTPUTS = 8  # with fewer, the largest group is not what is odd
AT_CHANCE = 0.98  # of the chance loss: nothing was learnt
EARLY = 40  # steps: healthy MoCo has a mean cosine of .95 to .98 at its 20th, .70 at its 42nd (digits)


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
    class of all images that a supervised loss learned from, empty where there are more. Of what a reader can do: input: as it is
    typed after a command; folder: of the run, as it is typed; trainings: commands by method that train on the same images;
    trained_on: images of the training; elsewhere: whether others are measured; available: images of the split that is measured,
    None for embeddings; in_all: those of all splits; pixels: whether no network stands between; loop:
    whether it is a training loop that is watched, which no option reaches; indices: a file of
    what may be indices into a codebook, as it is typed, empty for anything else.
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
    input: str = "INPUT"
    folder: str = ""
    trainings: Mapping[str, str] = field(default_factory=dict)
    trained_on: int | None = None
    elsewhere: bool = False
    available: int | None = None
    in_all: int | None = None
    pixels: bool = False
    loop: bool = False
    indices: str = ""


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
        return tuple(advice_training.untrained(context, context.stage))
    by_status = {
        "complete collapse": _complete,
        "dimensional collapse": _dimensional,
        "inconclusive": _inconclusive,
        "healthy": _healthy,
    }
    return tuple(by_status[status](spectrum, context))


def _complete(spectrum: Spectrum, context: Context) -> Iterator[str]:
    if context.method or context.network:
        yield f"Ask why, and what would cure it: collapse causes {context.input}"
    else:
        yield (
            "Ask why, with the run folder or the checkpoint, what brought all images to one point: collapse causes RUN"
        )
    if context.method:
        yield from advice_training.of_collapse(context)


def _dimensional(spectrum: Spectrum, context: Context) -> Iterator[str]:
    if context.space == "z":
        drops = "a projector may drop what its loss has no use for"
        yield (
            f"See what h is worth; {drops}: collapse probe {context.input}"
            if context.classes > 1
            else f"Judge h: {drops}."
        )
    if context.method:
        yield from advice_training.of_few_dimensions(context)
    else:
        yield "Measure the layer before: a projector loses directions that its input keeps (Jing et al. 2022, fig. 7)."


def _inconclusive(spectrum: Spectrum, context: Context) -> Iterator[str]:
    if context.looks_untrained and context.method:
        yield advice_training.of_learning(context)
    elif context.looks_untrained:
        yield "Give the checkpoint that training ended with."
    elif context.queue is not None and context.queue < 1:
        yield from advice_training.of_queue(context)
    elif spectrum.dimensions == 1:
        yield _wider(context)
    elif many_equal(spectrum):
        yield _why_equal(spectrum, context)
    elif context.codes:
        unpack = (
            ", or --unpack bits, or --unpack scale where the file has their scale" if context.bytes else ""
        )
        yield f"Give the embeddings that the codes were made from{unpack}."
    elif passing(context) and spectrum.total_variance < COMPLETE**2:
        yield advice_training.of_passing(context)
    elif spectrum.total_variance < COMPLETE**2:
        yield _to_tell(context)
    elif few_rows_vary(spectrum):
        yield "Leave out the embeddings that lie far from all others, and measure these and those apart."
    else:
        yield from advice_samples.more(spectrum, context)


def _wider(context: Context) -> str:
    """A space of one dimension has none to lose."""
    if context.space == "z" and context.method:
        return advice_training.of_one_dimension(context)
    if context.network:
        return "Judge its other space: one dimension has none to lose."
    if context.pixels:
        return "Take images of more than one pixel."
    return "Give the embeddings themselves, a row of numbers for each image."


def _to_tell(context: Context) -> str:
    """What tells a collapse from an offset, of what is not there yet."""
    if context.elsewhere and context.method:
        return "Leave out --dataset: the history of the run, which tells, is of the images that it was trained on."
    if context.folder:
        return f"Go on with the training, whose history tells: {advice_training.resumed(context, _longer(context))}"
    if context.method:
        return "Give the run folder of this checkpoint: the history in it tells."
    if context.network:
        return "Name the images that it was trained on with --dataset: on images unlike those all may look alike to it."
    if context.alignment is not None:
        return "Give the checkpoint with its images: views of a collapsed encoder lie close, too, where they differ little."
    if context.pixels:
        return "Take another data set: all of these images are nearly the same."
    return (
        "Give the checkpoint with its images, a second view of the same images (--second FILE), or the column that says "
        "which rows are views of one image (--views-of COLUMN)."
    )


def _longer(context: Context) -> int:
    """Twice the epochs that are planned."""
    return 2 * context.stage.planned if context.stage else 0


def many_equal(spectrum: Spectrum) -> bool:
    """Whether one point has many of the embeddings; of few rows a single one is a large share, but no copy."""
    share = spectrum.largest_group or 0.0
    return share >= MANY_EQUAL and round(share * spectrum.samples) > 1


def _why_equal(spectrum: Spectrum, context: Context) -> str:
    if in_the_data(spectrum.samples - (spectrum.distinct or spectrum.samples), context.different):
        return leave_out(context.dataset)
    reasons = "padding, empty inputs, a broken loader, dead units"
    if spectrum.distinct is not None and spectrum.distinct < FEW_OUTPUTS:
        return (
            f"Find out why {spectrum.samples:,} inputs give {spectrum.distinct} different outputs: {reasons}."
        )
    share = spectrum.largest_group or 0.0
    return f"Find out why {percent(share)} of the inputs give one output: {reasons}."


def _healthy(spectrum: Spectrum, context: Context) -> Iterator[str]:
    if many_equal(spectrum):
        yield _why_equal(spectrum, context)
    if context.classes > 1:
        yield f"See whether the directions are useful: collapse probe {context.input}"
    yield f"Hold later versions to this: collapse check {context.input}"
