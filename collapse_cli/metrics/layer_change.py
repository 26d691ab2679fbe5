"""Where in depth does a network collapse? What the numbers of its layers come to, in a sentence.

A network may narrow in depth and be well: architectures have bottlenecks, and training itself lowers ranks. So a layer is held
against the one before it and both against the same layers re-initialised, on the same images: the fall of the effective rank from
layer to layer, as a factor, over that of the untrained network. `layer_words.Bounds` says what counts, and how it was found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from collapse_cli.answers import Verdict
from collapse_cli.figures import percent, written
from collapse_cli.metrics.layer_ends import (
    OFFSET,
    Ruling,
    beside_diagnosis,
    unclear,
)
from collapse_cli.metrics.layer_words import (
    BOUNDS,
    Facts,
    Layer,
    alike_in_words,
    between,
    findings,
    times,
    together_in_words,
)
from collapse_cli.metrics.signs import COMPLETE, ON_RAY, RAY


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
    """The verdict on layers (at least one) in the order in which they act, which never contradicts what `diagnose` says."""
    ruling = beside_diagnosis(_ruled(layers, facts), facts.diagnosed)
    more = tuple(findings(layers))
    return Verdict(
        ruling.status, ruling.sentence, reasons=(ruling.sentence, *more), meaning=ruling.meaning, findings=more,
        advice=(ruling.advice,) if ruling.advice else (),
        explained_by="" if ruling.status == "token collapse" else "layers",
    )  # fmt: skip


def _ruled(layers: Sequence[Layer], facts: Facts) -> Ruling:
    if facts.images < BOUNDS.images:
        few = f"{facts.images} images are too few to tell where rank is lost: at least {BOUNDS.images} are needed."
        return unclear(few, "Measure more images.", "nothing")
    alike = alike_from(layers)
    if alike is not None:
        return _of_tokens(layers, alike)
    fall, direction = _largest(layers), together_from(layers)
    if direction is None:
        return _of_rank(layers, fall, facts)
    moved = together_in_words(layers, direction)
    before = f"{fall.sentence} " if fall.lost and fall.place <= direction else ""
    if _on_a_ray(layers[-1]):
        return Ruling("complete collapse", f"{before}{moved}", about="direction")
    if fall.lost and fall.compared and not facts.looks_untrained:
        ruling = _of_rank(layers, fall, facts)
        return replace(ruling, sentence=f"{ruling.sentence} {moved}")
    advice = "Ask `collapse diagnose`, which tells a collapse from an offset."
    return unclear(moved if facts.diagnosed else f"{moved} {OFFSET}", advice, "direction")


OVERSMOOTHED = (
    "Tokens of one image become one, so what a head pools of them is the same whichever it takes "
    "(rank collapse with depth: Dong et al. 2021, arXiv:2103.03404)."
)


def _of_tokens(layers: Sequence[Layer], place: int) -> Ruling:
    first = next(number for number, layer in enumerate(layers) if layer.token_cosine is not None)
    if place > first:
        return Ruling("token collapse", alike_in_words(layers, place), OVERSMOOTHED)
    return unclear(
        f"Tokens of one image are alike from the first layer with tokens on, {layers[first].name} (mean cosine "
        f"{written(layers[first].token_cosine)}): whether that layer or the images cause it cannot be told.",
        "Measure other images, or a layer before that one, with --layer.",
    )


@dataclass(frozen=True)
class Fall:
    """The largest fall of the rank: at which layer, by how much, in words; compared: whether untrained networks are beside it."""

    place: int
    size: float
    sentence: str
    compared: bool
    lost: bool


def _largest(layers: Sequence[Layer]) -> Fall:
    compared = all(layer.untrained_rank is not None for layer in layers)
    by_layer = falls(layers) if compared else raw_falls(layers)
    place = max(range(len(layers)), key=by_layer.__getitem__)
    size, layer = by_layer[place], layers[place]
    rises = compared and place > 0 and layer.rank > layers[place - 1].rank
    how = "grows least, beside the untrained network," if rises else "falls most"
    sentence = f"Rank {how} {between(layers, place)}{times(size, rises) if compared else ''}."
    few = layer.rank <= BOUNDS.few and layer.dimensions >= BOUNDS.wide
    lost = size >= BOUNDS.fall or (few and size >= BOUNDS.to_few)
    return Fall(place, size, sentence, compared, lost)


def _of_rank(layers: Sequence[Layer], largest: Fall, facts: Facts) -> Ruling:
    place, fall, sentence = largest.place, largest.size, largest.sentence
    compared, lost = largest.compared, largest.lost
    if facts.looks_untrained:
        return unclear(
            f"Nothing was trained: {facts.looks_untrained}. {sentence}",
            "Measure it once it has been trained.",
            "nothing",
        )
    if not compared and (lost or fall >= BOUNDS.unsure):
        return unclear(
            f"{sentence} Whether training did it cannot be told, without the untrained network: {facts.no_untrained}.",
            "Measure a checkpoint from before the training beside it.",
        )
    if lost:
        return _lost(layers, place, sentence, facts)
    if fall >= BOUNDS.unsure:
        return unclear(
            f"{sentence} That is more than in networks that are well ({written(BOUNDS.well)} times at most) and less than where "
            f"a layer has lost its rank ({written(BOUNDS.fall)}).",
            "Measure an earlier checkpoint beside it, or more images.",
        )
    return _well(layers, place, compared)


def _well(layers: Sequence[Layer], place: int, compared: bool) -> Ruling:
    least = min(layers, key=_kept)
    if compared and _kept(least) < BOUNDS.worn:
        worn = (
            f"No single layer loses its rank, but layer by layer it falls to {percent(_kept(least))} of the untrained, at "
            f"{least.name}: {written(least.rank)} of {least.dimensions:,} (untrained: {written(least.untrained_rank)})."
        )
        if least.rank <= BOUNDS.few and least.dimensions >= BOUNDS.wide:
            return unclear(worn, "Ask `collapse diagnose`, which judges the last layers as a whole.")
        return Ruling("healthy", worn, "`collapse diagnose` judges the last layers as a whole.")
    within = "no more than in networks that are well" if compared else "which is no loss of rank"
    beside = "Beside the untrained network it" if compared else "It"
    return Ruling(
        "healthy",
        f"No layer loses its rank. {beside} loses most {between(layers, place)}: {within}.",
        "`collapse diagnose` judges the last layers as a whole.",
    )


def _lost(layers: Sequence[Layer], place: int, sentence: str, facts: Facts) -> Ruling:
    """A fall that is large enough, unless the labels or a single coordinate explain it."""
    layer, behind = layers[place], layers[place + 1 :]
    again = max(behind, key=lambda each: each.rank, default=layer)
    back = again.rank > 2 * layer.rank
    sentence += f" Behind it rank rises again, to {written(again.rank)} at {again.name}." if back else ""
    if facts.classes > 2 and (facts.classes - 1) / 2 <= layer.rank <= 2 * (facts.classes - 1):
        return unclear(
            f"{sentence} Labels of {facts.classes} classes need no more than {facts.classes - 1} directions, to which training "
            "on them leads: that may be all, or rank is lost.",
            "Look at `collapse classes`: where each class is one point, it is the labels' doing.",
        )
    if layer.alone >= BOUNDS.coordinate and back and layer.zero < BOUNDS.dead:
        return unclear(
            f"{sentence} A single coordinate holds {percent(layer.alone)} of the variance there, and hides that of all others.",
            "Look at the coordinates of that layer: one massive activation is usual in transformers.",
        )
    advice = "Look at that layer first: its weights (`collapse weights`), its norm, and what feeds it."
    return Ruling("dimensional collapse", sentence, advice=advice, about="" if behind else "last layer")


def alike_from(layers: Sequence[Layer]) -> int | None:
    """From which layer on the tokens of one image are alike, to the last that has tokens; None where they are not."""
    places = [place for place, layer in enumerate(layers) if layer.token_cosine is not None]
    start = None
    for place in reversed(places):
        if (layers[place].token_cosine or 0.0) < BOUNDS.alike:
            break
        start = place
    return start


def together_from(layers: Sequence[Layer]) -> int | None:
    """From which layer on, to the last, images map to almost one direction, and did not untrained; None where they do not."""
    start = None
    for place in range(len(layers) - 1, -1, -1):
        if not _together(layers[place]):
            break
        start = place
    return start


def _together(layer: Layer) -> bool:
    variance, fresh = 1 - layer.cosine, layer.untrained_cosine
    return variance < COMPLETE**2 and (fresh is None or variance < BOUNDS.shrunk * (1 - fresh))


def _on_a_ray(layer: Layer) -> bool:
    """Whether nothing but the lengths varies, which no constant offset makes so."""
    return 1 - layer.cosine <= ON_RAY and layer.ray > RAY
