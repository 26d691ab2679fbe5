"""Which layers have lost rank, and do adjacent layers align?"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from collapse_cli import methods
from collapse_cli.analysis.epoch_checkpoints import along, course
from collapse_cli.analysis.inputs import Kind, recognise
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError
from collapse_cli.methods import Method
from collapse_cli.metrics import layer_alignment
from collapse_cli.metrics.layer_alignment import Pair, pair
from collapse_cli.metrics.weights import LOST, Layer, Stack, layer, lost, stack
from collapse_cli.models.layers import Layers, Link, layers, named
from collapse_cli.progress import Progress, counted, silent
from collapse_cli.runs import checkpoint, foreign
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.record import Record

NAMED = 6  # layers in one sentence
FEW = 16  # layers and pairs, each with curves of its own; of more, numbers are drawn by their place in the network


@dataclass(frozen=True)
class Network:
    """One input: its layers and, for a run of ours, the same layers at initialisation."""

    name: str
    layers: Layers
    initial: Layers | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # for the JSON's `inputs`
    record: Record | None = None

    @property
    def story(self) -> str:
        return f"{self.facts['path']}: {self.facts['layout']}; {len(self.layers.weights)} layers"


def read(path: Path) -> Network:
    """A run, a checkpoint of ours, or whatever else holds weights."""
    recognised = recognise(path)
    source = recognised.source
    if recognised.kind in (Kind.EMBEDDINGS, Kind.STATE, Kind.PIXELS, Kind.ANSWER):
        what = "embeddings" if recognised.kind is Kind.EMBEDDINGS else recognised.kind.value
        raise CollapseError(f"{path} contains {what}, not weights", "give a run folder or a checkpoint")
    if recognised.kind is Kind.FOREIGN:
        identity = {"path": str(path), "sha256": source.sha256, "layout": "weights"}
        return Network(path.name, named(foreign.matrices(source)), facts=identity)
    saved, file = checkpoint.load(source), source.path
    name = file.parent.name if file.name == "checkpoint.pt" else file.name
    facts: dict[str, Any] = {"path": str(path), "sha256": source.sha256, "layout": "collapse checkpoint"}
    facts |= {**checkpoint.reached(saved.state), "method": saved.run.method}
    record = Record(file.parent) if (file.parent / "run.json").exists() else None
    return replace(of_checkpoint(saved, name), facts=facts, record=record)


def of_checkpoint(saved: Checkpoint, name: str) -> Network:
    """Encoder and projector of a run, beside the weights that its seed gives."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(saved.run.training.seed)
        initial = methods.build(saved.run, saved.data)
    return Network(name, _traced(saved.method), _traced(initial))


def of_subject(subject: Subject) -> list[Entry]:
    """The weights of an input that is a network, measured."""
    return measure([network_of(subject)], subject.measuring.seed)


def network_of(subject: Subject) -> Network:
    """The layers of an input that is a network; only a run of ours knows those at initialisation.

    Raises CollapseError for embeddings.
    """
    if subject.checkpoint:
        network = of_checkpoint(subject.checkpoint, subject.name)
        return replace(network, facts=subject.facts, record=subject.record)
    if subject.case is None:
        raise CollapseError(
            f"{subject.name} contains embeddings, not weights", "give a run folder or a checkpoint"
        )
    return Network(subject.name, _traced(subject.case.method), facts=subject.facts)


def of_module(module: nn.Module, name: str) -> Network:
    """Anyone's network, a single layer too; its fresh weights are not known."""
    whole = module if list(module.children()) else nn.Sequential(OrderedDict({name: module}))
    return Network(name, layers(whole), facts={"path": name, "layout": "module in memory"})


def _traced(method: Method) -> Layers:
    return layers(nn.Sequential(OrderedDict(encoder=method.encoder, projector=method.projector)))


def measure(networks: Sequence[Network], seed: int) -> list[Entry]:
    """Of each network one entry for the whole, one for each layer, and one for each pair of adjacent layers.

    Raises CollapseError for a network without layers, and for weights that are not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    measured = [(network, _layers(network, generator), _pairs(network)) for network in networks]
    few = sum(len(by_name) + len(pairs) for _, by_name, pairs in measured) <= FEW
    entries: list[Entry] = []
    for number, (network, by_name, pairs) in enumerate(measured):
        prefix = f"{network.name} · " if len(networks) > 1 else ""
        settings = (
            {} if network.initial else {"seed": seed}
        )  # of the random weights in place of the initial ones
        parts = [
            *(entry.replace(settings=settings) for entry in _whole(network, by_name, pairs, few)),
            *(entry.replace(settings=settings) for entry in _each(prefix, by_name, few)),
            *_together(prefix, pairs, few),
        ]
        entries += [entry.replace(input=number) for entry in parts]
    return entries


def _whole(
    network: Network, by_name: Mapping[str, Layer], pairs: Sequence[tuple[Link, Pair]], few: bool
) -> Iterator[Entry]:
    """All layers in one table, and their course where the run kept checkpoints of other epochs than its last."""
    links, measured = [link.name for link, _ in pairs], [together for _, together in pairs]
    whole = stack(by_name, not few, None if few else layer_alignment.along(measured, links))
    yield Entry(network.name, whole, answer=answer_of_stack(whole), key_numbers=("lost", "layers", "weights"))
    if network.initial and network.record and network.record.epochs():
        epochs = along(network.record, network.initial, network.layers, network.facts["epoch"], _traced)
        leading = {link.second: together.leading for link, together in pairs}
        yield Entry(f"{network.name} by epoch", course(epochs, leading))


def _each(prefix: str, by_name: Mapping[str, Layer], few: bool) -> Iterator[Entry]:
    """Every layer, with its spectrum where they are few."""
    for name, measured in by_name.items():
        yield Entry(prefix + name, measured if few else replace(measured, spectrum=None))


def _together(prefix: str, pairs: Iterable[tuple[Link, Pair]], few: bool) -> Iterator[Entry]:
    """Every pair, with its curves where they are few; a direction aligns with another through a linear map alone."""
    for link, together in pairs:
        entries = together.entries if few and link.linear else None
        drawn = replace(together, overlap=together.overlap if few else None, entries=entries)
        yield Entry(prefix + link.name, drawn, settings={"between": link.description})


def _layers(network: Network, generator: Generator) -> dict[str, Layer]:
    """Every layer by name, from the input on."""
    now, initial = network.layers.weights, network.initial.weights if network.initial else {}
    if not now:
        raise CollapseError(
            f"{network.name} has no weight matrices", "give a network with linear or convolutional layers"
        )
    for name, weight in now.items():
        if not weight.isfinite().all():
            raise CollapseError(
                f"{name} of {network.name} contains nan or infinity",
                "its training diverged: a lower learning rate prevents that",
            )
    layers = counted(list(now.items()), "layers")
    return {name: layer(weight, generator, initial.get(name)) for name, weight in layers}


def _pairs(network: Network) -> list[tuple[Link, Pair]]:
    """Every two layers of which one takes up what the other gives."""

    def ends(link: Link, parts: Layers) -> tuple[Tensor, Tensor]:
        return parts.weights[link.first], parts.weights[link.second]

    initial = network.initial
    return [
        (link, pair(*ends(link, network.layers), link.scale, ends(link, initial) if initial else None))
        for link in counted(network.layers.links, "pairs of layers")
    ]


def remarks(entries: Iterable[Entry]) -> Iterator[str]:
    """What stands out: for each network the layers that have lost rank."""
    by_input: dict[int, list[Entry]] = {}
    for entry in entries:
        if isinstance(entry.result, Layer):
            by_input.setdefault(entry.input, []).append(entry)
    for measured in by_input.values():
        names = [entry.of for entry in measured if _lost(entry.metrics["alive"])]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        if names:
            yield f"rank is lost in {len(names)} of {len(measured)} layers: {', '.join(names[:NAMED])}{more} ({LOST})"


def _lost(alive: Any) -> bool:
    return lost(alive["value"], alive["null"])


def read_all(paths: Sequence[Path], progress: Progress = silent) -> list[Network]:
    """Every input; what they are is told once all are read."""
    networks = [read(path) for path in paths]
    for network in networks:
        progress(network.story)
    return networks


def answered(networks: Sequence[Network], seed: int) -> Answer:
    """What is measured of networks, with what stands out as a warning."""
    entries = measure(networks, seed)
    return answer("weights", entries, [network.facts for network in networks], list(remarks(entries)))


def answer_of_stack(result: Stack) -> str:
    """How many layers have lost rank."""
    return f"{result.lost:,} of {result.layers:,} layers have lost rank beside random weights of the same size and norm."
