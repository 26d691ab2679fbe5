"""Files -> tensors. The file's name is the data set's name. Nothing is downloaded unless asked for."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from collapse_cli import remote
from collapse_cli.data.cache import user_folder
from collapse_cli.data.facts import SPLITS, Facts
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.printable import quoted
from collapse_cli.remote import addresses
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing
from collapse_cli.walks import refuse_impossible

if TYPE_CHECKING:
    from collapse_cli.data.labelling import Labelling
    from collapse_cli.shapes import Images

NAMES = ("digits", "cifar10", "cifar100", "stl10", "svhn", "mnist", "fashion_mnist")
SCHEMES = ("folder", "parquet", "text")
UNCHANGED, AS_THEY_ARE = Framing(), ImageFiles()


def facts(name: str) -> Facts:
    """What is known of a named set without having it. Raises CollapseError for an unknown name."""
    dataset_facts: Facts = import_module(f"{__name__}.{_named(name)}").FACTS
    return dataset_facts


def load(
    name: str,
    split: str = "train",
    *,
    data_dir: str | Path | None = None,
    download: bool = False,
    framing: Framing = UNCHANGED,
    files: ImageFiles = AS_THEY_ARE,
    labelling: Labelling | None = None,
) -> Images:
    """The images of a split, on the CPU: a named set, `folder:PATH` or `parquet:PATH`.

    data_dir: where named sets lie (see `data_root`). For folders and parquet files alone, framing: how images become squares
    of one size; files: how they are read; labelling: labels from elsewhere, in place of the source's own.
    """
    if split not in SPLITS:
        raise CollapseError(f"there is no split named '{split}'", nearest(split, list(SPLITS)))
    refuse_impossible(name)
    scheme, _, path = name.partition(":")
    if is_source(name):
        addresses.refuse_secret(path)
        place = remote.local_path(Path(path).expanduser(), whole=True)
        module = import_module(f"{__name__}.{scheme}")
        images: Images = module.load(place, split, framing, files, labelling)
    else:
        images = import_module(f"{__name__}.{_named(name)}").load(split, data_root(data_dir), download)
    return images


def is_source(name: str) -> bool:
    """Whether a name is `folder:PATH`, `parquet:PATH` or `text:FILE`: data without splits that everybody knows."""
    scheme, _, path = name.partition(":")
    return bool(path) and scheme in SCHEMES


def place(name: str) -> str:
    """The same for every way in which one `folder:PATH` can be written; other names as they are."""
    scheme, _, path = name.partition(":")
    refuse_impossible(name)
    return f"{scheme}:{os.path.realpath(Path(path).expanduser())}" if is_source(name) else name


def data_root(data_dir: str | Path | None) -> Path:
    """Where named sets lie: the argument, or COLLAPSE_DATA_DIR, or the user's cache folder."""
    stated = str(data_dir or os.environ.get("COLLAPSE_DATA_DIR") or user_folder())
    refuse_impossible(stated, "the data folder")
    return Path(stated).expanduser()


def _named(name: str) -> str:
    if name not in NAMES:
        if scheme := _scheme_of(Path(name).expanduser()):
            place = "folder" if Path(name).expanduser().is_dir() else "file"
            raise CollapseError(
                f"there is no data set named '{name}', but a {place} of this name is there",
                f"give --dataset {quoted(f'{scheme}:{name}')}",
            )
        raise CollapseError(
            f"there is no data set named '{name}'", nearest(name, [*NAMES, "folder:PATH", "parquet:PATH"])
        )
    return name


def _scheme_of(path: Path) -> str:
    """How images at this path are named; empty where there are none."""
    if path.is_dir():
        return "parquet" if next(path.glob("*.parquet"), None) else "folder"
    return "parquet" if path.is_file() and path.suffix == ".parquet" else ""
