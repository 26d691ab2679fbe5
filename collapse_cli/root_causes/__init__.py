"""A network that is asked why it collapsed: itself, its images, and what is known of its training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn

from collapse_cli import embedding, methods
from collapse_cli.metrics.alignment import spread
from collapse_cli.metrics.augmentation import Augmentation, augmentation
from collapse_cli.metrics.causes import POINT
from collapse_cli.metrics.chain import Chain, chain
from collapse_cli.metrics.class_names import class_names
from collapse_cli.metrics.eigenvalues import effective_rank
from collapse_cli.metrics.image_set import ImageSet, image_set
from collapse_cli.metrics.oracle_expected import stale_key
from collapse_cli.metrics.rows import unit
from collapse_cli.models.batch_norm import settle
from collapse_cli.root_causes.chains import in_a_row
from collapse_cli.schedule import per_epoch, per_step
from collapse_cli.settings import Keys, Queue, Run
from collapse_cli.shapes import DataShape, Embeddings, Images, Normalisation
from collapse_cli.training import SETTLING, batches

VIEWED, VIEWS = 512, 4  # images whose views are told apart, and how many of each
LOOKED_AT = 2048  # clean images, and keys of a queue, at most
STREAMED = 2048  # images that are read again for their own sake, of those that are not in memory
STRENGTHS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Trained:
    """What is known of a training: its settings, the images it learned from, the epochs done so far."""

    run: Run
    data: DataShape
    epochs: int

    @property
    def steps(self) -> int:
        """Done so far."""
        training = self.run.training
        taken = self.epochs * per_epoch(self.data.images, training)
        return min(taken, training.steps) if training.steps else taken

    @property
    def keys_per_epoch(self) -> int:
        """Of whole batches alone: the incomplete last one is left out."""
        return per_epoch(self.data.images, self.run.training) * self.keys_per_step

    def stale_key(self, past: int | None = None) -> float | None:
        """`metrics.oracle_expected.stale_key` of its queue, also where the loss leaves such keys out; None without a queue."""
        batch = per_step(self.run.training)
        if self.queue is None or batch > self.data.images:
            return None
        return stale_key(self.data.images, batch, self.queue, self.keys_per_step // batch, past)

    @property
    def queue(self) -> int | None:
        """Keys in the queue of negatives, K; None where the negatives are no keys in a queue."""
        return self.run.settings.queue if isinstance(self.run.settings, Queue) else None

    @property
    def momentum(self) -> float:
        """Of the key encoder, at the start where it rises; 0 where keys come from the query's own."""
        settings = self.run.settings
        return settings.momentum if isinstance(settings, Keys) and settings.key_encoder == "momentum" else 0.0

    @property
    def keys_per_step(self) -> int:
        settings = self.run.settings
        return per_step(self.run.training) * (2 if isinstance(settings, Keys) and settings.symmetric else 1)


@dataclass(frozen=True)
class Case:
    """A network that is asked why it collapsed. recipe, strength: of the views; samples: images at most.

    trained: None where that is not known, as of another library's network. learned_from: its images are those of its training;
    same_classes: their labels mean the classes of its training.
    status: of the verdict on the space that the loss sees, empty where there is none: what is said of a collapse follows it.
    """

    method: methods.Method
    images: Images
    normalisation: Normalisation
    recipe: str
    strength: float
    seed: int
    trained: Trained | None = None
    samples: int = LOOKED_AT
    status: str = ""
    learned_from: bool = True
    same_classes: bool = True

    @property
    def device(self) -> torch.device:
        return next(cast(nn.Module, self.method).parameters()).device

    @cached_property
    def initial_weights(self) -> methods.Method | None:
        """The same network before its first step, whose batch norm has seen nothing yet."""
        if self.trained is None:
            return None
        fresh = methods.build(self.trained.run, self.trained.data)
        cast(nn.Module, fresh).to(self.device)
        return fresh

    @cached_property
    def untrained(self) -> methods.Method | None:
        """The same, batch norm settled as training settles it."""
        fresh = self.initial_weights
        if self.trained is None or fresh is None:
            return None
        run, device = self.trained.run, self.device
        generator = torch.Generator(device).manual_seed(run.training.seed)
        drawn = batches(self.images, self.normalisation, run.training, generator)
        settle(
            nn.Sequential(fresh.encoder, fresh.projector), (batch.first for batch in islice(drawn, SETTLING))
        )
        return fresh

    @cached_property
    def clean(self) -> Embeddings:
        return embedding.embed(self.method, self.images, self.normalisation, self._index(LOOKED_AT))

    @property
    def space(self) -> Tensor:
        """(N,d) clean rows of the space that the loss sees."""
        return list(self.clean.spaces.values())[-1]

    @cached_property
    def image_set(self) -> ImageSet:
        """Facts of the images that are embedded, without the network."""
        count = min(self.samples, STREAMED) if self.images.streamed else self.samples
        return image_set(
            self.images.pixels, self.images.labels, embedding.sample(self.images, count, self.seed)
        )

    @property
    def one_label(self) -> str:
        """The class of all its images, where the loss learned from their labels; empty where there are several."""
        labels = self.images.labels
        if self.trained is None or self.trained.run.method not in methods.LEARN_FROM_LABELS or labels is None:
            return ""
        if bool((labels != labels[0]).any()):
            return ""
        return class_names([int(labels[0])], self.images.classes)[0]

    @cached_property
    def std_sqrt_d(self) -> float:
        return spread(unit(self.space))

    @cached_property
    def effective_rank(self) -> float:
        """Of the same rows."""
        return effective_rank(unit(self.space))

    @cached_property
    def initial(self) -> Tensor | None:
        """(N,d) of the network at initialisation: what `space` is now."""
        if self.untrained is None:
            return None
        index = self._index(LOOKED_AT)
        rows = embedding.embed(self.untrained, self.images, self.normalisation, index)
        return list(rows.spaces.values())[-1]

    @property
    def is_a_point(self) -> bool:
        """There is no shape left to look at; a common offset, which the verdict knows of, leaves it."""
        return self.std_sqrt_d < POINT and self.status not in ("healthy", "dimensional collapse")

    @cached_property
    def now(self) -> Augmentation:
        """Augmentation against data at the run's own strength."""
        return self._against(self.method, self.strength, VIEWS)

    @cached_property
    def before(self) -> Augmentation | None:
        """The same before training."""
        return self._against(self.untrained, self.strength, VIEWS) if self.untrained else None

    @cached_property
    def along(self) -> list[Augmentation]:
        """At each of STRENGTHS, from two views."""
        return [self._against(self.method, strength, 2) for strength in STRENGTHS]

    @cached_property
    def along_before(self) -> list[Augmentation] | None:
        """The same before training."""
        fresh = self.untrained
        return [self._against(fresh, strength, 2) for strength in STRENGTHS] if fresh else None

    @cached_property
    def chain(self) -> Chain | None:
        """The projector's linear layers in a row, beside those before training; None where no two follow on each other."""
        if self.untrained is None or self.is_a_point:
            return None
        now = in_a_row(self.method.projector)
        return chain(now, in_a_row(self.untrained.projector)) if now else None

    def _index(self, count: int) -> Tensor:
        return embedding.sample(self.images, min(count, self.samples), self.seed)

    def _against(self, method: methods.Method, strength: float, views: int) -> Augmentation:
        """In h, and what of it died in z, if that is not a point."""
        of = method, self.images, self.normalisation, self._index(VIEWED)
        drawn = embedding.many_views(*of, self.recipe, strength, self.seed, views)
        h = torch.stack([view.representations for view in drawn], dim=1)  # (n, q, D)
        lives = method is not self.method or not self.is_a_point
        z = [view.projections for view in drawn if view.projections is not None and lives]
        return augmentation(h, torch.stack(z, dim=1) if z else None)
