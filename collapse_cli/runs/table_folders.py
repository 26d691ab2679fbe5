"""Folders that are tables: files of parquet, and what `datasets` saves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NoReturn

from collapse_cli.errors import CollapseError
from collapse_cli.walks import once

Kind = Literal["parquet", "dataset", "splits", ""]

SHARD = re.compile(r"(.+?)-\d+-of-\d+")
WORD = re.compile(r"(train|test|validation|valid|val|dev|eval)(?![a-z])")


def kind(path: Path) -> Kind:
    """Which table a folder is, or the files of a split that a path names, as DIR/train; empty where it is none, or holds .npy."""
    if not path.is_dir():
        return "parquet" if not path.exists() and _of_split(path) else ""
    if any(not file.name.startswith(".") for file in path.glob("*.npy")):
        return ""
    if (path / "dataset_dict.json").is_file():
        return "splits"
    if (path / "state.json").is_file() and (path / "dataset_info.json").is_file():
        return "dataset"
    return "parquet" if _parquets(path) else ""


def files(path: Path) -> list[Path]:
    """The files that are read of it, in their order. Raises CollapseError for several splits."""
    if kind(path) == "dataset":
        return [path / "state.json", *sorted(path.glob("*.arrow"))]
    return parquets(path)


def parquets(path: Path) -> list[Path]:
    """The parquet files of a folder, or of its folder `data`; those of one split. Raises CollapseError for several splits."""
    if not path.is_dir():
        return _of_split(path)
    parquet_files = _parquets(path)
    splits: dict[str, list[Path]] = {}
    for file in parquet_files:
        splits.setdefault(_split(file), []).append(file)
    if len(splits) > 1:
        ways = [str(part[0] if len(part) == 1 else part[0].with_name(name)) for name, part in splits.items()]
        raise _several(path, list(splits), ways)
    return parquet_files


def refuse_splits(path: Path) -> NoReturn:
    """Raises CollapseError for the folder of a `DatasetDict`: which splits it holds, and how to give one."""
    names = sorted(part.name for part in path.iterdir() if (part / "state.json").is_file())
    raise _several(path, names, [str(path / name) for name in names])


def _several(path: Path, names: list[str], ways: list[str]) -> CollapseError:
    """The remedy is a path for each."""
    return CollapseError(
        f"{path} contains the splits {', '.join(names)}",
        f"give one of them: {' or '.join(ways) or 'its folder'}",
    )


def _parquets(folder: Path) -> list[Path]:
    for place in (folder, folder / "data"):
        files = (file for file in place.glob("*.parquet") if not file.name.startswith((".", "_")))
        if parquet_files := once(sorted(files)):
            return parquet_files
    return []


def _split(file: Path) -> str:
    """`train` of train-00000-of-00002.parquet and of train.parquet; empty where a name tells none."""
    match = SHARD.fullmatch(file.stem) or WORD.match(file.stem)
    return match[1] if match else ""


def _of_split(path: Path) -> list[Path]:
    """The files of DIR/train, which is no folder."""
    return [
        file for file in _parquets(path.parent) if file.parent == path.parent and _split(file) == path.name
    ]
