"""The packages that this one uses, and what those use in turn, with the licence that each states. Nothing here needs torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

OURS = "collapse-cli"
LONGEST = 60  # letters of a licence's name: a longer field holds the text itself
UNSTATED = "not stated"
OPTIONAL = re.compile(r"\bextra\s*==")  # a requirement that is for those who ask for it
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Package:
    """An installed package. licence: an SPDX expression, or what its metadata says in its place; home: its address."""

    name: str
    version: str
    licence: str
    home: str


def packages(root: str = OURS) -> list[Package]:
    """The root first, then, by name, all that it needs and that is installed; extras are left out."""
    reached: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = _plain(waiting.pop())
        if name in reached:
            continue
        try:
            reached[name] = distribution(name)
        except PackageNotFoundError:  # for another system, or another version of Python
            continue
        waiting += _needs(reached[name])
    first = _plain(root)
    return [_described(reached[name]) for name in sorted(reached, key=lambda name: (name != first, name))]


def _plain(name: str) -> str:
    """One spelling of a name: `Scikit_Learn` is `scikit-learn`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _needs(found: Distribution) -> Iterator[str]:
    for requirement in found.requires or ():
        name = NAME.match(requirement)
        if name and not OPTIONAL.search(requirement):
            yield name[0]


def _described(found: Distribution) -> Package:
    facts = found.metadata
    classifiers = [
        line.rsplit("::", 1)[1].strip()
        for line in facts.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]

    def first(field: str) -> str:
        return str((facts.get_all(field) or [""])[0])

    stated = first("License-Expression"), first("License"), "; ".join(classifiers)
    name, home = first("Name"), _home(first("Home-page"), facts.get_all("Project-URL") or ())
    return Package(name, found.version, _licence([text.strip() for text in stated]), home)


def _licence(stated: Sequence[str]) -> str:
    """An expression, or else the first that is a name; of a whole text its first line, where that is one."""
    expression, *others = stated
    if expression:
        return expression if len(expression) <= LONGEST else f"{expression[:LONGEST]}…"
    for text in others:
        if text and text.upper() != "UNKNOWN" and "\n" not in text and len(text) <= LONGEST:
            return text
    titles = [text.splitlines()[0].strip() for text in others if text]
    return next((title for title in titles if 0 < len(title) <= LONGEST), UNSTATED)


def _home(page: str, addresses: Sequence[str]) -> str:
    """The home page, or the first of the addresses, homepage and source before others."""
    if page and page.upper() != "UNKNOWN":
        return page
    parts = (each.partition(",") for each in addresses)
    named = {label.strip().lower(): url.strip() for label, _, url in parts}
    for label in ("homepage", "home", "home-page", "repository", "source", "source code"):
        if label in named:
            return named[label]
    return next(iter(named.values()), "")
