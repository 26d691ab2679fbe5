"""What is said of layers beside what `collapse diagnose` says of the spaces that they end in, so that the two never contradict.

A network can lose its rank a little at each layer, and no layer is to blame; an offset looks like a collapse to layers alone. The
verdict on h and z knows both: it counts the directions of the last layers, and asks the views, the history and the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from collapse_cli.answers import Verdict, headline

About = Literal["", "nothing", "direction", "last layer"]
"""What a ruling rests on: `nothing` was learned; one `direction`, which may be an offset; the rank of the `last layer`."""

NO_LAYER = "no layer loses rank"
"""The status where no layer has lost its rank, and yet a space that the network ends in is not healthy, or cannot be judged."""

SPACES = ("h", "z")
OFFSET = "A constant offset gives this too."


@dataclass(frozen=True)
class Ruling:
    """The first rule that applies: status, sentence, what it means for the reader, and what to do."""

    status: str
    sentence: str
    meaning: str = ""
    advice: str = ""
    about: About = ""


def unclear(sentence: str, advice: str, about: About = "") -> Ruling:
    return Ruling("inconclusive", sentence, advice=advice, about=about)


def beside_diagnosis(ruling: Ruling, diagnosed: Mapping[str, Verdict]) -> Ruling:
    """The ruling on layers, with the verdict on each space that they end in, in the order in which they act; none: as it is."""
    if not diagnosed or ruling.about == "nothing":
        return ruling
    status = _status(ruling, diagnosed)
    words = " ".join(_in_words(ruling, diagnosed, status))
    both = replace(ruling, status=status, sentence=f"{ruling.sentence} {words}".strip())
    means = next((verdict.meaning for verdict in diagnosed.values() if verdict.status != "healthy"), "")
    if status == "healthy":
        return replace(both, meaning="" if words else _healthy(diagnosed), advice="")
    if status == ruling.status:
        return replace(both, meaning=ruling.meaning or means)
    return replace(both, meaning=f"{means} See `collapse diagnose`.".strip(), advice="")


def _status(ruling: Ruling, diagnosed: Mapping[str, Verdict]) -> str:
    """Of both: a collapse of what the network is judged by is never less than that."""
    statuses = {space: verdict.status for space, verdict in diagnosed.items()}
    whole, last = statuses[headline(statuses)], list(statuses.values())[-1]
    if ruling.status == "token collapse" or whole == "complete collapse":
        return ruling.status if ruling.status == "token collapse" else whole
    if ruling.about == "direction" and last == "inconclusive":
        return last
    well = ruling.status == "healthy" or ruling.about == "direction"  # which is an offset, as its space tells
    if whole == "dimensional collapse" and (well or ruling.status == "inconclusive"):
        return whole
    if well:
        return "healthy" if set(statuses.values()) == {"healthy"} else NO_LAYER
    return "inconclusive" if ruling.about == "last layer" and last == "healthy" else ruling.status


def _in_words(ruling: Ruling, diagnosed: Mapping[str, Verdict], status: str) -> Iterator[str]:
    """What the verdicts on the spaces add to the sentence."""
    if ruling.about == "direction" and status in (ruling.status, "inconclusive"):
        yield from [OFFSET] if status == "inconclusive" else []
        return
    if ruling.about == "direction" and status != "complete collapse":
        yield "It is an offset that all have in common:"
    if ruling.status == status == "healthy":
        return
    unwell = {space: verdict for space, verdict in diagnosed.items() if verdict.status != "healthy"}
    for space, verdict in unwell.items():
        yield f"{_name(space)} as a whole: {verdict.status}. {verdict.sentence}"
    if not unwell:
        yield _healthy(diagnosed)


def _name(space: str) -> str:
    return space if space in SPACES else f"The last layer, {space},"


def _healthy(diagnosed: Mapping[str, Verdict]) -> str:
    verb = "is" if len(diagnosed) == 1 else "are"
    return f"{' and '.join(map(_name, diagnosed))} as a whole {verb} healthy."
