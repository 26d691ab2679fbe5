"""The images and labels as the cause: no setting of the training makes up for them. Rules as in `metrics.causes`."""

from __future__ import annotations

from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.image_set import ImageSet
from collapse_cli.metrics.image_words import fault, only_class, too_few
from collapse_cli.values import Measured


def few_images(images: ImageSet | None, dimensions: int) -> Cause | None:
    """The images hardly differ, so that their embeddings cannot; None where they do, or are not at hand. dimensions: of z."""
    reason = fault(images) or too_few(images, dimensions)
    if reason is None:
        return None
    return Cause(
        "images that hardly differ", "few dimensions", reason.measured, reason.times,
        Measured(reason.value, null=reason.bound), reason.sentence.rstrip("."),
    )  # fmt: skip


def one_class(name: str) -> Cause | None:
    """A loss that learns from labels, and labels that are all the same. name: of that class, empty where there are more."""
    if not name:
        return None
    sentence = only_class(name).rstrip(".")
    return Cause("labels of one class", "a point", "classes", 1.0, Measured(1.0, null=1.0), sentence)
