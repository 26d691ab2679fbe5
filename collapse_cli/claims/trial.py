"""One arm of a claim, trained with one seed, and what it makes of the images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from collapse_cli import embedding, methods
from collapse_cli.metrics.kmeans import kmeans
from collapse_cli.root_causes import Case, Trained
from collapse_cli.settings import Run
from collapse_cli.shapes import Embeddings, Images, Normalisation, class_count
from collapse_cli.training import Epoch, train
from collapse_cli.training_state import start


@dataclass(frozen=True)
class Splits:
    """A data set with labels, on one device: what is learned from, what is judged on, and both together."""

    train: Images
    test: Images
    all: Images
    normalisation: Normalisation


@dataclass(frozen=True)
class Trial:
    """A method after its training, with its history; without a method (None), the pixels are the representations."""

    method: methods.Method | None
    run: Run | None
    history: tuple[Epoch, ...]
    splits: Splits
    seed: int

    def embedded(self, images: Images) -> Embeddings:
        index = torch.arange(len(images))
        if self.method is None:
            rows = embedding.take(images, index, torch.device("cpu")).flatten(1) / 255  # (N, C*H*W)
            return Embeddings(rows, None, images.labels, index, images.classes, images.name)
        return embedding.embed(self.method, images, self.splits.normalisation, index)

    @cached_property
    def train(self) -> Embeddings:
        return self.embedded(self.splits.train)

    @property
    def z(self) -> Tensor:
        """(N,d), the space that the loss sees."""
        return list(self.train.spaces.values())[-1]

    @cached_property
    def labelled(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """h (N,D) and labels (N,) to fit a probe on, h (M,D) and labels (M,) to judge it on."""
        test = self.embedded(self.splits.test)
        assert self.train.labels is not None
        assert test.labels is not None
        return self.train.representations, self.train.labels, test.representations, test.labels

    @cached_property
    def views(self) -> tuple[Tensor, Tensor]:
        """Two augmented views of every training image in the space that the loss sees, (N,d) each."""
        assert self.method is not None
        assert self.run is not None
        training, images = self.run.training, self.splits.train
        view = training.recipe, training.strength, self.seed
        pair = embedding.pairs(
            self.method, images, self.splits.normalisation, torch.arange(len(images)), *view
        )
        first, second = (list(side.spaces.values())[-1] for side in pair)
        return first, second

    @cached_property
    def case(self) -> Case:
        """The network as one that is asked why it collapsed."""
        assert self.method is not None
        assert self.run is not None
        training, images = self.run.training, self.splits.train
        trained = Trained(self.run, images.data_shape, len(self.history))
        view = training.recipe, training.strength, self.seed
        return Case(self.method, images, self.splits.normalisation, *view, trained)

    @cached_property
    def clusters(self) -> tuple[Tensor, int, Tensor]:
        """Clusters of all images (N,), how many there are, labels (N,): from the cluster head, else k-means on h."""
        whole = self.embedded(self.splits.all)
        assert whole.labels is not None
        head = None if self.method is None else self.method.cluster_head
        if head is None:
            count = class_count(whole.labels, whole.classes)
            generator = torch.Generator().manual_seed(self.seed)
            return kmeans(whole.representations, count, generator), count, whole.labels
        device = next(head.parameters()).device
        with torch.no_grad():
            scores = head(whole.representations.to(device)).cpu()  # (N, M)
        return scores.argmax(dim=1), scores.shape[1], whole.labels


def untrained(splits: Splits, seed: int) -> Trial:
    """The pixels themselves."""
    return Trial(None, None, (), splits, seed)


def trial(run: Run, splits: Splits) -> Trial:
    """Train a run to its end, from its own seed."""
    images = splits.all if run.training.split == "all" else splits.train
    method = methods.build(run, images.data_shape)
    assert isinstance(method, nn.Module)
    method.to(images.labels.device if images.labels is not None else "cpu")
    state = start(method, run.training)
    history = tuple(train(method, images, splits.normalisation, run.training, state))
    return Trial(method, run, history, splits, run.training.seed)
