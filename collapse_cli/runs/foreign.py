"""Other people's checkpoints -> an encoder and, where there is one, a projector."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.models import rebuilt
from collapse_cli.runs import plain
from collapse_cli.runs.others import beside, branches, caveats, framings, leftovers
from collapse_cli.runs.others.candidates import Candidate
from collapse_cli.runs.others.framings import StatedFraming
from collapse_cli.runs.others.key_queue import queue
from collapse_cli.runs.others.layouts import NORMALISATIONS, Choices
from collapse_cli.runs.others.reading import ImageForm
from collapse_cli.runs.others.recognition import recognise
from collapse_cli.runs.others.tensors import FileTensors, hold
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Framing, Normalisation

AS_FOUND = Choices()

NO_LAYERS = re.compile(r"pos_embed|position|token|queue|prototypes")
"""Names of matrices that act on nothing."""


class Frozen(nn.Module):
    """A network with the parts that a method has: encoder, projector, cluster head; without a projector h is handed on."""

    repels = loss_sees = temperature = negatives = key_network = classifier = compares = (
        None  # of its training nothing is known
    )

    def __init__(
        self, encoder: nn.Module, projector: nn.Module | None, cluster_head: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = nn.Identity() if projector is None else projector
        self.cluster_head = cluster_head


@dataclass(frozen=True)
class Foreign:
    """Somebody's trained network, every weight of it from the file, in eval mode and float32.

    encoder (B,C,H,W) -> h (B,D); projector h -> z (B,d), or None; cluster_head h -> (B,M) rows that sum to 1, or None;
    prototypes (K,d) and queue (K,d) in z's space, or None.
    layout, known by its signs, beginnings of names; branch: online or momentum; prefix: of the encoder's names, as the file
    writes it, inside the dicts `where`; matched of `total` weights; epoch as the file counts; channels, size (H = W),
    normalisation and framing of the images it was trained on, as far as known; width D, dim d.
    assumed: what the file leaves open, and how it was taken; unknown: what could not be told; warnings: what is wrong;
    leftover: the weights of the file that none of these uses, by prefix.
    """

    path: Path
    layout: str
    signs: tuple[str, ...]
    where: str
    prefix: str
    branch: str
    arch: str
    stem: str
    encoder: nn.Module
    projector: nn.Module | None
    cluster_head: nn.Module | None
    prototypes: Tensor | None
    queue: Tensor | None
    matched: int
    total: int
    epoch: int | None
    channels: int
    size: int
    width: int
    dim: int | None
    normalisation: Normalisation
    framing: Framing
    dtype: str
    assumed: tuple[str, ...]
    unknown: tuple[str, ...]
    warnings: tuple[str, ...]
    leftover: tuple[str, ...] = ()


def load(place: Path | Source, choices: Choices = AS_FOUND) -> Foreign:
    """Another library's checkpoint. Raises CollapseError for what is not one, or is of no network known here."""
    held = hold(place, averaged=choices.branch != "online")
    return restore(held, recognise(held, choices), choices)


def restore(held: FileTensors, best: Candidate, choices: Choices = AS_FOUND, filled: bool = True) -> Foreign:
    """The networks of a reading, with their weights. filled: whether the encoder is to be used, and not just looked at."""
    encoder = rebuilt.filled(best.reading.network, best.weights) if filled else best.reading.network
    size, normalisation = _images(held, best, choices)
    framed = framings.decided(choices.framing, held.facts, best.layout.name, best.reading.images.framed, size)
    framing = framed.framing or Framing(size)
    projector, clusters = beside.projector(held, best, choices), beside.clusters(held, best)
    keys = queue(held, projector.dim)
    used = leftovers.used_by_encoder(held, best) | projector.names | keys.names | beside.names(held, best)
    return Foreign(
        path=held.path,
        layout=best.layout.name,
        signs=best.layout.signs,
        where=held.where,
        prefix=branches.written(held, best.branch.encoder),
        branch="momentum" if held.averaged else best.branch.role,
        arch=best.reading.arch,
        stem=best.reading.stem,
        encoder=encoder,
        projector=projector.network,
        cluster_head=clusters,
        prototypes=_copied(beside.prototypes(held, best)),
        queue=_copied(keys.keys),
        matched=best.matched,
        total=best.total,
        epoch=held.epoch,
        channels=best.reading.images.channels,
        size=size,
        width=best.width,
        dim=projector.dim,
        normalisation=normalisation,
        framing=framing,
        dtype=_dtype(best.weights),
        assumed=(*caveats.assumed(held, best, choices, projector), _shown(framing, framed, normalisation)),
        unknown=(*caveats.unknown(held, best, projector), *keys.unknown),
        warnings=tuple(caveats.warnings(best, projector)),
        leftover=tuple(leftovers.in_words(held, best, used)),
    )


def _copied(tensor: Tensor | None) -> Tensor | None:
    """In memory: what is kept beyond the reading does not depend on the file."""
    return None if tensor is None else tensor.clone()


def _images(held: FileTensors, best: Candidate, choices: Choices) -> tuple[int, Normalisation]:
    """Side and normalisation of the images: as asked for, else as far as the network tells.

    Raises CollapseError where images of the side asked for do not fall into its patches, or it takes one side alone.
    """
    images = best.reading.images
    fixed = images.fixed and choices.size not in (0, images.side)
    if choices.size % images.multiple or fixed:
        raise CollapseError(
            f"{held.path} does not take images of --size {choices.size}",
            f"its own position embeddings are for {images.side}"
            if fixed
            else f"give a multiple of {images.multiple}, the side of its patches",
        )
    return choices.size or images.side, _normalisation(held.path, images, choices.normalisation)


def _normalisation(path: Path, images: ImageForm, asked: str) -> Normalisation:
    """As asked for, else as far as the network tells. Raises CollapseError where what was asked for is of other channels."""
    chosen, channels = NORMALISATIONS.get(asked, images.normalisation), images.channels
    if len(chosen.mean) == channels:
        return chosen
    if asked not in NORMALISATIONS:
        return Normalisation((0.0,) * channels, (1.0,) * channels)
    if len({*chosen.mean}) > 1 or len({*chosen.std}) > 1:
        raise CollapseError(
            f"--normalisation {asked} is of {len(chosen.mean)} channels, but {path} takes images of {channels}",
            "give --normalisation none or --normalisation half, which are the same for every channel",
        )
    return Normalisation(chosen.mean[:1] * channels, chosen.std[:1] * channels)


def _shown(framing: Framing, framed: StatedFraming, normalisation: Normalisation) -> str:
    mean, std = (", ".join(f"{v:.3g}" for v in part) for part in (normalisation.mean, normalisation.std))
    reason = framed.origin or "however its own code resizes and crops"
    reason = f"though {framed.undone}, which is not done here" if framed.undone else reason
    prepared = f"{framings.in_words(framing)}, {reason} (--framing)"
    return f"images of side {framing.side}, mean {mean}, std {std} (--size, --normalisation): {prepared}"


def _dtype(weights: Mapping[str, Tensor]) -> str:
    kinds = {weight.dtype for weight in weights.values() if weight.is_floating_point()}
    return " and ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))


def matrices(place: Path | Source, choices: Choices = AS_FOUND) -> dict[str, Tensor]:
    """Every weight matrix (out, in·kh·kw) by its layer's name, in the order of the network; also where the network is not known.

    Of a network that is known: encoder and `projector.…`, as `load` reads them. Otherwise all of the file's, in its order.
    Raises CollapseError where there are none.
    """
    held = hold(place, averaged=choices.branch != "online")
    path = held.path
    try:
        best = recognise(held, replace(choices, heads=choices.heads or 1))  # any number has the same matrices
        projector = beside.projector(held, best, choices)
        head = {f"projector.{name}": weight for name, weight in projector.weights.items()}
        tensors = {**best.weights, **head}
    except CollapseError:
        tensors = dict(held.tensors)
        if path.suffix == ".safetensors" or path.is_dir():  # which keeps names in no order of the network's
            tensors = dict(sorted(tensors.items(), key=lambda item: _counted(item[0])))
    weights = {
        name.removesuffix(".weight"): plain.dense(weight, path).flatten(1)
        for name, weight in tensors.items()
        if _is_matrix(weight) and not NO_LAYERS.search(name)
    }
    if not weights:
        raise CollapseError(
            f"{path} contains no weight matrices", "give the file to which the model's state_dict was saved"
        )
    return weights


def _is_matrix(weight: Tensor) -> bool:
    """Whether it has numbers that are those of a layer: not so an empty one, and one without a device."""
    return (
        weight.ndim > 1 and weight.is_floating_point() and weight.numel() > 0 and not plain.is_unread(weight)
    )


def _counted(name: str) -> list[tuple[int, str]]:
    """A key by which `layers.10` comes after `layers.2`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]
