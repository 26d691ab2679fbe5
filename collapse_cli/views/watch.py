"""Trainings as they go on, on stdout: curves that are drawn anew on a terminal, a line for each record elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import wrap
from typing import Any, Protocol

from rich.console import Group
from rich.live import Live
from rich.text import Text

from collapse_cli.interrupts import cleaning
from collapse_cli.printable import everywhere, printable
from collapse_cli.views.console import Console
from collapse_cli.views.document import Document
from collapse_cli.views.sketch import MARGIN, sketch, sparkline, thinned
from collapse_cli.views.words import figures, shortened

LABEL, VALUE = 20, 9  # letters of a curve's name and of its last value
HIGHEST, LOWEST = 10, 3  # rows of the large sketch; with fewer the curve is a sparkline as the others
AXIS = 2  # rows below it
NARROW = 30  # letters of a terminal, below which a sparkline has no room beside its name
AT = "The loss is at its chance level {}, as it is where all embeddings are equal, and before anything is learned."
SILENT = "nothing new for {:,} min"
WARNED = 5  # warnings that are shown in whole, the last ones


class Display(Protocol):
    """Whatever shows what is watched."""

    def update(self, document: Document, new: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """document: what the folders tell now; new: the records that were added, each with the name of its folder."""


@contextmanager
def display(live: bool) -> Iterator[Display]:
    """The display of a watch; the terminal is restored however the block ends. live: draw curves, where stdout is a terminal."""
    if not live or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        yield Lines()
        return
    console = Console()
    with (
        cleaning(),
        Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as drawn,
    ):
        yield Board(console, drawn)


class Board:
    """All curves, drawn anew."""

    def __init__(self, console: Console, drawn: Live) -> None:
        self.console, self.drawn = console, drawn

    def update(self, document: Document, new: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Draw what the folders tell now, as large as the terminal is now."""
        self.drawn.update(frame(document, self.console.width, self.console.height), refresh=True)


class Lines:
    """A line for each record, as soon as it is there."""

    def __init__(self) -> None:
        self.begun = False

    def update(self, document: Document, new: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Print the new records; of folders without any that is said once, on stderr, with what of them cannot be read."""
        empty = [facts["path"] for facts in document["inputs"] if facts["status"] == "waiting"]
        for path in () if self.begun else empty:
            print(f"nothing is written in {printable(path)} yet", file=sys.stderr, flush=True)
        for text in document["warnings"] if empty and not self.begun else ():
            print(f"warning: {printable(text)}", file=sys.stderr, flush=True)
        self.begun = True
        several = len(document["inputs"]) > 1
        for name, record in new:
            print(printable(f"{name}: {in_words(record)}" if several else in_words(record)), flush=True)


def in_words(record: Mapping[str, Any]) -> str:
    """A record in one plain line. Of a look and an epoch its curves of one point are shown, by their labels."""
    step = record.get("step", 0)
    if record["event"] == "warning":
        return f"warning: {record['message']}"
    if record["event"] == "end":
        return f"step {step:,} · the training has ended: {record['status']}"
    if record["event"] == "begin":
        begins = "begins" if step == 0 else f"goes on after step {step:,}"
        return " · ".join([f"the training {begins}", *_levels(record.get("chance") or {})])
    where = f"epoch {record['number']:,}" if record["event"] == "epoch" else f"step {step:,}"
    level = record.get("chance_level")
    at = [f"the loss is at its chance level {level}"] if level else []
    odd = ["embeddings or loss are not finite"] if record.get("finite") is False else []
    return " · ".join([where, *map(_point, record["curves"].values()), *odd, *at])


def _point(metric: Mapping[str, Any]) -> str:
    """The last value of a curve by its label, and its null."""
    null = f" ({metric['null_is']} {figures(metric['null'][-1])})" if metric.get("null") else ""
    return f"{metric['label']} {figures(_last(metric))}{null}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _levels(chance: Mapping[str, Any]) -> list[str]:
    levels = ", ".join(f"{name} = {figures(value)}" for name, value in chance.items() if _is_number(value))
    return [f"chance levels of a contrastive loss: {levels}"] if levels else []


def frame(document: Document, width: int, height: int) -> Group:
    """Each input with its state, its curves and what was warned of, in as many lines as the terminal has, where they suffice."""
    document = everywhere(document)
    warnings = [f"▲ {text}" for text in document["warnings"][-WARNED:]]
    told = [line for text in warnings for line in _wrapped(text, width, "yellow")]
    parts, room = [], (height - 1 - len(told)) // max(len(document["inputs"]), 1)
    for number, facts in enumerate(document["inputs"]):
        curves, state = _curves(document, number), list(_state(facts, width))
        rows = room - len(state) - len(curves) - AXIS if width >= 2 * NARROW else 0
        parts += [*state, *_drawn(curves, width, min(rows, HIGHEST))]
    return Group(*parts, *told)


def _curves(document: Document, number: int) -> list[dict[str, Any]]:
    """Those of the first result of an input: of a run that is monitored those by step, else those by epoch."""
    results = [result for result in document["results"] if result["input"] == number]
    return (
        [metric for metric in results[0]["metrics"].values() if metric["kind"] == "curve"] if results else []
    )


def _state(facts: Mapping[str, Any], width: int) -> Iterator[Text]:
    """Which training, how far it is, and where the loss stands by its chance levels."""
    where = [
        f"step {facts['last_step']:,}" if facts["last_step"] is not None else "",
        f"epoch {facts['epoch']:,}" + (f" of {facts['epochs']:,}" if facts["epochs"] else "")
        if facts["epoch"]
        else "",
    ]
    silent = facts.get("silent_minutes", 0)
    told = " · ".join(filter(None, (facts["status"], *where, SILENT.format(silent) if silent else "")))
    name = shortened(facts["path"], max(width - len(told) - 3, 8))
    yield Text.assemble((name, "bold"), " · ", told)
    for levels in _levels(facts["chance_levels"] if facts["chance_level"] else {}):
        yield from _wrapped(levels, width, "dim")
    if facts["at"]:
        yield from _wrapped(AT.format(facts["at"]), width, "yellow")


def _drawn(curves: Sequence[dict[str, Any]], width: int, rows: int) -> Iterator[Text]:
    """The first curve as a sketch where there is room, the others as sparklines."""
    large = rows >= LOWEST and bool(curves)
    if large:
        yield _caption(curves[0])
        drawn = _thin(curves[0], 2 * (width - MARGIN - 2))
        text = Text("\n".join(sketch(drawn, width - MARGIN - 2, rows)))
        text.highlight_regex(r"[⠁-⣿]+", "cyan")
        text.highlight_regex(r"[│┤└─·]+", "dim")
        yield text
    for metric in curves[large:]:
        yield _spark(metric, width)


def _thin(metric: dict[str, Any], count: int) -> dict[str, Any]:
    """At most so many points of a curve: of several that share a column of the sketch one is enough."""
    parts = {name: thinned(metric[name], count) for name in ("values", "at", "null") if metric.get(name)}
    return metric | parts


def _caption(metric: Mapping[str, Any]) -> Text:
    null = f"   · {metric['null_is']}: {figures(metric['null'][-1])}" if metric.get("null") else ""
    return Text.assemble(f"{metric['label']}: {figures(_last(metric))}", (null, "dim"))


def _spark(metric: Mapping[str, Any], width: int) -> Text:
    """Name, last value, and all values as bars."""
    label = shortened(metric["label"], LABEL)
    room = width - LABEL - VALUE - 3
    if width < NARROW or room < 4:
        return Text(f"{shortened(metric['label'], max(width - VALUE - 1, 4))} {figures(_last(metric))}")
    bars = sparkline(thinned(metric["values"], room), "y" in metric.get("log", ""))
    return Text.assemble(f"{label:<{LABEL}} {figures(_last(metric)):>{VALUE}} ", (bars, "cyan"))


def _last(metric: Mapping[str, Any]) -> float | None:
    return metric["values"][-1] if metric["values"] else None


def _wrapped(sentence: str, width: int, style: str) -> list[Text]:
    lines = wrap(sentence, max(width, 20), subsequent_indent="  ", break_on_hyphens=False)
    return [Text(line, style) for line in lines]
