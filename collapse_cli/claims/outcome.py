"""What can be measured of a trained arm: each field of Outcome, and beside it how it is measured of a Trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean

import torch

from collapse_cli.claims.trial import Trial
from collapse_cli.metrics import alignment, clusters
from collapse_cli.metrics.causes import NAMES, first
from collapse_cli.metrics.eigenvalues import effective_rank
from collapse_cli.metrics.probe import few_labels, knn
from collapse_cli.metrics.rows import unit
from collapse_cli.results import number
from collapse_cli.root_causes.cause_evidence import diagnose
from collapse_cli.values import Measured

LAST = 5  # epochs over which what is known of one batch each is averaged
NEIGHBOURS, TEMPERATURE = 20, 0.07  # of the kNN vote, as DINO's


@dataclass(frozen=True)
class Outcome:
    """Runs, mean over seeds [lowest, highest]."""

    loss: float | None = number("mean training loss of the last epoch", null="chance level", default=None)
    std_sqrt_d: float | None = number(
        "std·√d of the clean projections: 1 is isotropic, 0 is collapsed", label="std·√d of z", headline=True, default=None
    )  # fmt: skip
    effective_rank_z: float | None = number(
        "exp of the entropy of the eigenvalues of the covariance of z",
        label="effective rank of z",
        unit="dimensions",
        default=None,
    )
    effective_rank_h: float | None = number(
        "exp of the entropy of the eigenvalues of the covariance of h",
        label="effective rank of h",
        unit="dimensions",
        default=None,
    )
    alignment: float | None = number(
        "mean squared distance of two views of an image, L2-normalised", default=None
    )
    uniformity: float | None = number(
        "log of the mean of exp(-2 d^2) over pairs of different images", default=None
    )
    proxy_accuracy: float | None = number(
        "share of queries whose positive is more similar than every negative, over the last 5 epochs",
        unit="share",
        default=None,
    )
    knn: float | None = number(
        "accuracy of a weighted kNN on h, k = 20, T = .07",
        label="kNN accuracy",
        unit="share",
        headline=True,
        default=None,
    )
    few_labels: float | None = number(
        "accuracy of a linear probe on h with 10 labels of each class, mean of 3 random draws of labels",
        label="10-label accuracy",
        unit="share", headline=True, default=None,
    )  # fmt: skip
    nmi: float | None = number(
        "normalised mutual information of clusters and classes, arithmetic mean of the entropies",
        label="NMI",
        headline=True,
        default=None,
    )
    accuracy: float | None = number(
        "accuracy of clusters that are matched to classes one to one",
        label="ACC",
        headline=True,
        default=None,
    )
    ari: float | None = number(
        "adjusted Rand index of clusters and classes", label="ARI", headline=True, default=None
    )
    used: float | None = number("clusters that contain an image", label="clusters used", default=None)
    largest: float | None = number("share of the images in the largest cluster", default=None)
    first_cause: float | None = number(
        "number of the cause that `collapse causes` names first; 0: none, "
        + ", ".join(f"{n}: {name}" for n, name in enumerate(NAMES, 1)),
        headline=True, default=None,
    )  # fmt: skip
    seconds: float | None = number("wall time of a training on one thread", unit="s", default=None)


def _clusters(trial: Trial) -> clusters.Clusters:
    assigned, count, labels = trial.clusters
    return clusters.clusters(assigned, count, labels)


MEASURES: dict[str, Callable[[Trial], float]] = {
    "loss": lambda trial: Measured(trial.history[-1].loss, null=trial.history[-1].chance),
    "std_sqrt_d": lambda trial: alignment.spread(unit(trial.z)),
    "effective_rank_z": lambda trial: effective_rank(unit(trial.z)),
    "effective_rank_h": lambda trial: effective_rank(unit(trial.train.representations)),
    "alignment": lambda trial: alignment.alignment(unit(trial.views[0]), unit(trial.views[1])),
    "uniformity": lambda trial: alignment.uniformity(unit(trial.z)),
    "proxy_accuracy": lambda trial: mean(epoch.extra["proxy accuracy"] for epoch in trial.history[-LAST:]),
    "knn": lambda trial: float((knn(*trial.labelled[:3], NEIGHBOURS, TEMPERATURE) == trial.labelled[3]).double().mean()),
    "few_labels": lambda trial: few_labels(*trial.labelled, torch.Generator().manual_seed(trial.seed)),
    "nmi": lambda trial: _clusters(trial).nmi or 0.0,
    "accuracy": lambda trial: _clusters(trial).accuracy or 0.0,
    "ari": lambda trial: _clusters(trial).ari or 0.0,
    "used": lambda trial: _clusters(trial).used,
    "largest": lambda trial: _clusters(trial).largest,
    "first_cause": lambda trial: first(diagnose(trial.case), trial.case.std_sqrt_d),
    "seconds": lambda trial: sum(epoch.seconds for epoch in trial.history),
}  # fmt: skip


def measure(trial: Trial, measures: Sequence[str]) -> Outcome:
    """The named measures of one trained arm."""
    return Outcome(**{name: MEASURES[name](trial) for name in measures})


def summary(outcomes: Sequence[Outcome], measures: Sequence[str]) -> Outcome:
    """The mean over seeds of each measure, its interval the lowest and the highest seed; None where one has not got it."""
    columns = {name: [getattr(outcome, name) for outcome in outcomes] for name in measures}
    return Outcome(**{name: _over(values) for name, values in columns.items() if None not in values})


def _over(values: Sequence[float]) -> Measured:
    nulls = [value.null for value in values if isinstance(value, Measured) and value.null is not None]
    plain = [float(value) for value in values]
    interval = (min(plain), max(plain)) if len(plain) > 1 else None
    return Measured(mean(plain), null=mean(nulls) if nulls else None, interval=interval)
