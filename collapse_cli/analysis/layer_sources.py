"""An input that is a network -> what goes through its layers: images of a run or a checkpoint, or texts of a text encoder."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from collapse_cli import embedding
from collapse_cli.analysis.initial import at_initialisation
from collapse_cli.analysis.layer_pass import how_many, reinitialisable, untrained
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.root_causes import Case

Views = Callable[[Tensor, int], Iterator[Iterator[Any]]]


@dataclass(frozen=True)
class Source:
    """network: whose layers are measured; index (n,): of the images or texts; batches: all of them in turn, as often as asked;
    fresh: the network at several initialisations, and what stays as it is, in words; views: of images (index, q) -> q times those
    augmented, None where there are none; reads: whether what a module
    gives is a part of the embedding."""

    network: nn.Module
    index: Tensor
    batches: Callable[[], Iterator[Any]]
    fresh: Callable[[], tuple[list[nn.Module], str]]
    views: Views | None = None
    reads: Callable[[str], bool] = lambda name: True


def of_subject(subject: Subject, images: int) -> Source:
    """At most so many of its images or texts. Raises CollapseError for embeddings."""
    seed = subject.measuring.seed
    index = subject.clean.index[embedding.sample(subject.clean.index, images, seed)]
    if subject.case is not None:
        return _of_case(subject.case, index, seed)
    if subject.reading is not None:
        reading = subject.reading

        def fresh() -> tuple[list[nn.Module], str]:
            return untrained(reading.network, [next(reading.batches(index))], seed)

        return Source(reading.network, index, lambda: reading.batches(index), fresh, reads=reading.reads)
    raise CollapseError(
        f"{subject.name} has no layers, for it is no network",
        "give a run folder or a checkpoint; collapse.layers(model, loader) takes any nn.Module",
    )


def _of_case(case: Case, index: Tensor, seed: int) -> Source:
    network = in_a_row(case.method)

    def views(some: Tensor, count: int) -> Iterator[Iterator[Tensor]]:
        drawn = torch.Generator(case.device).manual_seed(seed)  # the same views for every network
        view = case.recipe, case.strength, drawn
        for _ in range(count):
            yield embedding.shown(case.images, case.normalisation, some, case.device, view)

    def batches() -> Iterator[Tensor]:
        return embedding.shown(case.images, case.normalisation, index, case.device)

    return Source(network, index, batches, lambda: _at_start(case, network, seed), views)


def in_a_row(method: Any) -> nn.Module:
    """Encoder and projector, by the names that `collapse weights` has."""
    return nn.Sequential(OrderedDict(encoder=method.encoder, projector=method.projector))


def _at_start(case: Case, network: nn.Module, seed: int) -> tuple[list[nn.Module], str]:
    """The network at several random initialisations, of a run of ours from its own on."""
    first = case.trained.run.training.seed if case.trained else seed
    enough, note = (True, "") if case.trained else reinitialisable(network)
    seeds = range(first, first + how_many(network)) if enough else ()
    return [in_a_row(at_initialisation(case, each)) for each in seeds], note
