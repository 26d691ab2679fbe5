"""How much memory settings would take, told before anything is allocated."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from collapse_cli import memory, methods
from collapse_cli.errors import CollapseError
from collapse_cli.labs.gan import SHOWN
from collapse_cli.metrics.calibration import MOST
from collapse_cli.runs.metadata import largest
from collapse_cli.settings import Gan, Linear, Mochi, Queue, Run, flat, resolve
from collapse_cli.shapes import DataShape, Images

FLOAT = 4  # bytes
ENCODER = 1 << 32  # bytes that the largest takes, thrice and with its slow copy
LEARNED = 3  # of each weight: itself, its gradient, and what the optimizer keeps


def refuse_run(run: Run, images: Images, device: torch.device) -> None:
    """Raises CollapseError where a run would take more memory than its device has: weights, queue, a batch of views."""
    there = memory.memory()
    if device.type == "cuda":
        there = torch.cuda.get_device_properties(device).total_memory
    if _at_most(run, images.data_shape) <= there:
        return
    settings = flat(run.tables())
    chosen, usual = _whole(settings), _whole(flat(resolve(run.method).tables()))

    def takes(numbers: Mapping[str, int]) -> float:
        """What is refused in its own words takes nothing here; as a remedy it would be none."""
        refused = 0.0 if numbers == chosen else math.inf
        taken = _of_run(run.method, settings, numbers, images.data_shape)
        return refused if taken is None else taken

    memory.refuse_beyond(takes, chosen, usual, there)


def _at_most(run: Run, data: DataShape) -> float:
    """Bytes that no training takes more than, without its networks: to build those of no memory takes a second to import.

    It has fewer than a dozen weights as large as the product of its two largest sizes, and the encoder.
    """
    return float(ENCODER + 12 * LEARNED * largest(run, data) + FLOAT * _of_step(run, data))


def _whole(settings: Mapping[str, Any]) -> dict[str, int]:
    """The settings that are whole numbers and no switches."""
    return {name: value for name, value in settings.items() if type(value) is int}


def _of_run(
    method: str, settings: Mapping[str, Any], numbers: Mapping[str, int], data: DataShape
) -> float | None:
    """Bytes that a training takes at least: its networks are built of tensors without any memory. None for what is refused."""
    try:
        run = resolve(method, {**settings, **numbers})
        with torch.device("meta"):
            network = cast(nn.Module, methods.build(run, data))
    except CollapseError:
        return None
    except (RuntimeError, OverflowError, TypeError):  # more numbers than an index can count
        return math.inf
    state = sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
    learned = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    return float(state + FLOAT * ((LEARNED - 1) * learned + _of_step(run, data)))


def _of_step(run: Run, data: DataShape) -> int:
    """Numbers that a step makes at least: two views of a batch, a logit for each negative, mixed negatives."""
    settings, batch = run.settings, run.training.batch
    views = 2 * batch * math.prod(data.image)
    logits = batch * settings.queue if isinstance(settings, Queue) else 0
    mixes = (
        batch * (settings.pair_mixes + settings.query_mixes) * run.model.dim
        if isinstance(settings, Mochi)
        else 0
    )
    return views + logits + mixes


def refuse_gan(settings: Gan, seeds: int) -> None:
    """Raises CollapseError where the networks of all seeds, a batch and the samples looked at take more than the memory."""
    chosen = _whole(dataclasses.asdict(settings)) | {"seeds": seeds}
    usual = _whole(dataclasses.asdict(Gan())) | {"seeds": 5}

    def takes(of: Mapping[str, int]) -> float:
        hidden = (of["layers"] - 1) * (of["g_width"] ** 2 + of["d_width"] ** 2)
        weights = of["latent"] * of["g_width"] + hidden
        samples = max(of["batch"], SHOWN) * (of["latent"] + of["g_width"] + of["d_width"])
        return float(FLOAT * of["seeds"] * (LEARNED * weights + samples))

    memory.refuse_beyond(takes, chosen, usual, memory.memory())


def refuse_linear(settings: Linear, seeds: int) -> None:
    """Raises CollapseError where the points of all seeds take more than the memory, in float64."""
    chosen = {"points": settings.points, "width": settings.width, "seeds": seeds}
    usual = {"points": Linear().points, "width": Linear().width, "seeds": 3}
    memory.refuse_beyond(
        lambda of: 8 * of["points"] * of["width"] * of["seeds"], chosen, usual, memory.memory()
    )


def refuse_planted(width: int) -> None:
    """Raises CollapseError where planted samples of so many dimensions and their covariance take more than the memory."""
    memory.refuse_beyond(
        lambda of: 8 * of["dimensions"] * max(of["dimensions"], MOST),
        {"dimensions": width}, {"dimensions": 128}, memory.memory(),
    )  # fmt: skip
