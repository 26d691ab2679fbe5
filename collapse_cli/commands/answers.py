"""How an answer about INPUTs is made of one command of this process, kept and shown."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from collapse_cli import results
from collapse_cli.errors import CollapseError
from collapse_cli.runs.record import Record
from collapse_cli.views import Output, show

if TYPE_CHECKING:
    from collapse_cli.runs.source import Source


class Asked(Protocol):
    """What an answer is about: a Subject, or the weights of a network. record: its run folder, if it has one."""

    @property
    def facts(self) -> Mapping[str, Any]: ...

    @property
    def record(self) -> Record | None: ...


def finish(
    command: str,
    entries: Sequence[dict[str, Any]],
    found: Sequence[Asked],
    output: Output,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """Show the answer, and keep it in the run folder when it is about one run."""
    document = answer(command, entries, [subject.facts for subject in found], warnings)
    show(document, output)
    if len(found) == 1 and found[0].record:
        keep(found[0].record, document)
    return document


def keep(record: Record, document: Mapping[str, Any]) -> bool:
    """Keep an answer in a run folder; somebody else's may not be written to, which is said, and hinders nothing."""
    try:
        record.keep(document)
    except (CollapseError, OSError) as error:
        print(f"warning: the answer is not kept: {str(error).splitlines()[0]}", file=sys.stderr)
        return False
    return True


def answer(
    command: str,
    entries: Sequence[dict[str, Any]],
    inputs: Sequence[Mapping[str, Any]] = (),
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The document of a command of this process."""
    return results.answer(
        command, entries, argv=sys.argv[1:], version=version(), inputs=inputs, warnings=warnings
    )


def version() -> str:
    from importlib.metadata import version

    return version("collapse-cli")


def identified(path: Path, file: Path | Source, layout: str) -> dict[str, Any]:
    """file: what is hashed; of a folder, the names and contents of its shards."""
    from collapse_cli.runs.source import Source

    return {"path": str(path), "sha256": Source.at(file).sha256, "layout": layout}
