"""`collapse --help` is made from a table, and imports no subcommand."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from collapse_cli import cli
from collapse_cli.cli import main
from collapse_cli.settings import METHODS


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_a_line_of_the_table_is_the_first_of_the_commands_own_help(command: str) -> None:
    """`collapse --help` reads the table alone, so the table must not drift from what it stands for."""
    assert cli.COMMANDS[command] == cli.load(command).help.partition("\n\n")[0].replace("\n", " ")


@pytest.mark.parametrize("command", ["watch", "alignment", "train"])
def test_lines_of_the_source_do_not_break_the_help(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A short line within a paragraph is one that the next word would not have fitted into."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out.partition("╭")[0]
    for paragraph in re.split(r"\n *\n", shown.strip("\n ")):
        lines = [line.strip() for line in paragraph.splitlines()]
        for line, following in zip(lines, lines[1:], strict=False):
            assert len(line) + 1 + len(following.split()[0]) > 78, line


def test_help_keeps_the_panels_and_their_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    panels = re.findall(r"^╭─ (.+?) ─+╮$", shown, flags=re.MULTILINE)
    assert panels == [
        "Options",
        "Start here",
        "Judge and explain",
        "Measure one thing",
        "Labs and claims",
        "Facts",
    ]
    listed = re.findall(r"^│ ([a-z]\S*) +(.+?) *│$", shown, flags=re.MULTILINE)
    assert listed == list(cli.COMMANDS.items())


def test_only_the_command_that_is_called_is_imported() -> None:
    script = (
        "import sys; from collapse_cli.cli import COMMANDS, main; main(sys.argv[1:]);"
        "modules = {f'collapse_cli.commands.{name}' for name in COMMANDS} & set(sys.modules);"
        "print(*sorted(modules), file=sys.stderr)"
    )
    for argv, modules in ((["--help"], ""), (["methods", "--help"], "collapse_cli.commands.methods")):
        ended = subprocess.run(
            [sys.executable, "-c", script, *argv], capture_output=True, text=True, check=True
        )
        assert ended.stderr.strip() == modules


def test_train_lists_its_methods(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    assert re.findall(r"^│ ([a-z][a-z-]*) ", capsys.readouterr().out, flags=re.MULTILINE) == list(METHODS)
