"""rich's console as all views use it: text in it is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

from collapse_cli.printable import in_lines


class Console(RichConsole):
    """Colours and moves of the cursor are its own; from names and sentences none gets through, nor any markup."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    @property
    def file(self) -> IO[str]:
        """The stream beneath: a live display stands before it, and what the command line puts there before that."""
        stream: Any = super().file
        while (beneath := getattr(stream, "rich_proxied_file", None)) is not None:
            stream = beneath
        result: IO[str] = stream
        return result

    @file.setter
    def file(self, stream: IO[str]) -> None:
        self._file = stream

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else in_lines(segment.text)
            yield segment if text == segment.text else segment._replace(text=text)
