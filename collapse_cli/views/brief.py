"""The short answer at the terminal: what was found, what it rests on, what it means, and what to do next."""

from __future__ import annotations

from rich.console import Console

from collapse_cli.views import terminal
from collapse_cli.views.document import Document


def show(document: Document, console: Console | None = None) -> None:
    """Print the short answer to stdout."""
    terminal.show(document, console)
