"""One reading of a file: the network that its weights or its name tell, and how far they fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.models import encoders, rebuilt, vit
from collapse_cli.runs.others.layouts import BESIDE, Branch, Choices, Layout
from collapse_cli.runs.others.renaming import Named, renamed
from collapse_cli.runs.others.tensors import FileTensors


@dataclass(frozen=True)
class Candidate:
    """One reading of a file: the network, still without weights, those of the file by its names, and how far they fit.

    matched weights of `total`, which are those of the network and those of the file, taken together; form: of a ViT; clip:
    whether it was trained as CLIP is.
    """

    layout: Layout
    branch: Branch
    arch: str
    network: nn.Module
    weights: Mapping[str, Tensor]
    stem: str
    form: vit.Form | None
    clip: bool
    matched: int
    total: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.matched / self.total


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """What stands under a prefix, without it. A name that is the prefix itself becomes `weight`."""
    stripped = {
        name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)
    }
    return {name or "weight": tensor for name, tensor in stripped.items()}


def of_shapes(
    tensors: Mapping[str, Tensor], layout: Layout, branch: Branch, choices: Choices, held: FileTensors
) -> Candidate | None:
    """The network as its weights tell it."""
    named = renamed(tensors)
    if named is None:
        return None
    if named.family == "vit":
        form = _form(named, layout, choices, held)
        arch, network = vit.vit(named.weights, form)
        return _scored(layout, branch, arch, network, named.weights, form=form, clip=named.clip)
    stem = _stem(named.weights, layout, choices)
    arch, network = rebuilt.resnet(named.weights, stem)
    return _scored(layout, branch, arch, network, named.weights, stem=stem)


def of_arch(
    tensors: Mapping[str, Tensor], layout: Layout, branch: Branch, choices: Choices, held: FileTensors
) -> Candidate | None:
    """The network of a name: the one that was asked for, or the one that the file names."""
    arch = choices.arch or held.arch
    if not tensors or not arch:
        return None
    if arch in encoders.RESNETS:
        named = renamed(tensors)
        weights = named.weights if named else tensors
        stem = _stem(weights, layout, choices)
        with torch.device("meta"):
            network, _ = encoders.resnet(arch, weights["conv1.weight"].shape[1], stem)
        return _scored(layout, branch, arch, network, weights, stem=stem)
    timm = _of_timm(arch, required=bool(choices.arch))
    return None if timm is None else _scored(layout, branch, arch, timm, tensors)


def _of_timm(arch: str, required: bool) -> nn.Module | None:
    """timm's network of that name without classifier; None where nobody asked for it and it cannot be had."""
    try:
        import timm
    except ImportError:
        if required:
            raise CollapseError(
                f"the architecture '{arch}' needs the package timm", "pip install 'collapse-cli[timm]'"
            ) from None
        return None
    if not timm.is_model(arch):
        if required:
            raise CollapseError(
                f"there is no architecture named '{arch}'",
                nearest(arch, [*encoders.RESNETS, *timm.list_models()]),
            )
        return None
    with torch.random.fork_rng(devices=[]):
        network: nn.Module = timm.create_model(arch, pretrained=False, num_classes=0)
    return network


def _stem(weights: Mapping[str, Tensor], layout: Layout, choices: Choices) -> str:
    """The stem that was asked for, or the layout's own. Raises ValueError where conv1 belongs to none."""
    possible = rebuilt.stems(weights)
    if not possible:
        raise ValueError("no stem")
    if choices.stem == "auto":
        return layout.stem if layout.stem in possible else possible[0]
    if choices.stem not in possible:
        side = weights["conv1.weight"].shape[-1]
        raise CollapseError(
            f"--stem {choices.stem} does not go with a conv1 of {side}x{side}",
            "use " + " or ".join(possible),
        )
    return choices.stem


def _form(named: Named, layout: Layout, choices: Choices, held: FileTensors) -> vit.Form:
    """What the weights of a ViT leave open: as asked for, as config.json says, or as usual for this layout and width."""
    width = named.weights["patch_embed.proj.weight"].shape[0]
    config = held.facts.get("config") or {}
    config = config.get("vision_config", config)
    usual = dict(layout.heads).get(width)
    heads = choices.heads or config.get("num_attention_heads") or usual or vit.heads_of(width)
    if width % heads:
        raise CollapseError(
            f"a ViT {width} wide cannot have {heads} heads", "choose another number of --heads"
        )
    openai = "input_resolution" in held.tensors  # which only OpenAI's own files hold
    stated = str(config.get("hidden_act", "")).replace("_", "")
    activation = stated if stated in vit.ACTIVATIONS else "quickgelu" if openai else named.activation
    if choices.activation != "auto":
        activation = choices.activation
    return vit.Form(heads, activation, config.get("layer_norm_eps") or named.eps)


def _scored(
    layout: Layout,
    branch: Branch,
    arch: str,
    network: nn.Module,
    weights: Mapping[str, Tensor],
    stem: str = "",
    form: vit.Form | None = None,
    clip: bool = False,
) -> Candidate:
    """How far weights, which are no whole numbers, fit a network. What is known to lie beside one does not count."""
    ours, theirs = (
        {name: weight.shape for name, weight in held.items() if weight.is_floating_point()}
        for held in (network.state_dict(), weights)
    )
    unexpected = tuple(name for name in theirs if name not in ours and not name.startswith(BESIDE))
    missing = tuple(_differing(name, ours, theirs) for name in ours if theirs.get(name) != ours[name])
    used = {name: weights[name] for name in network.state_dict() if name in weights}
    matched, total = len(ours) - len(missing), len(ours) + len(unexpected)
    return Candidate(
        layout, branch, arch, network, used, stem, form, clip, matched, total, missing, unexpected
    )


def _differing(name: str, ours: Mapping[str, torch.Size], theirs: Mapping[str, torch.Size]) -> str:
    return f"{name} {tuple(theirs[name])} for {tuple(ours[name])}" if name in theirs else name
