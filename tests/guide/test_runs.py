"""Every command line and every block of Python in the guide runs as it stands, page by page, in the reader's folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collapse_cli.cli import collapse, load, main
from collapse_cli.guide.pages import names, pages

GENERATED = {"glossary", "commands"}  # these show how a command is typed, and no example to be followed
PAGES = sorted(set(pages()) - GENERATED)
KINDS = {"console", "python", "sh", "json", "toml", "text", "bibtex", "py", "diff"}
"""Of blocks: the first two run, `sh` is parsed, `py` and `diff` are written into a copy by tests/test_contributing.py."""

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
CODE = re.compile(r"\s+# exit code (\d+)$")
COMMAND = re.compile(r"(?:^|\s)(?:collapse|-m collapse_cli) (?!-- )([^|;&#]+)")
SHORTENED = {"--epochs": 2, "--steps": 60}  # of trainings and labs: the most that the suite takes


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, text) of each block of a page."""
    return BLOCK.findall(pages()[page].text)


def typed(text: str) -> Iterator[tuple[str, int]]:
    """(command line, exit code) of each line that a reader types."""
    joined = re.sub(r"\\\n\s*(?:> )?", "", text)
    for line in joined.splitlines():
        if line.startswith("$ "):
            code = CODE.search(line)
            yield CODE.sub("", line[2:]), int(code[1]) if code else 0


def shortened(words: list[str]) -> list[str]:
    for option, most in SHORTENED.items():
        if option in words:
            place = words.index(option) + 1
            words[place] = str(min(int(words[place]), most))
    return words


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(kind in ("console", "python") for kind, _ in blocks(page))]
)
def test_a_page_runs(page: str, reader: Path) -> None:
    """Its command lines in their order, each with the exit code that the page tells; its Python in one namespace."""
    if page == "mcp":
        pytest.importorskip("mcp")
    namespace: dict[str, Any] = {}
    for kind, text in blocks(page):
        if kind == "python":
            exec(compile(text, page, "exec"), namespace)
        elif kind == "console":
            for line, code in typed(text):
                program, *words = shlex.split(line)
                assert program == "collapse", f"{line}: what is no command of ours stands in a block of sh"
                assert main(shortened(words)) == code, line


@pytest.mark.parametrize("page", [page for page in PAGES if any(kind == "sh" for kind, _ in blocks(page))])
def test_what_cannot_run_here_is_typed_right(page: str) -> None:
    """The commands and options of its other lines, for a cluster or a bucket, are those of the program."""
    for kind, text in blocks(page):
        if kind == "sh":
            for line in re.sub(r"\\\n\s*", "", text).splitlines():
                for words in COMMAND.findall(line):
                    parsed(shlex.split(words))


@pytest.mark.parametrize("page", PAGES)
def test_a_command_within_a_sentence_is_typed_right(page: str) -> None:
    for code in re.findall(r"`([^`]+)`", BLOCK.sub("", pages()[page].text)):
        text = " ".join(code.split())
        for words in (
            COMMAND.findall(text) if text not in names() else ()
        ):  # as the warning `collapse of scale`
            parsed(shlex.split(words))


def parsed(words: list[str]) -> None:
    """Raises where a command line has a command or an option that is not there. A training without a method is of MoCo."""
    if words == ["--version"]:
        return
    command = load(words[0])
    if hasattr(command, "commands"):
        method = next((word for word in words[1:2] if not word.startswith("-") and word != "METHOD"), "moco")
        assert method in command.commands, words
        command = command.commands[method]
    options = {
        name
        for param in command.get_params(collapse.make_context("collapse", ["env"], resilient_parsing=True))
        for name in [*param.opts, *param.secondary_opts]
    }
    unknown = [
        word for word in words[1:] if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in options
    ]
    assert not unknown, f"{words[0]} has no {unknown}"


@pytest.mark.parametrize("page", [page for page in PAGES if any(kind == "py" for kind, _ in blocks(page))])
def test_python_that_needs_another_library_can_be_compiled(page: str) -> None:
    """Of libraries that the tests do not have."""
    for kind, text in blocks(page):
        if kind == "py":
            compile(text, page, "exec")


@pytest.mark.parametrize("page", PAGES)
def test_no_command_stands_outside_of_a_block_that_runs(page: str) -> None:
    """An indented line is shown as code on a page, and nothing runs it."""
    outside = BLOCK.sub("", pages()[page].text)
    assert not re.findall(r"^    +(?:\$ )?collapse .*$", outside, flags=re.MULTILINE)
    assert not re.findall(
        r"^.*(?:```|~~~).*$", outside, flags=re.MULTILINE
    )  # nor what is fenced in another way
    for kind, text in blocks(page):
        assert kind in KINDS, text
        assert kind == "console" or not re.findall(r"^ *\$ .*$", text, flags=re.MULTILINE)
