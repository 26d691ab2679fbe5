"""The checkpoints that a run kept along its training (`collapse train --keep-every`), measured one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from collapse_cli.methods import Method
from collapse_cli.metrics import layer_epochs as metric
from collapse_cli.metrics.layer_epochs import Course
from collapse_cli.models.layers import Layers
from collapse_cli.runs import checkpoint
from collapse_cli.runs.record import Record

Part = TypeVar("Part")


def along(
    record: Record, initial: Part, now: Part, epoch: int, of: Callable[[Method], Part]
) -> Iterator[tuple[int, Part]]:
    """(epoch, part of the network): before the first step, of every checkpoint kept, and as it is now, after `epoch`."""
    yield 0, initial
    for number, path in record.epochs().items():
        if number < epoch:
            yield number, of(checkpoint.load(path).method)
    yield epoch, now


def course(epochs: Iterator[tuple[int, Layers]], leading: Mapping[str, int]) -> Course:
    """Every layer, and every pair of adjacent layers at its k, by the second one; one network is in memory at a time."""
    ranks, energies = {}, {}
    for number, layers in epochs:
        weights = layers.weights
        ranks[number] = {name: metric.rank(weight) for name, weight in weights.items()}
        energies[number] = {
            link.second: metric.energy(
                weights[link.first], weights[link.second], leading[link.second], link.scale
            )
            for link in layers.links
            if leading.get(link.second)
        }
    return metric.course(ranks, energies)
