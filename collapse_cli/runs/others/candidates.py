"""One reading of a file, and how far its weights and the network's fit."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from collapse_cli.runs.others.heads import HEAD, behind, heads
from collapse_cli.runs.others.layouts import Branch, Layout
from collapse_cli.runs.others.reading import Question, Reading

ON_THE_PATH = re.compile(
    r"(fc|head|classifier)\.(.*\.)?[a-z_]*(norm|attn|attention|pool|probe|query)", re.IGNORECASE
)
"""What the head of some networks holds and their embedding goes through: ConvNeXt's last norm, SigLIP's pooling."""

POOLING = re.compile(
    r"(\w*_)?(\w*pool(er|ing)?s?|gem|\w*vlad|aggregat(or|ion|ed?))\d*(_\w+)?(\.|$)", re.IGNORECASE
)
"""The beginning of a name: what makes an embedding of what an encoder gives for each place of an image."""

POOLER = "pooler.dense."
"""The layer that transformers puts behind the class token, and that h is read before."""


@dataclass(frozen=True)
class Candidate:
    """A reading, of which layout and branch, and how far it fits.

    weights: those of the file that the network uses; matched of `total`, which are the weights of the network and those of the
    file that no head or decoder beside it has, taken together; missing of the network; unexpected: of the file and not used.
    """

    layout: Layout
    branch: Branch
    reading: Reading
    weights: Mapping[str, Tensor]
    matched: int
    total: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.matched / self.total if self.total else 0.0

    @property
    def exact(self) -> bool:
        """Whether none can be better."""
        return self.share == 1 and self.reading.refusal is None

    @cached_property
    def width(self) -> int:
        """D of the representation h, without computing one: on the meta device, for which torch takes seconds to be ready."""
        if self.reading.width:
            return self.reading.width
        images = self.reading.images
        network = copy.deepcopy(self.reading.network).to("meta").eval()
        image = torch.empty(1, images.channels, images.side, images.side, device="meta")
        return int(network(image).shape[1])


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """What stands under a prefix, without it. A name that is the prefix itself becomes `weight`."""
    stripped = {
        name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)
    }
    return {name or "weight": tensor for name, tensor in stripped.items()}


def scored(question: Question, reading: Reading) -> Candidate:
    """How far weights, which are no whole numbers, fit a network. What lies beside one does not count."""
    ours, theirs = (
        {name: weight.shape for name, weight in weights.items() if weight.is_floating_point()}
        for weights in (reading.network.state_dict(), reading.weights)
    )
    ignored = tuple(filter(None, question.choices.ignore.split(",")))
    unexpected = tuple(
        name
        for name in theirs
        if name not in ours and not name.startswith(ignored) and not _beside(name, reading.beside)
    )
    missing = tuple(_differing(name, ours, theirs) for name in ours if theirs.get(name) != ours[name])
    used = {name: reading.weights[name] for name in reading.network.state_dict() if name in reading.weights}
    matched, total = len(ours) - len(missing), len(ours) + len(unexpected)
    fits = Candidate(question.layout, question.branch, reading, used, matched, total, missing, unexpected)
    return _without_heads(fits) if unexpected and not missing else fits


def is_pooling(name: str) -> bool:
    """Whether a name, from the encoder's place on, is that of a pooling which the embedding goes through."""
    return bool(POOLING.match(name)) and not name.startswith(POOLER)


def _beside(name: str, beginnings: tuple[str, ...]) -> bool:
    return name.startswith(beginnings) and not ON_THE_PATH.match(name)


def _without_heads(fits: Candidate) -> Candidate:
    """The same, where what lies beside the network and is heads of h is nothing unexpected."""
    weights = {name: fits.reading.weights[name] for name in fits.unexpected}
    own = frozenset(name.split(".")[0] for name in fits.reading.network.state_dict())
    unexpected = without_heads(weights, fits.width, "", own)
    return replace(fits, unexpected=unexpected, total=fits.matched + len(unexpected))


def without_heads(
    weights: Mapping[str, Tensor], width: int, encoder: str, own: frozenset[str]
) -> tuple[str, ...]:
    """The names of weights but those in a module that is heads of h (B,width) and nothing else; encoder, own: as in `heads`.

    A head D -> D under no such name may as well lie inside the network, as adapters do: it stays.
    """
    beside = tuple(
        prefix
        for head in heads(weights, width, encoder, own)
        if head.layers is not None and (head.layers.gives != width or HEAD.search(head.name))
        if not is_pooling(head.name)
        for prefix in (*head.prefixes, *behind(head))
    )
    module = {name: name.removeprefix(encoder).split(".")[0] for name in weights}
    more = {module[name] for name in weights if not name.startswith(beside)}
    return tuple(name for name in weights if module[name] in more)


def _differing(name: str, ours: Mapping[str, torch.Size], theirs: Mapping[str, torch.Size]) -> str:
    return f"{name} {tuple(theirs[name])} for {tuple(ours[name])}" if name in theirs else name
