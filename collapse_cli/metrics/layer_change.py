"""Where in depth does a network collapse? What the numbers of its layers come to, in a sentence.

A network may narrow in depth and be well: architectures have bottlenecks, and training itself lowers ranks. So a layer is held
against the one before it and both against the same layers re-initialised, on the same images: the fall of the effective rank from
layer to layer, as a factor, over that of the untrained network. `Bounds` says what counts, and how it was found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collapse_cli.answers import Verdict
from collapse_cli.figures import percent, written
from collapse_cli.metrics.signs import COMPLETE, ON_RAY, RAY


@dataclass(frozen=True)
class Bounds:
    """On digits, 3 encoders, 8 methods that are well: no layer falls more than 2.0 times as far as untrained; a layer that was
    replaced by a projection to 2 of its dimensions falls 3.0 to 24 times, a last layer of few directions least.

    fall: from which on rank is lost; unsure: from which on it may be; few: directions, with fewer of which `unsure` suffices, in
    layers of `wide` dimensions or more. alike: mean cosine of the tokens of one image; apart: what it was before. shrunk: of the
    untrained variance of unit rows, below which images have moved together. dead: share of dormant units. images: at least.
    worn: share of the untrained rank, below which a network has lost much of it though no single layer did.
    coordinate: share of the variance in a single one of the dimensions, from which on it outweighs all others.
    """

    fall: float = 4.0
    unsure: float = 2.6
    few: float = 2.5
    wide: int = 8
    alike: float = 0.99
    shrunk: float = 0.1
    dead: float = 0.5
    images: int = 32
    coordinate: float = 0.5
    worn: float = 0.12


BOUNDS = Bounds()
START = "the input"


@dataclass(frozen=True)
class Layer:
    """What decides about one layer; untrained: of the re-initialised network, None without one. alone: the largest share of the
    variance in one coordinate; ray: share of the raw variance along the mean."""

    name: str
    dimensions: int
    rank: float
    cosine: float
    dormant: float
    alone: float = 0.0
    ray: float = 0.0
    token_cosine: float | None = None
    untrained_rank: float | None = None
    untrained_cosine: float | None = None
    untrained_dormant: float | None = None
    untrained_token_cosine: float | None = None


@dataclass(frozen=True)
class Facts:
    """What else decides: N images, classes of their labels (0: none), why it looks untrained, why there is no untrained network."""

    images: int
    classes: int = 0
    looks_untrained: str = ""
    no_untrained: str = ""


def falls(layers: Sequence[Layer]) -> list[float]:
    """Of every layer: by how many times its rank falls from the layer before it, over the same of the untrained network.

    The first is held against its own untrained rank, for both networks see the same input; nan without an untrained network.
    """
    kept = [1.0, *(_kept(layer) for layer in layers)]
    return [before / after if after > 0 else math.inf for before, after in zip(kept, kept[1:], strict=False)]


def _kept(layer: Layer) -> float:
    return layer.rank / layer.untrained_rank if layer.untrained_rank else math.nan


def raw_falls(layers: Sequence[Layer]) -> list[float]:
    """The same without an untrained network; 1 at the first layer."""
    ranks = [layers[0].rank, *(layer.rank for layer in layers)]
    return [before / after for before, after in zip(ranks, ranks[1:], strict=False)]


def judged(layers: Sequence[Layer], facts: Facts) -> Verdict:
    """The verdict on layers (at least one) in the order in which they act."""
    status, sentence, meaning = _ruled(layers, facts)
    findings = tuple(_findings(layers, status))
    advice = ("Give more images, or an untrained network to compare with: see --help.",)
    return Verdict(
        status, sentence, reasons=(sentence, *findings), meaning=meaning, findings=findings,
        advice=advice if status == "inconclusive" else (),
    )  # fmt: skip


def _ruled(layers: Sequence[Layer], facts: Facts) -> tuple[str, str, str]:
    """Status, sentence, and what it means, by the first rule that applies."""
    if facts.images < BOUNDS.images:
        few = f"{facts.images} images are too few to tell where rank is lost: at least {BOUNDS.images} are needed."
        return "inconclusive", few, ""
    alike, direction = alike_from(layers), together_from(layers)
    if alike is not None:
        return _of_tokens(layers, alike)
    if direction is not None and _on_a_ray(layers[-1]):
        return "complete collapse", _together_in_words(layers, direction), ""
    if direction is not None:
        sentence = f"{_together_in_words(layers, direction)} A constant offset gives this too."
        return "inconclusive", sentence, "`collapse diagnose` tells a collapse from an offset."
    return _of_rank(layers, facts)


OVERSMOOTHED = (
    "Tokens of one image become one, so what a head pools of them is the same whichever it takes "
    "(rank collapse with depth: Dong et al. 2021, arXiv:2103.03404)."
)


def _of_tokens(layers: Sequence[Layer], place: int) -> tuple[str, str, str]:
    first = next(number for number, layer in enumerate(layers) if layer.token_cosine is not None)
    if place > first:
        return "token collapse", _alike_in_words(layers, place), OVERSMOOTHED
    return "inconclusive", (
        f"Tokens of one image are alike from the first layer with tokens on, {layers[first].name} (mean cosine "
        f"{written(layers[first].token_cosine)}): whether that layer or the images cause it cannot be told."
    ), OVERSMOOTHED  # fmt: skip


def _of_rank(layers: Sequence[Layer], facts: Facts) -> tuple[str, str, str]:
    compared = all(layer.untrained_rank is not None for layer in layers)
    by_layer = falls(layers) if compared else raw_falls(layers)
    place = max(range(len(layers)), key=by_layer.__getitem__)
    fall, layer = by_layer[place], layers[place]
    sentence = f"Rank falls most {_between(layers, place)}{_times(fall) if compared else ''}."
    few = layer.rank <= BOUNDS.few and layer.dimensions >= BOUNDS.wide
    lost = fall >= BOUNDS.fall or (few and fall >= BOUNDS.unsure)
    if facts.looks_untrained:
        return "inconclusive", f"Nothing was trained: {facts.looks_untrained}. {sentence}", ""
    if not compared and (lost or fall >= BOUNDS.unsure):
        return "inconclusive", f"{sentence} Whether training did it cannot be told: {facts.no_untrained}.", ""
    if lost:
        return _lost(layers, place, sentence, facts)
    if fall >= BOUNDS.unsure:
        return "inconclusive", (
            f"{sentence} That is more than in networks that are well ({written(2.0)} times) and less than where rank is lost "
            f"({written(BOUNDS.fall)})."
        ), ""  # fmt: skip
    kept = min(layers, key=_kept) if compared else None
    if kept is not None and _kept(kept) < BOUNDS.worn:
        return "healthy", (
            f"No single layer loses its rank, but layer by layer it falls to {percent(_kept(kept))} of the untrained at "
            f"{kept.name}: {written(kept.rank)} of {kept.dimensions:,} (untrained: {written(kept.untrained_rank)})."
        ), "Usual for a projection; `collapse diagnose` judges the last layers."  # fmt: skip
    within = "no more than in networks that are well" if compared else "which is no loss of rank"
    return "healthy", f"No layer loses its rank. It falls most {_between(layers, place)}: {within}.", ""


def _lost(layers: Sequence[Layer], place: int, sentence: str, facts: Facts) -> tuple[str, str, str]:
    """A fall that is large enough, unless the labels or a single coordinate explain it."""
    layer, behind = layers[place], layers[place + 1 :]
    again = max(behind, key=lambda each: each.rank, default=None)
    back = again is not None and again.rank > 2 * layer.rank
    risen = f" Behind it rank rises again, to {written(again.rank)} at {again.name}." if again and back else ""
    if facts.classes > 2 and (facts.classes - 1) / 2 <= layer.rank <= 2 * (facts.classes - 1):
        return "inconclusive", (
            f"{sentence} {facts.classes} classes need no more than {facts.classes - 1} directions, to which training on labels "
            "leads: a collapse onto the classes, or a loss of rank.{risen}"
        ).replace("{risen}", risen), ""  # fmt: skip
    if layer.alone >= BOUNDS.coordinate and back:
        return "inconclusive", (
            f"{sentence} A single coordinate holds {percent(layer.alone)} of the variance there, which hides that of all others."
            f"{risen}"
        ), ""  # fmt: skip
    what = f"{sentence}{risen}"
    return "dimensional collapse", what, "Look at that layer first: its weights (`collapse weights`), its norm, what feeds it."


def _between(layers: Sequence[Layer], place: int) -> str:
    """`between A and B: 210 → 31 of 256 (untrained: 190 → 170)`."""
    layer = layers[place]
    if place == 0:
        beside = "" if layer.untrained_rank is None else f" (untrained: {written(layer.untrained_rank)})"
        return f"at the first layer, {layer.name}: {written(layer.rank)} of {layer.dimensions:,}{beside}"
    before = layers[place - 1]
    beside = (
        ""
        if layer.untrained_rank is None or before.untrained_rank is None
        else f" (untrained: {written(before.untrained_rank)} → {written(layer.untrained_rank)})"
    )
    return (
        f"between {before.name} and {layer.name}: {written(before.rank)} → {written(layer.rank)} of "
        f"{layer.dimensions:,}{beside}"
    )


def _times(fall: float) -> str:
    return f", {written(fall)} times as far as untrained"


def alike_from(layers: Sequence[Layer]) -> int | None:
    """From which layer on the tokens of one image are alike, to the last that has tokens; None where they are not."""
    places = [place for place, layer in enumerate(layers) if layer.token_cosine is not None]
    start = None
    for place in reversed(places):
        if (layers[place].token_cosine or 0.0) < BOUNDS.alike:
            break
        start = place
    return start


def _alike_in_words(layers: Sequence[Layer], place: int) -> str:
    with_tokens = [layer for layer in layers if layer.token_cosine is not None]
    first, layer = with_tokens[0], layers[place]
    sentence = (
        f"Tokens of one image become alike from {layer.name} on: their mean cosine goes from {written(first.token_cosine)} at "
        f"{first.name} to {written(layer.token_cosine)}"
    )
    fresh = layer.untrained_token_cosine
    if fresh is None:
        return f"{sentence}."
    whose = "the architecture causes it, not training" if fresh >= BOUNDS.alike else "training caused it"
    return f"{sentence} (untrained: {written(fresh)}): {whose}."


def together_from(layers: Sequence[Layer]) -> int | None:
    """From which layer on, to the last, images map to almost one direction, though untrained they do not; None where they do not."""
    start = None
    for place in range(len(layers) - 1, -1, -1):
        if not _together(layers[place]):
            break
        start = place
    return start


def _together(layer: Layer) -> bool:
    variance, fresh = 1 - layer.cosine, layer.untrained_cosine
    return fresh is not None and variance < COMPLETE**2 and variance < BOUNDS.shrunk * (1 - fresh)


def _together_in_words(layers: Sequence[Layer], place: int) -> str:
    first, last = layers[place], layers[-1]
    assert first.untrained_cosine is not None
    ends = "" if first is last else f", {written(last.cosine)} at the last, {last.name}"
    return (
        f"All images map to almost one direction from {first.name} on: mean cosine {written(first.cosine)} (untrained: "
        f"{written(first.untrained_cosine)}){ends}."
    )


def _on_a_ray(layer: Layer) -> bool:
    """Whether nothing but the lengths varies, which no constant offset makes so."""
    return 1 - layer.cosine <= ON_RAY and layer.ray > RAY


def _findings(layers: Sequence[Layer], status: str) -> Iterator[str]:
    """What changes how it is to be read: dead units."""
    dead = [
        layer
        for layer in layers
        if layer.dormant >= BOUNDS.dead and layer.dormant > 2 * (layer.untrained_dormant or 0.0)
    ]
    if dead:
        worst = max(dead, key=lambda layer: layer.dormant)
        fresh = "" if worst.untrained_dormant is None else f" (untrained: {percent(worst.untrained_dormant)})"
        more = f"; so are those of {len(dead) - 1} more" if len(dead) > 1 else ""
        yield f"At {worst.name} {percent(worst.dormant)} of the units are hardly ever active{fresh}{more}."
