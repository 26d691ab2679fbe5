"""The pages of the guide, and the sections of them that explain a name: a metric, a verdict, a cause, a command, a term."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import takewhile

from collapse_cli.errors import CollapseError
from collapse_cli.guide.keys import APART, LONG, NEAR, SHORT, key, likeness, stem, suggestion
from collapse_cli.printable import printable

HEADING = re.compile(r"^(#{1,6}) +(.*)$")
ALSO = re.compile(r"^<!-- also: (.*?) -->\n", re.MULTILINE)  # further names, below a heading
FENCE = re.compile(r"^ *```")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(((?!https?:)[^)#]*?)(?:\.md)?(?:#[^)]*)?\)")
SPACES = {"h", "z", "head"}  # a number's name may end in the space that it is of, as effective_rank.h does
GLOSSARY, INDEX = "glossary", "index"


@dataclass(frozen=True)
class Section:
    """A part of a page, from its heading to the next of the same or a higher level; or a whole page.

    page: its file without `.md`, as `metrics/spectrum`; title: the heading; text: the Markdown, with the heading; names: what it
    explains, without those of the sections within it; also: further names that people type, from a line
    `<!-- also: erank, eff rank -->` right below the heading, which is no part of the text.
    """

    page: str
    title: str
    text: str
    names: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def pages(self) -> tuple[str, ...]:
        """Other pages that its text links to."""
        folder = self.page.rpartition("/")[0]
        linked = (_resolved(folder, target) for _, target in LINK.findall(self.text))
        return tuple(dict.fromkeys(page for page in linked if page in pages() and page != self.page))


@dataclass(frozen=True)
class Explanation:
    """Sections that explain a name. remark: a sentence, where it is not the name that was asked for but the nearest to it."""

    sections: tuple[Section, ...]
    remark: str = ""

    @property
    def text(self) -> str:
        """The Markdown of all sections, the remark above them."""
        opening = [f"{self.remark}\n"] if self.remark else []
        return "\n".join([*opening, *(section.text for section in self.sections)])


@cache
def _files() -> dict[str, str]:
    """The text of every page by its name."""
    root = files("collapse_cli.guide")
    return {
        f"{folder}{file.name.removesuffix('.md')}": file.read_text(encoding="utf-8")
        for folder, place in (("", root), ("metrics/", root / "metrics"))
        for file in sorted(place.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".md")
    }


@cache
def pages() -> dict[str, Section]:
    """Every page by its name."""
    return {name: Section(name, _title(text), ALSO.sub("", text)) for name, text in _files().items()}


@cache
def sections() -> tuple[Section, ...]:
    """Every section of every page that explains a name."""
    every = (section for page, text in _files().items() for section in _sections(page, text))
    return tuple(section for section in every if section.names or section.also)


def explanations(name: str) -> tuple[Section, ...]:
    """The sections that explain a name; several where measurements share it, as `samples`. Else the page of this
    name, which is also preferred to the glossary, and to sections that explain other names beside it, as those of counts do.

    Upper and lower case are alike, and so are spaces, hyphens and underscores. A metric may be named with its measurement and its
    space, `spectrum.effective_rank.h`; a command without `collapse`. Behind these names come the further names of sections, and
    singular and plural. Raises CollapseError for a name that nothing explains.
    """
    if matching := _exact(name) or _further(name, key) or _command(name):
        return matching
    if matching := _further(name, stem):
        return matching
    shown = name if len(name) <= LONG else f"{name[:LONG]}…"
    raise CollapseError(f"the guide has nothing named '{shown}'", suggestion(_likely(name)))


def explanation(name: str) -> Explanation:
    """The sections that explain a name, or those of the one name that it is nearly the same as, with a remark that says so.

    Raises CollapseError where no name is near, or several are.
    """
    try:
        return Explanation(explanations(name))
    except CollapseError:
        if len(key(name)) < SHORT:
            raise
        rated = likeness(name, _every_name())
        if not rated or rated[0][0] < NEAR:
            raise
        best, known = rated[0]
        meant = explanations(known)
        if any(best - other < APART and explanations(second) != meant for other, second in rated[1:]):
            raise
        return Explanation(meant, printable(f"No name '{name}' is explained; the nearest is '{known}':"))


def _exact(name: str) -> tuple[Section, ...]:
    """The sections whose heading holds the name, or the page of this name; what only the glossary has, and causes beside it."""
    measurement, wanted = _parts(name)
    matching = [section for section in sections() if wanted & set(map(key, section.names))]
    page = next((page for page in pages() if key(name) in (key(page), key(page.rpartition("/")[2]))), None)
    if page and all(len(section.names) > 1 for section in matching if section.page != GLOSSARY):
        return (pages()[page],)
    kept = _preferred(matching, measurement)
    if kept and all(section.page == GLOSSARY for section in kept):
        kept += [section for section in _having(wanted, key) if section.page != GLOSSARY]
    return tuple(kept) or ((pages()[page],) if page else ())


def _further(name: str, form: Callable[[str], str]) -> tuple[Section, ...]:
    """The sections that have it as a further name; in the singular as a name of any kind."""
    measurement, wanted = _parts(name)
    wanted = set(map(form, wanted))
    if form is key:
        return tuple(_preferred(_having(wanted, form), measurement))
    named = [section for section in sections() if wanted & set(map(form, section.names))]
    further = [section for section in _having(wanted, form) if section not in named]
    return tuple(_preferred(named, measurement) or _preferred(further, measurement))


def _command(name: str) -> tuple[Section, ...]:
    command = key(f"collapse {name}")
    return tuple(section for section in sections() if command in map(key, section.names))


def _having(wanted: set[str], form: Callable[[str], str]) -> list[Section]:
    return [section for section in sections() if wanted & set(map(form, section.also))]


def _preferred(matching: list[Section], measurement: str) -> list[Section]:
    """Those of the measurement, if there is one; else those that are not of the glossary, if there are such."""
    if measurement:
        return [section for section in matching if key(section.page.rpartition("/")[2]) == key(measurement)]
    return [section for section in matching if section.page != GLOSSARY] or matching


def _parts(name: str) -> tuple[str, set[str]]:
    """The measurement that a name begins with, if any, and the keys by which it is looked for."""
    parts = name.split(".")
    if len(parts) > 1 and parts[-1].casefold() in SPACES:
        parts = parts[:-1]
    measured = len(parts) == 2 and key(parts[0]) in {key(page.rpartition("/")[2]) for page in pages()}
    measurement, wanted = (parts[0], parts[1]) if measured else ("", ".".join(parts))
    return measurement, {key(wanted), key(".".join(parts))}


def explain(name: str) -> str:
    """What the guide says of a metric, a verdict, a cause, a command or a term: Markdown, as `collapse explain NAME` shows it.

    Where the name is nearly that of a section, the first line says so. Raises CollapseError for a name that nothing explains; its
    hint has the nearest names.

    >>> print(explain("anti-hub").splitlines()[0])
    ## `anti-hub`
    """
    return explanation(name).text


def names() -> list[str]:
    """Everything that the guide explains by name: terms of the glossary behind the others, pages last."""
    ordered = sorted(sections(), key=lambda section: section.page == GLOSSARY)
    return list(dict.fromkeys([*(name for section in ordered for name in section.names), *pages()]))


def _every_name() -> list[str]:
    """Names, those of commands alone as well, with the further ones behind them."""
    commands = (name.removeprefix("collapse ") for name in names())
    return list(dict.fromkeys([*names(), *commands, *(each for part in sections() for each in part.also)]))


def _likely(name: str) -> list[str]:
    """The names that may be meant, each of another section, the nearest first."""
    by_section: dict[tuple[Section, ...], str] = {}
    for _, known in likeness(name, _every_name()):
        by_section.setdefault(explanations(known), known)
    return list(by_section.values())


def _title(text: str) -> str:
    return next((match[2] for line in text.splitlines() if (match := HEADING.match(line))), "")


def _sections(page: str, text: str) -> list[Section]:
    lines = text.splitlines(keepends=True)
    headings = _headings(lines)
    parts = []
    for place, (start, level, title) in enumerate(headings):
        end = next((later for later, other, _ in headings[place + 1 :] if other <= level), len(lines))
        section = ALSO.sub("", "".join(lines[start:end])).rstrip() + "\n"
        parts.append(Section(page, title, section, _names(title), _also(lines[start + 1 : end])))
    return parts


def _also(lines: list[str]) -> tuple[str, ...]:
    """The further names of the lines right below a heading."""
    further = takewhile(bool, (ALSO.fullmatch(line) for line in lines))
    return tuple(name.strip() for match in further if match for name in match[1].split(", "))


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
