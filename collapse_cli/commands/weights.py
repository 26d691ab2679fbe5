"""collapse weights: which layers have lost rank, and do adjacent layers align?"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.answers import finish, identified
from collapse_cli.commands.options import Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.runs.record import Record
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from collapse_cli.methods import Method
    from collapse_cli.metrics.layer_alignment import Pair
    from collapse_cli.metrics.weights import Layer
    from collapse_cli.models.layers import Layers, Link
    from collapse_cli.runs.checkpoint import Checkpoint

NAMED = 6  # layers in one sentence
FEW = (
    16  # layers and pairs, each of which has a curve of its own; more are drawn by their place in the network
)


@dataclass(frozen=True)
class Network:
    """One input: its layers and, for a run of ours, the same layers before training."""

    name: str
    layers: Layers
    before: Layers | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # for the JSON's `inputs`
    record: Record | None = None


@options(Output=Shown)
def weights(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT…", help="run folders, checkpoints, weights of others", show_default=False
        ),
    ],
    given: dict[str, Any],
    seed: Annotated[
        int, typer.Option(help="of the random matrices that stand for unknown fresh weights", min=0)
    ] = 0,
) -> None:
    """Which layers have lost rank, and do adjacent layers align?

    Ranks and singular values of every layer, beside the same weights before
    training, which a run of ours draws again from its seed, or random ones; and
    how far the directions that one layer amplifies are those that the next one
    takes up. Of a run trained with --keep-every both are drawn by epoch too.

    Example: [bold]collapse weights runs/mine --plot weights.png[/bold]
    """
    shown = fill(Shown, given)
    output = shown.output()
    found = [_read(path) for path in inputs]
    for network in () if shown.quiet else found:
        print(
            f"{network.facts['path']}: {network.facts['layout']}; {len(network.layers.weights)} layers",
            file=sys.stderr,
        )
    entries = measure(found, seed)
    finish("weights", entries, found, output, remarks(entries))


def _read(path: Path) -> Network:
    """A run, a checkpoint of ours, or whatever else holds weights."""
    if path.suffix in (".npy", ".npz"):
        raise CollapseError(f"{path} holds embeddings, not weights", "give a run folder or a checkpoint")
    if path.is_dir() and not (path / "checkpoint.pt").exists():
        raise CollapseError(
            f"{path} is a folder without a checkpoint.pt", "give a run folder or a checkpoint"
        )
    file = path / "checkpoint.pt" if path.is_dir() else path
    kept = _ours(file)
    if kept is None:
        return _theirs(path)
    record = Record(file.parent) if (file.parent / "run.json").exists() else None
    name = file.parent.name if file.name == "checkpoint.pt" else file.name
    facts = identified(path, file, "collapse checkpoint")
    facts |= {"epoch": kept.state.epoch, "method": kept.run.method}
    return replace(of(kept, name), facts=facts, record=record)


def _theirs(path: Path) -> Network:
    """Another library's weights: neither the network nor its fresh weights are known."""
    from collapse_cli.models.layers import named
    from collapse_cli.runs import foreign

    return Network(path.name, named(foreign.matrices(path)), facts=identified(path, path, "weights"))


def _ours(file: Path) -> Checkpoint | None:
    """The checkpoint, if the file is one of ours; it is for others to say what is wrong with theirs."""
    from collapse_cli.runs import checkpoint
    from collapse_cli.runs.source import Source

    source = Source(file)
    return checkpoint.load(source) if checkpoint.is_ours(source) else None


def of(kept: Checkpoint, name: str) -> Network:
    """Encoder and projector of a run, beside the weights that its seed draws."""
    import torch

    from collapse_cli import methods

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(kept.run.training.seed)
        fresh = methods.build(kept.run, kept.data)
    return Network(name, _traced(kept.method), _traced(fresh))


def _traced(method: Method) -> Layers:
    from torch import nn

    from collapse_cli.models.layers import layers

    return layers(nn.Sequential(OrderedDict(encoder=method.encoder, projector=method.projector)))


def measure(found: Sequence[Network], seed: int) -> list[dict[str, Any]]:
    """Of each network one entry for the whole, one for each layer, and one for each pair of adjacent layers.

    Raises CollapseError for a network without layers, and for weights that are not finite.
    """
    import torch

    from collapse_cli.metrics.layer_alignment import along
    from collapse_cli.metrics.weights import stack

    generator = torch.Generator().manual_seed(seed)
    measured = [(network, _layers(network, generator), _pairs(network)) for network in found]
    few = sum(len(layers) + len(pairs) for _, layers, pairs in measured) <= FEW
    entries = []
    for number, (network, layers, pairs) in enumerate(measured):
        before = f"{network.name} · " if len(found) > 1 else ""
        settings = {} if network.before else {"seed": seed}
        whole = stack(list(layers.values()), not few, None if few else along([pair for _, pair in pairs]))
        entries.append(entry(network.name, whole, input=number, settings=settings))
        entries += _over_epochs(network, dict(pairs), number)
        for name, layer in layers.items():
            shown = layer if few else replace(layer, spectrum=None)
            entries.append(entry(before + name, shown, input=number, settings=settings))
        for link, pair in pairs:
            drawn = _drawn(pair, few, link.linear)
            entries.append(entry(before + link.name, drawn, input=number, settings={"between": link.said}))
    return entries


def _over_epochs(network: Network, pairs: Mapping[Link, Pair], number: int) -> list[dict[str, Any]]:
    """The course of its layers, where the run kept checkpoints of other epochs than its last."""
    from collapse_cli.commands.epochs import along, course

    if not network.before or not network.record or not network.record.epochs():
        return []
    epochs = along(network.record, network.before, network.layers, network.facts["epoch"], _traced)
    leading = {link.second: pair.leading for link, pair in pairs.items()}
    return [entry(f"{network.name} by epoch", course(epochs, leading), input=number)]


def _drawn(pair: Pair, few: bool, linear: bool) -> Pair:
    """With its curves, where they are few; a single direction aligns with another through a linear map alone."""
    entries = pair.entries if few and linear else None
    return replace(pair, overlap=pair.overlap if few else None, entries=entries)


def _layers(network: Network, generator: Generator) -> dict[str, Layer]:
    """Every layer by name, from the input on."""
    from collapse_cli.metrics.weights import layer

    now, before = network.layers.weights, network.before.weights if network.before else {}
    if not now:
        raise CollapseError(f"{network.name} holds no weight matrices", "give linear or convolutional layers")
    for name, weight in now.items():
        if not weight.isfinite().all():
            raise CollapseError(
                f"{name} of {network.name} holds nan or infinity", "the network has diverged: lower --lr"
            )
    return {name: layer(weight, generator, before.get(name)) for name, weight in now.items()}


def _pairs(network: Network) -> list[tuple[Link, Pair]]:
    """Every two layers of which one takes up what the other gives."""
    from collapse_cli.metrics.layer_alignment import pair

    def ends(link: Link, layers: Layers) -> tuple[Tensor, Tensor]:
        return layers.weights[link.first], layers.weights[link.second]

    before = network.before
    return [
        (link, pair(*ends(link, network.layers), link.scale, ends(link, before) if before else None))
        for link in network.layers.links
    ]


def remarks(entries: Sequence[dict[str, Any]]) -> list[str]:
    """What stands out: for each network the layers that have lost rank."""
    from collapse_cli.metrics.weights import LOST, lost

    living = [
        (one["input"], one["of"], one["metrics"]["alive"]) for one in entries if "alive" in one["metrics"]
    ]
    said = []
    for number in dict.fromkeys(number for number, _, _ in living):
        own = [(of, alive) for at, of, alive in living if at == number]
        names = [of for of, alive in own if lost(alive["value"], alive["null"])]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        if names:
            said.append(
                f"rank is lost in {len(names)} of {len(own)} layers: {', '.join(names[:NAMED])}{more} ({LOST})"
            )
    return said
