"""Networks of the package transformers, from config.json: the library's own class, filled with the tensors of the file.

No code of the folder is run, and nothing is fetched: the library is given a config and tensors, never a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from posixpath import commonprefix
from typing import Any

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others import candidates, image_configs, transformers_images, transformers_loading
from collapse_cli.runs.others.layouts import Branch, Choices, Layout
from collapse_cli.runs.others.reading import ImageForm, Question, Reading
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.runs.others.transformers_encoder import Encoder
from collapse_cli.runs.others.transformers_table import MODEL_TYPES, ModelType, takes
from collapse_cli.runs.others.vit_names import OF_TRANSFORMERS
from collapse_cli.runs.shell import quoted

LIBRARY = "transformers"
BESIDE = re.compile(
    r"(classifier|cls_classifier|distillation_classifier|lm_head|decoder|decode_head|auxiliary_head|fpn\d"
    r"|text_model|text_projection|visual_projection|logit_scale|logit_bias|mask_token|embeddings\.mask_token|pooler)(\.|$)"
)
"""Names of weights beside an image encoder, which h is not computed with: classifiers, decoders, text towers, poolers of ViTs.

They stand at the top, or directly below the prefix of the encoder: further inside, the same word may name what h goes through.
"""

NORM_BESIDE = "layernorm."
"""Of BEiT's masked pretraining: beside the encoder where that has a prefix."""

SILENT = ("arch", "prefix")  # choices with which a file is read by its names and shapes
STATED = ("stem", "heads", "activation")  # choices that config.json makes already


def question(held: FileTensors, choices: Choices) -> Question | None:
    """What `read` is asked of a file with such a config beside it; None for others, and where names and shapes shall decide."""
    model_type = _config(held).get("model_type")
    if not isinstance(model_type, str) or any(getattr(choices, name) for name in SILENT):
        return None
    branch = Branch("online", "", ("visual_projection.",))
    layout = Layout(f"{model_type} of Hugging Face", (), (branch,))
    return Question(
        held, layout, branch, {held.written[name]: w for name, w in held.tensors.items()}, choices
    )


def read(question: Question) -> Reading | None:
    """The library's network of this config; None where the library is not installed.

    Raises CollapseError for networks that do not take images or whose h is not known here, and where weights are missing or
    more of them may lie on the path.
    """
    held, config = question.held, _config(question.held)
    row = _row(held)
    if find_spec(LIBRARY) is None:
        return None
    _refuse_choices(question)
    tower, network, lacking, unexpected = transformers_loading.built(held, config, row, question.tensors)
    if lacking:
        raise CollapseError(
            f"{held.path} lacks {len(lacking)} of the weights that its config.json describes, or they have other shapes: "
            f"{', '.join(lacking[:3])}{' …' if len(lacking) > 3 else ''}",
            "copy or download config.json and the weights again, both of one network; "
            f"`collapse weights {quoted(held.path)}` needs no config",
        )
    images, origin = transformers_images.form(held, tower, row)
    encoder = Encoder(network, row, _trained_side(tower, images))
    width = transformers_loading.refuse_failing(held, encoder, images)
    uses = _used(question, network, unexpected)
    odd = _not_beside(question, unexpected, place(uses))
    _refuse_unused(question, uses, {name: question.tensors.get(name) for name in odd}, width)
    measured = {*odd, *_of_projector(question)}
    beside = sorted({name.split(".")[0] for name in unexpected if name not in measured})
    assumed = (
        f"the network {row.network} of transformers, by the model_type of config.json",
        f"h: {row.h}",
        *((origin,) if origin else ()),
        *((f"beside it, and not measured: {', '.join(beside[:6])}",) if beside else ()),
        *(("its config names code in auto_map, which is not run",) if "auto_map" in config else ()),
    )
    ours = frozenset(name for name, written in held.written.items() if written in uses)
    return Reading(
        str(config["model_type"]),
        encoder,
        dict(encoder.state_dict()),
        images,
        assumed,
        width=width,
        uses=ours,
    )


def needed(held: FileTensors, choices: Choices) -> CollapseError | None:
    """What a folder that our own readers do not read needs; None where they read it, or the library is there."""
    asked = question(held, choices)
    if asked is None or find_spec(LIBRARY) is not None:
        return None
    name = _config(held)["model_type"]
    return CollapseError(
        f"{held.path} is a Hugging Face network of model_type {name}, which needs the package transformers",
        f"pip install 'collapse-cli[transformers]'; its weights alone: collapse weights {quoted(held.path)}",
    )


def read_here(held: FileTensors) -> bool:
    """Whether our own readers know such a network, and honour what the config says of it."""
    return _config(held).get("model_type") in OF_TRANSFORMERS


def _config(held: FileTensors) -> Mapping[str, Any]:
    """A config with `architecture` is timm's, whatever else it says."""
    config = image_configs.part(held.facts, "config")
    return {} if "architecture" in config else config


def _row(held: FileTensors) -> ModelType:
    """Raises CollapseError for what does not take images, for a network whose h is not known, and for code or codes."""
    config = _config(held)
    name = config["model_type"]
    given, yourself = takes(config), "embed them yourself, and give the embeddings as .npy"
    if given in ("texts", "sounds"):
        raise CollapseError(
            f"{held.path} is a network of model_type {name}, which takes {given}, not images",
            "a folder that sentence-transformers saved, which says how tokens are pooled, is measured on --dataset "
            f"text:FILE; or {yourself}"
            if given == "texts"
            else yourself,
        )
    if name not in MODEL_TYPES:
        code = ", and its own code in auto_map is not run" if "auto_map" in config else ""
        raise CollapseError(
            f"{held.path} is a network of model_type {name}, of which it is not known what its representation is{code}",
            f"read are {', '.join(MODEL_TYPES)}; of others {yourself}",
        )
    if "quantization_config" in config:
        raise CollapseError(
            f"{held.path} has quantised weights, which are not read",
            "give the folder of the network in float",
        )
    return MODEL_TYPES[name]


def _refuse_choices(question: Question) -> None:
    """Raises CollapseError for options that say what config.json says, or ask for a network that is not there."""
    held, choices, usual = question.held, question.choices, Choices()
    stated = [name for name in STATED if getattr(choices, name) != getattr(usual, name)]
    if stated:
        raise CollapseError(
            f"{held.path} has a config.json, which says what --{stated[0]} would say",
            f"leave out --{stated[0]}",
        )
    if choices.branch == "momentum":
        raise CollapseError(
            f"{held.path} has no momentum network", "leave out --branch to take the network that is there"
        )


def place(uses: Iterable[str]) -> str:
    """The prefix that all names of a network share: `vit.`, or nothing."""
    before, dot, _ = commonprefix(list(uses)).rpartition(".")
    return before + dot


def _used(question: Question, network: Any, unexpected: tuple[str, ...]) -> frozenset[str]:
    """Names of the file that the network uses. Those of earlier versions the library has renamed, also what it does not use."""
    ours = frozenset(network.state_dict())
    base = f"{network.base_model_prefix}."
    renamed = (name for name in unexpected if name not in question.tensors)
    apart = tuple({_apart(name.removeprefix(base), ours) for name in renamed} - {""})
    return frozenset(n for n in question.tensors if n not in unexpected and not n.startswith(apart))


def _apart(name: str, ours: frozenset[str]) -> str:
    """The shortest prefix of a name that none of ours has: `decoder.`; nothing where there is none."""
    parts = name.split(".")
    prefixes = (".".join(parts[:count]) + "." for count in range(1, len(parts)))
    return next((prefix for prefix in prefixes if not any(own.startswith(prefix) for own in ours)), "")


def _not_beside(question: Question, unexpected: tuple[str, ...], prefix: str) -> tuple[str, ...]:
    """The weights that the network does not use, and that lie beside it neither by their names nor as given."""
    aside = (*filter(None, question.choices.ignore.split(",")), *([NORM_BESIDE] if prefix else []))
    counts = {name for name, weight in question.tensors.items() if not weight.is_floating_point()}
    told = counts | _of_projector(question)
    return tuple(
        name
        for name in unexpected
        if not (name in told or name.startswith(aside) or BESIDE.match(name.removeprefix(prefix)))
    )


def _of_projector(question: Question) -> frozenset[str]:
    """The names of the file under the prefixes of the projector."""
    written, prefixes = question.held.written, question.branch.projectors
    return frozenset(theirs for ours, theirs in written.items() if ours.startswith(prefixes))


def _refuse_unused(
    question: Question, uses: frozenset[str], odd: Mapping[str, Tensor | None], width: int
) -> None:
    """Raises CollapseError for weights of the file that the network does not use, and that are no head that takes h."""
    prefix = place(uses)
    own = frozenset(name.removeprefix(prefix).split(".")[0] for name in uses)
    weights = {name: weight for name, weight in odd.items() if weight is not None}
    more = candidates.without_heads(weights, width, prefix, own)
    left = [name for name in odd if (name in more or name not in weights)]
    if left:
        raise CollapseError(
            f"{question.held.path} has {len(left)} weights that the network of its config.json does not use, and that may lie "
            f"between image and embedding: {', '.join(left[:3])}{' …' if len(left) > 3 else ''}",
            f"where they lie beside the encoder, --ignore {','.join(sorted({_ahead(name) for name in left})[:6])}",
        )


def _ahead(name: str) -> str:
    """What precedes the last part of a name, with its dot: what --ignore takes."""
    before, _, last = name.rpartition(".")
    return f"{before}." if before else last


def _trained_side(config: Any, images: ImageForm) -> int:
    """The side that the position embeddings are of; that of the images where the config does not tell."""
    side = getattr(config, "image_size", None)
    side = side[0] if isinstance(side, list | tuple) and side else side
    return side if isinstance(side, int) and side > 0 else images.side
