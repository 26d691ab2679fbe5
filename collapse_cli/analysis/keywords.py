"""The keywords that every Python function takes: how an input is read and measured."""

from __future__ import annotations

import os
from typing import Literal, TypedDict

from collapse_cli.analysis.array_inputs import Labels
from collapse_cli.shapes import StemName


class Settings(TypedDict, total=False):
    """How an input is read and measured. Each is an option of the commands too, and `--help` says more about it."""

    split: Literal["auto", "train", "test", "all"]
    samples: int
    dataset: str
    data_dir: str | os.PathLike[str]
    download: bool
    device: str
    seed: int
    arch: str
    stem: Literal["auto", StemName]
    branch: Literal["auto", "online", "momentum"]
    prefix: str
    projector: str
    ignore: str
    heads: int
    activation: Literal["auto", "gelu", "gelu_tanh", "quickgelu"]
    size: int
    framing: Literal["auto", "square", "imagenet", "dino", "clip", "stretch"]
    normalisation: Literal["auto", "imagenet", "cifar", "clip", "half", "none"]
    unpack: Literal["none", "bits", "scale"]
    groups: Labels
    column: str
    label_column: str
    image_column: str
    background: Literal["auto", "white", "grey", "black"]
    skip_broken: bool
    second: str
    views_of: str
    centre: bool
