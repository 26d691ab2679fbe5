"""Memory bank: what is drawn, what a slot holds after a step, and the constant of NCE."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def redrawn(batch: Batch, count: int, of: int = 200) -> Tensor:
    """The slots (K,) that the next loss will draw of n."""
    state = batch.generator.get_state()
    drawn = torch.randperm(of, generator=batch.generator)[:count]
    batch.generator.set_state(state)
    return drawn


def test_a_new_bank_holds_a_random_unit_row_for_each_image(build: Make) -> None:
    method = build("memory-bank")
    torch.testing.assert_close(method.bank.norm(dim=1), torch.ones(200))
    assert method.bank.shape == (200, 8)
    assert method.labels.tolist() == [-1] * 200


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("count", [1, 12, 200])
def test_the_loss_is_the_slow_loop(
    count: int, mask: bool, build: Make, embed: Make, slow_info_nce: Make, batch: Batch
) -> None:
    """The own slot is the positive and never a negative, K = N drawn too; the oracle knows the labels of slots once seen."""
    method = build("memory-bank", negatives=count, temperature=0.3, mask_false_negatives=mask)
    for seen in (False, True):
        features = embed(method.encoder, method.projector, batch.first).detach()
        drawn = redrawn(batch, count)
        negatives = []
        for b in range(16):
            others = [int(j) for j in drawn if j != batch.index[b]]
            if mask and seen:
                others = [j for j in others if j not in range(100, 116) or (j - 100) % 3 != b % 3]
            negatives.append([method.bank[j] for j in others])
        own = method.bank[batch.index]
        expected = slow_info_nce(features, own, negatives, 0.3)
        assert float(method.loss(batch).detach()) == pytest.approx(expected, rel=1e-5, abs=1e-6)
        assert method.chance() == pytest.approx(sum(math.log(1 + len(left)) for left in negatives) / 16)
        if count == 200:
            assert {len(left) for left in negatives} == ({195, 194} if mask and seen else {199})
        won = [
            float(features[b] @ own[b]) > max((float(features[b] @ n) for n in left), default=-math.inf)
            for b, left in enumerate(negatives)
        ]
        assert method.diagnostics()["proxy accuracy"] == pytest.approx(sum(won) / 16)
        method.after_step(0.5)


def test_more_negatives_than_slots_are_refused(build: Make) -> None:
    with pytest.raises(CollapseError, match="--negatives 201 is more than the 200 slots"):
        build("memory-bank", negatives=201)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_slot_after_a_step(share: float, build: Make, embed: Make, batch: Batch) -> None:
    """v <- unit(t v + (1 - t) f) in the batch's slots, t = 0 replaces and t = 1 keeps; all others stay to the bit."""
    method = build("memory-bank", bank_momentum=share)
    before = method.bank.clone()
    features = embed(method.encoder, method.projector, batch.first).detach()
    method.loss(batch).backward()
    assert torch.equal(method.bank, before)
    method.after_step(0.5)
    expected = normalize(share * before[100:116] + (1 - share) * features, dim=1)
    torch.testing.assert_close(method.bank[100:116], expected)
    assert torch.equal(method.bank[:100], before[:100])
    assert torch.equal(method.bank[116:], before[116:])
    assert method.labels.tolist() == [-1] * 100 + batch.labels.tolist() + [-1] * 84
    assert not method.bank.requires_grad


def test_images_without_labels_leave_no_labels(build: Make, batch: Batch) -> None:
    method = build("memory-bank")
    method.loss(replace(batch, labels=None))
    method.after_step(0.5)
    assert method.labels.tolist() == [-1] * 200


def test_nce_is_the_slow_loop_and_its_constant_is_kept(build: Make, embed: Make, batch: Batch) -> None:
    """Z = n mean exp(s/tau) over the 16 * 12 drawn similarities, until n = 40 features are stored: 3 batches of 16.

    Own slots may be among the 12 and count in Z, as any slot does; they are no noise in the sum.
    """
    method = build("memory-bank", bank_loss="nce", temperature=0.3, images=40)
    batch, constant = replace(batch, index=batch.index - 100), 0.0
    for turn in range(5):
        features = embed(method.encoder, method.projector, batch.first).detach()
        drawn = redrawn(batch, 12, of=40)
        s = (features @ method.bank[drawn].T).tolist()
        own = (features * method.bank[batch.index]).sum(dim=1).tolist()
        assert float(method.constant) == pytest.approx(constant, rel=1e-5), "a loss only reads"
        if turn < 3:
            constant = 40 * sum(math.exp(value / 0.3) for row in s for value in row) / (16 * 12)
        total = 0.0
        for b in range(16):
            p = [math.exp(value / 0.3) / constant for value in (own[b], *s[b])]
            h = [value / (value + 12 / 40) for value in p]
            total -= math.log(h[0])
            total -= sum(math.log(1 - h[1 + k]) for k in range(12) if drawn[k] != batch.index[b])
        assert float(method.loss(batch).detach()) == pytest.approx(total / 16, rel=1e-5)
        method.after_step(0.5)
    assert method.chance() is None


def test_nce_with_every_slot_drawn_leaves_out_the_own_alone(build: Make, batch: Batch) -> None:
    method = build("memory-bank", bank_loss="nce", negatives=200)
    method.loss(batch)
    assert method.excluded.sum(dim=1).tolist() == [1] * 16
