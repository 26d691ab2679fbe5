"""One file per training method, each holding `class Method`. What they share is only this protocol."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.models.key_encoder import KeyQueue
from collapse_cli.settings import Masks, Run
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Pair, Sees

LEARN_FROM_LABELS = ("supervised", "supcon")


class Method(Protocol):
    """What others read of a method; each is also an nn.Module, built as `Method(settings, model, data)`.

    Every method declares all of it, and None where it has no such part: what is not declared here is nobody else's.
    """

    encoder: nn.Module  # (B,C,H,W) -> h (B,D)
    projector: nn.Module  # (B,D) -> z (B,d)
    repels: bool | None  # a term of the loss keeps embeddings of different images apart; None: not known
    temperature: float | None  # of the softmax that the loss takes over similarities of z
    negatives: KeyQueue | None  # keys (K,d) of earlier batches that every query is pushed away from
    key_network: nn.Module | None  # (B,C,H,W) -> (B,d), the slow network that gives those keys
    cluster_head: nn.Module | None  # h (B,D) -> (B,M), rows that sum to 1
    loss_sees: Sees | None  # of z; None where its training is not known
    classifier: Tensor | None  # (C,d) class weights on unit z, without bias; their length is free
    compares: (
        Pair | None
    )  # what stands on each side of a pair in the loss; None where its training is not known

    def loss(self, batch: Batch) -> Tensor:
        """Of two views, () . Changes nothing that the model keeps, except batch norm's running statistics."""

    def queries(self, views: Tensor) -> Tensor:
        """views (B,C,H,W) -> (B,d), the loss's side of the query; normalised by whoever compares directions."""

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other views (B,C,H,W) of the same images, and which images these are -> (B,d), the side of the positive.

        The negatives are such rows of other images, or of `negatives`, if there are any.
        """

    def left_out(self, queries: Origin, keys: Origin, generator: Generator) -> Tensor | None:
        """(B,K) bool: the keys that the loss does not take for negatives of each query; None where it takes all of them."""

    def after_step(self, progress: float) -> None:
        """What moves after the optimizer's step: the slow copy, the queue. progress: share of the training done, in (0, 1]."""

    def chance(self) -> float | None:
        """The last loss where all embeddings are equal, or None where that says nothing."""

    def diagnostics(self) -> dict[str, float]:
        """What is worth watching, of the last batch: `queue filled`, `proxy accuracy` …"""

    def curves(self) -> Curves:
        """What is worth keeping of the last batch beside single numbers; {} where that is nothing."""


def build(run: Run, data: DataShape) -> Method:
    """The method of a run for a data set, its fresh weights drawn from the run's seed.

    Raises CollapseError for settings that do not go together, and where labels are needed and there are none.
    """
    masked = isinstance(run.settings, Masks) and run.settings.mask_false_negatives
    if not data.classes and (masked or run.method in LEARN_FROM_LABELS):
        what = "--mask-false-negatives" if masked else f"the method {run.method}"
        raise CollapseError(
            f"{what} needs labels, and these images have none",
            "give images in class folders, parquet with a label column, or --labels FILE",
        )
    module = import_module(f"{__name__}.{run.method.replace('-', '_')}")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(run.training.seed)  # not the GPUs', which would stay changed
        method: Method = module.Method(run.settings, run.model, data)
    return method
