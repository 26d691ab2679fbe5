"""An answer as text without colour: the whole one of the terminal, or a short one."""

from __future__ import annotations

import io
from collections.abc import Callable

from collapse_cli.printable import everywhere
from collapse_cli.views import brief, terminal
from collapse_cli.views.console import Console
from collapse_cli.views.document import Document


def whole(document: Document, width: int) -> str:
    """What `show` prints, this many letters wide."""
    return _captured(lambda console: terminal.show(document, console), width)


def short(document: Document, width: int = 100) -> str:
    """The short answer, without the commands that could be typed next."""
    return _captured(
        lambda console: console.print(*brief.parts(everywhere(document), width), sep="\n"), width
    )


def _captured(write: Callable[[Console], None], width: int) -> str:
    """What is written to a console that knows no terminal, without blanks at the ends of lines."""
    file = io.StringIO()
    write(Console(file=file, width=width, force_jupyter=False, color_system=None))
    return "\n".join(line.rstrip() for line in file.getvalue().rstrip("\n").splitlines())
