"""A method and images -> Embeddings, and those of augmented views: pairs for alignment, several for LiDAR."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from collapse_cli.augment.recipes import augment
from collapse_cli.distributed import in_order, share
from collapse_cli.methods import Method
from collapse_cli.progress import counted
from collapse_cli.shapes import Embeddings, Images, Normalisation, Origin

CHUNK = 512  # images that are augmented together, and through the network at once where that is no CPU
AT_ONCE, LEAST = 1 << 16, 8  # pixels, of each channel, and images through the network at once on a CPU
HELD = 2**26  # bytes of embeddings that stay on a GPU before they are moved

View = tuple[str, float, torch.Generator]
"""Of an augmented view: recipe, strength, and the generator that it is drawn from."""


def take(images: Images, index: Tensor, device: torch.device) -> Tensor:
    """index (B,) -> images (B,C,H,W) uint8 on the device, from wherever they are."""
    place = images.pixels.device if isinstance(images.pixels, Tensor) else "cpu"
    return images.pixels[index.to(place)].to(device)


def pixels_in_turn(
    images: Images, parts: Sequence[Tensor], device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """parts, (b,) each -> each with its images (b,C,H,W) uint8 on the device; those of a stream may be read ahead."""
    if isinstance(images.pixels, Tensor):
        yield from ((part, take(images, part, device)) for part in parts)
    else:
        every = images.pixels.ahead([part.cpu() for part in parts])
        yield from ((part, pixels.to(device)) for part, pixels in zip(parts, every, strict=True))


def sample(images: Sized, count: int, seed: int) -> Tensor:
    """(n,) int64, sorted: `count` images drawn without replacement, or all where there are no more."""
    if count >= len(images):
        return torch.arange(len(images))
    drawn = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:count]
    return drawn.sort().values


def _rows(parts: Callable[[], Iterable[tuple[Tensor, ...]]]) -> tuple[Tensor, ...]:
    """(N,D) float32 on the CPU each, of parts (b,D) that come in turn; those of all processes, where several measure."""
    every = in_order(lambda: _on_cpu(parts()))
    return tuple(torch.cat(column) for column in zip(*every, strict=True))


def _on_cpu(parts: Iterable[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    """The same rows, float32. From a GPU they are moved many at once, for each time the device is waited for."""
    there: list[tuple[Tensor, ...]] = []
    for part in parts:
        rows = tuple(each.float() for each in part)
        if rows[0].device.type == "cpu":
            yield rows
            continue
        there.append(rows)
        if sum(each.nbytes for held in there for each in held) > HELD:
            yield _moved(there)
            there = []
    if there:
        yield _moved(there)


def _moved(there: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.cat(column).cpu() for column in zip(*there, strict=True))


@contextmanager
def _evaluated(method: Method) -> Iterator[torch.device]:
    """In eval mode meanwhile; the device that it is on."""
    assert isinstance(method, nn.Module)
    was_training = method.training
    method.eval()
    try:
        yield next(method.parameters()).device
    finally:
        method.train(was_training)


def _seen(
    images: Images, normalisation: Normalisation, index: Tensor, device: torch.device, view: View | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Parts of `index` (n,) and those images as a network sees them (b,C,H,W); view: None for the clean images.

    On a CPU a part is so small that its activations stay in memory that was used before: to have the system give and clear new
    memory for each layer of a whole chunk takes several times as long as to compute it.
    """
    recipe, strength, generator = view or ("none", 0.0, torch.Generator(device))
    _, height, width = images.shape
    part = min(max(AT_ONCE // (height * width), LEAST), CHUNK) if device.type == "cpu" else CHUNK
    for chunk in counted(torch.split(index.to(device), CHUNK), "images embedded", len):
        views = normalisation(augment(take(images, chunk, device), recipe, strength, generator))
        yield from zip(torch.split(chunk, part), torch.split(views, part), strict=True)


def _seen_here(
    images: Images, normalisation: Normalisation, index: Tensor, device: torch.device, view: View | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """As `_seen`; of several processes that measure, each has its part. Views are drawn by all of them, from one generator."""
    part, at = share(len(index), CHUNK), 0
    if part is not None and view is None:
        index, part = index[part.start : part.stop], None
        if not len(index):
            return
    for chunk, views in _seen(images, normalisation, index, device, view):
        if part is None or at in part:
            yield chunk, views
        at += len(chunk)


def shown(
    images: Images,
    normalisation: Normalisation,
    index: Tensor,
    device: torch.device,
    view: View | None = None,
) -> Iterator[Tensor]:
    """The images `index` (n,) as a network sees them, (b,C,H,W) in turn; augmented where there is a view."""
    return (views for _, views in _seen(images, normalisation, index, device, view))


@torch.no_grad()
def embed(
    method: Method,
    images: Images,
    normalisation: Normalisation,
    index: Tensor,
    view: View | None = None,
) -> Embeddings:
    """h (n,D) and z (n,d) of the images `index` (n,), float32 on the CPU, with the network in eval mode.

    view: (recipe, strength, generator) to embed an augmented view; None for the clean images. Where the
    projector is the identity, projections are None.
    """

    def both() -> Iterator[tuple[Tensor, ...]]:
        with _evaluated(method) as device:
            for _, views in _seen_here(images, normalisation, index, device, view):
                h = method.encoder(views)  # (b, D)
                yield h, method.projector(h)

    representations, projections = _rows(both)
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


def paired(
    method: Method,
    images: Images,
    normalisation: Normalisation,
    index: Tensor,
    recipe: str,
    strength: float,
    seed: int,
) -> tuple[Tensor | None, Tensor]:
    """What the method's loss compares of the views that `pairs` embeds: queries (n,d) and positives (n,d), not normalised.

    Queries are None where they are the projections of the first views, as `pairs` gives them: those are drawn, not embedded.
    """
    device = next(cast(nn.Module, method).parameters()).device
    view = (recipe, strength, torch.Generator(device).manual_seed(seed))
    as_viewed = method.compares is None or method.compares.query == "projection"

    def query(views: Tensor, origin: Origin) -> Tensor:
        return views[:, 0, 0, :0] if as_viewed else method.queries(views)

    queries = side(method, images, normalisation, index, view, query)
    return None if as_viewed else queries, side(method, images, normalisation, index, view, method.positives)


@torch.no_grad()
def side(
    method: Method,
    images: Images,
    normalisation: Normalisation,
    index: Tensor,
    view: View,
    rows_of: Callable[[Tensor, Origin], Tensor],
) -> Tensor:
    """(n,d) float32 on the CPU: a side of a loss's pairs, `rows_of` augmented views (b,C,H,W), with the network in eval mode."""
    labels = images.labels

    def rows() -> Iterator[tuple[Tensor, ...]]:
        with _evaluated(method) as device:
            for chunk, views in _seen_here(images, normalisation, index, device, view):
                classes = None if labels is None else labels[chunk.to(labels.device)].to(device)
                yield (rows_of(views, Origin(chunk, classes)),)

    return _rows(rows)[0]
