"""How a name is compared: whatever its case, with spaces, hyphens and underscores alike; its singular; what is nearest to it."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONG = 60  # letters of a name that is shown
NEAR = 0.84  # likeness of a misspelt name to the name that is meant; 1 is equal
APART = 0.04  # by which it must be more like that name than any other
LIKELY = 0.6  # likeness of what is suggested
SHORT = 5  # letters, below which a misspelt name may mean anything
SUGGESTED = 3


def key(name: str) -> str:
    """The name as it is compared."""
    return re.sub(r"[\s_,-]+", " ", name.strip()).casefold().replace("’", "'")


def stem(name: str) -> str:
    """The key with each word in the singular."""
    return " ".join(_singular(word) for word in key(name).split(" "))


def likeness(name: str, names: Iterable[str]) -> list[tuple[float, str]]:
    """(how alike, name) of the names that may be meant, the nearest first."""
    from difflib import SequenceMatcher

    if len(name) > LONG:
        return []
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(key(name))
    rated = []
    for known in names:
        matcher.set_seq1(key(known))
        if matcher.real_quick_ratio() >= LIKELY and matcher.quick_ratio() >= LIKELY:
            rated.append((matcher.ratio(), known))
    return sorted((pair for pair in rated if pair[0] >= LIKELY), key=lambda pair: -pair[0])


def suggestion(names: list[str]) -> str:
    """The remedy for a name that nothing explains."""
    if not names:
        return "see every name: collapse explain"
    quoted = [f"'{name}'" for name in names[:SUGGESTED]]
    return f"did you mean {' or '.join(filter(None, [', '.join(quoted[:-1]), quoted[-1]]))}?"


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if re.search(r"(ss|x|ch|sh|zz)es$", word):
        return word[:-2]
    return word[:-1] if len(word) > 3 and re.search(r"[^siu]s$", word) else word
