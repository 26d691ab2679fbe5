"""A method and images -> Embeddings, and those of augmented views: pairs for alignment, several for LiDAR."""

from __future__ import annotations

from collections.abc import Sized
from typing import cast

import torch
from torch import Tensor, nn

from collapse_cli.augment.recipes import augment
from collapse_cli.methods import Method
from collapse_cli.progress import counted
from collapse_cli.shapes import Embeddings, Images, Normalisation

CHUNK = 512  # images through the network at once


def take(images: Images, index: Tensor, device: torch.device) -> Tensor:
    """index (B,) -> images (B,C,H,W) uint8 on the device, from memory or from a stream."""
    return images.pixels[index.cpu() if images.streamed else index].to(device)


def sample(images: Sized, count: int, seed: int) -> Tensor:
    """(n,) int64, sorted: `count` images drawn without replacement, or all where there are no more."""
    if count >= len(images):
        return torch.arange(len(images))
    drawn = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:count]
    return drawn.sort().values


@torch.no_grad()
def embed(
    method: Method,
    images: Images,
    normalisation: Normalisation,
    index: Tensor,
    view: tuple[str, float, torch.Generator] | None = None,
) -> Embeddings:
    """h (n,D) and z (n,d) of the images `index` (n,), float32 on the CPU, with the network in eval mode.

    view: (recipe, strength, generator) to embed an augmented view; None for the clean images. Where the
    projector is the identity, projections are None.
    """
    assert isinstance(method, nn.Module)
    device = next(method.parameters()).device
    was_training = method.training
    method.eval()
    rows: list[tuple[Tensor, Tensor]] = []
    for chunk in counted(torch.split(index.to(device), CHUNK), "images embedded", len):
        pixels = take(images, chunk, device)
        recipe, strength, generator = view or ("none", 0.0, torch.Generator(device))
        h = method.encoder(normalisation(augment(pixels, recipe, strength, generator)))  # (b, D)
        rows.append((h.float().cpu(), method.projector(h).float().cpu()))
    method.train(was_training)
    representations, projections = (torch.cat(part) for part in zip(*rows, strict=True))
    bare = isinstance(method.projector, nn.Identity)
    return Embeddings(
        representations=representations,
        projections=None if bare else projections,
        labels=None if images.labels is None else images.labels.cpu()[index.cpu()],
        index=index.cpu(),
        classes=images.classes,
        source=images.name,
    )


def pairs(
    method: Method,
    images: Images,
    normalisation: Normalisation,
    index: Tensor,
    recipe: str,
    strength: float,
    seed: int,
) -> tuple[Embeddings, Embeddings]:
    """Embeddings of two augmented views of each image of `index` (n,)."""
    first, second = many_views(method, images, normalisation, index, recipe, strength, seed, 2)
    return first, second


def many_views(
    method: Method,
    images: Images,
    normalisation: Normalisation,
    index: Tensor,
    recipe: str,
    strength: float,
    seed: int,
    count: int,
) -> tuple[Embeddings, ...]:
    """Embeddings of `count` augmented views of each image of `index` (n,); the first two are those of `pairs`."""
    device = next(cast(nn.Module, method).parameters()).device
    view = (recipe, strength, torch.Generator(device).manual_seed(seed))
    return tuple(embed(method, images, normalisation, index, view) for _ in range(count))
