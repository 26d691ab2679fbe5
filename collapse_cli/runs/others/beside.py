"""What a checkpoint holds beside its encoder: projector, prototypes, queue."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.models import rebuilt
from collapse_cli.runs.others.candidates import Candidate, under
from collapse_cli.runs.others.tensors import FileTensors

NORMED = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)
"""Length and direction of a weight-normed layer's rows, as torch has named them."""


def projector(held: FileTensors, best: Candidate, width: int) -> tuple[nn.Module | None, str]:
    """g: h (B,width) -> z (B,d) from its own weights, or None and why."""
    lies, weights = _first(held, best)
    if not weights:
        return None, best.layout.without or "the file contains no projector, so only h can be measured"
    network = rebuilt.mlp(weights, nn.GELU if last_layer(held, best) else nn.ReLU)
    if network is None:
        return None, f"the projector under '{lies}' is left out: its layers do not follow on each other"
    if rebuilt.width_in(network) != width:
        takes = f"it takes {rebuilt.width_in(network)} dimensions, but h has {width}"
        return None, f"the projector under '{lies}' is left out: {takes}"
    return network, ""


def head(held: FileTensors, best: Candidate) -> Mapping[str, Tensor]:
    """The weights of the projector."""
    return _first(held, best)[1]


def _first(held: FileTensors, best: Candidate) -> tuple[str, dict[str, Tensor]]:
    """Where the projector lies, and its weights without DINO's last layer. open_clip keeps one matrix (D,d) instead."""
    projectors = ((prefix, under(held.tensors, prefix)) for prefix in best.branch.projectors)
    lies, weights = next(((prefix, weights) for prefix, weights in projectors if weights), ("", {}))
    if lies == "visual.proj" and weights.keys() == {"weight"}:
        return lies, {"weight": weights["weight"].T}
    return lies, {n: w for n, w in weights.items() if not n.startswith("last_layer")}


def last_layer(held: FileTensors, best: Candidate) -> Mapping[str, Tensor]:
    """DINO's layer behind the projector, which has a GELU where others have a ReLU."""
    layers = (under(held.tensors, f"{prefix}last_layer.") for prefix in best.branch.projectors)
    return next((layer for layer in layers if layer), {})


def prototypes(held: FileTensors, best: Candidate) -> Tensor | None:
    """(K,d): DINO's last layer or SwAV's prototypes, of the first kind where there are several."""
    weights = last_layer(held, best) or under(held.tensors, "prototypes.")
    for length, direction in NORMED:
        if {length, direction} <= weights.keys():
            return normalize(weights[direction].float(), dim=1) * weights[length].float()
    return next((w.float() for name, w in weights.items() if name.endswith("weight")), None)


def queue(held: FileTensors) -> Tensor | None:
    """(K,d) keys. MoCo keeps them as (d,K), solo-learn as (2,d,K), one queue for each view; stable-pretraining as rows."""
    if "queue.out" in held.tensors:
        return held.tensors["queue.out"].float()
    keys = held.tensors.get("queue")
    if keys is None or keys.ndim not in (2, 3):
        return None
    return keys.float().transpose(-1, -2).reshape(-1, keys.shape[-2])
