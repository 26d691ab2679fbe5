"""Where in depth does a network collapse? What each of its layers gives of the same images, beside the same network untrained."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from collapse_cli import embedding, memory
from collapse_cli.analysis.initial import at_initialisation
from collapse_cli.analysis.layer_entries import Profile, entries
from collapse_cli.analysis.layer_pass import evaluated, gathered, how_many, told_of_kept, viewed
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError, concerning, nearest
from collapse_cli.metrics.layer_change import Facts
from collapse_cli.metrics.layer_results import Activations
from collapse_cli.models.depth import Tap, probing, taps
from collapse_cli.root_causes import Case

IMAGES, VIEWS, VIEWED = 1000, 5, 400


def measure(
    subject: Subject,
    layer: Sequence[str] = (),
    every_layer: bool = False,
    images: int = IMAGES,
    views: int = VIEWS,
) -> Iterator[Entry]:
    """The course over depth with its verdict, then every layer. layer: names of modules; else blocks, or with every_layer all.

    images: how many are measured; views: of each of 400 images, for LiDAR; 0: none. Raises CollapseError for embeddings.
    """
    case = subject.case
    if case is None:
        raise CollapseError(
            f"{subject.name} has no layers, for it is no network",
            "give a run folder or a checkpoint; collapse.layers(model, loader) takes any nn.Module",
        )
    seed = subject.measuring.seed
    index = subject.clean.index[embedding.sample(subject.clean.index, images, seed)]
    network = _network(case.method)
    with evaluated(network), concerning(subject.name):
        chosen = taps_of(network, next(_batches(case, index)), layer, every_layer)
        fresh, note = _untrained(case, network, seed)
        now, *before = gathered([network, *fresh], chosen, _batches(case, index), len(index))
        few = index[embedding.sample(index, VIEWED if views else 0, seed)]
        each = 4 * len(few) * sum(tap.width for tap in chosen) * 2  # bytes of a view, of both networks
        memory.refuse_beyond(lambda of: of["views"] * each, {"views": views}, {"views": VIEWS}, memory.memory())
        many = [
            viewed(each, chosen, _views(case, few, views, seed)) if views and len(few) > 1 else {}
            for each in (network, *fresh[:1])
        ]
        profile = Profile(
            subject.name, chosen, now, before,
            Facts(len(index), _classes(subject), subject.looks_untrained(subject.last_space), note),
            settings(subject.clean.source, len(index), len(fresh), note, seed) | ({"views": views} if views else {}),
            len(few), many[0], many[1] if fresh else {},
        )  # fmt: skip
        yield from entries(profile, seed)


def settings(source: str, count: int, fresh: int, note: str, seed: int) -> dict[str, Any]:
    """Those that every entry has. fresh: initialisations that it is compared with."""
    return {
        "split": source, "N": count, "pooled": "mean over positions and tokens", "initialisations": fresh,
        **({"untrained": note} if note else {}), "seed": seed,
    }  # fmt: skip


def taps_of(network: nn.Module, first: Any, names: Sequence[str], every: bool) -> list[Tap]:
    """The layers that are measured. Raises CollapseError for names that are not there, are not called, or give no numbers of
    images, and where nothing is left to measure."""
    if names and every:
        raise CollapseError("--layer and --every-layer are both given", "give one of them")
    present = [name for name, _ in network.named_modules() if name]
    for name in names:
        if name not in present:
            raise CollapseError(f"the network has no layer '{name}'", nearest(name, present))
    run: Any = lambda inputs: network(**inputs) if isinstance(inputs, dict) else network(inputs)  # noqa: E731
    chosen = taps(network, probing(first, run), names, every)
    for name in names:
        if name not in {tap.name for tap in chosen}:
            raise CollapseError(
                f"the layer {name} is not called, or its output is no tensor with a place for each image",
                "name another layer; --every-layer measures all that can be",
            )
    if not chosen:
        raise CollapseError(
            "no layer of the network gives a tensor with a place for each image",
            "name layers with --layer NAME",
        )
    return chosen


def _network(method: Any) -> nn.Module:
    """Encoder and projector in a row, by the names that `collapse weights` has."""
    return nn.Sequential(OrderedDict(encoder=method.encoder, projector=method.projector))


def _batches(case: Case, index: Tensor) -> Iterator[Tensor]:
    return embedding.shown(case.images, case.normalisation, index, case.device)


def _views(case: Case, index: Tensor, views: int, seed: int) -> Iterator[Iterator[Tensor]]:
    """The images augmented by the recipe of the run, so many times; the same for every network."""
    drawn = torch.Generator(case.device).manual_seed(seed)
    view = case.recipe, case.strength, drawn
    for _ in range(views):
        yield embedding.shown(case.images, case.normalisation, index, case.device, view)


def _untrained(case: Case, network: nn.Module, seed: int) -> tuple[list[nn.Module], str]:
    """The same network at several random initialisations, of a run of ours from its own on, and what is not re-initialised."""
    first = case.trained.run.training.seed if case.trained else seed
    note, enough = "", True
    if not case.trained:
        enough, note = told_of_kept(network)
    fresh = [_network(at_initialisation(case, first + k)) for k in range(how_many(network))] if enough else []
    return fresh, note


def _classes(subject: Subject) -> int:
    labels = subject.clean.labels
    return 0 if labels is None else len(torch.unique(labels[labels >= 0]))


def remarks(subject: Subject | str, entries: Sequence[Entry], **options: Any) -> Iterator[str]:
    """Layers that more images would tell more of, and what the untrained network keeps of the trained one. subject: or its name."""
    name = subject if isinstance(subject, str) else subject.name
    kept = {str(entry.settings["untrained"]) for entry in entries if "untrained" in entry.settings}
    yield from (f"{name}: {note}" for note in kept)
    wide = [entry for entry in entries if isinstance(entry.result, Activations) and entry.samples <= entry.dimensions]
    if wide:
        yield (
            f"{name}: {len(wide)} of its {len(entries) - 1} layers have no fewer dimensions than images were measured, and so "
            "no interval of their ranks"
        )
