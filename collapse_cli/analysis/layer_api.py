"""`collapse.layers`: anyone's network and images, or a path -> what its layers give, one by one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Unpack

import torch
from torch import nn

from collapse_cli.analysis.array_inputs import Labels
from collapse_cli.analysis.batches import batches, moved, read
from collapse_cli.analysis.catalogue import measurement
from collapse_cli.analysis.initial import SETTLED
from collapse_cli.analysis.keywords import Settings
from collapse_cli.analysis.layer_entries import Profile, entries
from collapse_cli.analysis.layer_pass import gathered, size, untrained
from collapse_cli.analysis.layers import IMAGES, VIEWS, remarks, settings, taps_of
from collapse_cli.analysis.loading import measuring, refuse_below, subjects
from collapse_cli.analysis.measured import measured, with_assumption
from collapse_cli.analysis.result import Result
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry, Verdict, answer
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.judged import judged
from collapse_cli.metrics.layer_profile import LayerOutputs
from collapse_cli.metrics.layer_words import Facts
from collapse_cli.metrics.nulls import never_negative
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.models.modes import evaluated, uncompiled
from collapse_cli.models.untrained import looks_untrained
from collapse_cli.progress import Progress, silent


def layers(
    source: str | os.PathLike[str] | nn.Module | Subject,
    images: Iterable[Any] | None = None,
    *,
    layer: str | Sequence[str] = (),
    every_layer: bool = False,
    count: int = IMAGES,
    views: int = VIEWS,
    labels: Labels = None,
    name: str = "",
    progress: Progress = silent,
    **given: Unpack[Settings],
) -> Result:
    """Where in depth does a network collapse? What every layer gives of the same images, beside the network re-initialised.

    source: a run folder or a checkpoint, what `load` gives of one, or an `nn.Module` with `images`, a DataLoader or whatever
    `embed` takes, which is read once. layer: names of modules that are measured; without them the blocks of the network,
    or with every_layer all modules. count: images that are measured. views: augmented views of 400 of them, for LiDAR; of a
    module there are none.

    A `Depth` with the verdict and a curve of each number over depth, then an `Activations` for each layer: `effective_rank` in
    [1, D] of the centred unit embeddings, `entropy` in nats in [0, ln D] (Skean et al. 2025, arXiv:2502.02013), `mean_cosine` in
    [-1, 1], `dormant`, a share in [0, 1], and of tokens (B,T,D) `token_rank` in [1, T] and `token_cosine` within an image. Maps
    and tokens are averaged over positions. `status` is "healthy", "dimensional collapse" where a layer loses rank, "complete
    collapse", "token collapse", "inconclusive", or "no layer loses rank": none does, but `diagnose` does not call h, z healthy.

    The module is afterwards as it was. Raises CollapseError for what is no network or no layer, and for layers that give nan.

    >>> import torch
    >>> model = torch.nn.Sequential(*(torch.nn.Linear(16, 16) for _ in range(4)))
    >>> result = layers(model, torch.randn(200, 16))
    >>> [entry.subject for entry in result.entries[1:]]
    ['0', '1', '2', '3']
    """
    names = tuple(filter(None, (layer,) if isinstance(layer, str) else layer))
    _refuse(source, images, count, views, given)
    if not isinstance(source, nn.Module):
        options: dict[str, Any] = {"layer": names, "every_layer": every_layer, "count": count, "views": views}
        return Result(measured(measurement("layers"), subjects([source], labels, progress, given), **options))
    title, seed = name or type(source).__name__, measuring(given).seed
    given_images = () if images is None else images
    by_layer = list(_of_module(source, given_images, names, every_layer, count, seed, title))
    facts = {"path": title, "layout": "module in memory"}
    assumed = [with_assumption(entry) for entry in by_layer]
    return Result(answer("layers", assumed, [facts], list(remarks(title, by_layer))))


def _refuse(source: object, images: object, count: int, views: int, given: Mapping[str, Any]) -> None:
    """Raises CollapseError for numbers that are too small, and for images that are missing or have no effect."""
    if "layers" in given:  # as CollapseMonitor.watch calls it
        raise CollapseError("there is no setting 'layers'", "it is layer=, with one name or several")
    refuse_below(2, count=count)
    refuse_below(0, views=views)
    if views == 1:
        raise CollapseError("views cannot be 1", "LiDAR needs 2 views of an image, or 0 to leave it out")
    if isinstance(source, nn.Module) and images is None:
        raise CollapseError("a network needs images to be measured on", "layers(model, loader)")
    if not isinstance(source, nn.Module) and images is not None:
        raise CollapseError(
            "images go with a network in memory", "give the nn.Module, or the data set as dataset="
        )


def _of_module(
    network: nn.Module,
    images: Iterable[Any],
    names: Sequence[str],
    every: bool,
    count: int,
    seed: int,
    title: str,
) -> Iterator[Entry]:
    network = uncompiled(network)
    classes: set[int] = set()
    inputs = _inputs(network, images, count, classes)
    held: list[Any] = []
    with evaluated(network):
        while sum(map(size, held)) < SETTLED and (part := next(inputs, None)) is not None:
            held.append(part)
        if not held:
            raise CollapseError(
                "there is no image to measure", "give a DataLoader, or a tensor of images (N, C, H, W)"
            )
        taps = taps_of(network, held[0], names, every)
        fresh, note = untrained(network, held, seed)
        why = looks_untrained(network)
        now, *before = gathered(
            [network, *fresh], taps, chain(held, inputs), min(count, sum(map(size, held)))
        )
    samples = max(seen.count for seen in now.values())
    untaught = f"it looks untrained: {why}" if why else ""
    ends = {taps[-1].label: of_last(now[taps[-1]], seed)}
    facts = Facts(samples, len(classes), untaught, note, ends)
    profile = Profile(title, taps, now, before, facts, settings(title, samples, len(fresh), note, seed))
    yield from entries(profile, seed)


def of_last(seen: LayerOutputs, seed: int) -> Verdict:
    """What `diagnose` says of the embeddings that the last layer gives, of which no more is known."""
    rows, generator = seen.raw().cpu(), torch.Generator().manual_seed(seed)
    result = spectrum(rows, generator, relu=never_negative(rows))
    return judged(rows, result, generator, Context())


def _inputs(network: nn.Module, images: Iterable[Any], count: int, classes: set[int]) -> Iterator[Any]:
    """What the network takes of each batch, up to so many images. classes: grows by the labels that were seen."""
    like = next(network.parameters(), None)
    for each in batches(images):
        batch = read(each, network)
        inputs = batch.inputs
        if len(batch) > count:
            inputs = (
                inputs[:count]
                if isinstance(inputs, torch.Tensor)
                else {k: v[:count] for k, v in inputs.items()}
            )
        if batch.labels is not None:
            classes |= set(batch.labels[batch.labels >= 0].tolist())
        count -= len(batch)
        yield moved(inputs, like)
        if count <= 0:
            return
