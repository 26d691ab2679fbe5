"""What a checkpoint holds beside its encoder: projector, prototypes, cluster head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from posixpath import commonprefix

from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.branches import prefixes, written
from collapse_cli.runs.others.candidates import Candidate, under
from collapse_cli.runs.others.heads import HEAD, LEARNER, OTHER_HEAD, Head, behind, head_at, heads
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.others.leftovers import unused, used_by_encoder
from collapse_cli.runs.others.recognition import few
from collapse_cli.runs.others.slow_copies import is_slow
from collapse_cli.runs.others.tensors import FileTensors

NORMED = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)
"""Length and direction of a weight-normed layer's rows, as torch has named them."""

ABSENT = "the file contains no projector, so only h can be measured"


@dataclass(frozen=True)
class Projector:
    """g: h (B,D) -> z (B,d) from its own weights, or None; its weights, and their names in the file.

    assumed: what the file leaves open of it, and how it was taken; unknown: why there is none, and what may be one.
    """

    network: nn.Sequential | None = None
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    assumed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    dim: int | None = None


def projector(held: FileTensors, best: Candidate, choices: Choices) -> Projector:
    """The projector that was asked for, that the layout has, or that takes h whatever its name.

    Raises CollapseError where there is none under the prefix that was asked for.
    """
    if choices.projector == "none":
        return Projector(assumed=("no projector, as given (--projector)",))
    head = _declared(held, best, together=bool(choices.projector))
    if choices.projector and (head is None or head.layers is None):
        raise CollapseError(
            f"there is no projector under --projector {choices.projector} of {held.path}: "
            + ("no name of a weight begins so" if head is None else head.reason),
            f"give the prefix of linear layers that take the {best.width} dimensions of h, or --projector none",
        )
    if head is not None and head.layers is None:
        lies = written(held, head.prefixes[0])
        reason = f"the projector under '{lies}' is left out: {head.reason}"
        return Projector(weights=head.weights, unknown=(reason,))
    if head is not None:
        return _built(held, best, head, "" if choices.projector else best.layout.open)
    return Projector(unknown=(best.layout.without,)) if best.layout.without else _searched(held, best)


def _declared(held: FileTensors, best: Candidate, together: bool) -> Head | None:
    """What lies under the first of the branch's prefixes that is there, or under all of them together."""
    there = tuple(p for p in best.branch.projectors if any(name.startswith(p) for name in held.tensors))
    lies = there if together else there[:1]
    if not lies:
        return None
    weights = {
        n: w for n, w in held.tensors.items() if not n.startswith(tuple(f"{p}last_layer" for p in lies))
    }
    if lies == ("visual.proj",) and "visual.proj" in weights:  # open_clip keeps one matrix (D,d)
        weights = {"visual.proj": weights["visual.proj"].T}
    return head_at(weights, lies, best.width)


def _built(held: FileTensors, best: Candidate, head: Head, *assumed: str) -> Projector:
    """A head with its weights. Behind DINO's lies a last layer, and it has a GELU where others have a ReLU."""
    assert head.layers is not None
    layers = behind(head)
    is_dino = any(name.startswith(layers) for name in held.tensors)
    activation = nn.GELU if is_dino or best.layout.activation == "gelu" else nn.ReLU
    names = frozenset(n for n in held.tensors if n.startswith(head.prefixes) and not n.startswith(layers))
    taken = (*filter(None, assumed), *head.layers.assumed(activation.__name__))
    return Projector(head.layers.built(activation), head.weights, names, taken, dim=head.layers.gives)


def _searched(held: FileTensors, best: Candidate) -> Projector:
    """What takes h among the weights that the encoder does not use, those named after a projection first."""
    encoder, used = best.branch.encoder, used_by_encoder(held, best)
    own, weights = frozenset(name.removeprefix(encoder).split(".")[0] for name in used), unused(held, used)
    others = tuple(other for other in prefixes(replace(held, tensors=weights)) if other != encoder)
    named = [head for head in heads(weights, best.width, encoder, own) if not _is_other(head, encoder)]
    there = [head for head in named if _is_of(head, encoder, others)]
    rebuilt = [
        head for head in there if head.layers is not None and (head.is_projection or not head.is_single)
    ]
    rivals = [other for other in others if is_slow(other) == is_slow(encoder)]
    if not rebuilt or (rivals and len(rebuilt) > 1):
        reasons = tuple(_left_out(held, head) for head in there)
        return Projector(unknown=reasons or (_absent(held, [head for head in named if head.layers]),))
    first, *more = sorted(rebuilt, key=lambda head: (not head.is_projection, not HEAD.search(head.name)))
    also = f"; so does {few(tuple(_as_written(held, head) for head in more))}" if more else ""
    lies = _as_written(held, first)
    if follows := _follower(first, weights):
        both = f"{lies},{written(held, follows)}"
        reason = f"whether '{lies}' is all of the projector, as another part follows by its name (--projector {both})"
        return Projector(unknown=(reason,))
    return _built(
        held,
        best,
        first,
        f"the projector under '{lies}', which takes the {best.width} dimensions of h{also} (--projector)",
    )


def _follower(head: Head, weights: Mapping[str, Tensor]) -> str:
    """The prefix that has the next number, as `proj2.` behind `proj1.`; empty where there is none."""
    before, number = re.fullmatch(r"(.*?)(\d*)\.?", head.prefixes[-1]).groups()  # type: ignore[union-attr]
    follows = f"{before}{int(number) + 1}." if number else ""
    return follows if follows and any(name.startswith(follows) for name in weights) else ""


def _absent(held: FileTensors, elsewhere: list[Head]) -> str:
    """That there is no projector, or none but another network's."""
    if not elsewhere:
        return ABSENT
    lies = _as_written(held, elsewhere[0])
    return f"the file contains no projector of this network; '{lies}' is of another, by its name (--projector {lies})"


def _is_other(head: Head, encoder: str) -> bool:
    """Whether a head is named as one that is no projector."""
    shared = commonprefix([head.name, encoder]).rpartition(".")[0]
    return bool(OTHER_HEAD.search(head.name.removeprefix(shared)))


def _is_of(head: Head, encoder: str, others: tuple[str, ...]) -> bool:
    """Whether a head may be this encoder's: it does not lie beside another one, and is not named after another branch."""
    theirs = tuple(filter(None, (_parting(other, encoder) for other in others)))
    student = LEARNER.search(head.name) and not LEARNER.search(encoder)
    return not (head.name.startswith(theirs) or student) and is_slow(head.name) == is_slow(encoder)


def _parting(other: str, encoder: str) -> str:
    """Up to where another encoder's prefix differs from this one's: what lies under it is the other's. Empty: nowhere."""
    parts = other.split(".")
    whole = (".".join(parts[:count]) + "." for count in range(1, len(parts)))
    return next((prefix for prefix in whole if not encoder.startswith(prefix)), "")


def _left_out(held: FileTensors, head: Head) -> str:
    lies = _as_written(held, head)
    if head.layers is None:
        return f"the projector that '{lies}' may be is left out: {head.reason}"
    if not head.is_single:
        return f"whether the projector is '{lies}', as there is another encoder that may have it (--projector {lies})"
    layer = f"one linear layer {head.layers.takes}-{head.layers.gives}"
    return f"whether '{lies}', {layer}, is a classifier or a projector: it is left out (--projector {lies})"


def _as_written(held: FileTensors, head: Head) -> str:
    """Its prefixes as the file has them, between commas."""
    return ",".join(written(held, prefix) for prefix in head.prefixes)


def prototypes(held: FileTensors, best: Candidate) -> Tensor | None:
    """(K,d): DINO's last layer or SwAV's prototypes, of the first kind where there are several."""
    weights = under(_of_prototypes(held, best), _before_prototypes(held, best))
    for length, direction in NORMED:
        if {length, direction} <= weights.keys():
            return normalize(weights[direction].float(), dim=1) * weights[length].float()
    return next((w.float() for name, w in weights.items() if name.endswith("weight")), None)


def _before_prototypes(held: FileTensors, best: Candidate) -> str:
    layers = (f"{prefix}last_layer." for prefix in best.branch.projectors)
    return next((p for p in layers if any(name.startswith(p) for name in held.tensors)), "prototypes.")


def _of_prototypes(held: FileTensors, best: Candidate) -> dict[str, Tensor]:
    """The weights that `prototypes` reads, by the names of the file."""
    before = _before_prototypes(held, best)
    inside = {name: weight for name, weight in held.tensors.items() if name.startswith(before)}
    if any({f"{before}{part}" for part in pair} <= inside.keys() for pair in NORMED):
        return inside
    return dict([(name, weight) for name, weight in inside.items() if name.endswith("weight")][:1])


def clusters(held: FileTensors, best: Candidate) -> nn.Sequential | None:
    """The layout's head h (B,D) -> (B,M), rows that sum to 1; None where there is none that takes h."""
    if not any(name.startswith(best.layout.clusters or "?") for name in held.tensors):
        return None
    head = head_at(held.tensors, (best.layout.clusters,), best.width)
    return nn.Sequential(*head.layers.built(), nn.Softmax(dim=1)).eval() if head.layers else None


def names(held: FileTensors, best: Candidate) -> frozenset[str]:
    """The names of the weights that cluster head and prototypes are read from."""
    grouped = best.layout.clusters if clusters(held, best) else "?"
    of_clusters = (name for name in held.tensors if name.startswith(grouped))
    return frozenset((*_of_prototypes(held, best), *of_clusters))
