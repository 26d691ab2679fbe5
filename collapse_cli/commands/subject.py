"""One INPUT, read and embedded: what every measuring command takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from collapse_cli.runs.record import Record

if TYPE_CHECKING:
    from torch import Tensor

    from collapse_cli.causes import Case
    from collapse_cli.models.momentum import KeyQueue
    from collapse_cli.runs.checkpoint import Checkpoint
    from collapse_cli.shapes import Embeddings, Rows


@dataclass(frozen=True)
class Subject:
    """One input: clean embeddings and, where they can be had, those of two augmented views; the checkpoint it came from.

    split: embeds another split of the same data set by name; None where there are only these rows.
    many_views: (q, n) -> q augmented views of the same n pictures, by the recipe; None where there is no network.
    every: all rows of a file by space, streamed from disk, of which `clean` holds a sample where they are many.
    case: the network itself with its pictures, and what is known of its training; None where there is no network.
    """

    name: str
    facts: Mapping[str, Any]  # for the JSON's `inputs`
    clean: Embeddings
    views: tuple[Embeddings, Embeddings] | None
    temperature: float | None
    checkpoint: Checkpoint | None = None
    record: Record | None = None
    split: Callable[[str], Embeddings] | None = None
    many_views: Callable[[int, int], tuple[Embeddings, ...]] | None = None
    recipe: str = ""
    every: Mapping[str, Rows] = field(default_factory=dict)
    case: Case | None = None

    @property
    def rows(self) -> Mapping[str, Rows]:
        """All that can be read in one pass, by space."""
        return self.every or self.clean.spaces

    @property
    def count(self) -> int:
        return self.rows["h"].shape[0]

    @cached_property
    def untrained(self) -> Mapping[str, Tensor]:
        """The clean rows as the same network had them before training, by space; empty where that network is not known."""
        from collapse_cli.embedding import embed

        fresh = self.case.untrained if self.case else None
        if self.case is None or fresh is None:
            return {}
        return embed(fresh, self.case.images, self.case.normalisation, self.clean.index).spaces

    @cached_property
    def redrawn(self) -> Mapping[str, Tensor]:
        """The clean rows as another library's network gives them with its weights drawn anew, and batch norm settled on them."""
        from torch import nn

        from collapse_cli.embedding import CHUNK, embed, take
        from collapse_cli.models.batch_norm import settle
        from collapse_cli.models.rebuilt import redrawn

        if self.case is None:
            return {}
        network: Any = self.case.method
        device = next(network.parameters()).device
        fresh: Any = redrawn(network, self.case.seed).to(device)
        images, normalisation = self.case.images, self.case.normalisation
        some = self.clean.index[: 4 * CHUNK].to(device).split(CHUNK)
        pictures = (normalisation(take(images, chunk, device) / 255) for chunk in some)
        settle(nn.Sequential(fresh.encoder, fresh.projector), pictures)
        return embed(fresh, images, normalisation, self.clean.index).spaces

    @property
    def queue(self) -> KeyQueue | None:
        """The run's own queue of negatives, where its method keeps one."""
        return self.checkpoint.method.negatives if self.checkpoint else None


def sampled(found: Sequence[Subject]) -> list[str]:
    """Of how many rows no more than a sample was measured, for the warnings of a command that holds them in memory."""
    return [
        f"{subject.name}: {len(subject.clean):,} of {subject.count:,} rows, drawn without replacement; --samples takes more"
        for subject in found
        if len(subject.clean) < subject.count
    ]
