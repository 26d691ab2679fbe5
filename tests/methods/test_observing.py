"""What a training shows to whoever looks at it: what the loss compared, and no bit of the training changes by it."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import islice
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from collapse_cli.analysis.training import fresh
from collapse_cli.observing import caught
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.settings import METHODS, resolve
from collapse_cli.shapes import Images
from collapse_cli.training import batches, train

ONE_VIEW = {"supervised", "memory-bank"}  # their loss embeds no second view
SLOW = {
    "moco",
    "mochi",
}  # the second view is embedded by a slow copy, and in another order where batch norm is shuffled
OTHERS = [
    ("moco", {"symmetric": True}),
    ("moco", {"bn_splits": 2, "shuffle_bn": True, "key_encoder": "copy"}),
    ("byol", {"stop_gradient": False, "predictor": False}),
    ("simsiam", {"precision": "bf16"}),
]
CASES = [*((name, {}) for name in METHODS), *OTHERS]
every = pytest.mark.parametrize(("name", "given"), CASES, ids=lambda part: str(part))


class Looking:
    """Looks at every second step, and holds what it was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[Tensor | None, ...]] = []

    @property
    def due(self) -> bool:
        return len(self.steps) % 2 == 0

    def update(self, z: Any, z2: Any = None, h: Any = None, labels: Any = None, loss: Any = None) -> None:
        self.steps.append((z, z2, h, loss))

    def state_dict(self, rows: bool = True) -> dict[str, Any]:
        return {}

    def close(self, status: str = "complete") -> None:
        """Nothing."""


def begun(name: str, images: Images, given: dict[str, Any]) -> Checkpoint:
    settings = {"batch": 32, "epochs": 2, "encoder": "mlp", "dim": 8}
    sizes = {
        "moco": {"queue": 64}, "mochi": {"queue": 64, "hardest": 8}, "memory-bank": {"negatives": 32},
        "directclr": {"head_layers": 0, "subvector": 6},
    }  # fmt: skip
    return fresh(resolve(name, {**settings, **sizes.get(name, {}), **given}), images)


def trained(checkpoint: Checkpoint, images: Images, looking: Looking | None) -> list[float]:
    course = train(
        checkpoint.method, images, checkpoint.normalisation, checkpoint.run.training, checkpoint.state,
        observer=looking,
    )  # fmt: skip
    return [epoch.loss for epoch in islice(course, 2)]


@every
def test_no_bit_of_the_training_changes_and_every_step_is_told_once(
    name: str, given: dict[str, Any], images: Images
) -> None:
    alone, seen, looking = begun(name, images, given), begun(name, images, given), Looking()
    assert trained(seen, images, looking) == trained(alone, images, None)
    first, second = (cast(nn.Module, each.method).state_dict() for each in (alone, seen))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(alone.state.generator.get_state(), seen.state.generator.get_state())
    assert len(looking.steps) == 6
    assert [z is None for z, *_ in looking.steps] == [False, True] * 3
    width = seen.method.projector(seen.method.encoder(torch.zeros(4, 1, 8, 8))).shape[1]
    assert all(z.shape == (32, width) for z, *_ in looking.steps if z is not None)
    assert all(loss is not None and loss.ndim == 0 for *_, loss in looking.steps[::2])
    assert not seen.method.projector._forward_hooks, "hooks are gone after the step"


@every
def test_what_is_caught_is_what_the_networks_make_of_each_view(
    name: str, given: dict[str, Any], images: Images
) -> None:
    """In train mode the statistics are those of the batch, so the same network on the same views gives the same embeddings."""
    checkpoint = begun(name, images, given)
    method, training = checkpoint.method, replace(checkpoint.run.training, precision="fp32")
    batch = next(batches(images, checkpoint.normalisation, training, checkpoint.state.generator))
    twin = copy.deepcopy(method)
    with caught(method, batch) as catch:
        method.loss(batch)
    h = twin.encoder(batch.first)
    assert torch.equal(catch.h, h)  # type: ignore[arg-type]
    assert torch.equal(catch.z, twin.projector(h))  # type: ignore[arg-type]
    second = catch.z2
    if name in ONE_VIEW or (name in SLOW and not given.get("symmetric")):
        assert second is None
    else:
        assert torch.equal(second, twin.projector(twin.encoder(batch.second)))  # type: ignore[arg-type]


def test_of_several_batches_of_a_step_the_first_is_shown(images: Images) -> None:
    looking = Looking()
    trained(begun("vicreg", images, {"batch": 16, "accumulate": 2}), images, looking)
    assert [z.shape[0] for z, *_ in looking.steps if z is not None] == [16] * 3
