"""The command reference of the guide, as the program's own help says it: `make guides` writes it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from collapse_cli.cli import PANELS, load
from tests.guide.published import GUIDE

PLACE = GUIDE / "commands.md"
COMMON = 4  # commands that have an option with the same words, from which on it stands in the table of common options
HEAD = """# Commands

What each command does and takes, as `collapse COMMAND --help` says it. Options that several commands share are explained
[at the end](#common-options).

"""


def reference() -> str:
    """The whole page."""
    commands = dict(_commands())
    times = Counter(option for command in commands.values() for option in _options(command))
    common = {option for option, count in times.items() if count >= COMMON}
    parts = [HEAD]
    for panel, lines in PANELS.items():
        parts.append(f"## {panel}\n\n")
        for name in (each for each in commands if each.split()[1] in lines):
            parts.append(_section(name, commands[name], common))
    parts.append("## Common options\n\n" + _table(sorted(common)))
    return "".join(parts)


def write() -> None:
    """Write the page."""
    PLACE.write_text(reference())


def _commands() -> Iterator[tuple[str, Any]]:
    """`collapse train`, `collapse train moco` …, each with its command."""
    for lines in PANELS.values():
        for name in lines:
            command = load(name)
            yield f"collapse {name}", command
            for method, below in getattr(command, "commands", {}).items():
                yield f"collapse {name} {method}", below


def _section(name: str, command: Any, common: set[tuple[str, str]]) -> str:
    every = list(_options(command))
    alone, shared = [each for each in every if each not in common], [each for each in every if each in common]
    level = "#" * (2 + len(name.split()) - 1)
    parts = [f"{level} `{name}`\n\n", _prose(command.help or ""), "\n\n"]
    arguments = [
        (str(p.metavar or p.name), _prose(p.help or ""))
        for p in command.params
        if p.param_type_name == "argument"
    ]
    if arguments or alone:
        parts.append(_table([*arguments, *alone]))
    if shared:
        parts.append(
            "Common options: "
            + ", ".join(f"`{re.split('[` ]', option)[1]}`" for option, _ in shared)
            + "\n\n"
        )
    return "".join(parts)


def _options(command: Any) -> Iterator[tuple[str, str]]:
    """(`--name VALUE`, what it does) of each option."""
    for param in command.params:
        if param.param_type_name == "option" and "--help" not in param.opts:
            value = "" if getattr(param, "is_flag", False) else f" {_value(param)}"
            names = "`, `".join([*sorted(param.opts, key=len, reverse=True), *param.secondary_opts])
            yield f"`{names}{value}`", _prose(param.help or "")


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(
        f"| {name.replace('|', '&#124;')} | {text.replace('|', '&#124;')} |\n" for name, text in rows
    )
    return f"| takes | what it does |\n|---|---|\n{cells}\n"


def _prose(text: str) -> str:
    """Markup of the terminal as Markdown."""
    text = re.sub(r"\[bold\](.*?)\[/bold\]", r"`\1`", text, flags=re.DOTALL)
    text = re.sub(r"\[/?[a-z]+\]", "", text).replace("\\[", "[")
    return text if "\n\n" in text else " ".join(text.split())


def _value(param: Any) -> str:
    """What is typed behind an option: its metavar, or the type of the declaration."""
    kind = param.type_descriptor.annotation
    return str(param.metavar or {int: "INTEGER", float: "NUMBER"}.get(kind, "TEXT"))
