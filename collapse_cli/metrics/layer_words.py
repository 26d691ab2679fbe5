"""What decides about the layers of a network, the bounds that it is held against, and the parts of sentences about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from collapse_cli.answers import Verdict
from collapse_cli.figures import percent, written


@dataclass(frozen=True)
class Bounds:
    """What counts, found on runs on digits and on the same runs with a layer replaced by a projection to 2 of its dimensions.

    Networks that are well (10 methods, 4 encoders) have a layer whose rank falls 2.3 times as far as untrained at most; a layer
    that was replaced falls 1.9 to 44 times as far, the last ones of a network least (`tests/benchmarks/layers.py`).

    fall: from which on rank is lost; well: the most in networks that are well; unsure: from which on it may be lost; to_few: what
    suffices where `few` directions are left or fewer, in layers of `wide` dimensions or more.
    alike: mean cosine of the tokens of one image. shrunk: of the untrained variance of unit rows, below which images have moved
    together. dead: share of dormant units. images: at least. coordinate: share of the variance in a single one, from which on it
    outweighs all others. worn: share of the untrained rank, below which much of it is lost though no single layer did.
    """

    fall: float = 4.0
    well: float = 2.3
    unsure: float = 2.6
    few: float = 2.5
    to_few: float = 3.0
    wide: int = 8
    alike: float = 0.99
    shrunk: float = 0.1
    dead: float = 0.5
    images: int = 32
    coordinate: float = 0.5
    worn: float = 0.12


BOUNDS = Bounds()


@dataclass(frozen=True)
class Layer:
    """What decides about one layer; untrained: of the re-initialised network, None without one. alone: the largest share of the
    variance in one coordinate; ray: share of the raw variance along the mean; zero: share of the units that are always 0."""

    name: str
    dimensions: int
    rank: float
    cosine: float
    dormant: float
    alone: float = 0.0
    ray: float = 0.0
    zero: float = 0.0
    token_cosine: float | None = None
    untrained_rank: float | None = None
    untrained_cosine: float | None = None
    untrained_dormant: float | None = None
    untrained_token_cosine: float | None = None


@dataclass(frozen=True)
class Facts:
    """What else decides: N images, classes of their labels (0: none), why it looks untrained, why no untrained one is there, and
    what `collapse diagnose` says of h and z, or of the last layer, by their names, in the order in which they act."""

    images: int
    classes: int = 0
    looks_untrained: str = ""
    no_untrained: str = ""
    diagnosed: Mapping[str, Verdict] = field(default_factory=dict)


def between(layers: Sequence[Layer], place: int) -> str:
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


def times(fall: float, rises: bool = False) -> str:
    """rises: whether the rank grows at this layer, and by so much less than it does untrained."""
    return f", {written(fall)} times {'less than' if rises else 'as far as'} untrained"


def alike_in_words(layers: Sequence[Layer], place: int) -> str:
    with_tokens = [layer for layer in layers if layer.token_cosine is not None]
    first, layer = with_tokens[0], layers[place]
    sentence = (
        f"Tokens of one image become alike from {layer.name} on: their mean cosine goes from {written(first.token_cosine)} at "
        f"{first.name} to {written(layer.token_cosine)}"
    )
    fresh = layer.untrained_token_cosine
    if fresh is None:
        return f"{sentence}."
    whose = "the architecture causes it, not training" if fresh >= BOUNDS.alike else "training causes it"
    return f"{sentence} (untrained: {written(fresh)}): {whose}."


def together_in_words(layers: Sequence[Layer], place: int) -> str:
    first, last, fresh = layers[place], layers[-1], layers[place].untrained_cosine
    beside = "" if fresh is None else f" (untrained: {written(fresh)})"
    ends = "" if first is last else f", {written(last.cosine)} at the last, {last.name}"
    return f"All images map to almost one direction from {first.name} on: mean cosine {written(first.cosine)}{beside}{ends}."


def findings(layers: Sequence[Layer]) -> Iterator[str]:
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
