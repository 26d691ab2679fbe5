"""stdout and stderr of a command line: nothing on them is obeyed, and what cannot be written is told once."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from collapse_cli import streams
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.streams import standard, unaltered
from collapse_cli.views.console import Console
from collapse_cli.views.plain_letters import fitting

ROOT = Path(__file__).parent.parent
NASTY = "a\x1b]0;t\x07\r\u202e\x85\x1b[31mb"


@contextmanager
def terminal() -> Iterator[io.StringIO]:
    """Within it stdout is a terminal; what that was sent."""
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    with redirect_stdout(stream), standard(fitting):
        yield stream


class Broken(io.StringIO):
    """A stream of which nothing can be written."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code, self.asked = code, 0

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)

    def write(self, text: str) -> int:
        self.asked += 1
        raise OSError(self.code, os.strerror(self.code))


def test_what_is_printed_is_shown_in_its_lines() -> None:
    with terminal() as sent:
        print(NASTY, "c\nd\te", sep=" ")
    assert sent.getvalue() == "a\\x1b]0;t\\x07\\r\\u202e\\x85\\x1b[31mb c\nd\\te\n"


def test_rich_colours_and_no_name_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell, a title, a plain text and a styled one: the escapes are rich's own."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    table = Table(title=NASTY)
    table.add_column(NASTY)
    table.add_row(NASTY)
    with terminal() as sent:
        for part in (table, NASTY, Text(NASTY, "bold red"), "[bold]:smile:[/bold]"):
            Console(width=300).print(part)
    text = sent.getvalue()
    assert "\x1b[1;31ma" in text
    assert "[bold]:smile:[/bold]" in text
    assert "\x1b[31m" not in text
    assert not set(text) & set("\x07\r\x85\u202e")


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (["::error::x"], ": :error::x\n"),
        (["  \u3000::error::x"], "  \u3000: :error::x\n"),
        (["a ::b", "\n::c::d"], "a ::b \n: :c::d\n"),
        (["", "::x"], " : :x\n"),
        (["a", "::x"], "a ::x\n"),
        (["a ##[error]b ##vso[task]"], "a # #[error]b # #vso[task]\n"),
        (["## title", "# [x]"], "## title # [x]\n"),
    ],
)
def test_no_line_begins_a_command_of_a_workflow(printed: list[str], shown: str) -> None:
    """Also where a line is printed in parts, which `print` writes one by one."""
    with terminal() as sent:
        print(*printed)
        Console(width=200).print(Text("::warning::y"))
        Console(width=200, force_terminal=True).print(Text("::warning::y", "bold"))
    assert sent.getvalue() == f"{shown}: :warning::y\n\x1b[1m: :warning::y\x1b[0m\n"


def test_what_is_written_as_it_is() -> None:
    with terminal() as sent:
        print("::error::x", file=unaltered(sys.stdout))
    assert sent.getvalue() == "::error::x\n"
    assert unaltered(sys.stdout) is sys.stdout


def test_the_streams_are_given_back() -> None:
    before = sys.stdout
    with standard(fitting), standard(fitting):
        assert isinstance(sys.stdout, streams.Standard)
        assert sys.stdout.unaltered._stream is before
    assert sys.stdout is before


def test_a_full_stdout_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Broken(errno.ENOSPC)
    monkeypatch.setattr(sys, "stdout", full)
    with standard(fitting):
        with pytest.raises(CollapseError, match="cannot write to stdout: No space left on device"):
            print("a")
        print("b", flush=True)
    assert full.asked == 1


def test_a_full_stderr_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", Broken(errno.ENOSPC))
    assert main(["train", "--set", "nonsense"]) == 2
    assert main(["methods"]) == 0
    assert "moco" in capsys.readouterr().out


def test_closed_streams(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Python has None for them. What belongs on stderr must not appear in the answer."""
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["train", "--set", "nonsense"]) == 2
    assert capsys.readouterr().out == ""
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["methods"]) == 2
    assert (
        capsys.readouterr().err
        == "collapse: cannot write to stdout: it is closed\n  send it to a file: > FILE\n"
    )


def test_a_reader_that_has_gone_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(errno.EPIPE))
    assert main(["methods"]) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize(
    ("words", "redirected", "code"),
    [
        ("methods --json", ">/dev/full", 2),
        ("methods", ">/dev/full 2>/dev/full", 2),
        ("--help", ">/dev/full", 2),
        ("methods", ">&- 2>&- <&-", 2),
        ("methods", "| head -1", 0),
        ("methods --json", "2>&- | tail -1", 0),
    ],
)
def test_in_a_process_of_its_own(words: str, redirected: str, code: int) -> None:
    """Where Python itself would complain at the end, of what is still in a buffer, with a code of its own."""
    script = f"set -o pipefail; '{sys.executable}' -m collapse_cli {words} {redirected}"
    ended = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == code
    assert len(ended.stderr.splitlines()) == (2 if redirected == ">/dev/full" else 0)
