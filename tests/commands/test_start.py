"""How a person begins: `collapse` alone, -h, --version, completion; an empty argument is no current folder."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from collapse_cli import answers, cli
from collapse_cli.cli import main
from collapse_cli.commands.start import BEGIN
from collapse_cli.settings import METHODS


def test_collapse_alone_shows_where_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert len(BEGIN) == 5
    assert all(line.split()[1] in cli.COMMANDS and line in shown for line in BEGIN)
    assert "collapse --help" in shown
    assert max(map(len, shown.splitlines())) <= 100
    assert len(shown.splitlines()) <= 12


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"collapse {answers.version()}\n"


@pytest.mark.parametrize("command", ["", *cli.COMMANDS, "train mochi"])
def test_h_is_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "-h"]) == 0
    short = capsys.readouterr().out
    assert main([*command.split(), "--help"]) == 0
    assert short == capsys.readouterr().out
    assert "Usage" in short


def test_help_of_train_has_the_options_of_the_default_method_and_all_methods(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "collapse train [METHOD] [OPTIONS]" in shown
    assert all(word in shown for word in ("--queue", "--out", "--epochs", *METHODS))
    assert "--hardest" not in shown  # of mochi


@pytest.mark.parametrize(("shell", "code"), [("bash", 0), ("zsh", 0), ("fish", 0), ("tcl", 2)])
def test_completion_is_shown(
    shell: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the shell that calls; one that Typer does not know is an error of usage, not a gate that failed."""
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: shell)
    assert main(["--show-completion"]) == code
    assert ("_COLLAPSE_COMPLETE" in capsys.readouterr().out) == (code == 0)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("collapse diag", {"diagnose"}),
        ("collapse diagnose --pl", {"--plot", "--plot-only", "--plot-width"}),
        ("collapse train ", set(METHODS)),
        ("collapse train --que", {"--queue"}),
        ("collapse train --epochs 4 --sym", {"--symmetric"}),
        ("collapse train mochi --harde", {"--hardest"}),
    ],
)
def test_a_word_is_completed(
    typed: str, completed: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shell asks with the words so far and the number of the one that is being typed."""
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
    monkeypatch.setenv("_COLLAPSE_COMPLETE", "complete_bash")
    assert main([]) == 0
    assert set(capsys.readouterr().out.split()) == completed


@pytest.mark.parametrize("empty", ["", " ", "\t"])
@pytest.mark.parametrize(
    ("argv", "called"),
    [
        (["diagnose"], "INPUT"),
        (["inspect"], "FILE"),
        (["embed", "--out", "x.npz"], "INPUT"),
        (["report"], "INPUT"),
        (["coverage", "x.npy"], "GENERATED"),
        (["weights"], "INPUT"),
        (["codes", "--size", "8"], "FILE"),
        (["oracle"], "INPUT"),
        (["claims"], "CLAIM"),
        (["compare", "x.npy"], "INPUT"),
        (["check", "x.npy"], "INPUT"),
        (["diagnose", "x.npy", "--labels"], "--labels"),
        (["diagnose", "x.npy", "--plot"], "--plot"),
        (["embed", "x.npy", "--out"], "--out"),
        (["report", "run", "--out"], "--out"),
        (["demo", "--out"], "--out"),
        (["train", "--out"], "--out"),
        (["train", "--resume"], "--resume"),
        (["train", "mochi", "--config"], "--config"),
        (["check", "x.npy", "--junit"], "--junit"),
        (["gan", "--animation"], "--animation"),
        (["linear", "--html"], "--html"),
    ],
)
def test_an_empty_argument_is_an_error(
    argv: list[str],
    called: str,
    empty: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Even where the current folder holds embeddings, which an empty path would stand for."""
    monkeypatch.chdir(tmp_path)
    numpy.save("x.npy", numpy.eye(4))
    assert main([*argv, empty]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"collapse: {called} is empty")
    assert shown.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_an_empty_option_with_an_equals_sign(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "x.npy", "--labels="]) == 2
    assert "--labels is empty" in capsys.readouterr().err
