"""What an input is, in a line for a reader, and the commands that are worth typing next about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from collapse_cli import printable
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry, headline
from collapse_cli.runs.shell import quoted

NOT_REPEATED = ("device", "samples", "seed")  # options that change no meaning of an input


def described(subject: Subject) -> str:
    """`moco on digits, epoch 40 of 40, 1,347 images`, or `20,000 embeddings of 768 dimensions`."""
    facts, count = subject.facts, subject.count
    source = subject.measuring.dataset or subject.clean.source.partition("/")[0]
    if subject.checkpoint:
        within = f" and {facts['step']} of {facts['steps']} steps of the next" if "step" in facts else ""
        epochs = f"epoch {facts['epoch']} of {facts['epochs']}{within}"
        return f"{facts['method']} on {source}, {epochs}, {count:,} images"
    if subject.case:
        return f"{facts.get('architecture', 'network')} ({facts['layout']}), {count:,} images of {source}"
    width = subject.rows["h"].shape[1]
    if subject.raw:
        return f"{count:,} images of {source} as {width:,} raw pixel values"
    return f"{count:,} embeddings of {width:,} dimensions"


def following(command: str, subject: Subject, entries: Sequence[Entry]) -> Iterator[str]:
    """The commands that are worth typing after this one, the most useful first; none about what is in memory."""
    if not subject.from_file or command == "causes":
        return
    if command != "diagnose":
        yield typed("diagnose", subject)
        return
    statuses = {entry.space: entry.status for entry in entries if entry.verdict}
    status = statuses[headline(statuses)] if statuses else ""
    if status.endswith("collapse") and subject.case is not None:
        yield typed("causes", subject)
    elif status == "healthy" and subject.record is not None:
        yield typed("report", subject)
    else:
        yield f"{typed('spectrum', subject)} --plot spectrum.png"


def typed(command: str, subject: Subject) -> str:
    """A command on the same input, read and sampled as it was."""
    return f"collapse {command} {asked(subject)}"


def asked(subject: Subject) -> str:
    """What is typed after a command that measures the same input."""
    return " ".join([quoted(subject.facts["path"]), *options_typed(subject.measuring)])


def options_typed(measuring: Measuring) -> Iterator[str]:
    """The options of reading an input that are not the defaults, as they are typed."""
    for field in dataclasses.fields(measuring):
        value = getattr(measuring, field.name)
        usual = (field.default, "train") if field.name == "split" else (field.default,)
        if value not in usual and field.name not in NOT_REPEATED:
            name = f"--{field.name.replace('_', '-')}"
            yield name if value is True else f"{name} {printable.quoted(value)}"
