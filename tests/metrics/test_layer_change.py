"""Where rank is lost: what is said of layers whose numbers are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collapse_cli.metrics.layer_change import falls, judged
from collapse_cli.metrics.layer_words import Facts, Layer

WELL = [
    Layer("a", 64, 20, 0.5, 0, untrained_rank=20, untrained_cosine=0.5, untrained_dormant=0),
    Layer("b", 256, 210, 0.5, 0, untrained_rank=190, untrained_cosine=0.5, untrained_dormant=0),
    Layer("c", 256, 160, 0.5, 0, untrained_rank=170, untrained_cosine=0.5, untrained_dormant=0),
    Layer("d", 64, 30, 0.5, 0, untrained_rank=40, untrained_cosine=0.5, untrained_dormant=0),
]
MANY = Facts(1000)


def changed(place: int, **fields: float) -> list[Layer]:
    return [replace(layer, **fields) if n == place else layer for n, layer in enumerate(WELL)]


def test_falls_are_over_those_of_the_untrained_network() -> None:
    """20/20 from the input, then (20/210)/(20/190), (210/160)/(190/170), (160/30)/(170/40)."""
    assert falls(WELL) == pytest.approx([1, 190 / 210, 210 * 170 / 160 / 190, 160 * 40 / 30 / 170])


def test_the_layer_that_loses_its_rank_is_named() -> None:
    """210 → 31 beside 190 → 170: (210/31)/(190/170) = 6.06."""
    verdict = judged(changed(2, rank=31.0), MANY)
    assert verdict.status == "dimensional collapse"
    assert verdict.sentence == (
        "Rank falls most between b and c: 210 → 31 of 256 (untrained: 190 → 170), 6.06 times as far as untrained."
    )
    first = judged(changed(0, rank=2.0), MANY)
    assert first.status == "dimensional collapse"
    assert first.sentence.startswith(
        "Rank falls most at the first layer, a: 2 of 64 (untrained: 20), 10 times"
    )


def test_a_rank_that_grows_does_not_fall() -> None:
    """20 → 25 beside 20 → 190: (190/20)/(25/20) = 7.6."""
    assert judged(changed(1, rank=25.0), MANY).sentence.startswith(
        "Rank grows least, beside the untrained network, between a and b: 20 → 25 of 256 (untrained: 20 → 190), 7.60 times less "
        "than untrained."
    )


@pytest.mark.parametrize(
    ("rank", "status"),
    [(160.0, "healthy"), (60.0, "inconclusive"), (40.0, "dimensional collapse"), (1.5, "dimensional collapse")],
)  # fmt: skip
def test_how_far_it_must_fall(rank: float, status: str) -> None:
    """1.17, 3.1 and 4.7 times as far as untrained."""
    assert judged(changed(2, rank=rank), MANY).status == status


def test_an_architecture_may_narrow() -> None:
    """A bottleneck of 2 dimensions that is there untrained, too, is no collapse."""
    narrow = [*WELL[:2], replace(WELL[2], dimensions=2, rank=1.9, untrained_rank=1.8), WELL[3]]
    assert judged(narrow, MANY).status == "healthy"


def test_what_leaves_it_open() -> None:
    """Classes that need no more, a massive coordinate, no untrained network, nothing trained, few images: each says so."""
    lost = changed(2, rank=9.0)
    cases = [
        (lost, Facts(1000, classes=10), "10 classes need no more than 9 directions"),
        (changed(2, rank=9.0, alone=0.9), MANY, "A single coordinate holds 90 % of the variance"),
        (lost, replace(MANY, looks_untrained="it looks so"), "Nothing was trained: it looks so."),
        (lost, Facts(20), "20 images are too few"),
        ([replace(layer, untrained_rank=None, untrained_cosine=None) for layer in lost],
         Facts(1000, no_untrained="it has no weights"), "cannot be told, without the untrained network: it has no weights"),
    ]  # fmt: skip
    for layers, facts, words in cases:
        verdict = judged(layers, facts)
        assert (verdict.status, bool(verdict.advice)) == ("inconclusive", True)
        assert words in verdict.sentence
    assert judged(lost, MANY).status == "dimensional collapse"


def test_one_direction_is_a_collapse_where_only_lengths_vary() -> None:
    """From c on; with an offset alone it is not told. A layer that lost its rank before is named first."""
    together = [*WELL[:2], replace(WELL[2], cosine=0.97), replace(WELL[3], cosine=0.9995)]
    open_verdict = judged(together, MANY)
    assert open_verdict.status == "inconclusive"
    assert "A constant offset gives this too." in open_verdict.sentence
    verdict = judged([*together[:3], replace(together[3], ray=0.99)], MANY)
    assert verdict.status == "complete collapse"
    assert verdict.sentence.startswith("All images map to almost one direction from c on: mean cosine 0.970")
    lost = judged([WELL[0], replace(WELL[1], rank=3.0), *together[2:]], MANY)
    assert lost.status == "dimensional collapse"
    assert lost.sentence.startswith("Rank falls most between a and b: 20 → 3 of 256")


def test_tokens_that_become_one_with_depth() -> None:
    """Named from the first layer on whose tokens are alike; whose doing it is, the untrained network says."""
    tokens = [
        replace(layer, token_cosine=cosine, untrained_token_cosine=cosine)
        for layer, cosine in zip(WELL, (0.3, 0.8, 0.995, 0.999), strict=True)
    ]
    verdict = judged(tokens, MANY)
    assert verdict.status == "token collapse"
    assert "alike from c on: their mean cosine goes from 0.300 at a to 0.995" in verdict.sentence
    assert "the architecture causes it" in verdict.sentence
    trained = [replace(layer, untrained_token_cosine=0.3) for layer in tokens]
    assert "training causes it" in judged(trained, MANY).sentence
    alike = [replace(layer, token_cosine=0.999) for layer in tokens]
    assert judged(alike, MANY).status == "inconclusive"


def test_dead_units_and_rank_that_wears_away_are_told() -> None:
    dead = judged(changed(1, dormant=0.62), MANY)
    assert dead.findings == ("At b 62 % of the units are hardly ever active (untrained: 0 %).",)
    worn = [
        replace(layer, rank=(layer.untrained_rank or 0) * share)
        for layer, share in zip(WELL, (0.8, 0.4, 0.2, 0.1), strict=True)
    ]
    verdict = judged(worn, MANY)
    assert verdict.status == "healthy"
    assert "layer by layer it falls to 10 % of the untrained, at d" in verdict.sentence
    few = judged([*worn[:3], replace(worn[3], untrained_rank=20, rank=2.0)], MANY)
    assert (few.status, bool(few.advice)) == ("inconclusive", True)
