"""What is this file, and what can be measured on it? Facts by name, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from collapse_cli import remote
from collapse_cli.analysis import texts
from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.analysis.inputs import Kind, recognise
from collapse_cli.errors import CollapseError
from collapse_cli.models.heads import in_words
from collapse_cli.runs import (
    checkpoint,
    embeddings,
    foreign,
    state_files,
    text_encoders,
    unread,
    weight_folders,
    zips,
)
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.foreign import Foreign
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.others.recognition import recognise as recognise_layout
from collapse_cli.runs.others.tensors import FileTensors, hold
from collapse_cli.runs.record import Record
from collapse_cli.runs.shell import quoted
from collapse_cli.runs.source import Source

FEW = 4  # names of weights that nothing is known of


def measurable(labels: bool, views: bool, network: bool) -> dict[str, list[str]]:
    """What can be measured on an input that has these.

    measure_with: commands, the judgements first; also_measured: measurements without a command of their own, which check,
    compare and report make; left out where there is none.
    """
    possible = [
        row for row in CATALOGUE.values() if row.needs == "reference" or row.possible(labels, views, network)
    ]
    before = ["diagnose", *(["causes"] if network else []), "check"]
    with_command = [row.name for row in possible if row.command]
    others = [row.name for row in possible if not row.command]
    return {
        "measure_with": [*before, *with_command, *(["embed"] if network else [])],
        **({"also_measured": others} if others else {}),
    }


def facts(path: Path, choices: Choices, column: str = "") -> dict[str, Any]:
    """Everything that can be said of a file. column: of a table. Raises CollapseError for what cannot be read."""
    path = remote.local_path(path)
    if not (path.exists() or Source(path).is_table):
        raise CollapseError(f"there is no file {path}", "check the path")
    if path.is_dir() and not Source(path).is_network and not embeddings.are_at(path):
        unread.refuse(path)
        weight_folders.refuse_without_weights(path)
        return _of_run(Record(path))
    recognised = recognise(path, column)
    source = recognised.source
    if recognised.kind is Kind.STATE:
        return _of_state(source)
    if recognised.kind is Kind.EMBEDDINGS:
        return _of_embeddings(source)
    if recognised.kind is Kind.ANSWER:
        return {**_identity(source, recognised.kind.value), "measure_with": ["compare", "check"]}
    if recognised.kind is Kind.CHECKPOINT:
        return {**_identity(source, "collapse checkpoint"), **_of_checkpoint(checkpoint.load(source))}
    return _of_foreign(source, choices)


def _identity(source: Source, layout: str, path: Path | None = None) -> dict[str, Any]:
    digest = source.sha256  # first, for it refuses pipes before they are opened
    checked = {"checksums": zips.checksums(*source.files)}
    identity = {} if source.in_parts else {"sha256": digest}
    elsewhere = remote.origin(source.path)
    identity |= elsewhere.facts() if elsewhere else {}
    return {"path": str(path or source.path), **identity, **checked, "layout": layout}


def _of_run(record: Record) -> dict[str, Any]:
    """A folder that `collapse train` made, also one whose first epoch is not done."""
    run = record.settings()
    head: dict[str, Any] = {"path": str(record.folder), "layout": "run folder"}
    about: dict[str, Any] = {"method": run.method, "measure_with": []}
    if record.checkpoint.exists():
        source = Source(record.checkpoint)
        about = _of_checkpoint(checkpoint.load(source))
        head = _identity(source, "run folder", record.folder)
        about["measure_with"] = [*about["measure_with"], "report"]
    return {
        **head,
        **about,
        "epochs_wanted": run.training.epochs,
        "status": record.stage(0, 0).status,
        "warned": record.warned(),
        "results": [document["command"] for document in record.results()],
    }


def _of_checkpoint(saved: Checkpoint) -> dict[str, Any]:
    return {
        "method": saved.run.method,
        "trained_on": saved.run.training.dataset,
        "architecture": saved.run.model.encoder,
        **checkpoint.reached(saved.state),
        "parameters": _parameters(saved.method.encoder.state_dict()),
        **checkpoint.parts(saved.method),
        "images": list(saved.shape),
        **measurable(labels=True, views=True, network=True),
    }


def _of_embeddings(source: Source) -> dict[str, Any]:
    stored = embeddings.load(source, samples=1)  # of the rows themselves no more is read
    labels = stored.clean.labels is not None
    return {
        **_identity(source, stored.layout),
        **{name: list(rows.shape) for name, rows in stored.every.items()},
        "dtype": str(stored.every["h"][0:1].dtype).removeprefix("torch."),
        **({"codes": stored.codes.kind} if stored.codes else {}),
        "labels": "yes" if labels else "no",
        "classes": len(stored.clean.classes) if labels else None,
        "of": stored.clean.source,
        "assumed": list(stored.assumed),
        **measurable(labels=labels, views=stored.views is not None, network=False),
    }


def _of_state(source: Source) -> dict[str, Any]:
    """What `--save-state` wrote: of which files, and by which settings."""
    saved = state_files.load(source.path)
    facts = _identity(source, saved.layout)
    shapes = {name: [state.count, state.width] for name, state in saved.spaces.items()}
    h = saved.spaces["h"].rows
    return {
        **facts,
        **shapes,
        "dtype": str(h.dtype).removeprefix("torch."),
        "sample": len(h),
        "labels": "yes" if saved.labels else "no",
        "classes": len(saved.labels.classes) if saved.labels else None,
        "made_of": [f"{part.name}: {part.count:,} embeddings" for part in saved.parts],
        "seed": saved.settings.seed,
        "made_by": f"collapse {saved.tool}",
        **measurable(labels=saved.labels is not None, views=False, network=False),
    }


def _of_foreign(source: Source, choices: Choices) -> dict[str, Any]:
    """Somebody else's weights; where the network is not known, that is said, unless something particular was asked for."""
    if text_encoders.is_at(source.path):
        return _of_text_encoder(source)
    held = hold(source, averaged=choices.branch != "online")
    try:
        network = foreign.restore(held, recognise_layout(held, choices), choices, filled=False)
    except CollapseError as error:
        if choices != foreign.AS_FOUND:
            raise
        return {**_identity(source, "unknown weights"), **_of_weights(held, error)}
    return {**_identity(source, network.layout), **_of_network(network)}


def _of_text_encoder(source: Source) -> dict[str, Any]:
    """A folder of sentence-transformers, as it describes itself."""
    encoder, held = text_encoders.described(source.path), hold(source)
    return {
        **_identity(source, texts.LAYOUT),
        "modules": [module.in_words for module in encoder.modules],
        "representation": encoder.width or None,
        "parameters": _parameters(held.tensors),
        "assumed": list(texts.assumed(encoder)),
        "remedy": f"collapse diagnose {quoted(source.path)} --dataset text:FILE embeds one text a line",
        **measurable(labels=False, views=False, network=False),
    }


def _of_weights(held: FileTensors, error: CollapseError) -> dict[str, Any]:
    floats = {name: tensor for name, tensor in held.tensors.items() if tensor.is_floating_point()}
    return {
        "why": error.message.removeprefix(str(held.path)).lstrip(": "),
        "remedy": error.hint,
        "epoch": held.epoch,
        "parameters": _parameters(held.tensors),
        "tensors": len(held.tensors),
        "dtype": ", ".join(sorted({str(tensor.dtype).removeprefix("torch.") for tensor in floats.values()})),
        "names": list(held.written.values())[:FEW],
        **({"skipped": list(held.skipped)} if held.skipped else {}),
        "measure_with": ["weights"] if any(tensor.ndim > 1 for tensor in floats.values()) else [],
    }


def _of_network(network: Foreign) -> dict[str, Any]:
    """What was recognised and by which signs, what can be measured, what is assumed and by which option, what is left over."""
    signs = " and ".join(sign for sign in network.signs if sign)
    begin = f"names that begin with {signs}, and " if signs else ""
    return {
        "known_by": f"{begin}the names and shapes of {network.arch}",
        "architecture": network.arch,
        "stem": network.stem,
        "where": network.where,
        "prefix": network.prefix,
        "branch": network.branch,
        "matched": f"{network.matched} of {network.total} weights, {network.matched / network.total:.1%}",
        "epoch": network.epoch,
        "parameters": _parameters(network.encoder.state_dict()),
        "dtype": network.dtype,
        "warnings": list(network.warnings),
        "spaces": [
            f"h ({network.width:,} dimensions)",
            *([f"z ({network.dim:,} dimensions)"] if network.dim else []),
        ],
        "representation": network.width,
        "projector": "none" if network.projector is None else in_words(network.projector),
        "cluster_head": None if network.cluster_head is None else in_words(network.cluster_head),
        "prototypes": None if network.prototypes is None else list(network.prototypes.shape),
        "queue": None if network.queue is None else list(network.queue.shape),
        "images": [network.channels, network.size, network.size],
        "assumed": list(network.assumed),
        "unknown": list(network.unknown),
        "left_over": list(network.leftover),
        **measurable(labels=True, views=True, network=True),
    }


def _parameters(weights: Mapping[str, Tensor]) -> int:
    """Numbers that were learnt: running statistics and counts are not among them."""
    aside = ("running_mean", "running_var", "num_batches_tracked")
    return sum(weight.numel() for name, weight in weights.items() if not name.endswith(aside))
