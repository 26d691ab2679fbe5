"""What a GPU would be asked to do, seen on a machine without one: no step mixes devices, waits, or multiplies in float64.

Tensors on "meta" have shapes and no numbers, so whole steps run in milliseconds: two views, forward, backward, the optimizer,
the slow copy and the queue. What runs here is `training.train` itself, between its first step and its third.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from collapse_cli import methods
from collapse_cli.augment.recipes import LABELLED, RECIPES, augment
from collapse_cli.embedding import embed, sample
from collapse_cli.methods import Method
from collapse_cli.settings import METHODS, Training, resolve
from collapse_cli.shapes import DataShape, Images, Normalisation
from collapse_cli.training import train
from collapse_cli.training_state import Part, State
from tests.device_watch import Watch, claiming, seen, waits

NORMAL = Normalisation((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
MASKS = {"mask_false_negatives": True, "mask_random": 0.3}
MIXING = {"mix_after": 0.0, "pair_mixes": 5, "query_mixes": 3}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "moco with all": ("moco", {"symmetric": True, "mask_own": True, "bn_splits": 2, "shuffle_bn": True, **MASKS}),
    "moco gradient": ("moco", {"key_encoder": "gradient"}),
    "moco cosine": ("moco", {"momentum_schedule": "cosine", "encoder": "resnet18"}),
    "mochi mixing": ("mochi", {**MIXING, **MASKS, "symmetric": True}),
    "mochi before mixing": ("mochi", {"mix_after": 1.0}),
    "end-to-end masks": ("end-to-end", {"negatives": "other-view", **MASKS}),
    "memory-bank nce": ("memory-bank", {"bank_loss": "nce", **MASKS}),
    "simsiam bare": ("simsiam", {"stop_gradient": False, "predictor": False}),
    "vicreg with sgd": ("vicreg", {"optimizer": "sgd"}),
}  # fmt: skip
CASES = {name: (name, {}) for name in METHODS} | VARIANTS
FASTER = "moco"  # whose step is done over with each planted fault
ROOT = Path(methods.__file__).parent.parent


class Seen(Exception):
    """Enough steps were watched."""


def on_meta(count: int = 64) -> Images:
    pixels = torch.empty(count, 3, 32, 32, dtype=torch.uint8, device="meta")
    return Images(pixels, torch.empty(count, dtype=torch.long, device="meta"), ("a", "b", "c"), "meta/train")


def begun(name: str, given: dict[str, Any]) -> tuple[Method, Training, State]:
    """A method on the device that is not there, with SGD or Adam, ready to train in batches of 16."""
    small: dict[str, Any] = {"queue": 48} if name in ("moco", "mochi", "nnclr") else {}
    small |= {"hardest": 8} if name == "mochi" else {"negatives": 32} if name == "memory-bank" else {}
    run = resolve(name, {"batch": 16, "recipe": "moco_v2"} | small | given)
    method = methods.build(run, DataShape((3, 32, 32), 64, 3))
    network = cast(nn.Module, method).to("meta")
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    generator = claiming()
    part = Part(generator.get_state(), steps=4, total=torch.zeros((), device="meta"))  # batch norm has settled
    return method, run.training, State(parameters, run.training, generator, part=part)


def trained(begun: tuple[Method, Training, State], steps: int) -> None:
    """So many steps of it, from where it stands."""
    method, settings, state = begun

    def between() -> None:
        nonlocal steps
        steps -= 1
        if not steps:
            raise Seen

    with suppress(Seen):
        list(train(method, on_meta(), NORMAL, settings, state, between))


def faults(name: str, given: dict[str, Any], plant: Callable[[Method], None] = lambda method: None) -> list[str]:
    """Of two steps, after a first in which constants are copied to the device and the optimizer makes its buffers."""
    ready = begun(name, given)
    trained(ready, 1)
    plant(ready[0])
    return seen(lambda: trained(ready, 2))


@pytest.mark.parametrize(("name", "given"), CASES.values(), ids=list(CASES))
def test_a_step_of_every_method_neither_waits_nor_mixes_devices(name: str, given: dict[str, Any]) -> None:
    assert faults(name, given) == []
