"""What a group of runs, or an input that is none, is called: one name in tables, plots, sentences and JSON alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any


def of_groups(every: Sequence[Mapping[str, Any]], facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """One name for each group, no two the same. every: its training settings, empty where it was not trained by us; facts: of its
    first input, whose path names it then.
    """
    by_settings = group_names(every)
    paths = [_path(each) for each, name in zip(facts, by_settings, strict=True) if not name]
    short = iter(zip(of_paths(paths), paths, strict=True))
    taken = {name for name in by_settings if name}
    return [name or _free(*next(short), taken) for name in by_settings]


def _path(facts: Mapping[str, Any]) -> str:
    """Of an input; of a set in a folder that of the folder, and what tells the set from the others."""
    path = str(facts["path"])
    if "dataset" in facts:
        return f"{path} on {str(facts['dataset']).rstrip('/').rpartition('/')[2]}"
    return str(PurePath(path).parent / facts["part"]) if "part" in facts else path


def _free(name: str, path: str, taken: set[str]) -> str:
    """The short name of a path, or all of it where a group of runs has that name."""
    return path if name in taken else name


def of_paths(paths: Sequence[str]) -> list[str]:
    """Each path by as many of its last parts as tell it from the others, without those at the end that all of them share.

    `x/a/rows.npy`, `x/b/rows.npy` -> `a`, `b`; a lone path by its last part.
    """
    parts = [PurePath(path).parts for path in paths]
    shared = _shared_at_end(parts)
    parts = [each[: len(each) - shared] for each in parts]
    return [_shortest(each, parts) for each in parts]


def _shared_at_end(parts: Sequence[tuple[str, ...]]) -> int:
    """How many of the last parts all paths have in common; none where that would leave nothing of one of them."""
    shortest = min(map(len, parts), default=0)
    return next((n for n in range(shortest) if len({each[-1 - n] for each in parts}) > 1), 0)


def _shortest(parts: tuple[str, ...], every: Sequence[tuple[str, ...]]) -> str:
    for length in range(1, len(parts) + 1):
        if Counter(each[-length:] for each in every)[parts[-length:]] == 1:
            return "/".join(parts[-length:])
    return "/".join(parts)


def group_names(every: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each group's settings: the method, and what sets it off from most groups of that method.

    Two groups differ in some setting, which most can have in one of them at most: no two names are the same. Empty for settings
    that are.
    """
    return [_group_name(settings, every) for settings in every]


def _group_name(settings: Mapping[str, Any], every: Sequence[Mapping[str, Any]]) -> str:
    same = [other for other in every if other.get("method") == settings.get("method")]
    unusual = [key for key in settings if 2 * sum(other[key] == settings[key] for other in same) <= len(same)]
    words = (_in_words(key, settings[key]) for key in unusual)
    return " ".join([str(settings["method"]), *words]) if settings else ""


def _in_words(key: str, value: Any) -> str:
    """Numbers need their name, words (a data set, a recipe) speak for themselves."""
    name = key.replace("_", " ")
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return (value or f"no {name}") if isinstance(value, str) else f"{name} {value:g}"
