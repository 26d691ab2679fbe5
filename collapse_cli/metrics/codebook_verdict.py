"""The rules by which the use of a codebook becomes a verdict. What each status says of all codes that there could be:

codebook collapse   95 % of the draws fall into fewer than a tenth of the codes, or the codes carry fewer than half of the bits
                    that K codes can (perplexity below the square root of K)
healthy             neither
inconclusive        these draws cannot tell: uniform codes would leave more than 5 % of the codes unused in as many, rows that are
                    groups are too few, or an interval reaches over its bound

Zipf's law, as words and sounds have it, is healthy: of 1,024 codes its perplexity is 182 and 704 hold 95 % of the draws. A
perplexity below K/10 alone is no collapse: that of Zipf's law is, from 8,192 codes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from collapse_cli.answers import Verdict
from collapse_cli.figures import bracketed, percent, written
from collapse_cli.metrics import codebook_uniform as uniform
from collapse_cli.metrics.codebook import Codebook
from collapse_cli.metrics.thresholds import Threshold


@dataclass(frozen=True)
class Bounds:
    """Every number of the verdict."""

    carrying: float = 0.1  # of K: the codes for 95 % of the draws are fewer
    bits: float = 0.5  # of log K: the entropy is less, so the perplexity is below K to this power
    unused: float = 0.05  # of K: uniform codes of this N leave more unused
    groups: int = 20  # rows of several codes, with fewer of which nothing is said
    many: float = 0.5  # of K: dead codes are named
    low: float = 0.1  # of K: a perplexity that is lower is named


BOUNDS = Bounds()
COLLAPSE: Literal["codebook collapse"] = "codebook collapse"
SOURCE = "calibrated on planted codebooks: tests/benchmarks/codebooks.py"


def thresholds(result: Codebook) -> tuple[Threshold, Threshold]:
    """The two numbers that decide, with their bounds."""
    carrying = Threshold.of("codes_95", result.codes_95, BOUNDS.carrying * result.size, COLLAPSE, SOURCE)
    perplexity = Threshold.of("perplexity", result.perplexity, result.size**BOUNDS.bits, COLLAPSE, SOURCE)
    return carrying, perplexity


def verdict(result: Codebook, of: str = "") -> Verdict:
    """What the use of a codebook comes to. of: which of several it is, for the sentences that stand alone."""
    bounds = thresholds(result)
    crossed = [bound.crossed for bound in bounds]
    why = _too_few(result)
    status = "inconclusive" if why or (None in crossed and True not in crossed) else "healthy"
    status = COLLAPSE if True in crossed and not why else status
    findings = tuple(f"{of}: {line}" if of else line for line in _findings(result, status))
    return Verdict(
        status,
        " ".join(filter(None, (why, _over(status, why), _numbers(result, estimated=bool(why))))),
        (
            bounds[0].in_words("Codes that hold 95 % of the draws"),
            bounds[1].in_words("Perplexity"),
            f"Uniform codes of this N would leave {written(uniform.unused(result.effective_draws, result.size))} unused.",
            *findings,
        ),
        advice=_advice(result, status),
        thresholds=bounds,
        meaning=_meaning(result, status),
        findings=findings,
        explained_by="" if status == COLLAPSE else "codes",
    )


def _too_few(result: Codebook) -> str:
    """Why nothing can be concluded from so few draws, in a sentence; empty where they are enough."""
    if 1 < result.draws != result.rows < BOUNDS.groups:
        return f"The codes are of {result.rows} rows, and codes of one row are not independent: {BOUNDS.groups} rows are needed."
    share = uniform.unused(result.effective_draws, result.size) / result.size
    if share <= BOUNDS.unused:
        return ""
    as_many = (
        ""
        if result.effective_draws == result.draws
        else f", which tell as much as {result.effective_draws:,.0f} independent ones"
    )
    return (
        f"{result.draws:,} draws of {result.size:,} codes{as_many}, are too few: uniform codes would leave {percent(share)} "
        "of the codes unused."
    ).replace(" codes, are", " codes are")


def _over(status: str, why: str) -> str:
    return (
        "The interval of a deciding number contains its bound."
        if status == "inconclusive" and not why
        else ""
    )


def _numbers(result: Codebook, estimated: bool = False) -> str:
    """estimated: where draws are so few that most codes cannot be among them."""
    codes, null = int(result.codes_95), int(getattr(result.codes_95, "null", 0))
    low, high = getattr(result.perplexity, "interval", None) or (result.perplexity, result.perplexity)
    share = "As estimated from these, 95 % of all draws would fall" if estimated else "95 % of the draws fall"
    return (
        f"{share} into {codes:,} of {result.size:,} codes (uniform: {null:,}), and the perplexity is "
        f"{bracketed(float(result.perplexity), (low, high))} (uniform: {result.size:,})."
    )


def _meaning(result: Codebook, status: str) -> str:
    if status != COLLAPSE:
        return ""
    carried, most = written(float(result.bits)), written(math.log2(result.size))
    return f"A code carries {carried} of {most} bits; the rest of the codebook is not used."


def _findings(result: Codebook, status: str) -> list[str]:
    """What changes how it is to be read."""
    lines, (low, high) = [], getattr(result.dead, "interval", (0, 0))
    if low >= BOUNDS.many * result.size:
        dead = f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
        lines.append(f"{dead} of {result.size:,} codes are dead.")
    if status == "healthy" and result.perplexity < BOUNDS.low * result.size:
        lines.append(
            f"The perplexity is below a tenth of {result.size:,}: some codes are drawn far more often than others, as words and "
            "sounds are (Zipf's law)."
        )
    if result.effective_draws < result.draws / 2:
        lines.append(
            f"Codes repeat within rows: {result.draws:,} draws tell as much as {result.effective_draws:,.0f} independent ones."
        )
    return lines


def _advice(result: Codebook, status: str) -> tuple[str, ...]:
    if status == COLLAPSE:
        return (
            "Re-initialise dead codes from outputs of the encoder, initialise by k-means, update codes by moving averages, look "
            "codes up in few dimensions at unit length, or train a smaller codebook.",
        )
    if status != "inconclusive":
        return ()
    repetition = result.draws / result.effective_draws
    draws = math.ceil(repetition * uniform.needed(result.size, BOUNDS.unused))
    if draws > result.draws:
        return (f"Give {draws:,} codes or more: {draws / result.size:.1f} for each of {result.size:,}.",)
    return ("Give the codes of more rows.",)
