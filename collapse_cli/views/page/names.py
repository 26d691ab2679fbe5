"""Paths as a page shows them: base names alone, for a page is handed on, and folders are nobody else's business.

JSON keeps every path as it was given.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from collapse_cli.printable import everywhere, printable, quoted
from collapse_cli.views.document import Document

SCHEME = re.compile(r"(?:pixels:)?(?:(?:folder|parquet|text):)?")  # before the path of a data set
OPTION = re.compile(r"^--[\w-]+=")
PATHS = {
    "path",
    "labels",
    "labels_file",
    "dataset",
    "second",
    "views_of",
    "groups",
}  # facts that may be paths
WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")  # the beginning of an absolute path there
PART, PART_THERE = r"[^\s/'\"`<>|“”]+", r"[^\s\\/'\"`<>|“”]+"
ANYWHERE = (
    r"(?P<url>\b(?!file:)[A-Za-z][A-Za-z0-9+.-]+://\S*)"
    rf"|(?<![\w/.~<)\]%-])(?:(?:file:)?/+(?:{PART}/+)+|~[\w.-]*/+(?:{PART}/+)*)(?P<base>{PART})"
    rf"|(?<!\w)(?:[A-Za-z]:[\\/]+|\\\\)(?:{PART_THERE}[\\/]+)*(?P<there>{PART_THERE})"
)
"""A web address, or an absolute path with its base name. A lone name at the root says nothing of any folder, and stays."""


class Change(Protocol):
    """A text -> the same with base names. whole: it is nothing but a path, if it is one."""

    def __call__(self, text: str, whole: bool = False) -> str: ...


def base_names(documents: Sequence[Document]) -> list[Document]:
    """The documents of one page with the base name of every absolute path, and of every path of an input, in all texts.

    Inputs of one base name get as many folders before it as tell them from each other: `a/checkpoint.pt`, `b/checkpoint.pt`.
    """
    change = renaming(documents)
    return [
        everywhere(document | {"argv": [change(word, True) for word in document["argv"]]}, change)
        | {"inputs": [_facts(facts, change) for facts in document["inputs"]]}
        for document in documents
    ]


def renaming(documents: Sequence[Document]) -> Change:
    """What changes one text of their page, as its title."""
    short = _short(documents)
    forms = {
        form: name for name in short.values() for form, _ in _forms(name, name)
    }  # which stay as they are
    forms |= {form: name for path, name in short.items() for form, name in _forms(path, name)}
    written = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    listed = rf"(?<![\w./~-])(?P<form>{written})(?![\w-]|\.\w)|" if forms else ""
    place = re.compile(listed + ANYWHERE)

    def put(matched: re.Match[str]) -> str:
        parts = matched.groupdict()
        if parts.get("form"):
            return forms[parts["form"]]
        return str(parts["url"] or parts["base"] or parts["there"])

    def change(text: str, whole: bool = False) -> str:
        if whole:
            scheme, path = _split(text)
            text = scheme + (short.get(path) or (_base(path) if _absolute(path) else path))
        changed = place.sub(put, text)
        return changed if changed == text else change(changed)

    return change


def _facts(facts: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """Facts of an input; those that are a path are changed as wholes, whatever letters it has."""
    return {
        name: _facts(value, change)
        if isinstance(value, Mapping)
        else everywhere(value, partial(change, whole=name in PATHS))
        for name, value in facts.items()
    }


def _short(documents: Sequence[Document]) -> dict[str, str]:
    """Every path that is known as one -> what it is called."""
    stand = [
        (_split(str(facts["path"]))[1], facts.get("sha256"), number)
        for number, document in enumerate(documents)
        for facts in document["inputs"]
        if "path" in facts
    ]
    short = {path: _base(path) for path in _others(documents)}
    for path, digest, number in stand:
        others = [
            other
            for other, same, where in stand
            if os.path.abspath(other) != os.path.abspath(path)
            and (where == number or same != digest or not digest)
        ]
        short[path] = max(short.get(path, ""), _ending(path, others), key=len)
    return short


def _others(documents: Sequence[Document]) -> Iterator[str]:
    """Paths that are no inputs: of labels and images, and all that were typed."""
    for document in documents:
        words = [OPTION.sub("", str(word)) for word in document["argv"]]
        words += [text for facts in document["inputs"] for text in _of_facts(facts)]
        yield from (
            path for scheme, path in map(_split, words) if _absolute(path) or (scheme and "/" in path)
        )


def _of_facts(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _of_facts(value)
        elif name in PATHS - {"path"} and isinstance(value, str):
            yield value


def _forms(path: str, name: str) -> Iterator[tuple[str, str]]:
    """The ways in which a text may have a path, each with its name there; none of a bare name, which any word may be."""
    for form in (path, f"./{path}", os.path.abspath(path), os.path.expanduser(path)):
        if re.search(r"[^\\/.~][\\/]|[\\/][^\\/.~]", form):
            yield from ((form, name), (printable(form), printable(name)), (quoted(form), quoted(name)))


def _ending(path: str, others: Sequence[str]) -> str:
    """As many of its last parts as no other path has at its end; all where there are not enough."""
    parts, rest = _parts(path), [_parts(other) for other in others]
    lengths = (n for n in range(1, len(parts)) if all(each[-n:] != parts[-n:] for each in rest))
    return "/".join(parts[-next(lengths, len(parts)) :])


def _base(path: str) -> str:
    return _parts(path)[-1]


def _parts(path: str) -> list[str]:
    """Folders and base name of a path of any system; of one without a name, as `..`, those of the place that it stands for."""
    if WINDOWS.match(path):
        return [part for part in re.split(r"[\\/]+", path) if part and not part.endswith(":")] or [path]
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or parts[-1] in ("..", "~"):
        parts = [part for part in os.path.abspath(os.path.expanduser(path)).split("/") if part]
    return parts or ["/"]


def _split(text: str) -> tuple[str, str]:
    """`folder:` and the path behind it."""
    end = SCHEME.match(text)
    at = end.end() if end else 0
    return text[:at], text[at:]


def _absolute(path: str) -> bool:
    return path.startswith(("/", "~/")) or WINDOWS.match(path) is not None
