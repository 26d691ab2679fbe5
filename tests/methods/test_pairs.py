"""Every method declares how its loss makes a pair, and what is measured of it later is what the loss saw."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cosine_similarity, normalize

from collapse_cli import data, embedding
from collapse_cli.analysis.training import fresh
from collapse_cli.metrics.oracle import Oracle, oracle
from collapse_cli.settings import METHODS, resolve
from collapse_cli.shapes import Batch, Images, Normalisation, Origin
from collapse_cli.training import train

Make = Callable[..., Any]

NORMAL = Normalisation((0.5,), (0.3,))
MASKS = {"mask_false_negatives": True, "mask_random": 0.3}
LOGGED: dict[str, tuple[str, dict[str, Any]]] = {
    "moco": ("moco", {}),
    "moco symmetric": ("moco", {"symmetric": True}),
    "moco copy": ("moco", {"key_encoder": "copy"}),
    "moco masks": ("moco", {**MASKS, "mask_own": True}),
    "moco split": ("moco", {"bn_splits": 2, "shuffle_bn": True}),
    "mochi": ("mochi", {"mix_after": 0.0}),
    "mochi symmetric": ("mochi", {"mix_after": 0.0, "symmetric": True, "mask_own": True}),
    "end-to-end": ("end-to-end", {}),
    "end-to-end other view": ("end-to-end", {"negatives": "other-view", **MASKS}),
    "memory-bank": ("memory-bank", {}),
    "memory-bank masks": ("memory-bank", MASKS),
    "nnclr": ("nnclr", {}),
    "supervised": ("supervised", {}),
}


@pytest.fixture(scope="module")
def digits() -> Images:
    """240 of them."""
    whole = data.load("digits", "train")
    return replace(whole, pixels=cast(Tensor, whole.pixels)[:240], labels=cast(Tensor, whole.labels)[:240])


@dataclass
class Seen:
    """The last batch of a training, the method as it was when its loss saw it, and what the training logged of it."""

    method: Any
    batch: Batch
    extra: dict[str, float]
    curve: Any


def last_batch(name: str, given: dict[str, Any], images: Images, monkeypatch: pytest.MonkeyPatch) -> Seen:
    run = resolve(name, {"batch": 24, "epochs": 2, "recipe": "digits"} | given)
    kept, seen = fresh(run, images), {}
    method = kept.method
    loss = type(method).loss

    def recorded(self: Any, batch: Batch) -> Tensor:
        clone = Generator()
        clone.set_state(batch.generator.get_state())
        seen["now"] = copy.deepcopy(self), replace(batch, generator=clone)
        return loss(self, batch)

    monkeypatch.setattr(type(method), "loss", recorded)
    *_, epoch = train(method, images, kept.normalisation, kept.run.training, kept.state)
    monkeypatch.undo()
    return Seen(*seen["now"], epoch.extra, epoch.curves.get("matching probability"))


def contrasts(method: Any, batch: Batch) -> Iterator[tuple[Tensor, Tensor, Tensor, Origin, Origin]]:
    """Of each direction of the loss: queries, positives and keys, and which images queries and keys are of."""
    first, second, origin = batch.first, batch.second, batch.origin
    settings = getattr(method, "settings", None) or getattr(method, "own", None)
    queries, positives = method.queries(first), method.positives(second, origin)
    if method.negatives is not None:
        keys, of = method.negatives.keys, method.negatives.origin
        if settings.symmetric:
            yield queries, positives, keys, origin, of
            queries, positives = method.queries(second), method.positives(first, origin)
    elif method.classifier is not None:
        count = len(method.classifier)
        keys, of = method.classifier, Origin(torch.full((count,), -1), torch.arange(count))
    elif method.compares.positive == "slot":
        drawn = torch.randperm(len(method.bank), generator=batch.generator)[: settings.negatives]
        keys, of = method.bank[drawn], Origin(drawn, method.labels[drawn])
    elif method.compares.of_views and settings.negatives == "both-views":
        queries, positives, origin = (
            torch.cat([queries, positives]),
            torch.cat([positives, queries]),
            origin.twice(),
        )
        keys, of = queries, origin
    else:
        if method.compares.query == "neighbour":  # the last direction is logged
            queries, positives = method.queries(second), method.positives(first, origin)
        keys, of = positives, origin
    yield queries, positives, keys, origin, of


def measured(method: Any, batch: Batch) -> list[Oracle]:
    """`oracle`'s own function of what each direction of the loss compares."""

    def left_out(queries: Origin, keys: Origin) -> Tensor | None:
        return method.left_out(queries, keys, batch.generator)

    with torch.no_grad():
        return [
            oracle(
                *(normalize(rows, dim=1) for rows in (queries, keys)), of.labels, others.labels, of.index,
                others.index, method.temperature, normalize(positives, dim=1), left_out,
            )
            for queries, positives, keys, of, others in contrasts(method, batch)
        ]  # fmt: skip


@pytest.mark.parametrize(("name", "given"), LOGGED.values(), ids=list(LOGGED))
def test_the_oracle_sees_what_the_loss_saw(
    name: str, given: dict[str, Any], knobs: Make, digits: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the last batch of a training in train mode: the proxy accuracy and the matching probabilities that it logged.

    `supervised` logs its accuracy, which is the share of images whose own class weight is the most similar.
    """
    seen = last_batch(name, knobs(name, **given), digits, monkeypatch)
    results = measured(seen.method, seen.batch)
    proxy = sum(float(result.proxy_accuracy or 0) for result in results) / len(results)
    assert proxy == pytest.approx(
        seen.extra["accuracy" if name == "supervised" else "proxy accuracy"], abs=1e-6
    )
    assert 0 < proxy < 1 or name in ("nnclr", "moco", "mochi", "memory-bank")
    if name in ("moco", "mochi"):
        ranks, p = seen.curve
        assert tuple(results[0].matching_by_rank.x) == ranks
        together = [
            sum(values) / len(results) for values in zip(*(r.matching_by_rank for r in results), strict=True)
        ]
        assert together == pytest.approx(list(p), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("name", METHODS)
def test_pairs_are_read(name: str, build: Make, batch: Batch) -> None:
    """They change nothing that the method keeps and draw nothing from torch's own generator; in eval mode they are repeatable."""
    method = build(name).eval()
    before, drawn = copy.deepcopy(method.state_dict()), torch.get_rng_state()
    with torch.no_grad():
        twice = [
            (method.queries(batch.first), method.positives(batch.second, batch.origin)) for _ in range(2)
        ]
    assert all(torch.equal(one, other) for one, other in zip(*twice, strict=True))
    assert all(torch.equal(before[key], value) for key, value in method.state_dict().items())
    assert torch.equal(drawn, torch.get_rng_state())
    assert {len(rows) for rows in twice[0]} == {len(batch.first)}


@pytest.mark.parametrize("name", METHODS)
def test_sides_are_what_they_are_said_to_be(name: str, build: Make, batch: Batch) -> None:
    """Each declared side, made by hand of the method's parts, in eval mode. A projection is z, but for its length."""
    method = build(name).eval()
    with torch.no_grad():
        if name == "nnclr":
            method.support.push(torch.eye(8), Origin(torch.arange(8), None))
        z, others = (method.projector(method.encoder(views)) for views in (batch.first, batch.second))
        unit = {
            "projection": lambda rows: rows,
            "key": lambda rows: method.key_network(batch.second),
            "prediction": lambda rows: method.predictor(rows),
            "target": lambda rows: method.target(batch.second),
            "neighbour": lambda rows: torch.stack(
                [
                    max(method.support.keys, key=lambda q: float(cosine_similarity(q, row, dim=0)))
                    for row in rows
                ]
            ),
            "slot": lambda rows: method.bank[batch.index],
            "class weight": lambda rows: method.classifier[batch.labels],
        }
        found = method.queries(batch.first), method.positives(batch.second, batch.origin)
        made = unit[method.compares.query](z), unit[method.compares.positive](others)
    for ours, by_hand in zip(found, made, strict=True):
        torch.testing.assert_close(normalize(ours, dim=1), normalize(by_hand, dim=1))


SIDES = {
    ("moco", "momentum"): "key",
    ("moco", "copy"): "projection",
    ("mochi", "gradient"): "projection",
}


@pytest.mark.parametrize(("name", "key_encoder"), SIDES)
def test_keys_of_the_querys_network_are_its_views(name: str, key_encoder: str, build: Make) -> None:
    assert build(name, key_encoder=key_encoder).compares.positive == SIDES[name, key_encoder]


@pytest.mark.parametrize(("name", "target"), [("simsiam", "projection"), ("byol", "target")])
def test_the_loss_of_positive_pairs_is_that_of_its_pairs(
    name: str, target: str, build: Make, batch: Batch
) -> None:
    """SimSiam: minus the mean cosine of p and z; BYOL: 2 - 2 cos of p and the target; each view predicts the other once.

    Without predictor, stop-gradient and slow copy, two views through one network are left.
    """
    method = build(name).eval()
    assert (method.compares.query, method.compares.positive) == ("prediction", target)
    origin = batch.origin
    there = cosine_similarity(method.queries(batch.first), method.positives(batch.second, origin), dim=1)
    back = cosine_similarity(method.queries(batch.second), method.positives(batch.first, origin), dim=1)
    cosine = float((there.mean() + back.mean()).detach()) / 2
    expected = -cosine if name == "simsiam" else 2 - 2 * cosine
    assert float(method.loss(batch).detach()) == pytest.approx(expected, abs=1e-6)
    assert build(name, predictor=False, stop_gradient=False).compares.of_views


def test_masked_keys_are_no_negatives(build: Make) -> None:
    """The own image, its class, or neither, as each loss has it: image 0 of class 0; keys of images 0, 5, 6, classes 0, 0, 1."""
    queries = Origin(torch.tensor([0]), torch.tensor([0]))
    keys = Origin(torch.tensor([0, 5, 6]), torch.tensor([0, 0, 1]))
    expected: dict[str, Any] = {
        "moco": None, "end-to-end": [True, False, False], "dcl": [True, False, False], "vicreg": [True, False, False],
        "nnclr": [True, False, False], "supcon": [True, True, False], "supervised": [True, True, False],
    }  # fmt: skip
    for name, left in expected.items():
        found = build(name).left_out(queries, keys, Generator())
        assert (found is None and left is None) or found.tolist() == [left], name
    masked = build("moco", mask_own=True).left_out(queries, keys, Generator())
    assert masked.tolist() == [[True, False, False]]


def test_the_second_views_are_those_of_the_pairs(build: Make, images: Images) -> None:
    """A side is made of the same augmented views that alignment is measured on; queries that are z are not made again."""
    index = torch.arange(7, 90)
    method = build("moco", images=len(images))
    first, second = embedding.pairs(method, images, NORMAL, index, "digits", 1.0, 3)
    queries, positives = embedding.paired(method, images, NORMAL, index, "digits", 1.0, 3)
    assert queries is None
    method.load_state_dict({**method.state_dict(), **_as_query(method)})
    _, positives = embedding.paired(method, images, NORMAL, index, "digits", 1.0, 3)
    assert second.projections is not None
    torch.testing.assert_close(positives, normalize(second.projections, dim=1))
    predicted, targets = embedding.paired(
        simsiam := build("simsiam"), images, NORMAL, index, "digits", 1.0, 3
    )
    z, others = embedding.pairs(simsiam, images, NORMAL, index, "digits", 1.0, 3)
    with torch.no_grad():
        torch.testing.assert_close(predicted, simsiam.eval().predictor(z.projections))
    torch.testing.assert_close(targets, others.projections)
    assert math.isfinite(float(first.representations.sum()))


def _as_query(method: nn.Module) -> dict[str, Tensor]:
    """The key encoder's tensors, equal to the query's, running statistics too."""
    state = method.state_dict()
    pairs = (("key_encoder", "encoder"), ("key_projector", "projector"))
    return {
        name.replace(ours, theirs, 1): value
        for theirs, ours in pairs
        for name, value in state.items()
        if name.startswith(f"{ours}.")
    }
