"""The verdict on rows of which many are one point: who is judged in their place, and from which share on."""

from __future__ import annotations

import pytest
import torch

from collapse_cli.answers import Verdict
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.image_set import ImageSet
from collapse_cli.metrics.judged import NOT_OTHERS, judged
from collapse_cli.metrics.spectrum import spectrum


def of(n: int, equal: int, context: Context | None = None, groups: bool = False) -> Verdict:
    """n rows in four dimensions of which `equal` are one point."""
    rows = torch.randn(n, 4, generator=torch.Generator().manual_seed(0))
    rows[:equal] = rows[0].clone()
    owner = torch.arange(n) // 2 if groups else None
    found = spectrum(rows, torch.Generator().manual_seed(0), groups=owner)
    return judged(rows, found, torch.Generator(), context or Context(), groups=owner)


@pytest.mark.parametrize(
    ("equal", "status", "of_others"),
    [(99, "healthy", False), (100, "healthy", True), (179, "healthy", True), (180, "inconclusive", True)],
)
def test_the_others_are_judged_from_a_half_to_nine_tenths(equal: int, status: str, of_others: bool) -> None:
    """Of 200: half of them and more are led by what they are; from nine tenths on so few others do not speak for all."""
    found = of(200, equal)
    assert (found.status, f"About the other {200 - equal}:" in found.sentence) == (status, of_others)
    assert (found.meaning == NOT_OTHERS) is (equal == 180)
    assert found.sentence.startswith(f"{equal} of 200 embeddings")
    assert found.lead.startswith("About the other" if of_others else "99 of 200 embeddings")
    assert found.lead not in found.findings


@pytest.mark.parametrize(("others", "told"), [(7, False), (8, True)])
def test_eight_others_are_judged(others: int, told: bool) -> None:
    assert ("About the other 8:" in of(20 + others, 20).sentence) is told


def test_codes_and_images_without_any_difference_are_not_looked_into() -> None:
    """Whole numbers repeat by nature; where the images are the fault, the embeddings say nothing more."""
    assert "About the other" not in of(200, 120, Context(codes="int8 numbers")).sentence
    black = ImageSet(200, 1, 1, 1, 200, 200, 200, 0, None)
    found = of(200, 120, Context(images=black))
    assert found.sentence == "All 200 images are black: they give an encoder nothing to tell them apart by."
    assert found.lead == ""


def test_groups_of_the_others_are_theirs() -> None:
    """Of 200 rows in pairs the first 120 are one point: 40 pairs are left."""
    found = of(200, 120, groups=True)
    assert "About the other 80:" in found.sentence


def test_equal_embeddings_of_different_images_are_told() -> None:
    """Of 119 that repeat an earlier one, all come from other images."""
    found = of(200, 120, Context(different=119))
    assert found.findings[0].startswith(
        "119 of the 119 embeddings that repeat another one come from different images"
    )
    assert found.findings[0] in found.reasons
