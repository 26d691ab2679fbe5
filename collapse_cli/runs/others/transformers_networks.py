"""Networks of the package transformers, from config.json: the library's own class, filled with the tensors of the file.

No code of the folder is run, and nothing is fetched: the library is given a config and tensors, never a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others import image_configs, transformers_images, transformers_loading
from collapse_cli.runs.others.layouts import Branch, Choices, Layout
from collapse_cli.runs.others.reading import ImageForm, Question, Reading
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.runs.others.transformers_encoder import Encoder
from collapse_cli.runs.others.transformers_table import MODEL_TYPES, ModelType, takes
from collapse_cli.runs.others.vit_names import OF_TRANSFORMERS

LIBRARY = "transformers"
BESIDE = re.compile(
    r"(^|\.)(classifier|cls_classifier|distillation_classifier|lm_head|decoder|decode_head|auxiliary_head|fpn\d"
    r"|text_model|text_projection|visual_projection|logit_scale|logit_bias|mask_token|position_ids|num_batches_tracked)(\.|$)"
    r"|^(vit\.|deit\.|ijepa\.)?pooler\.|^layernorm\."
)
"""Names of weights beside an image encoder, which h is not computed with: classifiers, decoders, text towers, poolers of ViTs."""

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
            f"`collapse weights {held.path}` needs no config",
        )
    _refuse_unused(question, unexpected)
    images, origin = transformers_images.form(held, tower, row)
    encoder = Encoder(network, row, _trained_side(tower, images))
    transformers_loading.refuse_failing(held, encoder, images)
    beside = sorted({name.split(".")[0] for name in unexpected})
    assumed = (
        f"the network {row.network} of transformers, by the model_type of config.json",
        f"h: {row.h}",
        *((origin,) if origin else ()),
        *((f"beside it, and not measured: {', '.join(beside[:6])}",) if beside else ()),
        *(("its config names code in auto_map, which is not run",) if "auto_map" in config else ()),
    )
    return Reading(str(config["model_type"]), encoder, dict(encoder.state_dict()), images, assumed)


def needed(held: FileTensors, choices: Choices) -> CollapseError | None:
    """What a folder that our own readers do not read needs; None where they read it, or the library is there."""
    asked = question(held, choices)
    if asked is None or find_spec(LIBRARY) is not None:
        return None
    name = _config(held)["model_type"]
    return CollapseError(
        f"{held.path} is a Hugging Face network of model_type {name}, which needs the package transformers",
        f"pip install 'collapse-cli[transformers]'; its weights alone: collapse weights {held.path}",
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


def _refuse_unused(question: Question, unexpected: tuple[str, ...]) -> None:
    """Raises CollapseError for weights of the file that the network does not use, and that do not lie beside it."""
    aside = tuple(filter(None, question.choices.ignore.split(",")))
    odd = [name for name in unexpected if not (BESIDE.search(name) or (aside and name.startswith(aside)))]
    if odd:
        raise CollapseError(
            f"{question.held.path} has {len(odd)} weights that the network of its config.json does not use, and that may lie "
            f"between image and embedding: {', '.join(odd[:3])}{' …' if len(odd) > 3 else ''}",
            f"where they lie beside the encoder, --ignore {','.join(sorted({_ahead(name) for name in odd})[:6])}",
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
