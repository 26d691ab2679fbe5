"""The rules by which a spectrum becomes a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collapse_cli.metrics.spectrum import Spectrum

COMPLETE = 0.25
"""std·√d below this is complete collapse. Runs on digits end at .02-.20 where the loss sits at chance, and at .73 or more
where it does not; an isotropic space has 1."""

DIMENSIONAL = 0.5
"""Dimensional collapse where fewer than this share of the directions live that isotropic rows of the same N and D fill."""

ROWS_PER_DIMENSION = 1
"""With no more rows than this times D, dead directions are what the sample leaves out, not what the encoder lost."""

Status = Literal["complete collapse", "dimensional collapse", "healthy", "inconclusive"]


@dataclass(frozen=True)
class Verdict:
    """What the numbers come to: a status, one sentence, and the evidence with its thresholds."""

    status: Status
    sentence: str
    reasons: tuple[str, ...]


def verdict(spectrum: Spectrum) -> Verdict:
    """Monotone in its evidence: fewer living directions, or less spread, never make a healthier verdict."""
    n, d, lives = spectrum.rows, spectrum.dimensions, int(spectrum.alive)
    chance = int(getattr(spectrum.alive, "null", None) or d)
    spread = f"std·√D {spectrum.std_sqrt_d:.3g}"
    living = f"{lives} directions above 1 % of the largest, {chance} in isotropic rows of the same N and D"
    if spectrum.std_sqrt_d < COMPLETE:
        return Verdict(
            "complete collapse", "complete collapse: all pictures land on one point",
            (f"{spread}, below {COMPLETE}", f"total variance of the unit rows {spectrum.total_variance:.2g} of 1"),
        )  # fmt: skip
    if n <= ROWS_PER_DIMENSION * d:
        return Verdict(
            "inconclusive", f"inconclusive: {n} rows say too little about {d} dimensions",
            (f"N = {n} <= D = {d}: give at least {10 * d} rows",),
        )  # fmt: skip
    if lives < DIMENSIONAL * chance:
        return Verdict(
            "dimensional collapse", f"dimensional collapse: {lives} of {d} dimensions live",
            (living, f"fewer than {DIMENSIONAL:.0%} of those", f"{spread}: the usual check sees nothing"),
        )  # fmt: skip
    return Verdict("healthy", f"healthy: {lives} of {d} dimensions live", (living, spread))
