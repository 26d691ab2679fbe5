"""The rules by which a spectrum becomes a sentence. What each status says of all rows that there could be:

complete collapse     the rows share one direction: what is left around their mean is less than COMPLETE² of their length's square
dimensional collapse  fewer than half of the directions are active that rows of the same kind fill where nothing is to be found
healthy               neither
inconclusive          this sample cannot tell: too few rows, or the interval of the deciding number reaches over its bound

Directions are meant, not lengths, for these are what cosines, and so losses and neighbours, know of a row. A direction is active
if it holds more than ACTIVE (3 %) of 1/D, what each would hold if all held the same. That scale is fixed, so that nothing
which takes variance away makes a verdict healthier, and that one direction with 90 % of all variance empties no other.
Rows of the same kind: isotropic ones of the same N and D, passed through a ReLU where the rows were (`never_negative`).
`collapse calibration` measures on rows whose truth is known how often these rules are right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collapse_cli.answers import Verdict
from collapse_cli.metrics.advice import Context, more, of_classes
from collapse_cli.metrics.ranks import ACTIVE
from collapse_cli.metrics.spectrum import Spectrum

COMPLETE = 0.25
"""Of the root of the unit rows' total variance, which is std·√D where no axis is special; an isotropic space has 1."""

COMPLETE_SOURCE = (
    "std of z/|z| near 0 is SimSiam's sign (arXiv:2011.10566, sec. 4.1); the bound, .25 squared, lies between runs on digits "
    "that end at the chance loss, std·√D .02 to .20, and all others, .28 or more"
)

DIMENSIONAL = 0.5
"""Of the directions that rows of the same kind fill."""

DIMENSIONAL_SOURCE = (
    "directions that vanish from the covariance: Jing et al. 2022, arXiv:2110.09348, eq. 1 and fig. 2; what counts as vanished "
    f"({ACTIVE:.0%} of an equal share) and as too few (half) is calibrated: collapse calibration"
)

FEWEST = 8
"""Rows, with fewer of which nothing is said at all: they have no interval."""

Status = Literal["complete collapse", "dimensional collapse", "healthy", "inconclusive"]


@dataclass(frozen=True)
class Threshold:
    """A number that decided, its 95 % interval, the same in rows of the same kind, and the bound below which it means `below`."""

    number: str
    value: float
    interval: tuple[float, float] | None
    null: float | None
    bound: float
    below: Status
    source: str

    @property
    def crossed(self) -> bool | None:
        """Whether the number is below the bound; None where its interval reaches over it."""
        low, high = self.interval or (self.value, self.value)
        return True if high < self.bound else False if low >= self.bound else None


NOTHING_ELSE = Context()


def verdict(spectrum: Spectrum, context: Context = NOTHING_ELSE) -> Verdict:
    """Monotone in its evidence: fewer active directions, or less variance, never make a healthier verdict.

    context: what else is known of the space. Of that only a queue that was never full decides anything.
    """
    spread, dimensions = complete(spectrum), dimensional(spectrum)
    status, why = _status(spectrum, context, spread, dimensions)
    reasons = (_in_words(spread, "total variance of the unit rows"), *_counted(spectrum, dimensions))
    evidence = (*reasons, *more(spectrum, context, status))
    return Verdict(status, f"{status}: {why}", evidence, thresholds=(spread, dimensions))


def complete(spectrum: Spectrum) -> Threshold:
    """The rows share one direction."""
    value = spectrum.total_variance
    return _threshold("total_variance", value, COMPLETE**2, "complete collapse", COMPLETE_SOURCE)


def dimensional(spectrum: Spectrum) -> Threshold:
    """Too few directions are active."""
    null = getattr(spectrum.active, "null", None)
    bound = DIMENSIONAL * (spectrum.dimensions if null is None else null)
    return _threshold("active", spectrum.active, bound, "dimensional collapse", DIMENSIONAL_SOURCE)


def _threshold(number: str, value: float, bound: float, below: Status, source: str) -> Threshold:
    interval, null = getattr(value, "interval", None), getattr(value, "null", None)
    return Threshold(number, float(value), interval, null, bound, below, source)


def _status(
    spectrum: Spectrum, context: Context, spread: Threshold, dimensions: Threshold
) -> tuple[Status, str]:
    """The rules, in their order, the first that applies; and why."""
    n, d = spectrum.samples, spectrum.dimensions
    of = f"{dimensions.value:.0f} of {d} dimensions are active"
    if context.queue is not None and context.queue < 1:
        return "inconclusive", f"the queue was never full, {context.queue:.0%} of it are keys"
    if n < FEWEST:
        return "inconclusive", f"{n} rows say nothing of others"
    if spread.crossed:
        return "complete collapse", _collapsed_point(spectrum)
    if spread.crossed is None:
        return "inconclusive", "the interval of the total variance reaches over its bound"
    if n <= d:
        return "inconclusive", f"{n} rows say too little about {d} dimensions"
    if dimensions.crossed:
        return "dimensional collapse", of + of_classes(dimensions.value, context)
    if dimensions.crossed is None:
        return "inconclusive", f"{of}, with an interval that reaches over the bound"
    return "healthy", of


def _collapsed_point(spectrum: Spectrum) -> str:
    if spectrum.total_variance < 0.01:
        return "all images land on one point"
    return f"all images point nearly one way, mean cosine {1 - spectrum.total_variance:.2f}"


def _counted(spectrum: Spectrum, dimensions: Threshold) -> tuple[str, ...]:
    """Directions counted in no more rows than dimensions are those that the sample leaves out."""
    if spectrum.samples > spectrum.dimensions:
        return (_in_words(dimensions, "active dimensions"),)
    return (
        f"N = {spectrum.samples} <= D = {spectrum.dimensions}: give at least {10 * spectrum.dimensions} rows",
    )


def _in_words(found: Threshold, name: str) -> str:
    around = f" [{found.interval[0]:.3g}, {found.interval[1]:.3g}]" if found.interval else ""
    null = "" if found.null is None else f", null {found.null:.3g}"
    return f"{name} {found.value:.3g}{around}{null}; {found.below} is below {found.bound:.3g}"
