"""The verdict on rows that may hold copies: of the rows that are not one point, where half of them are."""

from __future__ import annotations

from dataclasses import replace

from torch import Generator, Tensor

from collapse_cli.answers import Verdict
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.copies_words import mostly_one_point, warning
from collapse_cli.metrics.groups import renumbered
from collapse_cli.metrics.image_words import fault, of_equal
from collapse_cli.metrics.nulls import never_negative
from collapse_cli.metrics.other_rows import others
from collapse_cli.metrics.signs import NO_SIGNS, Signs
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.metrics.verdict import FEWEST, verdict
from collapse_cli.shapes import Rows

NEARLY_ALL = 0.9
"""Share of the embeddings that are one point, from which the others do not speak for them."""

NOT_OTHERS = "So few other embeddings do not speak for them all."


def judged(
    rows: Rows,
    result: Spectrum,
    generator: Generator,
    context: Context,
    signs: Signs = NO_SIGNS,
    groups: Tensor | None = None,
) -> Verdict:
    """What the spectrum of rows (N,D) comes to, led by the warning that many are copies, if they are.

    groups: (N,) which rows are not independent, as for `spectrum`.
    """
    whole = verdict(result, context, signs)
    if whole.status == "complete collapse" or fault(context.images):
        return whole
    rest = None if context.codes else of_the_others(rows, result, generator, groups)
    if rest is not None and (rest.distinct or 0) >= FEWEST:
        some = (
            "" if rows.shape[0] == result.samples else " of a sample"
        )  # of a state whose rows are not all there
        whole = _led_by(f"About the other {rest.samples:,}{some}:", verdict(rest, context))
        if (result.largest_group or 0) >= NEARLY_ALL:
            whole = replace(whole, status="inconclusive", borderline=False, meaning=NOT_OTHERS)
    if reason := of_equal(
        result.samples - (result.distinct or result.samples), context.different, result.samples
    ):
        whole = replace(whole, findings=(reason, *whole.findings), reasons=(*whole.reasons, reason))
    lead = warning(result, bool(context.codes))
    return _led_by(lead, whole) if lead else whole


def of_the_others(
    rows: Rows, result: Spectrum, generator: Generator, groups: Tensor | None = None
) -> Spectrum | None:
    """The spectrum of the rows (N,D) that are not the one which half of all are equal to; None where fewer are, or no two are
    left. result: the spectrum of all.
    """
    if result.copies is None or not mostly_one_point(result):
        return None
    rest = others(rows, result.copies)
    if len(rest) < 2:
        return None
    owner = None if groups is None else renumbered(groups[rest.places])
    return spectrum(rest, generator, relu=never_negative(rest), groups=owner)


def _led_by(lead: str, judged: Verdict) -> Verdict:
    """The same verdict, its sentences after another one, which is then no finding any more."""
    findings = tuple(finding for finding in judged.findings if finding != lead)
    return replace(judged, sentence=f"{lead} {judged.sentence}", findings=findings, lead=judged.lead or lead)
