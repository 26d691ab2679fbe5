"""Hostile names in every place that a name can stand: nothing of them steers what reads stdout, stderr, SVG, HTML, JSON or JUnit.

The long form tries every name in every place, 1,500 cases in two parts: python -m pytest -m slow -s tests/hostile/test_names.py
"""

from __future__ import annotations

import json
import random
import re
import shutil
import xml.etree.ElementTree
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.hostile import names
from tests.hostile.harness import Case, Worker, faults, forbidden
from tests.hostile.test_damage import SEED, described

Triple = tuple[str, str, tuple[str, ...]]
COMMANDS = re.compile(r"^::", re.MULTILINE)


class Elements(HTMLParser):
    """The elements of a page, and the attributes that run code."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "base", "meta", "form"):
            self.count[tag] += 1
        if tag == "img" and not all(
            (value or "").startswith("data:") for name, value in attributes if name == "src"
        ):
            self.count["img from elsewhere"] += 1
        self.count["handlers"] += sum(name.startswith("on") for name, _ in attributes)


def elements(page: str) -> Counter[str]:
    parser = Elements()
    parser.feed(page)
    return +parser.count


def written(folder: Path, plain: Path) -> Iterator[str]:
    """What is wrong with the files that a command wrote, beside those of a harmless name."""
    for path in (folder / name for name in ("p.svg", "p.html", "j.xml")):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        if bad := [c for c in forbidden(text) if c.startswith("U+")]:
            yield f"{path.name} contains {bad[0]}"
        if path.suffix == ".html" and (plain / path.name).is_file():
            if more := elements(text) - elements((plain / path.name).read_text()):
                yield f"{path.name} has {dict(more)} more than that of a harmless name"
        elif path.suffix != ".html":
            try:
                xml.etree.ElementTree.fromstring(text)
            except xml.etree.ElementTree.ParseError as error:
                yield f"{path.name}: {error}"


def run(
    worker: Worker, folder: Path, place: str, text: str, line: tuple[str, ...]
) -> tuple[Case, str, list[str]]:
    """A name in its place, and the command that shows it; what is wrong, and stdout."""
    placed = names.PLACES[place]
    name = names.TEXTS[text].replace("/", "_").replace("\0", "")
    folder.mkdir(parents=True)
    placed.build(folder, name)
    argv = tuple(word.replace("NAME", name) for word in line)
    case = Case(
        f"{text} | {place} | {' '.join(line)}",
        argv,
        folder,
        codes=(0, 1, 2, 3) if "check" in line else (0, 2, 3),
    )
    ended = worker.run(case)
    wrong = faults(case, ended)
    if "github" in line:  # the commands of workflows are asked for: each is ours, and names nothing hostile
        wrong = [w for w in wrong if "::" not in w or "U+" in w]
        wrong += [
            f"a workflow command {found!r}"
            for found in re.findall(r"^::(?!notice|warning|error|group|endgroup).*", ended.out, re.MULTILINE)
        ]
        wrong += ["a workflow command of the name"] * bool(re.search(r"^::error::y", ended.out, re.MULTILINE))
    if "--json" in line and ended.code != 2 and ended.out:
        json.loads(ended.out)
    return case, described(case, ended, wrong), wrong


def try_all(worker: Worker, folder: Path, triples: list[Triple]) -> None:
    failures = []
    table: Counter[str] = Counter()
    plain: dict[tuple[str, ...], Path] = {}
    for number, (place, text, line) in enumerate(triples):
        if "--html" in line and line not in plain:
            plain[line] = folder / f"plain{number}"
            run(worker, plain[line], place, "harmless", line)
        case, told, wrong = run(worker, folder / str(number), place, text, line)
        wrong += written(case.folder, plain.get(line, Path("none")))
        table[wrong[0] if wrong else "well"] += 1
        if wrong:
            failures.append(f"{told} {wrong}")
        shutil.rmtree(case.folder)
    print(f"\n{len(triples)} cases: {dict(table)}")
    assert not failures, "\n".join(failures)


def everything() -> list[Triple]:
    """(place, name, command line), but for names that cannot stand there."""
    return [
        (place, text, line)
        for place, placed in names.PLACES.items()
        for text in names.TEXTS
        for line in placed.lines
        if not (text == "not UTF-8" and not placed.path and place != "value")
        and not (text == "empty" and place in ("file", "broken image"))
    ]


def test_some_names_in_every_place(worker: Worker, tmp_path: Path) -> None:
    """Two names in every place; commands that draw are for the long form, since a plot takes a second."""
    draw = random.Random(f"short{SEED}")
    quick = [triple for triple in everything() if "--plot" not in triple[2]]
    draw.shuffle(quick)
    chosen = [triple for place in names.PLACES for triple in [t for t in quick if t[0] == place][:2]]
    try_all(worker, tmp_path, chosen)


def test_a_page_and_a_plot_of_hostile_classes(worker: Worker, tmp_path: Path) -> None:
    line = next(line for line in names.PLACES["label"].lines if "--plot" in line)
    try_all(worker, tmp_path, [("label", text, line) for text in ("colour", "image")])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2), ids=lambda part: f"part{part}")
def test_every_name_in_every_place(worker: Worker, tmp_path: Path, part: int) -> None:
    try_all(worker, tmp_path, everything()[part::2])
