"""How an answer of this process ends: shown, and saved in the run folder where it is about one run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from collapse_cli.answers import Answer
from collapse_cli.errors import CollapseError
from collapse_cli.printable import printable
from collapse_cli.ranks import first
from collapse_cli.views import Output, show
from collapse_cli.views.document import document

if TYPE_CHECKING:
    from collapse_cli.runs.record import Record


def finish(answer: Answer, output: Output, record: Record | None = None) -> dict[str, Any]:
    """Show the answer, and save it in the run folder, if there is one; the document that was shown."""
    shown = document(answer, sys.argv[1:])
    show(shown, output)
    if record and first():
        save(record, answer)
    return shown


def save(record: Record, answer: Answer) -> bool:
    """Save an answer in a run folder; somebody else's may not be written to, which is said, and hinders nothing."""
    try:
        record.keep(document(answer, sys.argv[1:]))
    except CollapseError as error:
        print(f"warning: the answer is not kept: {printable(error.message)}", file=sys.stderr)
        return False
    return True
