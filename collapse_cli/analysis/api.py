"""The measurements of `import collapse_cli as collapse`: the same that the commands make, of paths, arrays and networks alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from torch import nn

from collapse_cli.analysis import oracle as class_oracle
from collapse_cli.analysis import pairs, parts, states
from collapse_cli.analysis import weights as layers
from collapse_cli.analysis.array_inputs import Labels
from collapse_cli.analysis.catalogue import measurement
from collapse_cli.analysis.keywords import Settings
from collapse_cli.analysis.loading import Input, measuring, refuse_below, refuse_none, subjects
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.result import Result
from collapse_cli.analysis.retrieval import with_neighbours
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.progress import Progress, silent


def result_of(
    name: str,
    sources: Sequence[Input],
    labels: Labels,
    progress: Progress,
    settings: Settings,
    **options: Any,
) -> Result:
    """What one row of the catalogue says of these sources. options: of the measurement itself."""
    loaded = subjects(sources, labels, progress, settings)
    return Result(measured(measurement(name), loaded, **options))


def spectrum(
    *sources: Input,
    labels: Labels = None,
    save_state: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Result:
    """How many dimensions do the embeddings use? Singular values, effective ranks by every convention, and a verdict.

    Of each space, `result.h` and `result.z` where there are both, a `Spectrum` of N embeddings in D dimensions:
    `effective_rank` in [1, D] dimensions, of the eigenvalues of the covariance of the unit embeddings (after Roy & Vetterli
    2007, whose own, of singular values, is `effective_rank_sigma`); `rankme` in [1, D] (Garrido et al. 2023, arXiv:2210.02885);
    `std_sqrt_d`, 1 isotropic, 0 collapsed (Chen & He 2021, arXiv:2011.10566); `wasserstein`, 0 isotropic, √2 one point (Fang
    et al. 2024, arXiv:2403.00642); `active` dimensions, 0 … D, which the verdict counts; `eigenvalues` (D,) (Jing et al.
    2022, arXiv:2110.09348), and more. Each has its `null`, isotropic data of the same N and D, and most an `interval` (95 %).
    save_state: of one source, a part of the embeddings, an .npz is written from which `merge` makes one answer of all parts.

    Raises CollapseError as `load` does, and for embeddings that contain nan or infinity or are fewer than two.

    >>> import numpy
    >>> z = numpy.random.default_rng(0).standard_normal((4000, 16)) * ([1] * 4 + [1e-6] * 12)
    >>> result = spectrum(z)
    >>> result.status, int(result.active), round(float(result.effective_rank), 1)
    ('dimensional collapse', 4, 4.0)
    """
    if save_state is None:
        return result_of("spectrum", sources, labels, progress, settings)
    parts.refuse_target(Path(save_state))
    loaded = states.only_one(subjects(sources, labels, progress, settings))
    return Result(measured(measurement("spectrum"), [states.saved_as(loaded, Path(save_state))]))


def merge(
    paths: Sequence[str | os.PathLike[str]],
    *,
    save_state: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> Result:
    """Embeddings that were measured in parts: what `spectrum` says of all of them together.

    paths: the files that `spectrum(part, save_state=path)` wrote, or this function, in any order, each embedding in one of them.
    Any split gives the same numbers and intervals to 1e-9, and in an entry of kind "sampled_pairs" uniformity and the
    Epps-Pulley distance with their standard errors. save_state: where the state of all of them is written.

    Raises CollapseError for what is no state, and for states that differ in what decides or have embeddings in common.

    >>> import numpy, tempfile
    >>> z = numpy.random.default_rng(0).standard_normal((3000, 16))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for k, part in enumerate(numpy.split(z, [500, 1100])):
    ...         _ = spectrum(part, save_state=f"{folder}/{k}.npz")
    ...     result = merge([f"{folder}/{k}.npz" for k in range(3)])
    >>> result.status, int(result.entries[0].samples)
    ('healthy', 3000)
    """
    out = None if save_state is None else Path(save_state)
    return Result(
        measured(measurement("spectrum"), [states.merged([Path(path) for path in paths], out, progress)])
    )


def alignment(
    *sources: Input,
    labels: Labels = None,
    pair: bool = False,
    exact: bool = False,
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Result:
    """How close are the views of one image, and how evenly are images spread?

    Wang & Isola 2020 (arXiv:2005.10242), sec. 4.1.

    α = t = 2.
    An `Alignment` of each space, of unit embeddings: `alignment`,
    the mean squared distance of two views in [0, 4], where a network or a file gives views; `uniformity` in nats in [-4, 0],
    0 where all are one point; `mean_cosine` in [-1, 1]; `alignment_of_class` and `uniformity_of_class` where there are labels.
    A `Hubness` of each space: `hub_skewness` of the k-occurrences, `anti_hubs` and `largest_hub` in [0, 1] (Radovanovic et
    al. 2010), by 4,000 queries against all embeddings; exact: by all of them as queries.
    pair: two sources (N,D) are the two sides of pairs, such as images and captions, row i with row i: a `Modality`
    instead, with `modality_gap` in [0, 2] (Liang et al. 2022, arXiv:2203.02053) and `recall_first` in [0, 1].

    Raises CollapseError as `load` does, for embeddings that are not finite, and for pairs that do not match.

    >>> import numpy
    >>> z = numpy.random.default_rng(0).standard_normal((1000, 32))
    >>> abs(float(alignment(z).mean_cosine)) < 0.01
    True
    >>> float(alignment(z).largest_hub) < 0.1
    True
    >>> round(float(alignment(z, z + 0.1, pair=True).recall_first), 2)
    1.0
    """
    loaded = subjects(sources, labels, progress, settings)
    if not pair:
        return Result(with_neighbours(measured(measurement("alignment"), loaded), loaded, exact))
    return Result(pairs.alignment(loaded, loaded[0].measuring, progress))


def oracle(
    *sources: Input,
    labels: Labels = None,
    queue: int = 0,
    temperature: float = 0.0,
    batch: int = 0,
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Result:
    """How many negatives are false negatives, of the query's own class? MoCHi's class oracle (arXiv:2010.01028, sec. 3.3).

    An `Oracle` of the last space, z or else h: shares in [0, 1] of false negatives among all keys (`share`), the hardest one
    (`rank_1`), the hardest 64 (`top_64`), and their share of the softmax mass (`mass`).
    Queries, positives and keys are made as a run's loss makes them, the keys of its own queue.
    queue: number of keys K, sampled from the data; 0: the run's own queue, or 4096. temperature: T of the softmax; 0: the run's
    own, or 0.2. batch: without a source, images per step B; 0: 64.
    Without a source, an `Expected` from the class sizes of `dataset` alone: `false_negatives` in keys of K per query.

    Raises CollapseError as `load` does, and where there are no labels.

    >>> round(float(oracle(dataset="cifar10", queue=65536).false_negatives))
    6552
    """
    refuse_below(0, queue=queue, temperature=temperature, batch=batch)
    if not sources:
        return Result(class_oracle.from_labels(measuring(settings, labels), queue, batch))
    options = {"queue": queue, "temperature": temperature, "batch": batch}
    return result_of("oracle", sources, labels, progress, settings, **options)


def probe(
    *sources: Input,
    labels: Labels = None,
    k: int = 20,
    temperature: float = 0.07,
    per_class: int = 10,
    replications: int = 3,
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Result:
    """How well do frozen embeddings predict the classes? A vote of neighbours, a linear probe on all labels and one on few.

    A `Probe` of each space, accuracies in [0, 1] on embeddings that were not fitted: `knn`, the vote of the k nearest by cosine,
    each exp(cosine / temperature) (Wu et al. 2018, arXiv:1805.01978); `linear`, multinomial logistic regression;
    `few_labels`, the same on `per_class` labels of each class, mean of `replications`, absent where a class has fewer. A run is
    fitted on its train split and scored on its test split; embeddings alone are split 80 : 20 within each class.

    Raises CollapseError as `load` does, where there are no labels, and for fewer than two classes.

    >>> import numpy
    >>> rng = numpy.random.default_rng(0)
    >>> labels = numpy.arange(300) % 3
    >>> z = 5 * numpy.eye(3)[labels] + rng.standard_normal((300, 3))
    >>> float(probe(z, labels=labels).linear) > 0.9
    True
    """
    refuse_below(1, k=k, per_class=per_class, replications=replications)
    refuse_below(1e-4, temperature=temperature)
    options = {"per_class": per_class, "replications": replications, "k": k, "temperature": temperature}
    return result_of("probe", sources, labels, progress, settings, **options)


def weights(
    *sources: str | os.PathLike[str] | nn.Module | Subject, seed: int = 0, progress: Progress = silent
) -> Result:
    """Which layers have lost rank, and do adjacent layers align? Of run folders, checkpoints, or networks in memory.

    A `Stack` of each network (`lost`: layers that have lost rank), then a `Layer` for each weight matrix (out, in), with
    `stable_rank` in [1, min(out, in)] beside that of initial weights, then a `Pair` for every two adjacent layers (their singular
    vectors: Jing et al. 2022, arXiv:2110.09348, sec. 5). seed: of the random matrices that stand in for initial weights.

    Raises CollapseError for embeddings, for networks without linear or convolutional layers, and for weights that are nan.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
    >>> [entry.subject for entry in weights(model) if entry.kind == "layer"]
    ['0', '2']
    """
    refuse_none(sources)
    networks = [_network(source) for source in sources]
    for network in networks:
        progress(network.story)
    return Result(layers.answered(networks, seed))


def _network(source: Any) -> layers.Network:
    if isinstance(source, nn.Module):
        return layers.of_module(source, type(source).__name__)
    if isinstance(source, Subject):
        return layers.network_of(source)
    if isinstance(source, str | os.PathLike):
        return layers.read(Path(source))
    raise CollapseError(
        f"a {type(source).__name__} has no layers", "give a run folder, a checkpoint, or an nn.Module"
    )
