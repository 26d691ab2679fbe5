"""What frozen embeddings tell of their classes: a vote of near neighbours, a linear probe on all labels, and one on few.

Rows to fit on are `train` (N,D) with labels (N,) int64, rows to be judged on `test` (M,D) with labels (M,).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.layout import Table
from collapse_cli.metrics import neighbours
from collapse_cli.metrics.rows import LEVEL, exponents, scaled_down, sound, unit
from collapse_cli.metrics.threads import threads_for
from collapse_cli.results import number
from collapse_cli.values import Measured

STEPS = 1000  # of L-BFGS at most; 10,000 x 512 standardised rows take about a hundred
NORMAL_95 = 1.959964  # two-sided


@dataclass(frozen=True)
class Probe:
    """Probes of frozen embeddings."""

    TABLE: ClassVar = Table(json_only=("neighbours", "per_class", "replications"))  # which the settings say

    knn: float = number(
        "test accuracy of the weighted vote of the k nearest training embeddings (InstDisc; k and T as in DINO)",
        label="accuracy of kNN", null="guessing", better="high", headline=True,
        convention="nearest by cosine, votes exp(cosine / T); a guess says the largest class", interval="Wilson 95 %",
        low=0, high=1,
    )  # fmt: skip
    linear: float = number(
        "test accuracy of multinomial logistic regression on all training embeddings",
        label="linear accuracy", null="guessing", better="high", headline=True,
        convention=("standardised on the rows fitted, L2 penalty 1; a guess says the largest class"), interval="Wilson 95 %",
        low=0, high=1,
    )  # fmt: skip
    few_labels: float | None = number(
        "test accuracy of the same regression on few labels of each class, mean over random draws of labels",
        label="few-label accuracy", null="guessing", better="high", headline=True,
        convention="standardised on the rows fitted, L2 penalty 1; a guess says any class",
        interval="lowest and highest of the random draws",
        low=0, high=1,
    )  # fmt: skip
    neighbours: int = number("training embeddings that vote, k")
    per_class: int = number("labels of each class in the few-label probe", label="labels per class")
    replications: int = number("random draws of few labels, whose accuracies are averaged")


def probe(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    generator: Generator,
    per_class: int = 10,
    replications: int = 3,
    k: int = 20,
    temperature: float = 0.07,
) -> Probe:
    """All three, beside chance; few labels are left out (None) where a class has fewer than `per_class` of them.

    Raises CollapseError for rows that are not finite and, with code 3, for fewer than two rows or classes.
    """
    classes, counts = _counts(train_labels)
    rows_and_labels = train, train_labels, test, test_labels
    chance = float((test_labels == classes[counts.argmax()]).double().mean())
    return Probe(
        knn=_share(knn(train, train_labels, test, k, temperature) == test_labels, chance),
        linear=_share(linear(train, train_labels, test) == test_labels, chance),
        few_labels=few_labels(*rows_and_labels, generator, per_class, replications)
        if counts.min() >= per_class
        else None,
        neighbours=min(k, len(train)),
        per_class=per_class,
        replications=replications,
    )


def knn(train: Tensor, train_labels: Tensor, test: Tensor, k: int, temperature: float) -> Tensor:
    """(M,) the classes said: each of the k nearest rows by cosine s (all N where N < k) votes exp(s / T) for its own.

    InstDisc's weighted kNN, as in float64: neighbours in a collapsed space differ in the last digits only.
    """
    if k < 1 or not temperature > 0:
        raise CollapseError(
            f"kNN cannot have k = {k} and T = {temperature}", "k must be 1 or more, T above 0"
        )
    train, test = unit(train), unit(test)
    classes, member = torch.unique(train_labels, return_inverse=True)  # (C,), (N,)
    voters = neighbours.Voters(train, member, len(classes), min(k, len(train)), temperature)
    said: Tensor = classes[neighbours.predicted(voters, test)]
    return said


def linear(train: Tensor, train_labels: Tensor, test: Tensor) -> Tensor:
    """(M,) the classes said by multinomial logistic regression, L2 penalty 1, on columns of mean 0 and variance 1.

    Standardised so that a collapsed space, whose columns hardly vary, is asked for what it still tells apart.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    where, (train, test) = test.device, _columns_near_1(sound(train).cpu(), sound(test).cpu())
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=STEPS))
    with (
        warnings.catch_warnings()
    ):  # where L-BFGS stops short, what it has is still a probe; classes may be as many as rows
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="The number of unique classes", category=UserWarning)
        warnings.filterwarnings("ignore", message="`?y`? could represent", category=UserWarning)
        with threads_for(train.numel() * len(torch.unique(train_labels))):
            regression.fit(train.numpy(), train_labels.cpu().numpy())
    return torch.from_numpy(regression.predict(test.numpy())).to(where)


def _columns_near_1(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of both, each column of them times a power of two of its own, which standardising takes back.

    What is then further out than any row fitted by 2^500 or more is as far as that.
    """
    sizes = exponents(train, dim=0)  # (1, D)
    if int(sizes.abs().max()) <= LEVEL:
        return train, test
    furthest = 2.0**500
    return scaled_down(train, sizes), scaled_down(test, sizes).clamp(-furthest, furthest)


def few_labels(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    generator: Generator,
    per_class: int = 10,
    replications: int = 3,
) -> Measured:
    """Accuracy of `linear` fitted on `per_class` rows of each class, mean over `replications`; interval: lowest and highest.

    Labelled classes are equally large, so chance is 1/C however the test rows are distributed.
    """
    classes, counts = _counts(train_labels)
    if counts.min() < per_class:
        raise CollapseError(f"a class has fewer than {per_class} labelled images", "give more images", code=3)
    chosen = [_draw(train_labels, per_class, generator) for _ in range(replications)]
    sound(train)
    accuracies = [
        float((linear(train[rows], train_labels[rows], test) == test_labels).double().mean())
        for rows in chosen
    ]
    return Measured(
        sum(accuracies) / replications, null=1 / len(classes), interval=(min(accuracies), max(accuracies))
    )


def wilson(right: float, total: float) -> tuple[float, float]:
    """The score interval of a share `right` / `total`, nominally 95 %; in [0, 1], of width > 0 at 0 and 1 too."""
    share, z2 = right / total, NORMAL_95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = NORMAL_95 / (1 + z2 / total) * (share * (1 - share) / total + z2 / (4 * total**2)) ** 0.5
    return max(centre - half, 0.0), min(centre + half, 1.0)


def stratified(
    labels: Tensor, generator: Generator, share: float = 0.8, owner: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Rows to fit on, `share` of each class of labels (N,), and the rest, to be judged on; each sorted.

    owner: (N,) int64, equal for copies of a row (`kept_together`): all go where the first of them goes.
    Raises CollapseError, with code 3, where fewer than two are left for that.
    """
    groups = _shuffled_by_class(labels, generator)
    parts = [group.tensor_split([round(share * len(group))]) for group in groups]
    fitted, judged = torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
    if owner is not None:
        fitted, judged = _on_one_side(fitted, owner)
    if len(judged) < 2:
        raise CollapseError(
            f"{len(labels)} embeddings of {len(groups)} classes leave {len(judged)} to test on",
            "give at least five embeddings of each class", code=3,
        )  # fmt: skip
    return fitted.sort().values, judged.sort().values


def kept_together(owner: Tensor, labels: Tensor) -> Tensor:
    """owner (N,), equal for copies, with copies that make half of a class of labels (N,) or more told apart again.

    Those are no copies that a probe could learn by heart: the space maps a whole class to one point.
    """
    _, member = torch.unique(labels, return_inverse=True)
    pair, count = torch.unique(torch.stack([owner, member]), dim=1, return_counts=True)
    sizes = torch.bincount(member)
    whole = torch.zeros(int(owner.max()) + 1, dtype=torch.bool)
    whole[pair[0][2 * count >= sizes[pair[1]]]] = True
    apart = whole[owner]
    free = torch.arange(len(owner)) + len(whole)
    number: Tensor = torch.unique(torch.where(apart, free, owner), return_inverse=True)[1]
    return number


def _on_one_side(fitted: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
    """Rows to fit on and to be judged on, all copies on the side of that which comes first among the rows."""
    n = len(owner)
    side = torch.zeros(n, dtype=torch.bool)
    side[fitted] = True
    first = torch.full((int(owner.max()) + 1,), n).scatter_reduce_(0, owner, torch.arange(n), "amin")
    side = side[first[owner]]
    return side.nonzero()[:, 0], (~side).nonzero()[:, 0]


def _counts(labels: Tensor) -> tuple[Tensor, Tensor]:
    """(C,) the classes, and (C,) the rows of each; at least two classes are needed."""
    classes, counts = torch.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise CollapseError("a probe needs at least two classes", "give images of more classes", code=3)
    return classes, counts


def _share(right: Tensor, chance: float) -> Measured:
    """The share of (M,) bool that is true, with its interval."""
    hits = int(right.sum())
    return Measured(hits / len(right), null=chance, interval=wilson(hits, len(right)))


def _draw(labels: Tensor, per_class: int, generator: Generator) -> Tensor:
    """(C * per_class,) rows, `per_class` of each class."""
    return torch.cat([group[:per_class] for group in _shuffled_by_class(labels, generator)])


def _shuffled_by_class(labels: Tensor, generator: Generator) -> list[Tensor]:
    """The rows (n_c,) of each class of labels (N,), in random order."""
    labels, order = labels.cpu(), torch.randperm(len(labels), generator=generator)
    _, sizes = torch.unique(labels, return_counts=True)
    return list(torch.split(order[labels[order].argsort(stable=True)], sizes.tolist()))
