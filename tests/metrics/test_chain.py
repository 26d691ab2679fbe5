"""Linear layers in a row: products whose rank is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.chain import by_depth, chain, course, living


def diagonal(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).diag()


def test_a_product_dies_where_no_layer_does() -> None:
    """σ .5 twice: each layer's .25 of the largest λ lives, so does .0625 of two; three leave .0156, four .0039: dead."""
    layer = diagonal(1, 1, 0.5)
    assert by_depth([layer] * 4) == [3, 3, 3, 2]
    found = chain([layer] * 4, [diagonal(1, 1, 1)] * 4)
    assert (found.layers, found.together, found.together.null) == (4, 2, 3)
    assert (found.poorest, found.poorest.null) == (3, 3)
    assert (found.by_depth, found.by_depth.null) == ((3, 3, 3, 2), (3, 3, 3, 3))


def test_numbers_stand_beside_those_before() -> None:
    """Now: 1 of 3 directions in the second layer, and so in both; before: 3 and 2. Poorest is the layer that has fewest."""
    full, two, one = diagonal(1, 1, 1), diagonal(1, 1, 0), diagonal(1, 0, 0)
    found = chain([full, one], [full, two])
    assert (found.together, found.together.null, found.poorest, found.poorest.null) == (1, 2, 1, 2)
    assert (found.by_depth, found.by_depth.null) == ((3, 1), (3, 2))


def test_aligned_layers_have_full_block_energy_and_turned_ones_none() -> None:
    """Both stretch the first axis, so k = 1 and A[0, 0] = 1; before, the first stretched the last one, and A[0, 0] was 0."""
    strong = diagonal(100, 1, 0.5)
    assert chain([strong, strong], [strong, strong]).block_energy == pytest.approx(1)
    turned = chain([strong, strong], [diagonal(0.5, 1, 100), strong])
    assert turned.block_energy.null == pytest.approx(0)


def test_layers_of_different_widths(generator: torch.Generator) -> None:
    """A bottleneck of 2 leaves the product rank 2: (5,2) after (2,7)."""
    first, second = (
        torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((2, 7), (5, 2))
    )
    assert by_depth([first, second]) == [2, 2]
    assert living(second @ first) == 2


def test_a_layer_of_zeros_has_no_energy() -> None:
    found = chain([torch.zeros(3, 3).double(), torch.eye(3).double()], [torch.eye(3).double()] * 2)
    assert (found.together, found.block_energy) == (0, None)


def test_the_course_of_a_chain_that_narrows() -> None:
    """Fresh, two layers of 1, 1, 1 keep 3; later each has σ .3: .09 lives in one, .0081 of two does not. Then k = 2 fits."""
    fresh, later = [diagonal(1, 1, 1)] * 2, [diagonal(1, 1, 0.3)] * 2
    found = course({0: fresh, 4: later})
    assert (found.together, found.together.null) == (2, 3)
    assert {name: tuple(one) for name, one in found.living.items()} == {"1": (3, 3), "2": (3, 2)}
    assert found.living["2"].x == (0, 4)
    assert found.block_energy is not None
    assert found.block_energy["1 → 2"][1] == pytest.approx(1)
