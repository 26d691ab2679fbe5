"""Numbers, settings and verdicts in words: the same ones at the terminal, in plots and on pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from collapse_cli.figures import quantity as with_interval
from collapse_cli.figures import written
from collapse_cli.printable import printable

MARKS = {
    "healthy": ("✓", "green"),
    "dimensional collapse": ("▲", "yellow"),
    "complete collapse": ("✗", "red"),
    "token collapse": ("✗", "red"),
    "no layer loses rank": ("•", ""),
    "inconclusive": ("?", "dim"),
    "mode collapse": ("▲", "yellow"),
    "codebook collapse": ("✗", "red"),
    "blurred": ("▲", "yellow"),
    "all modes": ("✓", "green"),
    "holds": ("✓", "green"),
    "does not hold": ("✗", "red"),
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
}


GRAVEST = (
    *("complete collapse", "token collapse", "codebook collapse", "dimensional collapse", "mode collapse", "blurred"),
    *("failed", "does not hold", "inconclusive"),
)  # fmt: skip
"""Statuses that several inputs are explained by, the gravest first."""


def gravity(judged: Any) -> int:
    """The place of a verdict among the gravest; what is no fault is the last."""
    return len(GRAVEST) if judged.usual or judged.status not in GRAVEST else GRAVEST.index(judged.status)


def explaining(name: str) -> str:
    """The command that explains a name of the guide, as it is typed."""
    return f"collapse explain {name.replace(' ', '-')}"


SPACES = {
    "h": "h, the representation that probes and downstream tasks use",
    "z": "z, the projection that the loss compares",
    "head": "the cluster head",
}
"""What a space is, for a reader who does not know its letter."""

RESULTS = {"pass": "✓ pass", "warn": "▲ warn", "inconclusive": "? inconclusive", "fail": "✗ FAIL"}
"""What a check of a gate came to."""

BEST = {
    "apart": ("●", "best: every other value differs from it significantly (95 % interval of the difference)"),
    "value": (
        "○",
        "best value; with a single run, or no variation between seeds, significance cannot be judged",
    ),
}
SHARED = (
    "several marks in one row: the differences between them are not significant; never marked: complete collapse, "
    "single runs beside repeated ones, and numbers whose null differs"
)
TAILS = (2 / 3, 1 / 3, 0)  # shares of a name that stay at its end, the best first
JOINTS = re.compile(
    r"(?<=[/_-])(?=\S)|(?<=\s)(?![/%])"
)  # where a name may be broken: before no sign that belongs to a word
ZEROS = re.compile(r"\.?0+(?=e|$)")  # at the end of a fraction
APART, TIED = "   ", "\u00a0"  # between notes on one line; a blank at which no line ends
SPREAD = "± one standard deviation over the runs of a group; a single run has none"
AGREE = "k/n: k of n seeds differ in the direction of the mean"


def shortened(text: str, width: int, tail: float = 2 / 3) -> str:
    """Cut in the middle, of what is left this share at the end: the end of a path says more than its middle."""
    if len(text) <= width:
        return text
    end = int((width - 1) * tail)
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def apart(names: Sequence[str], width: int) -> list[str]:
    """Names cut to this width, so that those that differ still do; uncut where no cut leaves them so. None is cut at its head."""
    for tail in TAILS:
        cut = [shortened(name, width, tail) for name in names]
        if len(set(cut)) == len(set(names)):
            return cut
    return list(names)


def folded(text: str, width: int) -> list[str]:
    """The whole text in lines of this width, each broken after a blank or a sign that joins words, as far as there is one."""
    lines = [""]
    for part in JOINTS.split(text):
        if len(lines[-1]) + len(part.rstrip()) > width and lines[-1]:
            lines.append("")
        while len(part.rstrip()) > width:
            lines[-1], part = part[:width], part[width:]
            lines.append("")
        lines[-1] += part
    return [line.rstrip() for line in lines if line.strip()] or [""]


def figures(value: float | int | None, pad: bool = False) -> str:
    """A number without an interval, by the rule of `collapse_cli.figures`. pad: keep the zeros at the end, as tables do."""
    text = written(value)
    return text if pad or "." not in text else ZEROS.sub("", text)


def quantity(metric: Mapping[str, Any]) -> str:
    """A value with its interval: `0.420 ± 0.031` where it is symmetric, else `0.872 [0.850, 0.880]`."""
    return with_interval(metric["value"], metric.get("interval"))


def convention(metric: Mapping[str, Any]) -> str:
    """By which convention a number was measured, and what its interval is where that needs a word."""
    interval = metric.get("interval_is")
    parts = (metric.get("convention"), f"interval: {interval}" if interval else "")
    return "; ".join(part for part in parts if part)


def legend(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """What ± and the marks of these numbers mean, those that are there."""
    kinds_of_best = {metric.get("best") for metric in metrics}
    best = [f"{mark} {text}" for name, (mark, text) in BEST.items() if name in kinds_of_best]
    spread = [SPREAD] if any(len(metric.get("runs", ())) > 1 for metric in metrics) else []
    agree = [AGREE] if any("agree" in metric for metric in metrics) else []
    return [*spread, *best, *([SHARED] if best else []), *agree]


def titled(text: str) -> str:
    """The first letter large, the others as they are (`std` stays `Std`, `SVCCA` stays itself)."""
    return text[:1].upper() + text[1:]


def in_words(value: Any) -> str:
    """The value of a setting or of an input, in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {in_words(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(in_words(part) for part in value)
    return figures(value) if isinstance(value, int | float) or value is None else printable(value)


def pairs(settings: Mapping[str, Any]) -> str:
    """One line: `N 1797 · D 128 · centred yes`."""
    return " · ".join(f"{printable(key)} {in_words(value)}" for key, value in settings.items())


def verdict(judgement: Mapping[str, Any]) -> tuple[str, str, str]:
    """A verdict as its mark, its status, and its sentences with what they mean; earlier ones began with the status."""
    mark, status = MARKS.get(judgement["status"], ("•", ""))[0], judgement["status"]
    sentence = judgement["sentence"].removeprefix(f"{status}: ")
    sentences = " ".join(filter(None, (sentence, judgement.get("meaning", ""))))
    if judgement.get("warning"):
        return mark, f"{status}, with a warning: {judgement['warning']}", sentences
    if judgement.get("usual"):
        return "•", f"usual for a projection: {status}", sentences
    return mark, f"{status}, borderline" if judgement.get("borderline") else status, sentences


def colour(judgement: Mapping[str, Any], unknown: str = "") -> str:
    """Of a verdict; none of what is no fault. unknown: of a status that has none."""
    return "" if judgement.get("usual") else MARKS.get(judgement["status"], ("", unknown))[1]


def footnote(number: int) -> str:
    """A small raised number."""
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def flowing(notes: Sequence[str], width: int) -> list[str]:
    """Notes one after the other, in as few lines as they take; a mark stays with its first word."""
    text = APART.join(note.replace(" ", TIED, 1).replace(" %", f"{TIED}%") for note in notes)
    return [line.replace(TIED, " ") for line in wrap(text, width, break_on_hyphens=False)]


def source(measured_input: Mapping[str, Any]) -> str:
    """An input in one line: its path, then what else is known; hashes and long lists stay in the JSON."""
    facts = {key: value for key, value in measured_input.items() if not _long(value)}
    path, described = facts.pop("path", ""), facts.pop("described", "")
    return " · ".join(text for text in (printable(path), printable(described), pairs(facts)) if text)


def _long(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) or (
        isinstance(value, str) and len(value) >= 32 and value.isalnum()
    )
