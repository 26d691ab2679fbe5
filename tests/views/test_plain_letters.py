"""Where stdout is not UTF-8: marks are words, every letter of ours has one in ASCII, and columns stay where they are."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from collapse_cli import cli
from collapse_cli.printable import printable
from collapse_cli.views.plain_letters import fitting, plain
from collapse_cli.views.words import MARKS, RESULTS

ROOT = Path(cli.__file__).parent


def test_marks_are_words() -> None:
    marks = {"✓": "[ok]", "▲": "[!]", "✗": "[x]", "?": "[?]", "•": "*"}
    assert {plain(f"{mark} status", "ascii").split()[0] for mark, _ in MARKS.values()} == set(marks.values())
    assert all(plain(f"{mark} status", "ascii") == f"{word} status" for mark, word in marks.items())
    assert [plain(text, "ascii") for text in RESULTS.values()] == [
        "[ok] pass",
        "[!] warn",
        "[?] inconclusive",
        "[x] FAIL",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0.42 ± 0.03", "0.42 +- 0.03"),
        ("≥ 95 % … ≤ 99 %", ">= 95 % ... <= 99 %"),
        ("std·√d · N 10", "std*sqrtd - N 10"),
        ("rank¹⁰", "rank^10"),
        ("why? what?", "why? what?"),
        ("λ > 0.03 · mean λ", "lambda > 0.03 - mean lambda"),
        ("▁▄█", "_-#"),
        ("⠉⠑ ", "** "),
        ("naïve ŝ", "naive s"),
        ("日", "?"),
    ],
)
def test_in_ascii(text: str, written: str) -> None:
    assert plain(text, "ascii") == written


def test_what_the_encoding_carries_stays_unless_it_is_a_mark() -> None:
    """Latin-1 has é and ±: a user's own letter stays, the sign is written as everywhere else."""
    assert plain("é ± 日", "latin-1") == "é +- ?"


def test_columns_stay_where_they_are() -> None:
    """A gap gives up the blanks that a longer letter takes, down to one blank."""
    lines = ["value         next", "0.42 ± 0.03   1.00", "12345         2.00"]
    written = plain("\n".join(lines), "ascii").splitlines()
    assert [line.index(word) for line, word in zip(written, ("next", "1.00", "2.00"), strict=True)] == [
        14
    ] * 3
    assert plain("σ  x", "ascii") == "sigma x"


def test_every_letter_of_ours_has_one_in_ascii() -> None:
    """All texts of the program, its help and its documentation strings, but letters that are never shown as they are."""
    letters = {
        letter
        for path in ROOT.rglob("*.py")
        if path.name != "plain_letters.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for letter in node.value
        if not letter.isascii() and letter != "\ufffd" and printable(letter) == letter
    }
    assert {"±", "✓", "√"} <= letters
    assert {letter for letter in letters if "?" in plain(letter, "ascii")} == set()


def test_utf_8_is_left_alone() -> None:
    assert fitting("± 1 ?", "utf-8") == "± 1 ?"
    assert fitting("? ± 1", "ascii") == "[?] +- 1"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("options", [[], ["--all"], ["--help"]], ids=["short", "all", "help"])
def test_a_diagnosis_on_a_terminal_without_utf_8(
    encoding: str, options: list[str], tmp_path: Path, warm: Path
) -> None:
    """Two directions of eight carry variance, in one file; ten rows of twenty dimensions cannot tell, in the other.

    Once it is Python itself that chooses the encoding.
    """
    generator = numpy.random.default_rng(0)
    numpy.save(tmp_path / "two.npy", generator.standard_normal((500, 8)) * ([1] * 2 + [1e-6] * 6))
    numpy.save(tmp_path / "few.npy", generator.standard_normal((10, 20)))
    new = (encoding, options) == ("ascii", [])
    command = [sys.executable, "-m", "collapse_cli"] if new else [str(warm)]
    argv = [*command, "diagnose", "two.npy", "few.npy", *options]
    paths = {"PYTHONPATH": str(ROOT.parent), "PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONUTF8": "0"}
    ended = subprocess.run(argv, cwd=tmp_path, env=os.environ | paths, capture_output=True, check=True)
    shown = ended.stdout.decode("ascii") + ended.stderr.decode("ascii")
    if "--help" not in options:
        assert "[!]" in shown
        assert "[?]" in shown
    assert " ? " not in shown
