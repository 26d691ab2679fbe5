"""stdout and stderr while a command line runs: no text there is an order to a terminal or a workflow; either may be full.

What is printed is made printable line by line. What is coloured comes from rich, whose console makes the text in it printable:
it takes the stream beneath, and so does what is written as it is, which is JSON and annotations.
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, TextIO

from collapse_cli.errors import CollapseError
from collapse_cli.printable import WORKFLOW, in_lines

COMMAND = re.compile(
    r"^((?:[^\S\n]|\x1b\[[0-9;]*m)*:)(?=:)", re.MULTILINE
)  # a workflow reads such a line as a command
BLANK = re.compile(r"(?:\s|\x1b\[[0-9;]*m)*")
Letters = Callable[[str, str], str]  # (text, encoding) -> what the encoding carries


class Closed(io.TextIOBase):
    """What stands for a stream that was closed before we began."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Raises OSError, unless there is nothing to write."""
        if text:
            raise OSError(errno.EBADF, "it is closed")
        return 0


class Sure:
    """A stream whose failure is told in a sentence, once, or does not matter where it is not needed; all else is the stream's."""

    def __init__(self, stream: Any, needed: bool) -> None:
        self._stream, self._needed, self._lost = Closed() if stream is None else stream, needed, False

    def write(self, text: str) -> int:
        """The number of letters, as of any stream. Raises CollapseError, and BrokenPipeError as it is."""
        with self._failure_in_words():
            if not self._lost:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._failure_in_words():
            if not self._lost:
                self._stream.flush()

    @contextmanager
    def _failure_in_words(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            self._lost = True
            forget(self._stream)
            if self._needed:
                remedy = (
                    "send it to a file: > FILE"
                    if error.errno == errno.EBADF
                    else "free space, or send it elsewhere"
                )
                raise CollapseError(f"cannot write to stdout: {error.strerror or error}", remedy) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Lines:
    """Text that may hold colours, in which no line begins a command of a workflow, in letters that the stream carries."""

    def __init__(self, beneath: Sure, letters: Letters) -> None:
        self._beneath, self._letters, self._blank = beneath, letters, True

    def write(self, text: str) -> int:
        """Whether the line that a text goes on with is blank so far is remembered."""
        going_on, newline, rest = ("", "", text) if self._blank else text.partition("\n")
        shown = WORKFLOW.sub("# #", going_on + newline + COMMAND.sub(r"\1 ", rest))
        last = text.rpartition("\n")[2]
        self._blank = (self._blank or "\n" in text) and BLANK.fullmatch(last) is not None
        self._beneath.write(self._letters(shown, self._beneath.encoding or "utf-8"))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._beneath, name)


class Standard:
    """stdout or stderr for whoever prints. rich_proxied_file is where rich looks for what lies beneath."""

    def __init__(self, stream: Any, needed: bool, letters: Letters) -> None:
        self.unaltered = Sure(stream, needed)
        self.rich_proxied_file = Lines(self.unaltered, letters)

    def write(self, text: str) -> int:
        self.rich_proxied_file.write(in_lines(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unaltered, name)


def forget(stream: Any) -> None:
    """What a stream could not write goes nowhere, else Python complains of it at the end."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def unaltered(stream: TextIO) -> TextIO:
    """For what is to be written as it is: JSON, in which nothing is an order, and commands for a workflow."""
    return stream.unaltered if isinstance(stream, Standard) else stream  # type: ignore[return-value]


@contextmanager
def standard(letters: Letters) -> Iterator[None]:
    """Within it stdout and stderr are `Standard`."""
    before = sys.stdout, sys.stderr
    if not isinstance(sys.stdout, Standard):
        sys.stdout = Standard(sys.stdout, True, letters)
    if not isinstance(sys.stderr, Standard):
        sys.stderr = Standard(sys.stderr, False, letters)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


@contextmanager
def silent() -> Iterator[None]:
    """Within it, nothing that is printed is seen."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
