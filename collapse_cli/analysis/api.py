"""The functions of `import collapse_cli as collapse`: the same that the commands call, for paths, arrays and networks alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import numpy
import torch
from torch import Tensor, nn

from collapse_cli.analysis import check as gate
from collapse_cli.analysis import compare as comparison
from collapse_cli.analysis import inputs, modules, pairs, stored
from collapse_cli.analysis import oracle as class_oracle
from collapse_cli.analysis import report as page_of
from collapse_cli.analysis import weights as layers
from collapse_cli.analysis.catalogue import measurement
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.modules import Pool
from collapse_cli.analysis.result import Result
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.progress import Progress, silent
from collapse_cli.runs.labels import numbered
from collapse_cli.settings import fill
from collapse_cli.shapes import Embeddings
from collapse_cli.views import page
from collapse_cli.views.document import document

Input = str | os.PathLike[str] | numpy.ndarray | Tensor | nn.Module | Embeddings | Subject
Labels = str | os.PathLike[str] | Sequence[Any] | numpy.ndarray | Tensor | None


class Settings(TypedDict, total=False):
    """How an input is read and measured; each is an option of the commands too, where `--help` says more."""

    split: Literal["train", "test", "all"]
    samples: int
    dataset: str
    data_dir: str
    download: bool
    device: str
    seed: int
    arch: str
    stem: Literal["auto", "imagenet", "cifar", "cifar-pad2"]
    branch: Literal["auto", "online", "momentum"]
    prefix: str
    heads: int
    activation: Literal["auto", "gelu", "quickgelu"]
    size: int
    normalisation: Literal["auto", "imagenet", "cifar", "clip", "none"]


def load(
    source: Input,
    *,
    labels: Labels = None,
    images: Any = None,
    layer: str = "",
    name: str = "",
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Subject:
    """One input, read and embedded once, for several measurements.

    source: the path of a run folder, a checkpoint (also another library's, with `dataset=`), or embeddings (.npy .npz .pt
    .safetensors .parquet .csv, a folder of .npy), or "pixels:DATASET"; an array or tensor (N,D); an `nn.Module` with
    `images`, as for `embed`; what `embed` gives. labels: (N,) whole numbers or names, or the path of a file with one for each
    row. name: what it is called in tables. settings: `samples`, `seed`, `dataset` … as the commands' options.

    Raises CollapseError, with the remedy, for what cannot be read or does not fit.

    >>> import numpy
    >>> z = numpy.random.default_rng(0).standard_normal((500, 8))
    >>> subject = load(z, labels=numpy.arange(500) % 5)
    >>> subject.count, subject.labelled
    (500, True)
    """
    if isinstance(source, Subject):
        return source
    if isinstance(source, str | os.PathLike):
        if labels is not None and not isinstance(labels, str | os.PathLike):
            raise CollapseError(
                "labels of a file are read from a file", "give the path, or load the array itself"
            )
        measuring = _measuring(settings, str(labels or ""))
        return inputs.load(Path(source), measuring, progress)
    measuring = _measuring(settings)
    if isinstance(source, nn.Module):
        if images is None:
            raise CollapseError("a module needs images to be measured on", "load(model, images=loader)")
        source = modules.embed(source, images, layer, samples=measuring.samples, name=name)
    rows = source if isinstance(source, Embeddings) else _rows(source, name or "array")
    return stored.of_memory(_labelled(rows, labels), measuring, name or "array")


def embed(
    model: nn.Module, images: Any, *, layer: str = "", pool: Pool = "auto", samples: int = 10_000
) -> Embeddings:
    """Embeddings h (N,D) of anyone's network, in eval mode, on the device that it is on.

    images: a DataLoader or any iterable of batches (a tensor; a tuple that begins with the images and may hold labels; a dict
    with `image` or `pixel_values`), or one tensor (N,C,H,W). layer: a submodule's name, whose output is taken by a forward
    hook. pool: how tokens (B,T,D) become one embedding: mean or first.

    Raises CollapseError for an unknown layer, batches without images, and outputs that are no (B,D).

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 8))
    >>> embed(model, torch.rand(20, 3, 4, 4)).representations.shape
    torch.Size([20, 8])
    """
    return modules.embed(model, images, layer, pool, samples)


def spectrum(
    *sources: Input, labels: Labels = None, progress: Progress = silent, **settings: Unpack[Settings]
) -> Result:
    """How many dimensions do the embeddings use? Singular values, effective ranks by every convention, and a verdict.

    Of each space, `result.h` and `result.z`, a `Spectrum`: `effective_rank` in [1, D] (Roy & Vetterli 2007), `rankme` (Garrido
    et al. 2023), `std_sqrt_d` (Chen & He 2021), `eigenvalues` …, each with its null and interval.

    Raises CollapseError as `load`, and for embeddings that hold nan.

    >>> import numpy
    >>> z = numpy.random.default_rng(0).standard_normal((4000, 16)) * ([1] * 4 + [1e-6] * 12)
    >>> result = spectrum(z)
    >>> round(float(result.effective_rank), 1), result.status
    (4.0, 'dimensional collapse')
    """
    return _measured("spectrum", sources, labels, progress, settings)


def alignment(
    *sources: Input, labels: Labels = None, progress: Progress = silent, paired: bool = False,
    **settings: Unpack[Settings],
) -> Result:  # fmt: skip
    """Do views of one image meet, and do images spread out? Wang & Isola 2020 (arXiv:2005.10242), eqs. of sec. 4.1.

    `alignment` in [0, 4] (where views are at hand), `uniformity` in nats, at most 0, `mean_cosine` in [-1, 1]. paired: two
    sources are one set in pairs, image and text say; then the modality gap is measured with them.

    >>> import numpy
    >>> z = numpy.random.default_rng(0).standard_normal((1000, 32))
    >>> abs(float(alignment(z).mean_cosine)) < 0.01
    True
    """
    if not paired:
        return _measured("alignment", sources, labels, progress, settings)
    return Result(
        pairs.alignment(_subjects(sources, labels, progress, settings), _measuring(settings), progress)
    )


def oracle(
    *sources: Input, labels: Labels = None, progress: Progress = silent, queue: int = 0, temperature: float = 0.0,
    **settings: Unpack[Settings],
) -> Result:  # fmt: skip
    """How many negatives are false? By similarity rank, and the softmax mass they hold (MoCHi's class oracle, arXiv:2010.01028).

    On a run's own queue, or on `queue` keys drawn from the data; without a source, from the class sizes of `dataset` alone.

    >>> round(float(oracle(dataset="cifar10", queue=65536).false_negatives))
    6553
    """
    if not sources:
        return Result(class_oracle.from_labels(_measuring(settings), queue))
    own = {"queue": queue, "temperature": temperature}
    return _measured("oracle", sources, labels, progress, settings, **own)


def probe(
    *sources: Input, labels: Labels = None, progress: Progress = silent, per_class: int = 10, replications: int = 3, k: int = 20,
    temperature: float = 0.07, **settings: Unpack[Settings],
) -> Result:  # fmt: skip
    """What do frozen embeddings tell of their classes? `knn`, `linear` and `few_labels`, accuracies in [0, 1].

    Raises CollapseError where there are no labels.

    >>> import numpy
    >>> rng = numpy.random.default_rng(0)
    >>> labels = numpy.arange(300) % 3
    >>> z = 5 * numpy.eye(3)[labels] + rng.standard_normal((300, 3))
    >>> float(probe(z, labels=labels).linear) > 0.9
    True
    """
    own = {"per_class": per_class, "replications": replications, "k": k, "temperature": temperature}
    return _measured("probe", sources, labels, progress, settings, **own)


def diagnose(
    *sources: Input, labels: Labels = None, progress: Progress = silent, **settings: Unpack[Settings]
) -> Result:
    """Has it collapsed, what says so, and what should be tried next?

    `result.h.status` is "healthy", "dimensional collapse", "complete collapse" or "inconclusive"; `result.h.verdict` holds the
    sentence, its reasons, the bounds that decided, and advice.

    >>> import numpy
    >>> diagnose(numpy.ones((100, 8)) + 1e-9 * numpy.eye(100, 8)).status
    'complete collapse'
    """
    return _measured("diagnose", sources, labels, progress, settings)


def causes(
    *sources: Input, progress: Progress = silent, strength: float = 0.0, recipe: str = "", try_epochs: int = 0,
    **settings: Unpack[Settings],
) -> Result:  # fmt: skip
    """Why has a network collapsed, and what would cure it? A ranked list, each with its evidence and the command to try.

    Of a run folder or a checkpoint. Raises CollapseError for embeddings, which do not know.

    >>> import numpy
    >>> causes(numpy.eye(9))
    Traceback (most recent call last):
    collapse_cli.errors.CollapseError: array holds embeddings: causes are asked of a network
    give a run folder or a checkpoint; collapse spectrum says whether it has collapsed
    """
    own = {"strength": strength, "recipe": recipe, "try_epochs": try_epochs}
    return _measured("causes", sources, None, progress, settings, **own)


def weights(
    *sources: str | os.PathLike[str] | nn.Module, seed: int = 0, progress: Progress = silent
) -> Result:
    """Which layers have lost rank, and do adjacent layers align? Of run folders, checkpoints, or networks in memory.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
    >>> [entry.subject for entry in weights(model) if entry.kind == "layer"]
    ['0', '2']
    """
    networks = [
        layers.of_module(source, type(source).__name__)
        if isinstance(source, nn.Module)
        else layers.read(Path(source))
        for source in sources
    ]
    for network in networks:
        progress(network.story)
    return Result(layers.answered(networks, seed))


def compare(
    *sources: Input,
    baseline: str = "",
    fresh: bool = False,
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Result:
    """Which of these is better, and is that more than the luck of a seed? Runs that differ in their seed alone are one group.

    Entries of kind "side_by_side", one for each group, then of kind "difference" from the baseline, with 95 % intervals where
    a group has several runs. What a run folder holds already is read, unless `fresh`.

    >>> import numpy
    >>> rng = numpy.random.default_rng(0)
    >>> flat, steep = rng.standard_normal((500, 8)), rng.standard_normal((500, 8)) / numpy.arange(1, 9)
    >>> result = compare(flat, steep)
    >>> [entry.kind for entry in result]
    ['side_by_side', 'side_by_side', 'difference']
    """
    measuring = _measuring(settings)
    given = [_for_gate(source, f"array {n}", settings) for n, source in enumerate(sources, 1)]
    return Result(comparison.compare(given, measuring, baseline, None, fresh, progress))


def check(
    *sources: Input, require: Sequence[str] = (), baseline: Input | None = None, tolerance: str = gate.TOLERANCE,
    strict: bool = False, fresh: bool = False, progress: Progress = silent, **settings: Unpack[Settings],
) -> Result:  # fmt: skip
    """Is this representation as good as it must be? `result.status` is "passed", "failed" or "inconclusive".

    require: as "effective_rank.h >= 20" or "uniformity <= 50% of null"; baseline: what no number may be worse than, by more
    than `tolerance`, "5%" or "0.1". Complete collapse fails always, dimensional collapse where `strict`.

    >>> import numpy
    >>> z = numpy.random.default_rng(0).standard_normal((2000, 16))
    >>> check(z, require=["effective_rank >= 8"]).status, check(z, require=["effective_rank >= 17"]).status
    ('passed', 'failed')
    """
    given = [_for_gate(source, f"array {n}", settings) for n, source in enumerate(sources, 1)]
    base = None if baseline is None else _for_gate(baseline, "baseline", settings)
    answer = gate.check(given, _measuring(settings), require, base, tolerance, strict, fresh, progress)
    return Result(answer, gate.status(answer))


def report(
    source: Input, out: str | os.PathLike[str], *, labels: Labels = None, progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Path:  # fmt: skip
    """One self-contained HTML page of everything measured on an input, written to `out`; its path.

    >>> import numpy, tempfile
    >>> z = numpy.random.default_rng(0).standard_normal((200, 8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report(z, f"{folder}/report.html").stat().st_size > 10_000
    True
    """
    subject, target = load(source, labels=labels, progress=progress, **settings), Path(out)
    if not target.parent.is_dir() or target.suffix not in (".html", ".htm"):
        raise CollapseError(f"{target} cannot be written", "name an .html file in a folder that exists")
    documents = [document(answer) for answer in page_of.report(subject)]
    page.write(target, page.page(page_of.in_order(documents), subject.name, intro=str(subject.facts["path"])))
    return target


def _measuring(settings: Settings, labels: str = "") -> Measuring:
    """Held to their types and ranges. Raises CollapseError for what is not among them."""
    unknown = [name for name in settings if name not in Settings.__annotations__]
    if unknown:
        raise CollapseError(
            f"there is no setting '{unknown[0]}'", f"one of: {', '.join(Settings.__annotations__)}"
        )
    measuring: Measuring = fill(Measuring, {**settings, "labels": labels})
    return measuring


def _subjects(
    sources: Sequence[Input], labels: Labels, progress: Progress, settings: Settings
) -> list[Subject]:
    if not sources:
        raise CollapseError(
            "nothing to measure", "give a path, an array, a network with images, or a Subject"
        )
    if labels is not None and len(sources) > 1:
        raise CollapseError("labels are those of one source", "load each with its own labels first")
    several = len(sources) > 1
    return [
        load(source, labels=labels, name=_name(source, n, several), progress=progress, **settings)
        for n, source in enumerate(sources, 1)
    ]


def _name(source: Input, number: int, several: bool) -> str:
    """Arrays are told apart by their place."""
    return f"array {number}" if several and isinstance(source, numpy.ndarray | Tensor) else ""


def _for_gate(source: Input, name: str, settings: Settings) -> Path | Subject:
    """A path as it is, for its run folder may hold the answers; all else loaded."""
    if isinstance(source, str | os.PathLike):
        return Path(source)
    return load(source, name=name, **settings)


def _measured(
    name: str, sources: Sequence[Input], labels: Labels, progress: Progress, settings: Settings, **own: Any
) -> Result:
    subjects = _subjects(sources, labels, progress, settings)
    answer = measured(measurement(name), subjects, **own)
    return Result(answer, answer.entries[0].status if len(answer.entries) == 1 else "")


def _rows(array: numpy.ndarray | Tensor, name: str) -> Embeddings:
    """An array or tensor (N,D) as embeddings of one space."""
    rows = torch.as_tensor(array).detach().cpu()
    if rows.ndim != 2 or rows.dtype in (torch.bool, torch.complex64, torch.complex128):
        raise CollapseError(
            f"{name} is {rows.dtype} of shape {tuple(rows.shape)}", "embeddings are numbers of shape (N, D)"
        )
    rows = rows if rows.dtype == torch.float64 else rows.float()
    return Embeddings(rows, None, None, torch.arange(len(rows)), (), name)


def _labelled(embeddings: Embeddings, labels: Labels) -> Embeddings:
    """With labels (N,), from memory or from a file."""
    if labels is None:
        return embeddings
    if isinstance(labels, str | os.PathLike):
        from collapse_cli.runs.labels import read

        known, names = read(Path(labels), len(embeddings))
    else:
        known, names = numbered(labels.cpu() if isinstance(labels, Tensor) else labels, "labels")
    if len(known) != len(embeddings):
        raise CollapseError(
            f"{len(known)} labels for {len(embeddings)} embeddings", "give one label for each row"
        )
    return Embeddings(
        embeddings.representations, embeddings.projections, known, embeddings.index, names, embeddings.source
    )
