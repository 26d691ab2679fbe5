"""Whether the images that a run goes on with are those that it was trained on so far."""

from __future__ import annotations

import unicodedata

import torch

from collapse_cli.fingerprint import Fingerprint, differences, digest, sampled
from collapse_cli.shapes import Images


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
