"""Text that may be anybody's, as a path or the name of a class, column or tensor is, for whoever shows it: no letter is an order.

A terminal obeys control characters, bidirectional marks turn a line round, line separators and surrogates break files. They
become escapes such as `\\x1b`, which say what was there. Letters of all languages stay, with the joiners in words and in emoji.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

JOINERS = "\u200c\u200d"  # between letters of some languages, and between the parts of an emoji
ASIDE = re.compile(
    rf"(?<![^\x00-\x7f{JOINERS}])[{JOINERS}]|[{JOINERS}](?![^\x00-\x7f{JOINERS}])"
)  # joiners elsewhere
WORKFLOW = re.compile(r"##(?=\w*\[)")  # begins a command anywhere in the log of some workflows
HASH = r"\\043#"  # the first of two, as an escape between the quotes of $'…'
SHORT = {"'": r"\'", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}  # between the quotes of $'…'


_shown_as: dict[str, str] = {}  # what is never shown, and what is shown in its place


def show_as(text: str, shown: str) -> None:
    """From now on `shown` is shown wherever the text stands: for addresses with a password, and for what stands in for one."""
    if text != shown:
        _shown_as[text] = shown


def hides() -> bool:
    """Whether there is anything that is not shown."""
    return bool(_shown_as)


def as_shown(text: str) -> str:
    """The text with what is shown in place of what is not."""
    for hidden in sorted(_shown_as, key=len, reverse=True):
        text = text.replace(hidden, _shown_as[hidden])
    return text


def printable(text: object) -> str:
    """The text in one line, with an escape for every letter that something may obey; said twice it stays what it is."""
    given = as_shown(str(text))
    if given.isprintable():
        return given
    shown = given.translate({ord(c): _escape(c) for c in set(given) if c not in JOINERS and _obeyed(c)})
    return ASIDE.sub(lambda joiner: _escape(joiner[0]), shown)


def in_lines(text: str) -> str:
    """The same of a text that has lines, each by itself."""
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))


def everywhere(value: Any, change: Callable[[str], str] = printable) -> Any:
    """A document with all of its texts and names printable; names that would become equal are told apart."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        shown: dict[Any, Any] = {}
        for name, part in value.items():
            free = change(name) if isinstance(name, str) else name
            while free in shown:
                free = f"{free}'"
            shown[free] = everywhere(part, change)
        return shown
    return [everywhere(part, change) for part in value] if isinstance(value, list | tuple) else value


def for_others(value: Any) -> Any:
    """The same, and the home folder is `~`: for pages and plots, which are handed on, and a home bears its owner's name."""
    home = printable(os.path.expanduser("~")).rstrip("/")
    if not home.startswith("/"):  # the root folder, as in a container, or none
        return everywhere(value)
    name = re.escape(home)
    place = re.compile(rf"(?<![\w./~-])(?:'{name}'|('?){name}(?![\w.-])(/?))")

    def change(text: str) -> str:
        return place.sub(tilde, printable(text))

    return everywhere(value, change)


def tilde(home: re.Match[str]) -> str:
    """`~/'my set'` of `'/home/me/my set'`: a shell reads both alike, and no tilde within quotes."""
    return f"~{home[2] or ''}{home[1] or ''}"


def json_text(value: Any, indent: int | None = 2, nan: bool = False, ascii_only: bool = False) -> str:
    """JSON in which such letters are escapes of JSON, so that whoever reads it has the value as it was."""
    text = json.dumps(value, allow_nan=nan, ensure_ascii=ascii_only, indent=indent)
    if not text.replace("\n", "").isprintable():
        text = text.translate(
            {ord(c): json.dumps(c)[1:-1] for c in set(text) - {"\n", *JOINERS} if _unsafe(c)}
        )
        text = ASIDE.sub(lambda joiner: json.dumps(joiner[0])[1:-1], text)
    return WORKFLOW.sub(r"\\u0023#", text)


def in_markup(text: str) -> str:
    """The same of HTML, SVG or XML, in which a reference stands for the first letter of such a command."""
    return WORKFLOW.sub("&#35;#", text)


def quoted(text: object) -> str:
    """One word for the shell, on one line; letters that a terminal would obey are written as `$'…'` writes them."""
    given = str(text)
    if printable(given) == given and not WORKFLOW.search(given):
        return shlex.quote(given)
    typed = "".join(map(_typed, given))
    return f"$'{WORKFLOW.sub(HASH, typed)}'"


def joined(words: Iterable[object]) -> str:
    """A command from its words."""
    return " ".join(map(quoted, words))


def _obeyed(letter: str) -> bool:
    """Whether it is more than a sign or a blank."""
    return not letter.isprintable() and unicodedata.category(letter) != "Zs"


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def _unsafe(letter: str) -> bool:
    return letter == "\x7f" or not letter.isprintable()


def _typed(letter: str) -> str:
    """A letter between the quotes of $'…': bytes in octal are read alike by every shell and in every locale."""
    if letter in SHORT:
        return SHORT[letter]
    if not _obeyed(letter):
        return letter
    try:
        stored = os.fsencode(letter)
    except UnicodeEncodeError:  # half a pair of surrogates, which no name of a file has
        stored = letter.encode("utf-8", "surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in stored)
