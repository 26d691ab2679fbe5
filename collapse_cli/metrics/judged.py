"""The verdict on rows that may hold copies: of the rows that are not one point, where half of them are."""

from __future__ import annotations

from dataclasses import replace

from torch import Generator, Tensor

from collapse_cli.answers import Verdict
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.copies_words import mostly_one_point, warning
from collapse_cli.metrics.groups import renumbered
from collapse_cli.metrics.nulls import never_negative
from collapse_cli.metrics.other_rows import others
from collapse_cli.metrics.signs import NO_SIGNS, Signs
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.metrics.verdict import FEWEST, verdict
from collapse_cli.shapes import Rows


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
    found = verdict(result, context, signs)
    if found.status == "complete collapse":
        return found
    if mostly_one_point(result) and (result.distinct or 0) > FEWEST and not context.codes:
        found = _of_the_others(rows, result, generator, context, groups)
    lead = warning(result, bool(context.codes))
    return _led_by(f"{lead}. ", found) if lead else found


def _of_the_others(
    rows: Rows, result: Spectrum, generator: Generator, context: Context, groups: Tensor | None
) -> Verdict:
    """The verdict on the rows that are not the one which half of all are equal to."""
    assert result.copies is not None
    rest = others(rows, result.copies)
    owner = None if groups is None else renumbered(groups[rest.places])
    apart = spectrum(rest, generator, relu=never_negative(rest), groups=owner)
    return _led_by(f"Of the other {apart.samples:,}, ", verdict(apart, context))


def _led_by(lead: str, found: Verdict) -> Verdict:
    """The same verdict, its sentence after another one."""
    why = found.sentence.removeprefix(f"{found.status}: ")
    why = why[:1].upper() + why[1:] if lead.endswith(". ") else why
    return replace(found, sentence=f"{found.status}: {lead}{why}")
