"""What layers come to beside the verdicts on the spaces that they end in: the two never contradict each other."""

from __future__ import annotations

import pytest

from collapse_cli.answers import Verdict
from collapse_cli.metrics.layer_ends import NO_LAYER, OFFSET, About, Ruling, beside_diagnosis

FEW = "20 of 64 dimensions are active."
USUAL = "Usual for a projection head; judge h."


def diagnosed(h: str, z: str) -> dict[str, Verdict]:
    return {"h": Verdict(h, "111 of 128 are."), "z": Verdict(z, FEW, meaning="" if z == "healthy" else USUAL)}


@pytest.mark.parametrize(
    ("layers", "about", "h", "z", "status"),
    [
        ("healthy", "", "healthy", "healthy", "healthy"),
        ("healthy", "", "healthy", "dimensional collapse", NO_LAYER),
        ("healthy", "", "healthy", "inconclusive", NO_LAYER),
        ("healthy", "", "inconclusive", "inconclusive", NO_LAYER),
        ("healthy", "", "dimensional collapse", "healthy", "dimensional collapse"),
        ("healthy", "", "healthy", "complete collapse", "complete collapse"),
        ("inconclusive", "", "healthy", "dimensional collapse", "inconclusive"),
        ("inconclusive", "", "dimensional collapse", "healthy", "dimensional collapse"),
        ("inconclusive", "nothing", "healthy", "complete collapse", "inconclusive"),
        ("inconclusive", "direction", "healthy", "inconclusive", "inconclusive"),
        ("inconclusive", "direction", "healthy", "complete collapse", "complete collapse"),
        ("inconclusive", "direction", "healthy", "healthy", "healthy"),
        ("complete collapse", "direction", "healthy", "complete collapse", "complete collapse"),
        ("complete collapse", "direction", "healthy", "inconclusive", "inconclusive"),
        ("complete collapse", "direction", "healthy", "healthy", "healthy"),
        ("complete collapse", "direction", "healthy", "dimensional collapse", NO_LAYER),
        ("dimensional collapse", "", "healthy", "healthy", "dimensional collapse"),
        ("dimensional collapse", "", "healthy", "complete collapse", "complete collapse"),
        ("dimensional collapse", "last layer", "healthy", "healthy", "inconclusive"),
        ("dimensional collapse", "last layer", "healthy", "dimensional collapse", "dimensional collapse"),
        ("token collapse", "", "healthy", "healthy", "token collapse"),
    ],
)  # fmt: skip
def test_the_status_of_both(layers: str, about: About, h: str, z: str, status: str) -> None:
    """Healthy only where each space is; a collapse of what the network is judged by is one of the layers, too."""
    ruling = beside_diagnosis(Ruling(layers, "Layers.", about=about), diagnosed(h, z))
    assert ruling.status == status
    assert ruling.sentence.startswith("Layers.")


def test_what_is_said_of_a_narrow_projection() -> None:
    ruling = beside_diagnosis(
        Ruling("healthy", "No layer loses its rank."), diagnosed("healthy", "dimensional collapse")
    )
    assert ruling.sentence == f"No layer loses its rank. z as a whole: dimensional collapse. {FEW}"
    assert ruling.meaning == f"{USUAL} See `collapse diagnose`."


def test_an_offset_is_told_from_a_collapse() -> None:
    """Not told, OFFSET says so; where z tells, the sentence does."""
    one_way = Ruling("inconclusive", "One way.", advice="Ask.", about="direction")
    assert beside_diagnosis(one_way, diagnosed("healthy", "inconclusive")).sentence == f"One way. {OFFSET}"
    told = beside_diagnosis(one_way, diagnosed("healthy", "healthy"))
    assert told.sentence == (
        "One way. It is an offset that all have in common: h and z as a whole are healthy."
    )
    assert told.advice == ""


def test_without_a_diagnosis_nothing_changes() -> None:
    ruling = Ruling("healthy", "No layer loses its rank.", "Meaning.", "Advice.")
    assert beside_diagnosis(ruling, {}) is ruling
