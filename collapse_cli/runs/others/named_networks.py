"""Networks by the name of their architecture: a ResNet of torchvision, or a model of timm."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.models import encoders
from collapse_cli.runs.others import framings, image_configs, resnet_variants, resnets
from collapse_cli.runs.others.reading import ImageForm, Question, Reading
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.runs.others.torchvision_table import ALSO_OF_TIMM, NAMES
from collapse_cli.shapes import Normalisation

RESNET = re.compile(
    r"(?:(?:ssl|swsl|ig|tv|gluon)_)?(resnet\d+|wide_resnet\d+_2|resnext\d+_\d+x\d+d)", re.IGNORECASE
)
"""A ResNet as torchvision and timm compute it alike: its shapes are enough."""

VIT = re.compile(r"(?:vit|deit)_(tiny|small|base|large|huge)(_patch\d+)?(?:_\d+)?")
"""A plain ViT of timm, DeiT, DINO or MoCo v3: its shapes and its heads are enough."""

OF_TIMM = re.compile(
    r"resnet\d+(x\d+)?([cdstq]|ts)?(_(gn|mlp|clip\w*))?"
    r"|(resnet(aa|blur|rs|v2)|eca_?resne|se_?resne|skresne|gcresne|cspresne|ecaresne|resnest|res2net|tresnet|botnet|densenet|dla"
    r"|flexivit|samvit|cait|xcit|crossvit|levit|naflexvit|hiera|volo|swin|twins|pvt|maxx?vit|coat|davit"
    r"|mvitv2|gcvit|convnext|convmixer|convformer|caformer|poolformer|efficientnet|tf_efficientnet|efficientvit|efficientformer"
    r"|edgenext|fastvit|mobilenet|tf_mobilenet|mobilevit|mnasnet|ghostnet|hrnet|regnet|repvgg|vgg|inception|xception|mixer|resmlp"
    r"|gmlp|nf_resne|nfnet|dm_nfnet|dpn|rexnet|tinynet|visformer|focalnet|inception_next)\w*[_\d]\w*"
    r"|(vit|deit3?|beit|beitv2|eva|eva02)_\w*(patch\d+|_r\d*_s\d+|_dinov)\w*"
)
"""Names as timm gives them, for where timm cannot be asked."""


def bare(name: str) -> str:
    """`hf_hub:timm/resnet50.a1_in1k` -> `resnet50`: which weights they were does not change what is computed."""
    return name.split("/")[-1].split(".")[0]


def is_plain(name: str) -> bool:
    """Whether shapes are enough for networks of this name."""
    return bool(RESNET.fullmatch(bare(name)) or VIT.fullmatch(bare(name)))


def is_timms(name: str) -> bool:
    """Whether a name looks like one of timm's for whose network shapes are not enough."""
    return not is_plain(name) and bool(OF_TIMM.fullmatch(bare(name)))


def is_changed(held: FileTensors) -> bool:
    """Whether a config of timm changes the plain network that it names, in a way that shapes need not show."""
    name, stated = bare(held.arch), _stated(held)
    usual = "token" if VIT.fullmatch(name) else "avg"
    changed = stated.get("global_pool", usual) != usual or stated.keys() - {
        "global_pool",
        "img_size",
        "in_chans",
    }
    return is_plain(name) and bool(changed)


def agrees(name: str, arch: str) -> bool:
    """Whether a name that was given and the name by shapes mean the same network."""
    resnet, vit = RESNET.fullmatch(bare(name)), VIT.fullmatch(bare(name))
    if vit:
        return arch.startswith(f"vit_{vit[1]}{vit[2] or ''}")
    return bool(arch) and arch in (name, bare(name), resnet[1].lower() if resnet else "")


def needs_timm(held: FileTensors) -> bool:
    """Whether the file names an architecture that shapes do not settle, and that only timm could build, which is not here."""
    name = bare(held.arch)
    if name in NAMES and not name.startswith(ALSO_OF_TIMM):
        return False
    return (is_timms(name) or is_changed(held)) and not _has_timm()


def without_timm(held: FileTensors, fits: str = "") -> CollapseError:
    """fits: the architecture by the shapes of the weights, where there is one."""
    return CollapseError(
        f"{held.path} names the architecture {held.arch}, which needs the package timm",
        "pip install 'collapse-cli[timm]'"
        + (f"; or --arch {fits} to read it as the network that its shapes fit" if fits else ""),
    )


def read(question: Question) -> Reading | None:
    """The network of the name that was asked for, or that the file tells; None where there is none, or it is not known."""
    arch = bare(question.choices.arch or question.held.arch)
    if not question.tensors or not arch:
        return None
    if arch in encoders.RESNETS and (question.choices.arch or not is_changed(question.held)):
        return _of_torchvision(arch, question)
    if arch in NAMES and not arch.startswith(ALSO_OF_TIMM):  # which shapes would have told
        return None
    return _of_timm(arch, question)


def _of_torchvision(arch: str, question: Question) -> Reading:
    weights = resnets.renamed(question.tensors) or question.tensors
    resnet_variants.refuse(weights, question.held)
    stem = resnets.stem_of(weights, question)
    images = resnets.images(weights, stem, question)
    with torch.device("meta"):
        network, _ = encoders.resnet(arch, images.channels, stem)
    return Reading(arch, network, weights, images, tuple(resnets.in_words(weights, stem, question)), stem)


def _has_timm() -> bool:
    try:
        return find_spec("timm") is not None
    except ValueError:  # an import that was forbidden
        return False


def _of_timm(arch: str, question: Question) -> Reading | None:
    """timm's network without classifier; None where nobody asked for it and it cannot be had."""
    required = bool(question.choices.arch)
    try:
        import timm
    except ImportError:
        if required:
            raise CollapseError(
                f"the architecture '{question.choices.arch}' needs the package timm",
                "pip install 'collapse-cli[timm]'",
            ) from None
        return None
    if not timm.is_model(arch):
        if required:
            close = get_close_matches(arch, [*encoders.RESNETS, *NAMES, *timm.list_models()], n=3)
            raise CollapseError(
                f"there is no architecture named '{question.choices.arch}'",
                f"did you mean {' or '.join(close)}?"
                if close
                else "give a name of torchvision or of timm, such as resnet50",
            )
        return None
    network = _built(arch, question)
    stated, config = _stated(question.held), network.pretrained_cfg
    channels, side, _ = config["input_size"]
    normalisation = Normalisation(tuple(config["mean"]), tuple(config["std"]))
    placed = "pos_embed" in question.tensors  # timm stretches no positions while it runs
    fixed = placed or bool(config.get("fixed_input_size"))
    placed_for = _side(question) if placed else 0
    side = (
        _square(stated.get("img_size"), question) or placed_for or resnets.stated_side(question.held) or side
    )
    framed = framings.of_timm(config, side, f"timm's {arch}")
    images = ImageForm(
        channels, side, question.held.normalisation or normalisation, fixed=fixed, framed=framed
    )
    return Reading(arch, network, _without_classifier(question.tensors, network), images)


def _square(size: Any, question: Question) -> int:
    """H = W of an img_size, which is one number or two; 0 where none is stated. Raises CollapseError where they differ."""
    sides = size if isinstance(size, list | tuple) else [size or 0]
    if not all(isinstance(side, int) and 0 <= side < 1 << 16 for side in sides) or len(set(sides)) != 1:
        raise CollapseError(
            f"{question.held.path} says img_size {size!r:.80}, but only square images are measured",
            "compute the embeddings by its own code, and give them as a .npy file",
        )
    return sides[0]


def _without_classifier(weights: Mapping[str, Tensor], network: Any) -> Mapping[str, Tensor]:
    """timm knows its classifier's name, which may be any."""
    last = network.pretrained_cfg.get("classifier") or ()
    names = tuple(f"{name}." for name in ((last,) if isinstance(last, str) else last))
    ours = network.state_dict()
    return {name: weight for name, weight in weights.items() if name in ours or not name.startswith(names)}


def _built(arch: str, question: Question) -> Any:
    """timm's network, built as the config beside the file says. Raises CollapseError for what timm does not take."""
    import timm

    stated, sized = _stated(question.held), {}
    if stated.get("global_pool") == "":
        raise CollapseError(
            f"{question.held.path} says global_pool '': {arch} gives a map for each image, not an embedding",
            "write a pooling that timm's model has, such as avg, into the config.json beside it",
        )
    if "pos_embed" in question.tensors and "img_size" not in stated and _side(question):
        sized = {"img_size": _side(question)}
    with torch.random.fork_rng(devices=[]):
        try:
            return timm.create_model(arch, pretrained=False, num_classes=0, **stated, **sized)
        except TypeError as error:
            if not sized:
                raise _not_taken(arch, stated, question, error) from None
        except (AssertionError, AttributeError) as error:
            raise _not_taken(arch, stated, question, error) from None
        try:  # not every network with positions takes a size
            return timm.create_model(arch, pretrained=False, num_classes=0, **stated)
        except (AssertionError, AttributeError, TypeError) as error:
            raise _not_taken(arch, stated, question, error) from None


def _not_taken(arch: str, stated: Mapping[str, Any], question: Question, error: Exception) -> CollapseError:
    return CollapseError(
        f"{question.held.path} is a {arch} built with {', '.join(f'{n} {v!r}' for n, v in stated.items())}, which timm's "
        f"{arch} does not take: {error}",
        "correct model_args and global_pool in the config.json beside it",
    )


def _stated(held: FileTensors) -> dict[str, Any]:
    """How timm is to build it, as the config.json beside the file says."""
    config = image_configs.part(held.facts, "config")
    pool = {"global_pool": config["global_pool"]} if isinstance(config.get("global_pool"), str) else {}
    settings = config.get("model_args")
    stated = {**pool, **(settings if isinstance(settings, dict) else {})}
    return {
        name: value for name, value in stated.items() if name != "num_classes"
    }  # it is built without classifier


def _side(question: Question) -> int:
    """H = W that the positions of a ViT were learned for, or 0."""
    positions, patches = question.tensors["pos_embed"], question.tensors.get("patch_embed.proj.weight")
    if patches is None or positions.ndim != 3 or patches.ndim != 4:
        return 0
    return math.isqrt(positions.shape[1]) * patches.shape[-1]
