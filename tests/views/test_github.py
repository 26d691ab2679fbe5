"""What GitHub makes of a gate's answer: its own rules, written down here, read every annotation back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_cli.answers import Answer, Entry, Verdict
from collapse_cli.metric import Metric
from collapse_cli.metrics.requirements import Gate
from collapse_cli.printable import printable
from collapse_cli.views import gate, github
from collapse_cli.views.document import document

NASTY = "a\n::error::b\r%0A|`<b>`**x**##[error]c:,\x1b[31m"
TEXTS = st.text() | st.text(alphabet="::##[]\n\r%0A2d ,", max_size=12)


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A line as the runner reads a command: name, properties and data, unescaped."""
    match = re.fullmatch(r"::([a-z-]+) ([^:]*)::(.*)", line)
    assert match, line
    properties = dict(pair.split("=", 1) for pair in match[2].split(","))

    def plain(text: str, letters: dict[str, str]) -> str:
        for code, letter in letters.items():
            text = text.replace(code, letter)
        return text.replace("%25", "%")

    data = {"%0D": "\r", "%0A": "\n"}
    of_property = data | {"%3A": ":", "%2C": ","}
    return (
        match[1],
        {name: plain(text, of_property) for name, text in properties.items()},
        plain(match[3], data),
    )


def row(name: str, result: str, sentence: str) -> Metric:
    required: Any = {"of": name, "relation": ">=", "bound": 20.0, "result": result, "sentence": sentence}
    metric: Any = {
        "kind": "number",
        "help": "h",
        "label": name,
        "unit": "",
        "convention": "",
        "value": 1.0,
        "interval": None,
    }
    whole: Metric = metric | {"null": None, "required": required}
    return whole


def planted(*results: str, path: str = "runs/a") -> dict[str, Any]:
    """A check for each result, and a space that passes."""
    rows = {f"{n}": row(f"rank.{n}", result, f"rank.{n} 1 is below 20") for n, result in enumerate(results)}
    ended = Verdict("failed", "failed: 1 of 2 checks, 1 passed")
    entries = (
        Entry("a", Gate(1, 1, 0, 0), verdict=ended),
        Entry("a", rows, named_kind="requirements", named_title="Requirements"),
        Entry(
            "a",
            {},
            "h",
            verdict=Verdict("healthy", "healthy: all is well", result="pass"),
            named_kind="spaces",
        ),
    )
    return document(Answer("check", entries, ({"path": path},)))


def test_each_check_that_has_not_passed_is_annotated() -> None:
    """Those that fail first; inconclusive ones and warnings are warnings."""
    lines = [read(line) for line in github.commands(planted("pass", "warn", "inconclusive", "fail"))]
    title = {"title": "collapse check: runs/a"}
    assert lines == [
        ("error", title, "rank.3 1 is below 20"),
        ("warning", title, "rank.2 1 is below 20"),
        ("warning", title, "rank.1 1 is below 20"),
    ]


def test_the_tenth_says_how_many_are_left_out() -> None:
    """GitHub shows ten errors of a step."""
    assert len(github.commands(planted(*["fail"] * 10))) == 10
    lines = github.commands(planted(*["fail"] * 13))
    assert (len(lines), read(lines[-1])[2]) == (10, "and 4 more checks")


@given(TEXTS)
def test_a_command_is_one_line_and_says_the_text(text: str) -> None:
    line = github.command("error", text, text)
    assert line.splitlines() == [line]
    name, properties, data = read(line)
    shown = printable(text)
    assert name == "error"
    assert properties == {"title": f"collapse check: {shown}" if shown else "collapse check"}
    assert data == shown


def test_a_path_begins_no_command() -> None:
    (line,) = github.commands(planted("fail", path=NASTY))
    assert read(line)[1]["title"].startswith(r"collapse check: a\n::error::b\r%0A|`<b>`")


def test_the_summary_lists_what_has_not_passed(tmp_path: Path) -> None:
    """It is added to what other steps have written; failing checks come first."""
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    github.summarise(path, planted("pass", "inconclusive", "fail"))
    assert path.read_text().splitlines() == [
        "before",
        "## collapse check",
        "",
        r"**runs/a**: failed\: 1 of 2 checks, 1 passed",
        "",
        "| result | check |",
        "|---|---|",
        r"| ✗ FAIL | rank\.2 1 is below 20 |",
        r"| ? inconclusive | rank\.1 1 is below 20 |",
        "",
    ]


def test_a_path_marks_up_nothing(tmp_path: Path) -> None:
    """Every letter that Markdown or HTML reads is escaped, and a line stays one line."""
    (line,) = [line for line in github.summary(planted("fail", path=NASTY)).splitlines() if "error" in line]
    assert r"\|\`&lt;b&gt;\`\*\*x\*\*\#\#\[error\]c\:" in line


def test_a_long_summary_is_cut() -> None:
    lines = github.summary(planted(*["fail"] * 130)).splitlines()
    assert sum(line.startswith("| ✗ FAIL") for line in lines) == github.ROWS
    assert "| | 30 more |" in lines


def test_a_summary_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        github.summarise(tmp_path / "no" / "summary.md", planted("fail"))


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([], ""),
        (["pass", "warn"], "passed, with a warning: runs/a: rank.1 1 is below 20"),
        (["inconclusive", "fail"], "failed: runs/a: rank.1 1 is below 20"),
        (["pass", "fail", "fail", "fail"], "failed: runs/a: rank.1 1 is below 20 (and 2 more)"),
        (["pass", "inconclusive"], "inconclusive: runs/a: rank.1 1 is below 20"),
    ],
    ids=str,
)
def test_the_reason_in_one_line(results: list[str], reason: str) -> None:
    assert gate.reason(planted(*results)) == reason


def test_the_reason_is_one_line_whatever_the_path() -> None:
    assert len(gate.reason(planted("fail", path=NASTY)).splitlines()) == 1
