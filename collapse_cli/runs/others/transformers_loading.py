"""The library's class, filled with tensors that are in memory: nothing is fetched, and no code of a folder is run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.reading import ImageForm
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.runs.others.transformers_encoder import Encoder
from collapse_cli.runs.others.transformers_table import ModelType

LOADING: Mapping[str, Any] = {
    "output_loading_info": True,
    "ignore_mismatched_sizes": True,
    "dtype": torch.float32,
    "attn_implementation": "eager",  # others may be fetched
    "local_files_only": True,
}
"""How the library is asked to fill a network with tensors that are in memory."""

LAYERS = ("num_hidden_layers", "num_layers", "depths")
MARGIN = 1 << 20  # for sizes that are of no weights: of images, of what is trained with

Built = tuple[Any, nn.Module, tuple[str, ...], tuple[str, ...]]


def built(
    held: FileTensors, config: Mapping[str, Any], row: ModelType, tensors: Mapping[str, Tensor]
) -> Built:
    """The config of the image tower, its network, and the names of weights that are missing and of those that are not used.

    The library renames the weights of its earlier versions. Raises CollapseError for a config that it makes no network of.
    """
    import transformers

    ours = {name: value for name, value in config.items() if name != "auto_map"}
    floats = {name: w.float() if w.is_floating_point() else w for name, w in tensors.items()}
    asked = {} if row.pooling is None else {"add_pooling_layer": row.pooling}
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            stated = transformers.AutoConfig.for_model(**ours)
            tower = getattr(stated, "vision_config", stated)
            if row.takes == "ordered":
                tower.mask_ratio = 0.0
            _refuse_activation(held, tower)
            _refuse_eps(held, tower)
            _refuse_endless(held, tower, tensors)
            network, told = getattr(transformers, row.network).from_pretrained(
                None, config=tower, state_dict=floats, **LOADING, **asked
            )
    except CollapseError:
        raise
    except Exception as error:  # a config may be wrong in any way, and the library says it in any
        words = " ".join(str(error).split())[:160] or type(error).__name__
        raise CollapseError(
            f"{held.path}: transformers makes no network of its config.json ({type(error).__name__}: {words})",
            "correct config.json, or copy or download it again",
        ) from None
    return tower, network, _lacking(told), tuple(sorted(told["unexpected_keys"]))


def missing(kind: Any, config: Any, tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Names of weights of a class of the library that are not among the tensors, or have another shape there."""
    with quiet(), torch.random.fork_rng(devices=[]):
        _, told = kind.from_pretrained(None, config=config, state_dict=dict(tensors), **LOADING)
    return _lacking(told)


def _lacking(told: Mapping[str, Any]) -> tuple[str, ...]:
    misshapen = {each[0] if isinstance(each, tuple) else each for each in told["mismatched_keys"]}
    return tuple(sorted({*told["missing_keys"], *misshapen}))


def _refuse_activation(held: FileTensors, config: Any) -> None:
    """Raises CollapseError for an activation that the library does not have."""
    from transformers.activations import ACT2FN

    name = getattr(config, "hidden_act", None)
    if isinstance(name, str) and name not in ACT2FN:
        raise CollapseError(
            f"{held.path} has the hidden_act '{name}' in its config.json, which is no activation of transformers",
            f"correct config.json; activations are {', '.join(sorted(map(str, ACT2FN)))}",
        )


def _refuse_eps(held: FileTensors, config: Any) -> None:
    """Raises CollapseError for an eps of a norm that is no small number above 0."""
    stated = {name: value for name, value in vars(config).items() if name.endswith("_eps")}
    for name, value in stated.items():
        if not isinstance(value, float) or not 0 < value < 1:
            raise CollapseError(
                f"{held.path} has the {name} {value!r:.80} in its config.json, which is no small number",
                "correct config.json",
            )


def _refuse_endless(held: FileTensors, config: Any, tensors: Mapping[str, Tensor]) -> None:
    """Raises CollapseError for sizes that no network of these weights has, before one is made of them.

    Each layer has a weight at least, and no layer is wider than there are numbers. A decoder need not be in the file.
    """
    numbers = MARGIN + sum(weight.numel() for weight in tensors.values())
    for name, value in vars(config).items():
        most = len(tensors) if name in LAYERS else numbers
        sizes = value if isinstance(value, list | tuple) else [value]
        if not name.startswith("decoder") and any(isinstance(size, int) and size > most for size in sizes):
            raise CollapseError(
                f"{held.path} is of no network of the {name} {value!r:.80} that its config.json says: it is too small",
                "correct config.json, or copy or download it again",
            )


def refuse_failing(held: FileTensors, encoder: Encoder, images: ImageForm) -> int:
    """D of h (B,D), without computing one. Raises CollapseError where the network of a config does not take its images."""
    named = [*encoder.named_parameters(), *encoder.named_buffers()]
    meta = {name: torch.empty_like(value, device="meta") for name, value in named}
    image = torch.empty(1, images.channels, images.side, images.side, device="meta")
    try:
        shape = tuple(functional_call(encoder, meta, image).shape)
        words = f"it gives {shape}"
    except Exception as error:  # as many as there are networks
        shape, words = (), " ".join(str(error).split())[:120]
    if len(shape) != 2:
        raise CollapseError(
            f"{held.path}: the network of its config.json does not take an image of side {images.side} ({words})",
            "correct config.json, or copy or download it again",
        )
    return int(shape[1])


@contextmanager
def quiet() -> Iterator[None]:
    """Without what the library prints while it loads."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
