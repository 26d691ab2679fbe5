"""How far the rank falls from layer to layer: python tests/benchmarks/layers.py [EPOCHS]

Fourteen runs on digits (10 methods, 4 encoders), 20 epochs each, with the defaults: the largest fall of the effective rank over
that of the re-initialised network, and the verdict. Then the same runs with one layer of each replaced by a projection to 2 of
its dimensions, layer by layer: the fall, the verdict, and whether the sentence names that layer. One seed. About ten minutes on
one core.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

import collapse_cli as collapse
from collapse_cli.analysis import training
from collapse_cli.runs import lifecycle
from collapse_cli.runs.record import Record
from collapse_cli.settings import resolve

METHODS = (
    "moco", "mochi", "end-to-end", "dcl", "simsiam", "byol", "vicreg", "barlow-twins", "supcon", "nnclr",
)  # fmt: skip
ENCODERS = ("mlp", "resnet8", "resnet20")  # beside the default, convnet
RUNS = [
    *((method, "convnet") for method in METHODS),
    *(("moco", encoder) for encoder in ENCODERS),
    ("vicreg", "mlp"),
]
EPOCHS, IMAGES = 20, 1000


class Narrowed(nn.Module):
    """A layer behind which 2 of its dimensions are left; re-initialised, all of them."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.narrow = layer, True

    def reset_parameters(self) -> None:
        self.narrow = False

    def forward(self, inputs: Tensor) -> Tensor:
        given: Tensor = self.layer(inputs)
        if not self.narrow:
            return given
        kept = torch.zeros(given.shape[1]).index_fill_(0, torch.tensor([0, 1]), 1.0)
        return given * kept.view(1, -1, *[1] * (given.ndim - 2))


def trained(method: str, encoder: str, epochs: int, folder: Path) -> tuple[nn.Module, Tensor]:
    """The encoder and the projector of a run, one behind the other, and images (IMAGES,C,H,W) as they see them."""
    run = resolve(method, {"epochs": epochs, "encoder": encoder})
    images = training.images(run, torch.device("cpu"))
    checkpoint, record = training.fresh(run, images), Record(folder)
    lifecycle.begin(record, checkpoint)
    list(lifecycle.epochs(checkpoint, images, record))
    pixels = checkpoint.normalisation(images.pixels[:IMAGES].float() / 255)
    return nn.Sequential(checkpoint.method.encoder, checkpoint.method.projector).eval(), pixels


def narrowed(network: nn.Module, pixels: Tensor, names: list[str]) -> Iterator[tuple[str, collapse.Result]]:
    """The answer with each layer in turn narrowed."""
    for name in names:
        parent, _, last = name.rpartition(".")
        home, layer = network.get_submodule(parent), network.get_submodule(name)
        setattr(home, last, Narrowed(layer))
        yield name, collapse.layers(network, pixels, layer=names)
        setattr(home, last, layer)


def main() -> None:
    torch.set_num_threads(1)
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else EPOCHS
    well, lost, statuses, named = [], [], Counter[tuple[str, str]](), 0
    for method, encoder in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            network, pixels = trained(method, encoder, epochs, Path(folder) / "run")
        result = collapse.layers(network, pixels)
        well.append(float(result.rank_fall))
        statuses["well", result.status] += 1
        print(f"{method}, {encoder}: {well[-1]:.2f} {result.status}", flush=True)
        names = [entry.subject.rpartition(" · ")[2] for entry in result.entries[1:]]
        for name, answer in narrowed(network, pixels, names):
            lost.append(float(answer.rank_fall))
            statuses["narrowed", answer.status] += 1
            named += name in answer.entries[0].verdict.sentence
            print(f"  {name} narrowed: {lost[-1]:.2f} {answer.status}", flush=True)
    print(f"well: {len(well)} runs, largest fall {min(well):.2f} to {max(well):.2f}")
    print(f"narrowed: {len(lost)} layers, {min(lost):.2f} to {max(lost):.2f}, named in {named}")
    print(dict(statuses))


if __name__ == "__main__":
    main()
