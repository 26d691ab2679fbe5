"""What the checkpoints hold that a run kept along its training (`collapse train --keep-every`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from collapse_cli.runs.record import Record

if TYPE_CHECKING:
    from collapse_cli.methods import Method
    from collapse_cli.metrics.epochs import Course
    from collapse_cli.models.layers import Layers

Part = TypeVar("Part")


def along(
    record: Record, before: Part, now: Part, epoch: int, of: Callable[[Method], Part]
) -> Iterator[tuple[int, Part]]:
    """(epoch, part of the network): before the first step, of every checkpoint kept, and as it is now, after `epoch`."""
    from collapse_cli.runs import checkpoint

    yield 0, before
    for number, path in record.epochs().items():
        if number < epoch:
            yield number, of(checkpoint.load(path).method)
    yield epoch, now


def course(epochs: Iterator[tuple[int, Layers]], leading: Mapping[str, int]) -> Course:
    """Every layer, and every pair of adjacent layers at its k, by the second one; one network is in memory at a time."""
    from collapse_cli.metrics import epochs as measured

    ranks, energies = {}, {}
    for number, layers in epochs:
        weights = layers.weights
        ranks[number] = {name: measured.rank(weight) for name, weight in weights.items()}
        energies[number] = {
            link.second: measured.energy(
                weights[link.first], weights[link.second], leading[link.second], link.scale
            )
            for link in layers.links
            if leading.get(link.second)
        }
    return measured.course(ranks, energies)
