"""collapse inspect: what is this file, and what can be measured on it?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.answers import identified
from collapse_cli.commands.options import Listed, options
from collapse_cli.commands.subjects import ours
from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.record import Record
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from torch import Tensor, nn

    from collapse_cli.runs.checkpoint import Checkpoint
    from collapse_cli.runs.foreign import Foreign
    from collapse_cli.runs.others.tensors import Held

ALWAYS = ["diagnose", "check", "spectrum", "alignment"]
LABELLED = ["oracle", "probe", "clusters", "classes", "lidar"]
NETWORK = ["diagnose", "causes", *ALWAYS[1:], *LABELLED, "coverage", "weights", "embed"]
WIDE = 63  # letters beside a fact's name
FEW = 4  # names of weights that nothing is known of


@options(Foreign_checkpoint=Choices, Output=Listed)
def inspect(
    input: Annotated[Path, typer.Argument(metavar="FILE", help="a file or a run folder", show_default=False)],
    given: dict[str, Any],
) -> None:
    """What is this file, and what can be measured on it?

    A run, a checkpoint of ours or of another library (its layout, architecture and prefix, how many weights match), or
    embeddings. Nothing in the file is run.

    Example: [bold]collapse inspect checkpoint_0199.pth.tar[/bold]
    """
    found = facts(input, fill(Choices, given))
    if fill(Listed, given).json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        sys.stdout.write(
            "".join(f"{line}\n" for name, value in found.items() for line in _lines(name, value))
        )


def _lines(name: str, value: Any) -> Iterable[str]:
    """One fact as a line; sentences as one line each, commands between commas, numbers as a shape."""
    if isinstance(value, list) and name in ("measure_with", "results"):
        texts = wrap(", ".join(value), WIDE)
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        texts = value
    elif isinstance(value, list):
        texts = [" x ".join(map(_figure, value))] if value else []
    else:
        texts = [] if value in (None, "") else [_figure(value)]
    labels = [name.replace("_", " "), *[""] * len(texts)]
    return [f"{label:<16} {text}" for label, text in zip(labels, texts, strict=False)]


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def facts(path: Path, choices: Choices) -> dict[str, Any]:
    """Everything that can be said of a file. Raises CollapseError for what cannot be read."""
    if not path.exists():
        raise CollapseError(f"no file {path}", "check the path")
    from collapse_cli.runs import embeddings

    if embeddings.are_at(path):
        return _of_embeddings(path)
    if path.is_dir():
        return _of_run(Record(path))
    if not ours(path):
        return _of_foreign(path, choices)
    from collapse_cli.runs import checkpoint

    return {**identified(path, path, "collapse checkpoint"), **_of_checkpoint(checkpoint.load(path))}


def _of_run(record: Record) -> dict[str, Any]:
    """A folder that `collapse train` made, also one whose first epoch is not done."""
    from collapse_cli.runs import checkpoint

    run = record.settings()
    kept = record.checkpoint.exists()
    known = (
        _of_checkpoint(checkpoint.load(record.checkpoint))
        if kept
        else {"method": run.method, "measure_with": []}
    )
    head = (
        identified(record.folder, record.checkpoint, "run folder")
        if kept
        else {"path": str(record.folder), "layout": "run folder"}
    )
    return {
        **head,
        **known,
        "epochs_wanted": run.training.epochs,
        "results": [document["command"] for document in record.results()],
        "measure_with": [*known["measure_with"], *(["report"] if kept else [])],
    }


def _of_checkpoint(kept: Checkpoint) -> dict[str, Any]:
    from torch import nn

    method, queue = kept.method, kept.method.negatives
    bare = isinstance(method.projector, nn.Identity)
    return {
        "method": kept.run.method,
        "trained_on": kept.run.training.dataset,
        "architecture": kept.run.model.encoder,
        "epoch": kept.state.epoch,
        "parameters": _parameters(method.encoder.state_dict()),
        "projector": "none" if bare else _described(method.projector),
        "queue": None if queue is None else list(queue.keys.shape),
        "pictures": list(kept.shape),
        "measure_with": NETWORK,
    }


def _of_embeddings(path: Path) -> dict[str, Any]:
    from collapse_cli.runs import embeddings

    kept = embeddings.load(path, samples=1)  # of the rows themselves no more is read
    labels = kept.clean.labels is not None
    return {
        **identified(path, path, kept.layout),
        **{name: list(rows.shape) for name, rows in kept.every.items()},
        "dtype": str(kept.every["h"][0:1].dtype).removeprefix("torch."),
        "labels": "yes" if labels else "no",
        "classes": len(kept.clean.classes) or None,
        "of": kept.clean.source,
        "assumed": list(kept.assumed),
        "measure_with": [*ALWAYS, *(LABELLED if labels else ["lidar"] if kept.views else []), "coverage"],
    }


def _of_foreign(path: Path, choices: Choices) -> dict[str, Any]:
    """Somebody else's weights; where the network is not known, that is said, unless something particular was asked for."""
    from collapse_cli.runs import foreign
    from collapse_cli.runs.others.recognition import recognise
    from collapse_cli.runs.others.tensors import hold

    held = hold(path, averaged=choices.branch != "online")
    try:
        network = foreign.restore(held, recognise(held, choices), choices)
    except CollapseError as error:
        if choices != foreign.AS_FOUND:
            raise
        return {**identified(path, path, "unknown weights"), **_of_weights(held, error)}
    return {**identified(path, path, network.layout), **_of_network(network)}


def _of_weights(held: Held, error: CollapseError) -> dict[str, Any]:
    floats = {name: tensor for name, tensor in held.tensors.items() if tensor.is_floating_point()}
    return {
        "why": error.message.removeprefix(f"{held.path} "),
        "remedy": error.hint,
        "epoch": held.epoch,
        "parameters": _parameters(held.tensors),
        "tensors": len(held.tensors),
        "dtype": ", ".join(sorted({str(tensor.dtype).removeprefix("torch.") for tensor in floats.values()})),
        "names": list(held.written.values())[:FEW],
        "measure_with": ["weights"] if any(tensor.ndim > 1 for tensor in floats.values()) else [],
    }


def _of_network(network: Foreign) -> dict[str, Any]:
    signs = " and ".join(sign for sign in network.signs if sign)
    return {
        "known_by": f"names that begin with {signs}" if signs else None,
        "architecture": network.arch,
        "stem": network.stem,
        "where": network.where,
        "prefix": network.prefix,
        "branch": network.branch,
        "matched": f"{network.matched} of {network.total} weights, {network.matched / network.total:.1%}",
        "epoch": network.epoch,
        "parameters": _parameters(network.encoder.state_dict()),
        "dtype": network.dtype,
        "representation": network.width,
        "projector": "none" if network.projector is None else _described(network.projector),
        "cluster_head": None if network.cluster_head is None else _described(network.cluster_head),
        "prototypes": None if network.prototypes is None else list(network.prototypes.shape),
        "queue": None if network.queue is None else list(network.queue.shape),
        "pictures": [network.channels, network.size, network.size],
        "assumed": list(network.assumed),
        "unknown": list(network.unknown),
        "warnings": list(network.warnings),
        "measure_with": NETWORK,
    }


def _parameters(weights: Mapping[str, Tensor]) -> int:
    """Numbers that were learnt: running statistics and counts are not among them."""
    kept = ("running_mean", "running_var", "num_batches_tracked")
    return sum(weight.numel() for name, weight in weights.items() if not name.endswith(kept))


def _described(network: nn.Module) -> str:
    """`Linear 512-128, ReLU, Linear 128-64`."""
    from torch import nn

    parts = [part for part in network.modules() if not list(part.children())]
    return ", ".join(
        f"Linear {part.in_features}-{part.out_features}"
        if isinstance(part, nn.Linear)
        else type(part).__name__
        for part in parts
    )
