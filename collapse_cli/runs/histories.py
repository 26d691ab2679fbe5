"""The lines of a history.jsonl that can be used: a run that was killed, or a disk, may have damaged some."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

COURSE = ("loss", "chance", "std_sqrt_d", "effective_rank", "mean_cosine")
"""Fields without which a line tells no epoch's course."""

LAST = 10**9  # an epoch beyond this is a damaged number


def usable(texts: Iterable[str]) -> tuple[list[dict[str, Any]], int]:
    """The lines in the order of their epochs, the last of each; and how many others there are, empty ones not counted."""
    by_epoch: dict[int, dict[str, Any]] = {}
    count = 0
    for text in texts:
        count += bool(text.strip())
        line = parsed(text)
        if isinstance(line, dict) and _is_sound(line):
            by_epoch[line["number"]] = line
    return [by_epoch[number] for number in sorted(by_epoch)], count - len(by_epoch)


def parsed(text: str) -> Any:
    """What JSON stands for; None for text that was torn, is nested too deep or has a number of thousands of digits."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_whole(line: Mapping[str, Any]) -> bool:
    """Whether a line has every field that the course of a training is made of."""
    return all(name in line for name in COURSE)


def _is_sound(line: dict[str, Any]) -> bool:
    """Whether what stands in a line is of the kind that `training.Epoch` has there; a field may be missing."""
    number = line.get("number")
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= LAST:
        return False
    numbers = all(is_number(line.get(name, 0.0)) for name in COURSE if name != "chance")
    chance = line.get("chance") is None or is_number(line["chance"])
    watched = line.get("extra", {})
    extra = isinstance(watched, dict) and all(map(is_number, watched.values()))
    curves = line.get("curves", {})
    drawn = isinstance(curves, dict) and all(map(_is_curve, curves.values()))
    return numbers and chance and extra and drawn


def is_number(value: Any) -> bool:
    """Also one that is not finite, as the loss of a training that diverged; a whole one must fit into a double."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value) or isinstance(value, float)
    except OverflowError:
        return False


def _is_curve(value: Any) -> bool:
    """x and y of as many points."""
    pair = isinstance(value, list) and len(value) == 2 and all(isinstance(part, list) for part in value)
    return pair and len(value[0]) == len(value[1]) and all(map(is_number, (*value[0], *value[1])))
