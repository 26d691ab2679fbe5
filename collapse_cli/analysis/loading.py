"""What the Python functions take -> subjects: paths, arrays, tensors, networks and embeddings alike."""

from __future__ import annotations

import numbers as numbers_abc
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from torch import Tensor, nn

from collapse_cli.analysis import array_inputs, grouping, inputs, modules, stored
from collapse_cli.analysis.array_inputs import Array, Labels
from collapse_cli.analysis.inputs import Loaded, Recognised
from collapse_cli.analysis.keywords import Settings
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.modules import Pool
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.progress import Progress, silent
from collapse_cli.settings import fill
from collapse_cli.shapes import Embeddings

Input = str | os.PathLike[str] | Array | Tensor | nn.Module | Embeddings | Subject
"""What every function takes: a path, an array or tensor (N,D), a network with `images`, or what `load` and `embed` give."""


def load(
    source: Input,
    *,
    labels: Labels = None,
    images: Iterable[Any] | None = None,
    layer: str = "",
    pool: Pool = "auto",
    name: str = "",
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Subject:
    """One input, read and embedded once, for several measurements.

    source: the path of a run folder, of a checkpoint (also another library's, with `dataset=`), of embeddings (.npy .npz .pt
    .safetensors, tables, a folder of .npy or .parquet), or "pixels:DATASET"; an array or tensor (N,D) of any library; an
    `nn.Module` with `images`, `layer` and `pool` as for `embed`; or what `embed` gives.
    labels: (N,) whole numbers or names, or the path of a file with one for each row; those of a path are a path too.
    name: how tables call what is in memory. settings: `samples`, `seed`, `dataset` … as the options of the commands; `groups`,
    (N,) as labels are or a column, which embeddings are of one user, video or document: intervals leave out groups as wholes.

    Raises CollapseError, with the remedy, for what cannot be read or does not fit.

    >>> import numpy
    >>> z = numpy.random.default_rng(0).standard_normal((500, 8))
    >>> subject = load(z, labels=numpy.arange(500) % 5)
    >>> subject.count, subject.labelled
    (500, True)
    """
    _refuse_unused(source, labels, images, layer, name, settings)
    if isinstance(source, Subject):
        return source
    if isinstance(source, str | os.PathLike):
        subject = inputs.load(Path(source), measuring(settings, labels), progress)
        return subject if _text(settings) else grouping.grouped_by(subject, settings.get("groups"))
    chosen, kind = measuring(settings), "float32"
    if isinstance(source, nn.Module):
        some = chosen.samples
        source = modules.embed(source, _present(images), layer=layer, pool=pool, samples=some, name=name)
    if not isinstance(source, Embeddings):
        source, kind = array_inputs.embeddings(source, name or "array")
    whole = stored.of_memory(_labelled(source, labels), chosen, name or source.source, kind)
    subject = inputs.finished(grouping.grouped_by(whole, settings.get("groups")))
    for line in subject.story:
        progress(line)
    return subject


def _present(images: Iterable[Any] | None) -> Iterable[Any]:
    if images is None:
        raise CollapseError(
            "a network needs images to be measured on", "embed them with load(model, images=loader)"
        )
    return images


def _refuse_unused(
    source: Input, labels: Labels, images: Iterable[Any] | None, layer: str, name: str, settings: Settings
) -> None:
    """Raises CollapseError for an argument that this kind of source would leave without effect."""
    loaded = isinstance(source, Subject)
    if loaded and (labels is not None or name or settings):
        raise CollapseError(
            "a Subject is measured as it was loaded", "give labels, name and settings to load() instead"
        )
    if not isinstance(source, nn.Module) and (images is not None or layer):
        raise CollapseError(
            "images and layer go with a network", "give the nn.Module itself: load(model, images=loader)"
        )
    if settings.get("column") and not isinstance(source, str | os.PathLike | Subject):
        raise CollapseError(
            "column= goes with the path of a table", "give the columns themselves as an array (N, D)"
        )
    if name and isinstance(source, str | os.PathLike):
        raise CollapseError(f"{os.fspath(source)} is a path, which is its own name", "leave out name=")


def measuring(settings: Settings, labels: Labels = None) -> Measuring:
    """Settings and the labels of a path, held to their types and ranges. Raises CollapseError for others."""
    for name in settings:
        if name in ("images", "layer", "pool", "labels"):
            raise CollapseError(f"{name}= is not taken here", f"use load(source, {name}=value) first")
        if name not in Settings.__annotations__:
            raise CollapseError(
                f"there is no setting '{name}'", nearest(name, list(Settings.__annotations__))
            )
    if labels is not None and not isinstance(labels, str | os.PathLike):
        raise CollapseError(
            "labels of a path are read from a file", "give the path of the labels, or load the array itself"
        )
    folder = settings.get("data_dir", "")
    if not isinstance(folder, str | os.PathLike):
        raise CollapseError(f"data_dir cannot be {folder!r}", "it takes the path of a folder")
    texts = {"data_dir": os.fspath(folder), "labels": os.fspath(labels or ""), "groups": _text(settings)}
    filled: Measuring = fill(Measuring, {**settings, **texts})
    return filled


def _text(settings: Settings) -> str:
    """The groups, where they are a file or a column; those in memory are no setting of a file."""
    groups = settings.get("groups")
    return os.fspath(groups) if isinstance(groups, str | os.PathLike) else ""


def subjects(
    sources: Sequence[Input], labels: Labels, progress: Progress, settings: Settings
) -> list[Subject]:
    """Every source, loaded. Raises CollapseError for none, and for the labels of one among several."""
    refuse_none(sources)
    measuring(settings)
    parts = [part for source in sources for part in _sets(source)]
    _refuse_shared(labels, parts)
    loaded = [
        inputs.load(part, measuring(settings, labels), progress)
        if isinstance(part, Recognised)
        else load(part, labels=labels, progress=progress, **settings)
        for part in parts
    ]
    return [subject for subject in apart(loaded) if isinstance(subject, Subject)]


def _sets(source: Input) -> Sequence[Input | Recognised]:
    """The sets of a folder that holds several; all else as it is."""
    if not isinstance(source, str | os.PathLike):
        return [source]
    sets = [part for part in inputs.expanded([Path(source)], Measuring()) if isinstance(part, Recognised)]
    return sets or [source]


def portrayed(
    sources: Sequence[Input], labels: Labels, progress: Progress, settings: Settings
) -> list[Loaded]:
    """A path as it is, for its run folder may hold the answers already; the sets of a folder; everything else loaded."""
    measuring(settings)
    parts = [part for source in sources for part in _sets(source)]
    _refuse_shared(labels, parts)
    return apart([_portrayed(part, labels, progress, settings) for part in parts])


def _portrayed(part: Input | Recognised, labels: Labels, progress: Progress, settings: Settings) -> Loaded:
    if isinstance(part, Recognised):
        return part
    if isinstance(part, str | os.PathLike) and (_text(settings) or settings.get("groups") is None):
        return Path(part)
    return load(part, labels=labels, progress=progress, **_of(part, settings))


def _of(source: Input, settings: Settings) -> Settings:
    """Among paths, which the settings are for, a Subject is measured as it was loaded."""
    return {} if isinstance(source, Subject) else settings


def refuse_below(low: float, **numbers: float) -> None:
    """Raises CollapseError for an option that is no number, or less than `low`."""
    for name, value in numbers.items():
        number = isinstance(value, numbers_abc.Real) and not isinstance(value, bool)
        if not number or not value >= low:
            raise CollapseError(f"{name} cannot be {value!r}", f"it takes a number of at least {low:g}")


def refuse_none(sources: Sequence[Input]) -> None:
    """Raises CollapseError where there is nothing to measure."""
    if not sources:
        raise CollapseError(
            "there is nothing to measure", "give a path, an array (N, D), a Subject, or Embeddings"
        )


def _refuse_shared(labels: Labels, sources: Sequence[Input | Recognised]) -> None:
    if labels is not None and len(sources) > 1:
        raise CollapseError(
            "labels belong to one source", "load each source with its own labels: load(z, labels=labels)"
        )


def apart(loaded: Sequence[Loaded]) -> list[Loaded]:
    """Subjects in memory that share a name are called by their place too, so that tables can tell them apart."""
    names = Counter(each.name for each in loaded if isinstance(each, Subject))
    return [
        _renamed(each, f"{each.name} {place}")
        if isinstance(each, Subject) and names[each.name] > 1 and not {"sha256", "size"} & each.facts.keys()
        else each
        for place, each in enumerate(loaded, 1)
    ]


def _renamed(subject: Subject, name: str) -> Subject:
    return replace(subject, name=name, facts={**subject.facts, "path": name})


def _labelled(embeddings: Embeddings, labels: Labels) -> Embeddings:
    """With these labels (N,) in place of their own, if there are any."""
    if labels is None:
        return embeddings
    numbers, names = array_inputs.classes(labels, len(embeddings))
    return replace(embeddings, labels=numbers, classes=names)
