"""How a command ends: its answer becomes the one document, and is shown."""

from __future__ import annotations

import sys

from collapse_cli.answers import Answer
from collapse_cli.views import Output, show
from collapse_cli.views.document import Document, document


def finish(answer: Answer, output: Output) -> Document:
    """Show an answer as it was asked for; returns the document that was shown."""
    shown = document(answer, sys.argv[1:])
    show(shown, output)
    return shown
