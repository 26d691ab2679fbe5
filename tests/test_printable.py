"""Text of anybody's: what is obeyed becomes an escape, what is read stays, JSON and the shell have back what was given."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collapse_cli.errors import CollapseError
from collapse_cli.printable import (
    everywhere,
    for_others,
    in_lines,
    in_markup,
    joined,
    json_text,
    printable,
    quoted,
)

TEXT = st.text(st.characters(codec=None)) | st.text(
    alphabet="a'\\\n\r\t\x1b#[:\x7f\x85\u202e\u200d é😀\udcff"
)
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
CONTROLS = "".join(map(chr, [*range(32), 127, *range(128, 160)]))
OTHERS = "\u2028\u2029\ufeff\u200b\u2060\u00ad\udc80\ud800\U000e0041\ufffe\uffff"


@pytest.mark.parametrize("letter", [*CONTROLS, *BIDI, *OTHERS], ids=lambda letter: f"U+{ord(letter):04X}")
def test_what_is_obeyed_is_an_escape(letter: str) -> None:
    """In the middle of a word, of ASCII and of others."""
    for word in ("a{}b", "é{}漢"):
        shown = printable(word.format(letter))
        assert shown.isprintable()
        assert shown == word.format(letter.encode("unicode_escape").decode())


@pytest.mark.parametrize(
    "text",
    ["résumé", "漢字　かな", "می‌خواهم", "שלום", "नमस्ते क्‍ष", "👩‍👩‍👧 ❤️‍🔥", "1\u00a0000", "a::b", "$x$ <b> `c` {{7*7}}", ""],
)  # fmt: skip
def test_letters_of_all_languages_stay(text: str) -> None:
    assert printable(text) == text


def test_a_joiner_that_joins_nothing_is_told() -> None:
    """Between ASCII letters it would make two names look alike."""
    assert printable("a\u200db é\u200c") == r"a\u200db é\u200c"


@settings(deadline=None)
@given(TEXT)
def test_it_is_one_line_and_said_twice_the_same(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert len(shown.splitlines()) <= 1
    assert printable(in_lines(text)).replace(r"\n", "") == shown.replace(r"\n", "")


@settings(max_examples=30, deadline=None)
@given(
    st.recursive(st.none() | TEXT | st.integers(), lambda part: st.lists(part) | st.dictionaries(TEXT, part))
)
def test_json_gives_back_the_value(value: object) -> None:
    """And no letter in it is obeyed, but for joiners in words, nor does any text begin a workflow's command."""
    for ascii_only in (False, True):
        text = json_text(value, ascii_only=ascii_only)
        assert json.loads(text) == value
        assert re.sub("[\n\u200c\u200d]", "", text).isprintable()
        assert "##[" not in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to ask")
def test_a_shell_reads_a_quoted_word_back() -> None:
    """In the C locale too; all words of one command line at once."""
    words = [
        "plain",
        "it's",
        "a b",
        "é 漢",
        *(f"x{letter}7'\\" for letter in CONTROLS[1:] + BIDI),
        "\udcff",
        "##[error]",
        "-x\n",
    ]
    line = joined(words)
    assert line.isprintable()
    script = f"printf '%s\\0' {line}"
    told = subprocess.run(
        ["bash", "-c", os.fsencode(script)], capture_output=True, check=True, env=os.environ | {"LC_ALL": "C"}
    )
    assert told.stdout.split(b"\0")[:-1] == [os.fsencode(word) for word in words]


def test_usual_words_are_quoted_as_ever() -> None:
    assert [quoted(word) for word in ("runs/a", "a b", "it's", "")] == [
        "runs/a",
        "'a b'",
        "'it'\"'\"'s'",
        "''",
    ]


def test_a_document_is_printable_everywhere_and_loses_nothing() -> None:
    """Two names that become equal are still two."""
    given_names = {"a\x1b": [1, ("b\n", None)], r"a\x1b": {"c": 2.5}}
    assert everywhere(given_names) == {r"a\x1b": [1, [r"b\n", None]], r"a\x1b'": {"c": 2.5}}


def test_an_error_is_printable() -> None:
    error = CollapseError("no class 'a\n\x1b[2J'", "did you mean\u202e?")
    assert str(error) == "no class 'a\\n\\x1b[2J'\ndid you mean\\u202e?"
    assert error.args == (r"no class 'a\n\x1b[2J'",)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("/home/me/runs/a", "~/runs/a"),
        ("collapse check '/home/me/my runs/a' --out=/home/me", "collapse check ~/'my runs/a' --out=~"),
        ("folder:/home/me/images, /home/me/x", "folder:~/images, ~/x"),
        ("/home/mean/a /data/home/me/b /home/me.old ./home/me", "/home/mean/a /data/home/me/b /home/me.old ./home/me"),
    ],
)  # fmt: skip
def test_what_is_handed_on_has_no_home(given: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert for_others({"a": [given], given: 1}) == {"a": [shown], shown: 1}
    assert everywhere(given) == given
    for home in ("/", ""):
        monkeypatch.setenv("HOME", home)
        assert for_others("/home/me /a") == "/home/me /a"


def test_a_shell_finds_a_home_that_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "a home"
    (home / "my runs").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for path in (home / "my runs", home):
        command = for_others(joined(["ls", "-d", path]))
        assert command.startswith("ls -d ~")
        listed = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        assert listed.stdout == f"{path}\n"


def test_words_of_all_languages_stay_readable_in_json() -> None:
    """The joiners in them too; one beside a Latin letter is an escape, and every value comes back."""
    for text in ("漢字", "👩\u200d👧", "क\u094d\u200dष", "می\u200cخواهم", "שלום", "e\u0301"):
        assert json_text(text) == f'"{text}"'
    assert json_text("a\u200db") == '"a\\u200db"'


def test_markup_holds_no_command_of_a_workflow() -> None:
    assert in_markup("<b>##[error]</b> #fff ##") == "<b>&#35;#[error]</b> #fff ##"
    assert html.unescape(in_markup("##[error]")) == "##[error]"
