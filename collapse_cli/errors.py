"""The one exception that a user may see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from collapse_cli.printable import printable


class CollapseError(Exception):
    """An error that the user can repair: `message` names the thing, `hint` the remedy.

    `code` is the process's exit code: 2 for usage, configuration and unreadable input; 3 where the
    input is sound but too little to conclude from. Both texts are made printable, whatever names are in them.
    """

    def __init__(self, message: str, hint: str = "", code: int = 2) -> None:
        self.message, self.hint = printable(message), printable(hint)
        super().__init__(self.message)
        self.code = code

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


def nearest(word: str, choices: list[str]) -> str:
    """The remedy for an unknown word: the choice that looks most like it, else all of them."""
    from difflib import get_close_matches

    close = get_close_matches(word, choices, n=1)
    return f"did you mean '{close[0]}'?" if close else "choose one of: " + ", ".join(choices)


@contextmanager
def concerning(name: str) -> Iterator[None]:
    """Put the name of an input, where it has one, in front of what a measurement refuses, since numbers do not know it."""
    try:
        yield
    except CollapseError as error:
        named = not name or error.message.startswith(name)  # by whoever knew it
        message = error.message if named else f"{name}: {error.message}"
        raise CollapseError(message, error.hint, error.code) from None
