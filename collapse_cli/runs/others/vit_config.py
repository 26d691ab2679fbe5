"""What a config.json beside a ViT says of it, held against its weights: what it contradicts, or what is not known, refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from torch import Tensor

from collapse_cli.models import vit
from collapse_cli.runs.others import image_configs
from collapse_cli.runs.others.reading import Question
from collapse_cli.runs.others.vit_names import Family, Named

ACTIVATIONS = {
    "gelu": "gelu", "gelu_python": "gelu",
    "gelu_new": "gelu_tanh", "gelu_fast": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_tanh": "gelu_tanh",
    "quick_gelu": "quickgelu", "quickgelu": "quickgelu",
    "relu": "relu", "silu": "silu", "swish": "silu",
}  # fmt: skip
"""Activations as transformers and timm name them -> as models.vit_parts does. gelu_new and gelu_fast are the same formula."""

POOLS = {
    "cls": "class", "class": "class", "token": "class", "cls_token": "class", "first": "class",
    "avg": "mean", "mean": "mean", "gap": "mean", "average": "mean",
    "map": "attention", "attention": "attention",
}  # fmt: skip
NORMS = ("layernorm", "layer_norm", "ln")

ACTIVATION_KEYS = ("hidden_act", "hidden_activation", "act_layer", "activation")
POOL_KEYS = ("global_pool", "pooling", "pool_type", "pooling_type")
NORM_KEYS = ("norm_type", "norm_layer", "normalization")

SHAPES = frozenset(
    "img_size patch_size in_chans num_classes embed_dim depth num_heads mlp_ratio qkv_bias init_values class_token "
    "reg_tokens no_embed_class fc_norm pre_norm dynamic_img_size dynamic_img_pad drop_rate drop_path_rate".split()
)
"""Arguments of timm's models that change no more than shapes and names, or nothing while a network is measured."""


def of(question: Question) -> Mapping[str, Any]:
    """The part of config.json that is of the vision tower, with what timm's model_args say; empty where there is none."""
    whole = _whole(question)
    tower = whole.get("vision_config")
    config = dict(tower) if isinstance(tower, Mapping) else dict(whole)
    if "model_type" in whole:
        config.setdefault("model_type", whole["model_type"])
    arguments = config.pop("model_args", None)
    return {**config, **(arguments if isinstance(arguments, Mapping) else {})}


def _whole(question: Question) -> Mapping[str, Any]:
    return image_configs.part(question.held.facts, "config")


def activation(config: Mapping[str, Any]) -> str:
    """As config.json says, in our words, or nothing. What is not known is refused by `unknown`."""
    return ACTIVATIONS.get(_stated(config, ACTIVATION_KEYS), "")


def pool(config: Mapping[str, Any]) -> str:
    return POOLS.get(_stated(config, POOL_KEYS), "")


def eps(config: Mapping[str, Any]) -> float:
    """0 where config.json does not tell it."""
    value = config.get("layer_norm_eps")
    return value if isinstance(value, float) and 0 < value < 1 else 0.0


def _stated(config: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((str(config[key]).lower() for key in keys if config.get(key)), "")


def reason_against(question: Question, config: Mapping[str, Any], named: Named) -> str:
    """Why config.json does not let these weights be read as they seem to be; or nothing."""
    reasons = chain(_unknown(question, config, named.family), _contradictions(config, named.weights))
    return next(reasons, "")


def _unknown(question: Question, config: Mapping[str, Any], family: Family) -> Iterator[str]:
    """What config.json says and is not known here."""
    model_type = config.get("model_type")
    if config.get("layer_norm_eps") is not None and not eps(config):
        yield f"layer_norm_eps is {config['layer_norm_eps']!r:.80}, which is no small number"
    if model_type and str(model_type) not in family.model_types:
        yield f"model_type is {model_type!r}, which is not known to name weights so"
    words = [(ACTIVATION_KEYS, ACTIVATIONS), (POOL_KEYS, POOLS), (NORM_KEYS, NORMS)]
    if question.choices.activation != "auto":
        words = words[1:]
    for keys, allowed in words:
        for key in keys:
            if config.get(key) and str(config[key]).lower() not in allowed:
                yield f"{key} is {config[key]!r}, which is not known"
    arguments = _whole(question).get("model_args")
    arguments = arguments if isinstance(arguments, Mapping) else {}
    strange = [
        key
        for key in arguments
        if key not in SHAPES and key not in (*ACTIVATION_KEYS, *POOL_KEYS, *NORM_KEYS)
    ]
    if strange:
        yield f"model_args have {strange[0]} = {arguments[strange[0]]!r}, which is not known"


def _contradictions(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Iterator[str]:
    """What config.json and the weights say differently."""
    width, channels, patch, _ = weights["patch_embed.proj.weight"].shape
    actual = {
        "hidden_size": width, "num_features": width, "embed_dim": width,
        "num_hidden_layers": vit.depth_of(weights), "depth": vit.depth_of(weights),
        "num_register_tokens": weights["register_tokens"].shape[1] if "register_tokens" in weights else 0,
        "num_channels": channels, "in_chans": channels, "patch_size": patch,
        "image_size": vit.image_side(weights), "img_size": vit.image_side(weights),
    }  # fmt: skip
    for key, value in actual.items():
        stated = config.get(key)
        if isinstance(stated, int) and not isinstance(stated, bool) and stated != value:
            yield f"{key} is {stated}, but the weights have {value}"
    if pool(config) and not _can_pool(pool(config), weights):
        yield f"its embedding is pooled by {pool(config)}, which the weights do not allow"


def _can_pool(way: str, weights: Mapping[str, Tensor]) -> bool:
    if way == "attention" or "attn_pool.latent" in weights:
        return way == "attention" and "attn_pool.latent" in weights
    return way == "mean" or ("cls_token" in weights and "fc_norm.weight" not in weights)
