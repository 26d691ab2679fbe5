"""What an input is, in a line for a reader, and the commands that are worth typing next about it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry, headline


def described(subject: Subject) -> str:
    """`moco on digits, epoch 40 of 40, 1,347 images`, or `20,000 embeddings of 768 dimensions`."""
    facts, count = subject.facts, subject.count
    source = subject.measuring.dataset or subject.clean.source.partition("/")[0]
    if subject.checkpoint:
        epochs = f"epoch {facts['epoch']} of {facts['epochs']}"
        return f"{facts['method']} on {source}, {epochs}, {count:,} images"
    if subject.case:
        return f"{facts.get('architecture', 'network')} ({facts['layout']}), {count:,} images of {source}"
    width = subject.rows["h"].shape[1]
    if subject.raw:
        return f"{count:,} images of {source} as {width:,} raw pixel values"
    return f"{count:,} embeddings of {width:,} dimensions"


def following(command: str, subject: Subject, entries: Sequence[Entry]) -> Iterator[str]:
    """The commands that are worth typing after this one, the most useful first."""
    statuses = {entry.space: entry.status for entry in entries if entry.verdict}
    if command != "diagnose":
        if command != "causes":
            yield typed("diagnose", subject)
        return
    status = statuses[headline(statuses)] if statuses else ""
    if status.endswith("collapse") and subject.case is not None:
        yield typed("causes", subject)
    elif status == "healthy" and subject.record is not None:
        yield typed("report", subject)
    else:
        yield f"{typed('spectrum', subject)} --plot spectrum.png"


def typed(command: str, subject: Subject) -> str:
    """A command on the same input, with the images that it was measured on."""
    path, dataset = shlex.quote(str(subject.facts["path"])), subject.measuring.dataset
    return f"collapse {command} {path}" + (f" --dataset {shlex.quote(dataset)}" if dataset else "")
