"""Where in depth does a network collapse? What each of its layers gives of the same images, beside the same network untrained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from collapse_cli import embedding, memory
from collapse_cli.analysis.judgement import judgement
from collapse_cli.analysis.layer_entries import Profile, entries
from collapse_cli.analysis.layer_pass import OfBatches, gathered, viewed
from collapse_cli.analysis.layer_sources import of_subject
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry, Verdict
from collapse_cli.errors import CollapseError, concerning, nearest
from collapse_cli.metrics.layer_results import Activations
from collapse_cli.metrics.layer_words import Facts
from collapse_cli.models.depth import Tap, probing, taps
from collapse_cli.models.modes import evaluated
from collapse_cli.models.untrained import looks_untrained

IMAGES, VIEWS, VIEWED = 1000, 5, 400


def measure(
    subject: Subject,
    layer: Sequence[str] = (),
    every_layer: bool = False,
    count: int = IMAGES,
    views: int = VIEWS,
) -> Iterator[Entry]:
    """The course over depth with its verdict, then every layer. layer: names of modules; else blocks, or with every_layer all.

    count: images that are measured; views: of each of 400 images, for LiDAR; 0: none. Raises CollapseError for embeddings.
    """
    source, seed = of_subject(subject, count), subject.measuring.seed
    network, index = source.network, source.index
    with evaluated(network), concerning(subject.name):
        called = taps_of(network, next(source.batches()), layer, every_layer)
        chosen = called if layer else [tap for tap in called if source.reads(tap.name)]
        fresh, note = source.fresh()
        now, *before = gathered([network, *fresh], chosen, source.batches(), len(index))
        few = index[embedding.sample(index, VIEWED, seed)] if views and source.views else index[:0]
        each = 8 * len(few) * sum(tap.width for tap in chosen)  # bytes of a view, of two networks
        memory.refuse_beyond(
            lambda of: of["views"] * each, {"views": views}, {"views": VIEWS}, memory.memory()
        )
        seen = [
            viewed(each, chosen, source.views(few, views)) if source.views and len(few) > 1 else {}
            for each in (network, *fresh[:1])
        ]
        classes = 0 if subject.clean.labels is None else len(torch.unique(subject.clean.labels.clamp_min(0)))
        shared = settings(subject.clean.source, len(index), len(fresh), note, seed)
        profile = Profile(
            subject.name, chosen, now, before,
            Facts(len(index), classes, untaught(subject), note, diagnosed(subject)),
            shared | ({"views": views} if len(few) else {}),
            len(few), seen[0], seen[-1] if fresh else {},
        )  # fmt: skip
        yield from entries(profile, seed)


def diagnosed(subject: Subject) -> dict[str, Verdict]:
    """What `diagnose` says of each space."""
    return {space: judgement(subject, space).verdict for space in subject.rows}


def untaught(subject: Subject) -> str:
    """Why the network looks untrained, in a sentence; empty where it does not."""
    if subject.reading is None:
        return subject.looks_untrained(subject.last_space)
    why = looks_untrained(subject.reading.network)
    return f"it looks untrained: {why}" if why else ""


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

    chosen = taps(network, probing(first, OfBatches(network)), names, every)
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


def remarks(subject: Subject | str, entries: Sequence[Entry], **options: Any) -> Iterator[str]:
    """Layers that more images would tell more of, and what the untrained network keeps. subject: or its name alone."""
    name = subject if isinstance(subject, str) else subject.name
    kept = {str(entry.settings["untrained"]) for entry in entries if "untrained" in entry.settings}
    alone = any(entry.settings.get("initialisations") == 0 for entry in entries)
    yield from (
        f"{name}: {'no untrained network is beside it, for ' if alone else ''}{note}" for note in kept
    )
    wide = [
        entry
        for entry in entries
        if isinstance(entry.result, Activations) and entry.samples <= entry.dimensions
    ]
    if wide:
        yield (
            f"{name}: {len(wide)} of its {len(entries) - 1} layers have no fewer dimensions than images were measured, and so "
            "no interval of their ranks"
        )
