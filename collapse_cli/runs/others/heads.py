"""Heads among weights that an encoder does not use: chains of linear layers and norms that take its representation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from collapse_cli.models.chain import Chain, NoChainError, chain

Weights = Mapping[str, Tensor]

HEAD = re.compile(r"proj|head|neck|mlp|contrast|embed|instance|^fc\d*\.|^linear\d*\.|^g\.", re.IGNORECASE)
"""In the name of a head."""

PROJECTION = re.compile(r"proj|contrast|instance", re.IGNORECASE)
"""In the name of a head that is a projector, even where it is a single linear layer."""

OTHER_HEAD = re.compile(
    r"predict|regress|(^|[._])pred([._]|$)|decod|classif|probe|prototype|cluster|centroid|centre|center|queue|memory|discrim|rotation|"
    r"jigsaw|(^|[._])(text|token|loss)|logit|online_head|criterion",
    re.IGNORECASE,
)
"""In the name of a head that is none: of a predictor, a decoder, a classifier, the text tower."""

LEARNER = re.compile(r"student", re.IGNORECASE)

ANOTHER = re.compile(r"(^|[._])(attn|attention)([._]|\d|$)", re.IGNORECASE)
"""In the names of a network that is more than a head."""

NUMBERED = re.compile(r"(?:fc|lin|linear|l|dense|bn|norm|ln|layer_?norm|batch_?norm)_?\d+")
"""Layers of a head that stand side by side, without a name for all of them."""


@dataclass(frozen=True)
class Head:
    """What may be a head: its prefixes, its weights without them, and its layers, or why they are none."""

    prefixes: tuple[str, ...]
    weights: Weights
    layers: Chain | None
    reason: str = ""

    @property
    def name(self) -> str:
        return ",".join(self.prefixes)

    @property
    def is_projection(self) -> bool:
        """Whether it is named after one; a single layer in itself, and not only what it is a part of."""
        name = self.prefixes[0].rstrip(".").rpartition(".")[2] if self.is_single else self.name
        return bool(PROJECTION.search(name))

    @property
    def is_single(self) -> bool:
        """Whether it is one linear layer: a classifier has as many."""
        return self.layers is not None and self.layers.linear == 1


def behind(head: Head) -> tuple[str, ...]:
    """Where DINO's last layer lies, behind the projector: in it, or beside it."""
    return tuple(f"{before}last_layer." for prefix in head.prefixes for before in (prefix, parent(prefix)))


def parent(prefix: str) -> str:
    """`head.mlp.` -> `head.`."""
    return prefix.rstrip(".").rpartition(".")[0] + "." if "." in prefix.rstrip(".") else ""


def head_at(weights: Weights, prefixes: tuple[str, ...], width: int) -> Head:
    """The head that lies under these prefixes; several: layers side by side, whose names keep what follows the last full stop."""
    cut = len(prefixes[0]) if len(prefixes) == 1 else prefixes[0].rstrip(".").rfind(".") + 1
    inside = {name[cut:] or "weight": w for name, w in weights.items() if name.startswith(prefixes)}
    try:
        layers = chain(inside)
    except NoChainError as error:
        return Head(prefixes, inside, None, str(error))
    if layers.takes != width:
        return Head(prefixes, inside, None, f"it takes {layers.takes} dimensions, but h has {width}")
    return Head(prefixes, inside, layers)


def heads(weights: Weights, width: int, encoder: str, own: frozenset[str]) -> Iterator[Head]:
    """Every topmost part of these weights that takes h (B,width), and what is named like a head and cannot be rebuilt.

    encoder: the prefix of the encoder; own: the first parts of names under it that are its modules. In them nothing is a head,
    but in a network's own head there may be.
    """
    yield from _below("", weights, width, encoder, own)


def _below(before: str, weights: Weights, width: int, encoder: str, own: frozenset[str]) -> Iterator[Head]:
    """The heads one level below a prefix; numbered layers that stand side by side are tried together."""
    parts = dict.fromkeys(
        name[len(before) :].split(".")[0]
        for name in weights
        if name.startswith(before) and "." in name[len(before) :]
    )
    inside = [f"{before}{part}." for part in parts if before == encoder and part in own]
    prefixes = [prefix for part in parts if (prefix := f"{before}{part}.") not in inside]
    together = tuple(prefix for prefix in prefixes if NUMBERED.fullmatch(prefix[len(before) : -1]))
    if len(together) > 1:
        head = head_at(weights, together, width)
        if head.layers is not None:
            first = dict.fromkeys(layer.parts[0] for layer in head.layers.layers)
            yield replace(
                head, prefixes=tuple(f"{before}{part}." for part in first)
            )  # in the order of its layers
            prefixes = [prefix for prefix in prefixes if prefix not in together]
    for prefix in (*prefixes, *(prefix for prefix in inside if HEAD.search(prefix[len(before) :]))):
        if prefix in inside or encoder.startswith(prefix):
            yield from _below(prefix, weights, width, encoder, own)
        else:
            yield from _at(prefix, weights, width, encoder)


def _at(prefix: str, weights: Weights, width: int, encoder: str) -> Iterator[Head]:
    """What lies under a prefix if it is a head, else the heads inside it; itself where it is named like one and holds none."""
    if ANOTHER.search(prefix):
        return
    head = head_at(weights, (prefix,), width)
    inner: list[Head] = []
    if head.layers is None and not _is_network(head):
        worded = {
            name: weight for name, weight in weights.items() if not _is_counted(name.removeprefix(prefix))
        }
        inner = list(_below(prefix, worded, width, encoder, frozenset()))
    if head.layers is not None or (not inner and HEAD.search(prefix.removeprefix(encoder))):
        yield head
    yield from inner


def _is_network(head: Head) -> bool:
    """Whether there is more to it than a head has: whatever looks like one inside is not."""
    return any(weight.ndim > 2 or ANOTHER.search(head.name + name) for name, weight in head.weights.items())


def _is_counted(name: str) -> bool:
    """Whether a name begins with a part of a sequence, which is no head without the others."""
    return name.split(".")[0][-1:].isdigit()
