"""What a linear probe finds in frozen embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.rows import sound
from collapse_cli.results import Measured, number


@dataclass(frozen=True)
class FewLabels:
    """Linear probe on few labels."""

    accuracy: float = number(
        "test accuracy of multinomial logistic regression (L2 penalty 1) on few labels per class",
        unit="share", convention="standardised on the labelled rows; interval: lowest and highest draw of labels",
        null="guessing", headline=True,
    )  # fmt: skip
    labels: int = number("labelled pictures per class")
    draws: int = number("draws of labels, averaged")


def few_labels(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    generator: Generator,
    per_class: int = 10,
    draws: int = 3,
) -> FewLabels:
    """Accuracy on test (M,D) of a probe fitted on `per_class` rows of each class of train (N,D), mean over `draws`."""
    for rows in (train, test):
        sound(rows)
    if len(train_labels.unique()) < 2:
        raise CollapseError("a probe needs at least two classes", "give pictures of more classes", code=3)
    found = [
        _accuracy(train[chosen], train_labels[chosen], test, test_labels)
        for chosen in (_draw(train_labels, per_class, generator) for _ in range(draws))
    ]
    chance = 1 / len(train_labels.unique())
    mean = sum(found) / draws
    return FewLabels(Measured(mean, null=chance, interval=(min(found), max(found))), per_class, draws)


def _draw(labels: Tensor, per_class: int, generator: Generator) -> Tensor:
    """(C * per_class,) rows, `per_class` of each class."""
    order = torch.randperm(len(labels), generator=generator)
    chosen = [order[labels[order] == c][:per_class] for c in labels.unique()]
    if min(map(len, chosen)) < per_class:
        raise CollapseError(
            f"a class has fewer than {per_class} labelled pictures", "give more pictures", code=3
        )
    return torch.cat(chosen)


def _accuracy(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probe.fit(train.double().numpy(), train_labels.numpy())
    return float(probe.score(test.double().numpy(), test_labels.numpy()))
