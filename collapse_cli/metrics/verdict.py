"""The rules by which a spectrum becomes a sentence. What each status says of all embeddings that there could be:

complete collapse     all embeddings point one way, and a sign that no constant offset gives says so too (signs.py)
dimensional collapse  fewer than half of the directions are active that embeddings of the same kind fill where nothing is learned
healthy               neither
inconclusive          this sample cannot tell: too few embeddings, an interval that reaches over its bound, a common part that
                      may be an offset, a few outliers that hold the variance, or nothing that was trained

The shape is that of the covariance of the unit rows over its trace: a direction is active if it holds more than ACTIVE (3 %) of
an equal share. So an offset, which shrinks the variance of unit rows, changes no count. Rows of the same kind: isotropic ones of
the same N and D, passed through a ReLU where the rows were (`never_negative`). `collapse calibration` measures on rows whose
truth is known how often these rules are right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from collapse_cli.answers import Verdict
from collapse_cli.figures import percent
from collapse_cli.metrics.advice import ROUNDING, Context, more, passing
from collapse_cli.metrics.findings import active, findings, of_views, spread_out
from collapse_cli.metrics.image_words import fault, remedy, too_few
from collapse_cli.metrics.ranks import ACTIVE
from collapse_cli.metrics.signs import (
    COMPLETE,
    NO_SIGNS,
    UNTOLD,
    Signs,
    contradiction,
    few_rows_vary,
    of_collapse,
    of_inputs,
    of_offset,
    shrunk,
)
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.metrics.thresholds import Status, Threshold

COMPLETE_SOURCE = (
    "std of z/|z| near 0 is SimSiam's sign (arXiv:2011.10566, sec. 4.1); the bound, .25 squared, lies between runs on digits "
    "whose loss ends at the chance level, std·√D .02 to .20, and all others, .28 or more"
)

DIMENSIONAL = 0.5
"""Of the directions that rows of the same kind fill."""

BORDERLINE = (0.4, 0.6)
"""Of the same: between these the status is said to be borderline."""

DIMENSIONAL_SOURCE = (
    "directions that vanish from the covariance: Jing et al. 2022, arXiv:2110.09348, eq. 1 and fig. 2; what counts as vanished "
    f"({ACTIVE:.0%} of an equal share) and as too few (half) is calibrated: collapse calibration"
)

FEWEST = 8
"""Rows, with fewer of which nothing is said at all: they have no interval."""


@dataclass(frozen=True)
class Ruling:
    """The first rule that applies: status, why, whether near its bound; meaning and advice that the status does not give."""

    status: Status
    why: str
    borderline: bool = False
    meaning: str = ""
    advice: str = ""


NOTHING_ELSE = Context()


def verdict(spectrum: Spectrum, context: Context = NOTHING_ELSE, signs: Signs = NO_SIGNS) -> Verdict:
    """What the spectrum comes to. Fewer active dimensions never make a healthier verdict.

    context: what else is known of the space and its training; signs: what tells a collapse from a common offset.
    """
    spread, dimensions = complete(spectrum), dimensional(spectrum)
    ruling = _ruling(spectrum, context, signs, spread, dimensions)
    facts = tuple(findings(spectrum, context, signs, ruling.status))
    reasons = (
        spread.in_words("Total variance of the unit embeddings"),
        *_counted(spectrum, dimensions),
        *facts,
        *of_views(signs),
        *more(spectrum, context, ruling.status),
    )
    return Verdict(
        ruling.status,
        f"{ruling.why}{_stage(context)}",
        reasons,
        thresholds=(spread, dimensions),
        borderline=ruling.borderline,
        meaning=ruling.meaning or _meaning(ruling.status, spectrum, context),
        findings=facts,
        advice=(ruling.advice,) if ruling.advice else (),
    )


def _stage(context: Context) -> str:
    """A sentence on a training that has not reached its last epoch; empty otherwise."""
    stage = context.stage
    return f" This is the state {stage.in_words}." if stage and stage.epochs and stage.in_words else ""


def _meaning(status: Status, spectrum: Spectrum, context: Context) -> str:
    """What the status means for whoever uses the embeddings, in a sentence; empty where the verdict says it."""
    if status == "dimensional collapse":
        if context.space == "z":
            return "Usual for a projection head; judge h."
        return "The other directions hold little: a cosine search hardly sees them, and a probe only after they are rescaled."
    if status == "complete collapse":
        if spectrum.equal:
            return "Nothing is left that tells the inputs apart."
        return "To a loss or a search that compares directions, all inputs are nearly the same."
    return ""


def complete(spectrum: Spectrum) -> Threshold:
    """The rows share one direction."""
    value = spectrum.total_variance
    return Threshold.of("total_variance", value, COMPLETE**2, "complete collapse", COMPLETE_SOURCE)


def dimensional(spectrum: Spectrum) -> Threshold:
    """Too few directions are active."""
    null = getattr(spectrum.active, "null", None)
    bound = DIMENSIONAL * (spectrum.dimensions if null is None else null)
    return Threshold.of("active", spectrum.active, bound, "dimensional collapse", DIMENSIONAL_SOURCE)


def _ruling(
    spectrum: Spectrum, context: Context, signs: Signs, spread: Threshold, dimensions: Threshold
) -> Ruling:
    """The rules, in their order, the first that applies."""
    return (
        _not_judged(spectrum, context)
        or _common_part(spectrum, context, signs, spread)
        or _few_images(spectrum, context)
        or _shape(spectrum, context, dimensions)
    )


def _not_judged(spectrum: Spectrum, context: Context) -> Ruling | None:
    """Where the embeddings, whatever they look like, are not those of a training; and where they need no rule."""
    count = spectrum.distinct or spectrum.samples
    if images := fault(context.images):
        return Ruling("inconclusive", images.sentence, meaning=images.meaning)
    if context.stage and context.stage.epochs == 0:
        return Ruling("inconclusive", f"There is nothing to judge yet: {context.stage.in_words}.")
    if context.looks_untrained:
        return Ruling("inconclusive", f"Nothing was learned: {context.looks_untrained}.")
    if context.queue is not None and context.queue < 1:
        return Ruling("inconclusive", f"The queue was never full: {percent(context.queue)} of it are keys.")
    if spectrum.equal:
        return Ruling("complete collapse", f"All {spectrum.samples:,} embeddings are equal, up to rounding.")
    if spectrum.dimensions == 1:
        return Ruling("inconclusive", "The embeddings have one dimension: there is no dimension to lose.")
    if count < FEWEST:
        return Ruling("inconclusive", f"{count} distinct embeddings say nothing about others.")
    return None


def _common_part(spectrum: Spectrum, context: Context, signs: Signs, spread: Threshold) -> Ruling | None:
    """Where all embeddings point one way: a collapse, an offset, or not to be told. Of the scale: where it has collapsed."""
    if shrunk(signs):
        return Ruling(
            "complete collapse",
            f"The scale has collapsed: the variance of the raw embeddings is {signs.scale:.2g} of that at random "
            "initialisation, and the loss compares embeddings with their lengths.",
            meaning="What depends on lengths sees one point; their directions may still differ.",
        )
    if spread.crossed is False:
        return None
    one_way = f"All embeddings point almost one way (mean cosine {_cosine(spectrum.total_variance)})."
    for sign in of_collapse(spectrum, signs):
        if of_inputs(spectrum, signs):
            return _of_images(one_way, context, signs)
        if passing(context):
            early = f"After {context.steps} steps this may be a collapse that training passes through."
            return Ruling("inconclusive", f"{one_way} {sign} {early}")
        return Ruling("complete collapse", f"{one_way} {sign}")
    if both := contradiction(spectrum, signs):
        return Ruling("inconclusive", f"{one_way} {both}")
    if any(of_offset(signs)):
        return None
    if of_inputs(spectrum, signs):
        return _of_images(one_way, context, signs)
    return Ruling(
        "inconclusive",
        f"{one_way} {UNTOLD} About their mean, {active(spectrum)}.",
    )


def _of_images(one_way: str, context: Context, signs: Signs) -> Ruling:
    """Where the images hardly differ themselves."""
    few = f"The images themselves differ too little to blame the network (cosine of pixels: {_cosine(signs.inputs or 0)})."
    give = remedy(context.dataset, context.network)
    return Ruling(
        "inconclusive", f"{one_way} {few}", meaning="This says nothing of the encoder.", advice=give
    )


def _few_images(spectrum: Spectrum, context: Context) -> Ruling | None:
    """Where most images are copies: their embeddings span few directions, whatever the encoder is worth."""
    images = too_few(context.images, spectrum.dimensions)
    return Ruling("inconclusive", images.sentence, meaning=images.meaning) if images else None


def _cosine(total_variance: float) -> str:
    """The mean cosine 1 - total variance, with as many digits as tell it from 1."""
    if total_variance <= ROUNDING:
        return "1, up to rounding"
    return f"{1 - total_variance:.{max(4, 1 - math.floor(math.log10(total_variance)))}f}"


def _shape(spectrum: Spectrum, context: Context, dimensions: Threshold) -> Ruling:
    """How many directions are active about the mean."""
    n, d = spectrum.effective_samples or spectrum.samples, spectrum.dimensions
    null = d if dimensions.null is None else dimensions.null
    borderline = dimensions.crossed is None or BORDERLINE[0] < dimensions.value / max(null, 1) < BORDERLINE[1]
    count = f"{active(spectrum)}, {spread_out(spectrum)}."
    if n <= d:
        kind = "" if n == spectrum.samples else " distinct" if spectrum.groups is None else " independent"
        return Ruling("inconclusive", f"{n:,}{kind} embeddings are too few to judge {d:,} dimensions.")
    if few_rows_vary(spectrum):
        share = percent(spectrum.row_participation or 0)
        return Ruling(
            "inconclusive", f"The variance comes from a few outliers: {share} of the embeddings carry it."
        )
    if dimensions.crossed is None:
        interval = f"The 95 % interval of the active dimensions reaches over the bound, half of the null's {null:,.0f}."
        return Ruling("inconclusive", f"{count} {interval}", borderline)
    status: Status = "dimensional collapse" if dimensions.crossed else "healthy"
    if status == "healthy" and context.codes:
        codes = f"The embeddings are {context.codes}, and their spectrum says nothing of what they were made from."
        return Ruling("inconclusive", f"{codes} Of the codes {count}")
    return Ruling(status, count, borderline)


def _counted(spectrum: Spectrum, dimensions: Threshold) -> tuple[str, ...]:
    """Directions counted in no more rows than dimensions are those that the sample leaves out."""
    n = spectrum.effective_samples or spectrum.samples
    if n > spectrum.dimensions:
        return (dimensions.in_words("Active dimensions"),)
    return (
        f"N = {n:,} is no more than D = {spectrum.dimensions:,}: at most {max(n - 1, 0):,} directions can be active.",
    )
