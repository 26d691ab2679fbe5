"""The pages of the guide, and the sections of them that explain a name: a metric, a verdict, a cause, a command, a term."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from collapse_cli.errors import CollapseError, nearest

HEADING = re.compile(r"^(#{1,6}) +(.*)$")
FENCE = re.compile(r"^ *```")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(((?!https?:)[^)#]*?)(?:\.md)?(?:#[^)]*)?\)")
SPACES = {"h", "z", "head"}  # a number's name may end in the space that it is of, as effective_rank.h does
LONG = 60  # letters of a name that is shown
GLOSSARY, INDEX = "glossary", "index"


@dataclass(frozen=True)
class Section:
    """A part of a page, from its heading to the next of the same or a higher level; or a whole page.

    page: its file without `.md`, as `metrics/spectrum`; title: the heading; text: the Markdown, with the heading; names: what it
    explains, without those of the sections within it.
    """

    page: str
    title: str
    text: str
    names: tuple[str, ...] = ()

    @property
    def pages(self) -> tuple[str, ...]:
        """Other pages that its text links to."""
        folder = self.page.rpartition("/")[0]
        linked = (_resolved(folder, target) for _, target in LINK.findall(self.text))
        return tuple(dict.fromkeys(page for page in linked if page in pages() and page != self.page))


@cache
def pages() -> dict[str, Section]:
    """Every page by its name."""
    root = files("collapse_cli.guide")
    found = {
        f"{folder}{file.name.removesuffix('.md')}": file.read_text(encoding="utf-8")
        for folder, place in (("", root), ("metrics/", root / "metrics"))
        for file in sorted(place.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".md")
    }
    return {name: Section(name, _title(text), text) for name, text in found.items()}


@cache
def sections() -> tuple[Section, ...]:
    """Every section of every page that explains a name."""
    return tuple(section for page in pages().values() for section in _sections(page) if section.names)


def explanations(name: str) -> tuple[Section, ...]:
    """The sections that explain a name; several where measurements share it, as `samples`. Else the page of this
    name, which is also preferred to the glossary, and to sections that explain other names beside it, as those of counts do.

    Upper and lower case are alike, and so are spaces, hyphens and underscores. A metric may be named with its measurement and its
    space, `spectrum.effective_rank.h`; a command without `collapse`. Raises CollapseError for a name that nothing explains.
    """
    parts = name.split(".")
    if len(parts) > 1 and parts[-1].casefold() in SPACES:
        parts = parts[:-1]
    measurement, wanted = (parts[0], parts[1]) if len(parts) == 2 else ("", ".".join(parts))
    wanted_keys = {_key(wanted), _key(".".join(parts))}
    matching = [section for section in sections() if wanted_keys & set(map(_key, section.names))]
    page = next((page for page in pages() if _key(name) in (_key(page), _key(page.rpartition("/")[2]))), None)
    if page and all(len(section.names) > 1 for section in matching if section.page != GLOSSARY):
        return (pages()[page],)
    if measurement:
        matching = [
            section for section in matching if _key(section.page.rpartition("/")[2]) == _key(measurement)
        ]
    elif any(section.page != GLOSSARY for section in matching):
        matching = [section for section in matching if section.page != GLOSSARY]
    if matching:
        return tuple(matching)
    if page:
        return (pages()[page],)
    if not _key(name).startswith("collapse ") and _key(f"collapse {name}") in map(_key, names()):
        return explanations(f"collapse {name}")
    shown = name if len(name) <= LONG else f"{name[:LONG]}…"
    raise CollapseError(f"the guide has nothing named '{shown}'", _hint(name))


def explain(name: str) -> str:
    """What the guide says of a metric, a verdict, a cause, a command or a term: Markdown, as `collapse explain NAME` shows it.

    Raises CollapseError for a name that nothing explains; its hint is the nearest name.

    >>> print(explain("anti-hub").splitlines()[0])
    ## `anti-hub`
    """
    return "\n".join(section.text for section in explanations(name))


def names() -> list[str]:
    """Everything that the guide explains by name: terms of the glossary behind the others, pages last."""
    ordered = sorted(sections(), key=lambda section: section.page == GLOSSARY)
    return list(dict.fromkeys([*(name for section in ordered for name in section.names), *pages()]))


def _hint(name: str) -> str:
    by_key = {_key(known): known for known in reversed(names())}
    likely = nearest(_key(name), list(by_key))
    if not likely.startswith("did you mean"):
        return "see every name: collapse explain"
    return likely.replace(likely.split("'")[1], by_key[likely.split("'")[1]])


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name.strip()).casefold()


def _title(text: str) -> str:
    return next((match[2] for line in text.splitlines() if (match := HEADING.match(line))), "")


def _sections(page: Section) -> list[Section]:
    lines = page.text.splitlines(keepends=True)
    headings = _headings(lines)
    parts = []
    for place, (start, level, title) in enumerate(headings):
        end = next((later for later, other, _ in headings[place + 1 :] if other <= level), len(lines))
        parts.append(Section(page.page, title, "".join(lines[start:end]).rstrip() + "\n", _names(title)))
    return parts


def _headings(lines: list[str]) -> list[tuple[int, int, str]]:
    """(line, level, title) of each heading that is in no block of code."""
    headings, within = [], False
    for number, line in enumerate(lines):
        if FENCE.match(line):
            within = not within
        elif not within and (match := HEADING.match(line)):
            headings.append((number, len(match[1]), match[2].strip()))
    return headings


def _names(title: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", title))


def _resolved(folder: str, target: str) -> str:
    parts = [folder] if folder else []
    for part in target.split("/"):
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(part for part in parts if part != ".")
