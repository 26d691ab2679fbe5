"""collapse oracle: how many negatives are false?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.about import about
from collapse_cli.commands.answers import finish
from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Measuring, Shown, options
from collapse_cli.commands.subject import Subject, sampled
from collapse_cli.commands.subjects import subjects
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from torch import Tensor


@options(Measuring=Measuring, Output=Shown)
def oracle(
    given: dict[str, Any],
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[INPUT…]",
            help="runs, checkpoints or embeddings; none: from labels alone",
            show_default=False,
        ),
    ] = None,
    queue: Annotated[
        int, typer.Option(help="keys, K; 0: the run's own queue, or 4096 from labels alone", min=0)
    ] = 0,
    temperature: Annotated[
        float, typer.Option(help="of the softmax, T; 0: the run's own, or 0.2", min=0)
    ] = 0.0,
) -> None:
    """How many negatives are false?

    From labels alone with --dataset (no data needed for the named sets), or measured on a run: false negatives by
    similarity rank, the softmax mass they hold, proxy-task accuracy; on the run's own queue, or on --queue K keys drawn
    from the data.

    Examples: [bold]collapse oracle --dataset cifar10 --queue 65536[/bold], [bold]collapse oracle runs/mine[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    if not inputs:
        if measuring.labels:
            raise CollapseError("--labels go with a file of embeddings", "give that as INPUT")
        entries = [_from_labels(measuring, queue or 4096)]
        finish("oracle", entries, [], output)
        return
    found = subjects(inputs, measuring, shown.quiet, views=True)
    found = asked(found, measuring, measure, queue=queue, temperature=temperature)
    finish("oracle", measure(found, measuring.seed, queue, temperature), found, output, sampled(found))


def _from_labels(measuring: Measuring, queue: int) -> dict[str, Any]:
    from collapse_cli.metrics.oracle import expected

    if not measuring.dataset:
        raise CollapseError("nothing to look at", "give a run, or --dataset NAME for the labels alone")
    counts, classes = _counts(measuring)
    result = expected(counts, classes, queue)
    return entry(f"{measuring.dataset}/{measuring.split}", result, settings={"K": queue, "N": sum(counts)})


def _counts(measuring: Measuring) -> tuple[Sequence[int], Sequence[str]]:
    """Class counts and names: facts for the named sets, read from the data for the others."""
    from collapse_cli import data

    if measuring.dataset in data.NAMES:
        facts = data.facts(measuring.dataset)
        return facts.of(measuring.split), facts.classes
    images = data.load(measuring.dataset, measuring.split, data_dir=measuring.data_dir or None)
    labels = _labels(images.labels, images.name)
    return labels.bincount(minlength=len(images.classes)).tolist(), images.classes


def _labels(labels: Tensor | None, name: str) -> Tensor:
    if labels is None:
        raise CollapseError(
            f"{name} has no labels: false negatives cannot be told from true ones",
            "give class folders, a file with labels, or --labels FILE",
        )
    return labels


def measure(
    found: Sequence[Subject], seed: int, queue: int = 0, temperature: float = 0.0
) -> list[dict[str, Any]]:
    """One entry for each subject, on its projections (representations where there are none)."""
    return [_measure(subject, number, seed, queue, temperature) for number, subject in enumerate(found)]


def _measure(subject: Subject, number: int, seed: int, queue: int, temperature: float) -> dict[str, Any]:
    from torch.nn.functional import normalize

    from collapse_cli.metrics.oracle import oracle

    space = list(subject.clean.spaces)[-1]
    first, second = subject.views or (subject.clean, None)
    labels = _labels(first.labels if first.labels is not None else subject.clean.labels, subject.name)
    keys, key_labels, key_index, origin = _keys(subject, space, queue, seed)
    T = temperature or subject.temperature or 0.2
    with about(f"{subject.name} · {space}"):
        result = oracle(
            normalize(first.spaces[space].float(), dim=1), keys, labels, key_labels, first.index, key_index, T,
            None if second is None else normalize(second.spaces[space].float(), dim=1),
        )  # fmt: skip
    settings = {"queries": result.queries, "K": result.keys, "T": T, "keys": origin, "L2": True, "seed": seed}
    return entry(f"{subject.name} · {space}", result, input=number, settings=settings)


def _keys(subject: Subject, space: str, queue: int, seed: int) -> tuple[Tensor, Tensor, Tensor, str]:
    """Keys (K,d), their labels and indices: the run's own queue, or `queue` rows drawn from the clean embeddings."""
    import torch
    from torch.nn.functional import normalize

    own = subject.queue
    if own is not None and not queue and int(own.seen):
        filled = own.index >= 0
        return (
            own.keys[filled].cpu().float(),
            own.labels[filled].cpu(),
            own.index[filled].cpu(),
            "the run's own queue",
        )
    rows = subject.clean.spaces[space].float()
    labels = _labels(subject.clean.labels, subject.name)
    drawn = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[: queue or 4096]
    return normalize(rows[drawn], dim=1), labels[drawn], subject.clean.index[drawn], "drawn from the data"
