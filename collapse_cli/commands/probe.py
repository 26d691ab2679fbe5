"""collapse probe: what do frozen embeddings tell of their classes?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.about import about
from collapse_cli.commands.answers import finish
from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.commands.subject import Subject, sampled
from collapse_cli.commands.subjects import subjects
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from torch import Tensor

    from collapse_cli.shapes import Embeddings


@options(Measuring=Measuring, Output=Shown)
def probe(
    inputs: Inputs,
    given: dict[str, Any],
    k: Annotated[int, typer.Option(help="neighbours that vote in kNN, k", min=1)] = 20,
    temperature: Annotated[float, typer.Option(help="of their votes exp(cosine / T), T", min=1e-4)] = 0.07,
    per_class: Annotated[int, typer.Option(help="labels of each class, where they are few", min=1)] = 10,
    draws: Annotated[int, typer.Option(help="draws of few labels, averaged", min=1)] = 3,
) -> None:
    """What do frozen embeddings tell of their classes?

    Weighted kNN, a linear probe on all labels and one on a few of each class, on h and z, with intervals and chance.
    Fitted on the train split and scored on the test split; any other --split, and a file of embeddings, is cut 80 : 20
    within each class. Rows are at most --samples; their cosines are held 128 MiB at a time.

    Example: [bold]collapse probe runs/mine pixels:digits --per-class 10[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    own: dict[str, Any] = {"per_class": per_class, "draws": draws, "k": k, "temperature": temperature}
    found = asked(subjects(inputs, measuring, shown.quiet), measuring, measure, **own)
    entries = measure(found, measuring, **own)
    finish("probe", entries, found, output, [*sampled(found), *_warnings(found, entries, per_class, k)])


def measure(
    found: Sequence[Subject],
    measuring: Measuring,
    per_class: int = 10,
    draws: int = 3,
    k: int = 20,
    temperature: float = 0.07,
) -> list[dict[str, Any]]:
    """One entry for each space of each subject."""
    import torch

    from collapse_cli.metrics.probe import probe

    entries = []
    for number, subject in enumerate(found):
        train, test = _halves(subject, measuring)
        settings = {"train": train.source, "test": test.source, "N": len(train), "M": len(test)}
        settings |= {"classes": len(_labels(train).unique()), "T": temperature, "seed": measuring.seed}
        for space, rows in train.spaces.items():
            with about(f"{subject.name} · {space}"):
                result = probe(
                    rows, _labels(train), test.spaces[space], _labels(test),
                    torch.Generator().manual_seed(measuring.seed), per_class, draws, k, temperature,
                )  # fmt: skip
            entries.append(entry(f"{subject.name} · {space}", result, input=number, settings=settings))
    return entries


def _halves(subject: Subject, measuring: Measuring) -> tuple[Embeddings, Embeddings]:
    """Rows to fit on and rows to be judged on: train and test split, or the rows at hand, cut within each class.

    Cut are the rows of a file, and those of any split but train, for they are, or hold, the test split themselves.
    """
    import torch

    from collapse_cli.metrics.probe import stratified

    if subject.clean.labels is None:
        raise CollapseError(
            f"{subject.name} has no labels to probe", "give pictures, a file with labels, or --labels FILE"
        )
    if subject.split and measuring.split == "train":
        return subject.clean, subject.split("test")
    generator = torch.Generator().manual_seed(measuring.seed)
    fitted, judged = stratified(subject.clean.labels, generator)
    return _part(subject.clean, fitted, "80 %"), _part(subject.clean, judged, "20 %")


def _part(whole: Embeddings, chosen: Tensor, share: str) -> Embeddings:
    """The chosen (n,) rows."""
    projections = None if whole.projections is None else whole.projections[chosen]
    return replace(
        whole,
        representations=whole.representations[chosen],
        projections=projections,
        labels=_labels(whole)[chosen],
        index=whole.index[chosen],
        source=f"{share} of {whole.source}",
    )


def _labels(embeddings: Embeddings) -> Tensor:
    assert embeddings.labels is not None
    return embeddings.labels


def _warnings(
    found: Sequence[Subject], entries: Sequence[dict[str, Any]], per_class: int, k: int
) -> Iterator[str]:
    """What was measured otherwise than asked, said once for each input."""
    for number, one in {one["input"]: one for one in entries}.items():
        name, rows = found[number].name, one["settings"]["N"]
        if one["metrics"]["neighbours"]["value"] < k:
            yield f"{name}: k is lowered from {k} to its {rows} training rows"
        if "few_labels" not in one["metrics"]:
            yield f"{name}: few labels are left out, a class has fewer than {per_class}; lower --per-class"
