"""Letters of every language in plots: further installed fonts are tried, and what none of them has is said in one line."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib import font_manager

from collapse_cli.printable import printable

USUAL = "DejaVu Sans"  # which matplotlib brings along
FURTHER = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Source Han Sans", "WenQuanYi Zen Hei", "Microsoft YaHei", "PingFang SC"),
    *("Hiragino Sans", "Yu Gothic", "Malgun Gothic", "Apple SD Gothic Neo", "Arial Unicode MS", "Noto Sans Arabic"),
    *("Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji", "Symbola"),
)  # fmt: skip
MISSING = re.compile(r"Glyph (\d+) ")  # as matplotlib warns


def families() -> list[str]:
    """The fonts that are tried for each letter, in this order: those of these that are installed."""
    installed = set(font_manager.get_font_names())
    return [USUAL, *(name for name in FURTHER if name in installed)]


@contextmanager
def missing_told() -> Iterator[None]:
    """Within it matplotlib warns of no letter; those that no font has are named on stderr at the end."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    codes = {int(match[1]) for warning in caught if (match := MISSING.search(str(warning.message)))}
    if codes:
        letters = printable(" ".join(chr(code) for code in sorted(codes)))
        print(
            f"warning: plots show boxes in place of {letters}, which no font here has; install one that has them, such as "
            "Noto Sans CJK",
            file=sys.stderr,
        )
