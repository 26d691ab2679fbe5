"""End to end: who is a negative of whom, and gradient through both sides."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


@pytest.mark.parametrize("masks", [{}, {"mask_false_negatives": True}, {"mask_random": 0.4}], ids=str)
@pytest.mark.parametrize("kind", ["both-views", "other-view"])
def test_the_loss_is_the_slow_loop(
    kind: str, masks: dict[str, Any], build: Make, embed: Make, slow_info_nce: Make, batch: Batch
) -> None:
    """2B queries, each against the 2B-2 views of other images; or B queries against the B-1 other second views.

    Of 16 images of classes 0, 1, 2 by turns, 6, 5 and 5: the oracle takes away exactly the 5 or 4 others of the class.
    """
    method = build("end-to-end", negatives=kind, temperature=0.3, **masks)
    first, second = (
        embed(method.encoder, method.projector, view).detach() for view in (batch.first, batch.second)
    )
    both = kind == "both-views"
    queries, keys = (torch.cat([first, second]), torch.cat([second, first])) if both else (first, second)
    pool, views = (queries, 2) if both else (second, 1)
    state = batch.generator.get_state()
    drawn = torch.rand(16 * views, 16 * views, generator=batch.generator) < masks.get("mask_random", 0)
    batch.generator.set_state(state)
    negatives = []
    for i in range(16 * views):
        others = [j for j in range(16 * views) if j % 16 != i % 16]
        assert len(others) == (30 if both else 15)
        if "mask_false_negatives" in masks:
            others = [j for j in others if batch.labels[j % 16] != batch.labels[i % 16]]
            assert len(others) == views * (15 - (5 if batch.labels[i % 16] == 0 else 4))
        negatives.append([pool[j] for j in others if not drawn[i, j]])
    expected = slow_info_nce(queries, keys, negatives, 0.3)
    assert float(method.loss(batch).detach()) == pytest.approx(expected, rel=1e-5)
    assert method.chance() == pytest.approx(sum(math.log(1 + len(left)) for left in negatives) / 16 / views)
    won = [
        float(q @ k) > max((float(q @ n) for n in left), default=-math.inf)
        for q, k, left in zip(queries, keys, negatives, strict=True)
    ]
    assert method.diagnostics() == {"proxy accuracy": pytest.approx(sum(won) / 16 / views)}


def test_chance(build: Make, batch: Batch) -> None:
    for kind, candidates in (("both-views", 31), ("other-view", 16)):
        method = build("end-to-end", negatives=kind)
        assert method.chance() is None, "no batch yet"
        method.loss(batch)
        assert method.chance() == pytest.approx(math.log(candidates))


def test_the_gradient_flows_through_queries_and_keys(
    build: Make, embed: Make, apart: Make, batch: Batch
) -> None:
    """As that of the cross-entropy of the similarity matrix's rows; keys cut off, it is another."""
    method = build("end-to-end", negatives="other-view", temperature=0.5)
    grads = []
    for cut in (False, True):
        twin = copy.deepcopy(method)
        q, k = (embed(twin.encoder, twin.projector, view) for view in (batch.first, batch.second))
        cross_entropy(q @ (k.detach() if cut else k).T / 0.5, torch.arange(16)).backward()
        grads.append([p.grad for p in twin.parameters()])
    method.loss(batch).backward()
    ours = [p.grad for p in method.parameters()]
    assert apart(ours, grads[0]) < 1e-4
    assert apart(ours, grads[1]) > 0.1
