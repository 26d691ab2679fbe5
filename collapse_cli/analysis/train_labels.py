"""What the labels of a training set can teach, and what they cannot."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from collapse_cli.analysis.label_remedies import of_images
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.methods import LEARN_FROM_LABELS
from collapse_cli.metrics.class_names import class_names
from collapse_cli.runs.shell import fitting, quoted, typed
from collapse_cli.settings import Masks, Run, Training
from collapse_cli.shapes import Images


def refuse(run: Run, images: Images) -> None:
    """Raises CollapseError where a run learns from labels, and there are none, or they are all of one class."""
    if not learns(run):
        return
    what = run.method if run.method in LEARN_FROM_LABELS else "--mask-false-negatives"
    if images.labels is None:
        raise CollapseError(
            f"{what} needs labels, and {images.name} has none", of_images(run.training.dataset)
        )
    present = torch.unique(images.labels)
    if len(present) == 1:
        (name,) = class_names(present.tolist(), images.classes)
        raise CollapseError(
            f"all {len(images):,} images of {images.name} are of one class, {name}, from which {what} can learn nothing",
            "give images of two classes or more; a method without labels: "
            + _without_labels(run.training, len(images)),
        )


def _without_labels(training: Training, count: int) -> str:
    """The command that trains a method without labels on the same images, in batches that they fill."""
    split = [] if training.split == Training.split else ["--split", training.split]
    size = ["--size", str(training.size)] if training.size else []
    options = [*split, *size, *fitting(count), *typed(training)]
    return " ".join(["collapse train moco --dataset", quoted(training.dataset), *options])


def learns(run: Run) -> bool:
    """Whether the loss of a run reads labels."""
    masked = isinstance(run.settings, Masks) and run.settings.mask_false_negatives
    return masked or run.method in LEARN_FROM_LABELS


def warnings(run: Run, images: Images) -> Iterator[str]:
    """Classes of which the loss sees too little, a sentence each."""
    if images.labels is None or not learns(run):
        return
    present, counts = torch.unique(images.labels, return_counts=True)
    names = class_names(present.tolist(), images.classes)
    single = [name for name, count in zip(names, counts.tolist(), strict=True) if count == 1]
    if single:
        what = "of a single image, which has no other of its class to be near to"
        yield f"{images.name}: {DataNote('changed', len(single), len(names), 'classes', what, '', single).sentence}"
    absent = [name for name in images.classes if name not in set(names)]
    if absent and run.method == "supervised":
        what = f"without an image here; the loss has a weight for each, and its chance level is log {len(images.classes)}"
        yield f"{images.name}: {DataNote('changed', len(absent), len(images.classes), 'classes', what, '', absent).sentence}"
