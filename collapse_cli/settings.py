"""Every knob, on one page. Options, settings.toml, checkpoints and constructors are all made from these fields."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from collapse_cli.errors import CollapseError, nearest


def knob(default: Any, help: str, low: float = -math.inf, high: float = math.inf) -> Any:
    """A setting: its default, what it does (with the paper's letter), and the closed range it may take."""
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "high": high})


KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class Moco:
    """MoCo v1/v2 (He et al. 2020, arXiv:1911.05722; Chen et al. 2020, arXiv:2003.04297)."""

    queue: int = knob(512, "negatives kept in the queue, K (papers: 65536)", low=1)
    momentum: float = knob(0.99, "of the key encoder, m (papers: 0.999)", low=0, high=1)
    temperature: float = knob(0.2, "of the softmax, T (v1: 0.07)", low=1e-4)
    bn_splits: int = knob(1, "batch norm sees the batch in this many parts, as on so many GPUs", low=1)
    shuffle_bn: bool = knob(
        False, "keys meet batch norm in another order than queries (needs --bn-splits > 1)"
    )


@dataclass(frozen=True)
class Mochi:
    """MoCHi: MoCo with hard negatives mixed (Kalantidis et al. 2020, arXiv:2010.01028)."""

    queue: int = knob(512, "negatives kept in the queue, K (paper: 16384)", low=2)
    momentum: float = knob(0.99, "of the key encoder, m (paper: 0.999)", low=0, high=1)
    temperature: float = knob(0.2, "of the softmax, tau", low=1e-4)
    hardest: int = knob(64, "hardest negatives of each query that are mixed, N (paper: 1024)", low=2)
    pair_mixes: int = knob(64, "negatives mixed from two of the hardest, s", low=0)
    query_mixes: int = knob(32, "negatives mixed from a hard one and the query, s'", low=0)
    mix_after: float = knob(0.1, "share of the training before mixing starts (warm-up)", low=0, high=1)
    bn_splits: int = knob(1, "batch norm sees the batch in this many parts, as on so many GPUs", low=1)
    shuffle_bn: bool = knob(
        False, "keys meet batch norm in another order than queries (needs --bn-splits > 1)"
    )


@dataclass(frozen=True)
class PositiveOnly:
    """Positive pairs attract, nothing repels, no stop-gradient: collapses completely, on purpose."""


METHODS: dict[str, type] = {"moco": Moco, "mochi": Mochi, "positive-only": PositiveOnly}


@dataclass(frozen=True)
class Model:
    """The encoder f and the projector g: h = f(x), z = g(h)."""

    encoder: str = knob("convnet", "convnet, mlp, or a torchvision ResNet by name (resnet18 …)")
    stem: Literal["imagenet", "cifar", "cifar-pad2"] = knob(
        "cifar", "first layers of a ResNet: 7x7 with pooling, or 3x3 without (padding 1 or 2)"
    )
    head_layers: int = knob(
        2, "layers of the projector: 0 none, 1 linear (MoCo v1), 2 MLP (v2)", low=0, high=8
    )
    head_hidden: int = knob(128, "width of the projector's hidden layers", low=1)
    head_norm: bool = knob(False, "batch norm in the projector's hidden layers (hides collapse)")
    dim: int = knob(64, "dimensions of the projection z, d (MoCo: 128)", low=1)


@dataclass(frozen=True)
class Training:
    """What is learned from, for how long, and how."""

    dataset: str = knob("digits", "a name from `collapse datasets`, folder:PATH or parquet:PATH")
    size: int = knob(0, "side in pixels that folder and parquet pictures are resized to; 0: their own", low=0)
    recipe: str = knob(
        "auto",
        "augmentation: none, weak, digits, moco_v1, moco_v2, simclr; auto: digits for grey, else moco_v2",
    )
    strength: float = knob(1.0, "dial of the augmentation: 0 none, 1 as published", low=0, high=3)
    epochs: int = knob(40, "passes over the data", low=1)
    batch: int = knob(64, "pictures per step, B", low=2)
    lr: float = knob(0.05, "learning rate of the first step", low=0)
    sgd_momentum: float = knob(0.9, "of SGD", low=0, high=0.9999)
    weight_decay: float = knob(1e-4, "of SGD", low=0)
    schedule: Literal["cosine", "constant"] = knob("cosine", "of the learning rate, step by step")
    precision: Literal["fp32", "bf16"] = knob(
        "fp32", "of the forward pass; weights and spectra stay fp32, fp64"
    )
    seed: int = knob(0, "of weights, order and augmentation", low=0, high=2**63 - 1)


@dataclass(frozen=True)
class Run:
    """Everything that rebuilds a run: a method by name with its own knobs, the model and the training."""

    method: str
    own: Any
    model: Model
    training: Training

    def tables(self) -> dict[str, dict[str, Any]]:
        """As settings.toml holds it: [method], [model], [training]."""
        return {
            "method": {"name": self.method, **dataclasses.asdict(self.own)},
            "model": dataclasses.asdict(self.model),
            "training": dataclasses.asdict(self.training),
        }


def own_settings(method: str) -> type:
    """The dataclass of a method's own knobs."""
    if method not in METHODS:
        raise CollapseError(f"no method named '{method}'", nearest(method, list(METHODS)))
    return METHODS[method]


def resolve(method: str, *layers: Mapping[str, Any]) -> Run:
    """A Run from layers of flat settings, later ones winning over earlier ones and over the defaults."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer
    parts = [own_settings(method), Model, Training]
    known = [field.name for part in parts for field in dataclasses.fields(part)]
    for name in merged:
        if name not in known:
            raise CollapseError(f"'{name}' is not a setting of {method}", nearest(name, known))
    own, model, training = (fill(part, merged) for part in parts)
    splits = getattr(own, "bn_splits", 1)
    if training.batch < 2 * splits:
        raise CollapseError(
            f"--bn-splits {splits} leaves fewer than 2 of --batch {training.batch} in a part",
            "batch norm needs two: lower --bn-splits or raise --batch",
        )
    return Run(method, own, model, training)


def flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a TOML document, whether in the sections of settings.toml or without; the method's name left out."""
    settings: dict[str, Any] = {}
    for key, value in tables.items():
        settings |= dict(value) if isinstance(value, Mapping) else {key: value}
    settings.pop("name", None)
    return settings


def fill(part: type, given: Mapping[str, Any]) -> Any:
    """The dataclass `part` from those of the given values that are its own, each read as its type and held to its range."""
    types = get_type_hints(part)
    fields = dataclasses.fields(part)
    return part(**{f.name: _checked(f, types[f.name], given[f.name]) for f in fields if f.name in given})


def _checked(field: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    """The value as the field's type and within its range; text, as `--set` gives it, is read."""
    option = "--" + field.name.replace("_", "-")
    try:
        value = _read(kind, value)
    except ValueError:
        wanted = ", ".join(get_args(kind)) or KINDS[kind]
        raise CollapseError(f"{option} cannot be '{value}'", f"it takes {wanted}") from None
    low, high = field.metadata["low"], field.metadata["high"]
    if isinstance(value, int | float) and not (low <= value <= high and math.isfinite(value)):
        limits = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise CollapseError(f"{option} cannot be {value:g}", f"it must be {limits}")
    return value


def _read(kind: Any, value: Any) -> Any:
    """Raises ValueError for a value of another kind: a list, a bool for a number, a fraction for an int."""
    if not isinstance(value, str | int | float):
        raise ValueError
    if get_origin(kind) is Literal:
        allowed = {choice: choice for choice in get_args(kind)}
    elif kind is bool:
        allowed = {True: True, False: False, "true": True, "false": False}
    elif isinstance(value, bool) or (kind is int and isinstance(value, float)):
        raise ValueError
    else:
        return kind(value)
    if value not in allowed:
        raise ValueError
    return allowed[value]
