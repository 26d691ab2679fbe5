"""Whether the images that a run goes on with are those that it was trained on so far."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from collapse_cli.errors import CollapseError
from collapse_cli.fingerprint import Fingerprint, differences, digest, sampled
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.record import Record
from collapse_cli.runs.shell import quoted, unused
from collapse_cli.shapes import DataShape, Images

LISTED = 12  # classes that an error names


def fingerprint(images: Images) -> Fingerprint:
    """Of images that were decoded the content is their bytes, which no other decoder changes; of others it is their pixels."""
    labels, contents = images.labels, images.contents
    return Fingerprint(
        names=digest(
            unicodedata.normalize("NFC", name).encode("utf-8", "surrogatepass") for name in images.files
        ),
        sizes=contents.sizes if contents else "",
        labels="" if labels is None else digest([labels.cpu().numpy().astype("<i8").tobytes()]),
        sampled=contents.sampled if contents else _of_pixels(images),
    )


def _of_pixels(images: Images) -> tuple[str, ...]:
    pixels = images.pixels[torch.tensor(sampled(len(images)))]  # (n,C,H,W)
    return tuple(digest([image.numpy().tobytes()]) for image in pixels.cpu())


def changes(before: Fingerprint, images: Images) -> list[str]:
    """What is not as it was, in words; none where the images are the same."""
    places = sampled(len(images))
    names = [images.files[place] if images.files else f"number {place + 1}" for place in places]
    return list(differences(before, fingerprint(images), names))


def refuse_other_images(record: Record, checkpoint: Checkpoint, images: Images) -> None:
    """Raises CollapseError where the data set is not what the run was trained on so far: other images, labels or classes."""
    before, now = checkpoint.data, images.data_shape
    if not before.images:  # an old checkpoint does not say how many
        now = replace(now, images=0)
    again = trained_again(record, checkpoint.run.method, unused(str(record.folder)))
    hint = f"restore the data, or train again: {again}"
    if (before, checkpoint.classes) != (now, images.classes):
        raise CollapseError(
            f"{record.folder} was trained on {_in_words(before, checkpoint.classes)}, and "
            f"{checkpoint.run.training.dataset} now has {_in_words(now, images.classes)}",
            hint,
        )
    if checkpoint.fingerprint and (changed := changes(checkpoint.fingerprint, images)):
        raise CollapseError(
            f"{checkpoint.run.training.dataset} has changed since {record.folder} was trained on it: {'; '.join(changed)}",
            hint,
        )


def unverified(checkpoint: Checkpoint) -> list[str]:
    """What is to be warned of before a run goes on, a sentence each."""
    if checkpoint.fingerprint:
        return []
    return [
        "the checkpoint is of an earlier version: of its images only number, size and classes can be compared, not their "
        "content; the next checkpoint says that too"
    ]


def with_fingerprint(checkpoint: Checkpoint, images: Images) -> Checkpoint:
    """The run, whose next checkpoints say by what these images are known."""
    return replace(checkpoint, fingerprint=fingerprint(images))


def trained_again(record: Record, method: str, out: Path | str) -> str:
    """The command that trains another run with the settings of this one."""
    settings = quoted(record.folder / "settings.toml")
    return f"collapse train {method} --config {settings} --out {quoted(out)}"


def _in_words(data: DataShape, classes: Sequence[str]) -> str:
    listed = ", ".join(classes[:LISTED]) + " …" * (len(classes) > LISTED)
    sides = "x".join(map(str, data.image))
    named = f" ({listed})" if classes else ""
    of = f"of {data.classes:,} class{'es' * (data.classes != 1)}{named}" if data.classes else "without labels"
    return f"{data.images:,} images ({sides}) {of}"
