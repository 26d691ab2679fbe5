"""Which embeddings are neighbours of very many others, and which of none? All embeddings of an input are the keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collapse_cli.analysis import measuring
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.figures import percent, written
from collapse_cli.metrics.hubness import LEAST, Hubness, K, hubness
from collapse_cli.values import null_of

STRONG = 1.4
"""Skewness above which Radovanovic et al. 2010 (JMLR 11, sec. 7.3) speak of high hubness."""


def measure(subject: Subject, exact: bool = False) -> Iterator[Entry]:
    """One entry for each space. Raises CollapseError where embeddings are few, and where they are not there."""
    if why := unmeasured(subject):
        raise CollapseError(why, "leave out hubness, or give more embeddings", code=3)
    for space, rows in subject.rows.items():
        n = rows.shape[0]
        with concerning(f"{subject.name} · {space}"):
            placed = measuring.placed(rows, subject.measuring.device)
            result = hubness(placed, generator(subject.measuring.seed), exact)
        settings = {"N": n, "D": rows.shape[1], "k": K, "queries": result.queries}
        settings |= {"seed": subject.measuring.seed}
        yield Entry(subject.name, result, space, settings=settings, details={"hub": result.hub})


def unmeasured(subject: Subject) -> str:
    """Why hubness cannot be measured of this input; empty where it can."""
    if subject.states:
        return f"{subject.name} is a state, which no longer has the embeddings that hubness is of"
    if subject.count < LEAST:
        return f"{subject.name} has {subject.count} embeddings, and hubness takes {LEAST} at least"
    return ""


def remarks(subject: Subject, entries: Sequence[Entry], exact: bool = False) -> Iterator[str]:
    """Where hubness is left out, and where the queries do not tell the skewness."""
    for entry in entries:
        if entry.result.hub_skewness is None:
            yield (
                f"{entry.of}: {entry.result.queries:,} queries do not tell the skewness of the k-occurrences of "
                f"{entry.settings['N']:,} embeddings; --exact takes all as queries"
            )


def has_hubs(result: Hubness) -> bool:
    """Whether the skewness is above STRONG with all of its interval."""
    skewness = result.hub_skewness
    low = (getattr(skewness, "interval", None) or (skewness, skewness))[0]
    return low is not None and low > STRONG


def answer(result: Hubness) -> str:
    """How unequally embeddings are found, beside independent lists, and what reduces it."""
    largest, lost, skewness = result.largest_hub, result.anti_hubs, result.hub_skewness
    sentence = (
        f"The most frequent neighbour is in {percent(largest)} of {result.queries:,} lists of {K} neighbours (independent: "
        f"{percent(null_of(largest))}), {percent(lost)} of the embeddings are in none (independent: {percent(null_of(lost))})"
    )
    if skewness is None:
        return f"{sentence}."
    beside = f"{written(skewness)} (independent: {written(null_of(skewness))})"
    told = f"{sentence}, and the skewness of the k-occurrences is {beside}."
    if not has_hubs(result):
        return told
    hubs = "These are hubs: a search finds them whatever is asked."
    return f"{told} {hubs} Where the mean cosine is far from 0, subtracting the mean (--centre) often removes them."
