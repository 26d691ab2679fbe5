"""What copies among the embeddings mean, in words: named from 1 %, a warning from 10 %, and from 50 % the others are judged."""

from __future__ import annotations

from collapse_cli.metrics.spectrum import Spectrum

NAMED, WARNED, MOSTLY = 0.01, 0.10, 0.50
"""Shares of all embeddings: of those that are one point, and of those that are copies of another."""


def mostly_one_point(spectrum: Spectrum) -> bool:
    """Whether half of the embeddings or more are one point, and others are left to be judged in their place: `other_rows`."""
    largest, distinct = spectrum.largest_group or 0.0, spectrum.distinct or 0
    return largest >= MOSTLY and distinct > 1


def copies_in_words(spectrum: Spectrum, codes: bool = False) -> list[str]:
    """Sentences for a reader, the most important first; none where fewer than 1 % are concerned.

    codes: the embeddings are whole numbers of few values, which repeat by nature: the count is a fact, no more.
    """
    n, distinct, largest = spectrum.samples, spectrum.distinct, spectrum.largest_group
    if distinct is None or largest is None:
        return []
    about = "About " if getattr(distinct, "interval", None) else ""
    copies, sentences = n - distinct, []
    if codes:
        return (
            [f"{about}{distinct:,.0f} of {n:,} embeddings are distinct; codes repeat by nature."]
            if copies
            else []
        )
    if largest >= NAMED and largest * n > 1.5:
        sentences.append(_of_one_point(spectrum, largest))
    elif (spectrum.zero_rows or 0) >= NAMED:
        sentences.append(_zeros(spectrum))
    if copies >= NAMED * n:
        sentences.append(
            f"{about}{distinct:,.0f} of {n:,} embeddings are distinct; copies are no evidence, so N counts as {_worth(spectrum)}."
        )
    return sentences


def warning(spectrum: Spectrum, codes: bool = False) -> str:
    """The sentence that must come first, where 10 % or more are one point or copies; empty where there is none."""
    n, distinct = spectrum.samples, spectrum.distinct
    if codes or distinct is None or spectrum.largest_group is None:
        return ""
    many = spectrum.largest_group >= WARNED and n - distinct > 0
    if many:
        return copies_in_words(spectrum)[0]
    return copies_in_words(spectrum)[-1] if n - distinct >= WARNED * n else ""


def groups_in_words(spectrum: Spectrum) -> str:
    """What groups that were given mean; empty where none were."""
    if spectrum.groups is None or spectrum.icc is None:
        return ""
    return (
        f"The embeddings come in {spectrum.groups:,} groups (intraclass correlation {spectrum.icc:.2f}): {spectrum.samples:,} of "
        f"them tell as much as {_worth(spectrum)} independent embeddings."
    )


def suggest_groups(spectrum: Spectrum, codes: bool = False) -> bool:
    """Whether a tenth of the embeddings are copies, of many different ones: as of documents that were embedded several times."""
    n, distinct, largest = spectrum.samples, spectrum.distinct, spectrum.largest_group
    if codes or distinct is None or largest is None or spectrum.groups is not None:
        return False
    return n - distinct - (largest * n - 1) >= WARNED * n


def _of_one_point(spectrum: Spectrum, largest: float) -> str:
    if (spectrum.zero_rows or 0) >= 0.999 * largest:
        return _zeros(spectrum)
    equal = "equal up to rounding" if largest < 1 else "the same, up to rounding"
    return f"{round(largest * spectrum.samples):,} of {spectrum.samples:,} embeddings ({_share(largest)}) are {equal}."


def _zeros(spectrum: Spectrum) -> str:
    zeros = spectrum.zero_rows or 0.0
    return (
        f"{round(zeros * spectrum.samples):,} of {spectrum.samples:,} embeddings ({_share(zeros)}) are zero."
    )


def _worth(spectrum: Spectrum) -> str:
    return f"{spectrum.effective_samples or spectrum.samples:,}"


def _share(share: float) -> str:
    return f"{100 * share:.0f} %" if share < 0.99 or share == 1 else f"{100 * share:.2f} %"
