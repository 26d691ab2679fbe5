"""The same network at random initialisation, on the same images: what a trained one is compared with, like for like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from collapse_cli import embedding, methods
from collapse_cli.augment.recipes import augment
from collapse_cli.metrics.causes_steps import MOVED
from collapse_cli.models import rebuilt, untrained
from collapse_cli.models.batch_norm import norms_of, settle, unsettled
from collapse_cli.root_causes import steps

if TYPE_CHECKING:
    from collapse_cli.methods import Method
    from collapse_cli.root_causes import Case

COMPARED = 1000  # images, at most, that the network is compared on with itself at initialisation
NETWORKS = 4  # random initialisations
SMALL = 64 << 20  # bytes of the weights of a network that is kept after it was asked once
SETTLED = 2 * embedding.CHUNK  # images that batch norm's statistics are settled on


@dataclass(frozen=True, eq=False)
class Compared:
    """What one network makes of the images `index` (n,), in eval mode and not normalised; each is computed when asked for.

    seed: of the weights at random initialisation; None for the network as it is. A run of ours with its own seed is the
    network that it started from; of another library's the layers are re-initialised as torch does it.
    """

    case: Case
    index: Tensor
    seed: int | None = None
    _kept: dict[int, Method] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def rows(self) -> Mapping[str, Tensor]:
        """Clean embeddings (n,D) by space."""
        case = self.case
        return embedding.embed(self._network(), case.images, case.normalisation, self.index).spaces

    def rows_of(self, other: Compared) -> Mapping[str, Tensor]:
        """What this network makes of the images of another, with batch norm as those of its own case have settled it."""
        case = other.case
        return embedding.embed(self._network(), case.images, case.normalisation, other.index).spaces

    @cached_property
    def views(self) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
        """Embeddings (n,D) by space of two augmented views of each image; every network sees the same views."""
        case = self.case
        first, second = embedding.pairs(
            self._network(),
            case.images,
            case.normalisation,
            self.index,
            case.recipe,
            case.strength,
            case.seed,
        )
        return first.spaces, second.spaces

    def _network(self) -> Method:
        """At initialisation it stays where it is small: it may be asked for views after the clean images."""
        if self.seed is None:
            return self.case.method
        fresh = self._kept.get(self.seed) or at_initialisation(self.case, self.seed)
        if sum(weight.nbytes for weight in cast(nn.Module, fresh).parameters()) <= SMALL:
            self._kept[self.seed] = fresh
        return fresh


def at_initialisation(case: Case, seed: int) -> Method:
    """The network with random weights, its batch norm as the case's own has it: settled on views, or unsettled."""
    fresh: Any
    if case.trained is None:
        fresh = rebuilt.reinitialised(cast(nn.Module, case.method), seed)
    else:
        run = case.trained.run
        fresh = methods.build(replace(run, training=replace(run.training, seed=seed)), case.trained.data)
    fresh.to(case.device)
    settle(_chain(fresh), _views(case), like=_chain(case.method))
    return cast("Method", fresh)


def looks_untrained(case: Case, space: str) -> str:
    """A sentence where weights that this space comes from look as at a random initialisation; else empty.

    h comes from the encoder, z from the projector as well.
    """
    parts: dict[str, nn.Module] = {"encoder": case.method.encoder}
    if space != "h":
        parts["projector"] = case.method.projector
    why = {
        name: untrained.looks_untrained(part)
        for name, part in parts.items()
        if any(True for _ in part.parameters())
    }
    seen = [name for name, reason in why.items() if reason]
    verb = "looks" if len(seen) == 1 else "look"
    return f"its {' and '.join(seen)} {verb} untrained: {why[seen[0]]}" if seen else _at_its_start(case)


def _at_its_start(case: Case) -> str:
    """A sentence where a run of ours has not moved its encoder from where it started; else empty."""
    if case.trained is None or not case.trained.steps:
        return ""
    distance = steps.moved(case)
    if distance is None or distance >= MOVED:
        return ""
    return (
        f"its encoder is still at its initialisation, from which the median layer has moved by {distance:.1g} of its norm "
        f"(runs that learn: {MOVED:g} or more)"
    )


def unsettled_norms(case: Case) -> str:
    """A sentence where batch norm has the running statistics of no batch at all; else empty."""
    norms = norms_of(_chain(case.method))
    count = sum(map(unsettled, norms))
    if not count:
        return ""
    return (
        f"the running statistics of {count} of {len(norms)} batch norms are initial (mean 0, "
        "variance 1), so no batch was seen in training mode; the network at random "
        "initialisation is measured with the same statistics"
    )


def _chain(method: Method) -> nn.Module:
    return nn.Sequential(method.encoder, method.projector)


def _views(case: Case) -> Iterator[Tensor]:
    """Augmented images (B,C,H,W) in batches of at least two, as training shows them to batch norm."""
    generator = torch.Generator(case.device).manual_seed(case.seed)
    index = embedding.sample(case.images, min(SETTLED, case.samples), case.seed)
    for chunk in index.tensor_split(-(-len(index) // embedding.CHUNK)):
        if len(chunk) > 1:
            pixels = embedding.take(case.images, chunk.to(case.device), case.device)
            yield case.normalisation(augment(pixels, case.recipe, case.strength, generator))
