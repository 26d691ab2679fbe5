"""Text for a terminal or a file that is not UTF-8: `[ok]` for ✓, `+-` for ±, and other letters that ASCII has."""

from __future__ import annotations

import re
import unicodedata

LETTERS = {
    "✓": "[ok]",
    "▲": "[!]",
    "✗": "[x]",
    "•": "*",
    "●": "*",
    "○": "o",
    "→": "->",
    "…": "...",
    "±": "+-",
    "≥": ">=",
    "≤": "<=",
    "−": "-",
    "–": "-",
    "—": "--",
    "×": "x",
    "·": "-",
    "√": "sqrt",
    "‖": "||",
    "α": "alpha",
    "δ": "delta",
    "λ": "lambda",
    "σ": "sigma",
    "τ": "tau",
    "Π": "prod ",
    "Σ": "Sigma",
    "ᵏ": "^k",
    "⁻": "^-",
    "ᵀ": "^T",
    **dict.fromkeys("─━═╌╸╺", "-"),
    **dict.fromkeys("│┃║", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┡┩╇╞╡╪┴", "+"),
    **dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True)),
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "\u0302": "",
}
"""What stands for a letter in ASCII. Of a braille letter of a sketch a star is left, of an accent nothing."""

PIECES = re.compile(
    r"(?P<gap> {2,})|(?P<raised>[⁰¹²³⁴-⁹]+)|(?P<unsure>^\?(?= ))|(?P<times>(?<=\S)·(?=\S))|.", re.DOTALL
)
"""Blanks, digits of a footnote or a power, the mark of what is inconclusive, a product, or any letter."""


def plain(text: str, encoding: str) -> str:
    """The text with marks as words, and with what `encoding` may not carry in ASCII.

    Where a letter becomes longer, the next gap of several blanks becomes shorter: the columns of a table stay where they are.
    """
    return "\n".join(_line(line, encoding) for line in text.split("\n"))


def fitting(text: str, encoding: str) -> str:
    """The text itself where every letter is carried, as UTF-8 does; else what `plain` makes of it."""
    return text if encoding.lower().startswith("utf") else plain(text, encoding)


def _line(line: str, encoding: str) -> str:
    written, longer = "", 0
    for piece in PIECES.finditer(line):
        text = piece[0][min(longer, len(piece[0]) - 1) :] if piece["gap"] else _piece(piece, encoding)
        written += text
        longer += len(text) - len(piece[0])
    return written


def _piece(piece: re.Match[str], encoding: str) -> str:
    if piece["raised"]:
        return f"^{unicodedata.normalize('NFKD', piece['raised'])}"
    if piece["unsure"]:
        return "[?]"
    return "*" if piece["times"] else _letter(piece[0], encoding)


def _letter(letter: str, encoding: str) -> str:
    if letter.isascii():
        return letter
    if "\u2800" <= letter <= "\u28ff":  # braille, of which sketches are made
        return "*"
    if letter in LETTERS:
        return LETTERS[letter]
    return letter if _carries(encoding, letter) else _decomposed(letter)


def _decomposed(letter: str) -> str:
    """`e` of `é`; a question mark where nothing is left."""
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"


def _carries(encoding: str, letter: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
