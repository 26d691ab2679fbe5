"""The course of layers over the epochs kept: closed forms of ranks and of block energies, and their names and places."""

from __future__ import annotations

import pytest
import torch

from collapse_cli.metrics.layer_epochs import course, energy, family, rank


def test_the_rank_of_a_diagonal_layer() -> None:
    """σ² = (1, 1, 0, 0): the entropy of two equal shares is log 2."""
    assert rank(torch.diag(torch.tensor([1.0, 1.0, 0.0, 0.0]))) == pytest.approx(2)
    assert rank(torch.eye(6).reshape(6, 3, 2)) == pytest.approx(6)


def test_the_energy_of_layers_that_meet_and_that_miss() -> None:
    """First gives along e1, e2; a second that takes those up has 1, one that takes e3, e4 up has 0; e1 alone: half of k = 2."""
    first, strong = torch.diag(torch.tensor([4.0, 3.0, 0.2, 0.1])), torch.tensor([4.0, 3.0, 0.2, 0.1])
    assert energy(first, torch.diag(strong), 2) == pytest.approx(1)
    assert energy(first, torch.diag(strong.flip(0)), 2) == pytest.approx(0)
    assert energy(first, torch.diag(strong[[0, 2, 1, 3]]), 2) == pytest.approx(0.5)


def test_the_scale_between_layers_is_folded_in() -> None:
    """The identity, scaled by 1, 2, 3, 4, gives most along e4; the second takes most up there: aligned at k = 1."""
    scale = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert energy(torch.eye(4), torch.diag(scale), 1, scale) == pytest.approx(1)


def test_a_course_is_held_against_its_first_epoch() -> None:
    """Ranks 8, 6, 2 and 4, 4, 3 over 8 and 4; the least at the end is 2/8."""
    found = course(
        {0: {"a": 8, "b": 4}, 5: {"a": 6, "b": 4}, 10: {"a": 2, "b": 3}},
        {0: {"a → b": 0.1}, 5: {"a → b": 0.4}, 10: {"a → b": 0.9}},
    )
    assert (found.checkpoints, found.least) == (2, 0.25)
    assert {name: tuple(one) for name, one in found.effective_rank.items()} == {
        "a": (1, 0.75, 0.25),
        "b": (1, 1, 0.75),
    }
    assert found.effective_rank["a"].x == (0, 5, 10)
    assert found.block_energy is not None
    assert tuple(found.block_energy["a → b"]) == (0.1, 0.4, 0.9)


def test_layers_that_do_not_follow_on_each_other_have_no_energy() -> None:
    assert course({0: {"a": 2}, 3: {"a": 1}}, {0: {}, 3: {}}).block_energy is None
    assert family({}) == {}
