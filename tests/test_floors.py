"""Imports only go down: the plan of the house as one dict, held against the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "collapse_cli"

WORDS = {"settings", "results", "values", "answers", "shapes", "errors", "files", "progress"}
PARTS = {"losses", "metrics", "augment", "models", "distributed"}
PROCEDURES = {"training", "embedding", "methods", "root_causes"}
EXPERIMENTS = {"claims", "labs"}
PLAN = {
    **dict.fromkeys(WORDS, WORDS),
    **{part: WORDS | {part} for part in PARTS},
    "models": WORDS | {"models", "distributed"},
    **dict.fromkeys(PROCEDURES, WORDS | PARTS | PROCEDURES),
    **dict.fromkeys(EXPERIMENTS, WORDS | PARTS | PROCEDURES | EXPERIMENTS),
    "data": WORDS | {"data"},
    "runs": WORDS | PARTS | PROCEDURES | {"runs"},
    "views": WORDS | {"views"},
    "analysis": WORDS | PARTS | PROCEDURES | EXPERIMENTS | {"data", "runs", "views", "analysis"},
    "commands": WORDS | PARTS | PROCEDURES | EXPERIMENTS | {"data", "runs", "views", "analysis", "commands"},
    "cli": {"commands", "errors"},
    "__main__": {"cli"},
    "__init__": set(),
}
FILES = sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Rooms of the house that a file imports at run time, also inside functions."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "collapse_cli":
            names += [f"collapse_cli.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return {name.split(".")[1] for name in names if name.startswith("collapse_cli.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    assert imported(path) <= PLAN[room(path)]


@pytest.mark.parametrize("word", sorted(WORDS))
def test_words_need_the_standard_library_alone(word: str) -> None:
    heavy = {"torch", "numpy", "rich", "typer", "matplotlib"}
    script = f"import sys, collapse_cli.{word}; print(sorted({heavy!r} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


@pytest.mark.parametrize(
    "path", [p for p in FILES if room(p) in PARTS | PROCEDURES | EXPERIMENTS], ids=lambda path: path.name
)
def test_numbers_neither_print_nor_open(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not {"print", "open"} & {call.id for call in calls if isinstance(call, ast.Name)}
    doors = {"open", "read_text", "read_bytes", "write_text", "write_bytes"}
    assert not doors & {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert not {"torch.load", "torch.save", "sys.stdout.write"} & {ast.unparse(call) for call in calls}


@pytest.mark.parametrize(
    "path", [p for p in FILES if room(p) in {"analysis", "runs"}], ids=lambda path: path.name
)
def test_analysis_and_runs_neither_print_nor_know_a_terminal(path: Path) -> None:
    """Files may be opened here; what is shown is the commands' and the views' matter."""
    tree = ast.parse(path.read_text())
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {"print", "sys.stdout.write", "sys.stderr.write"} & calls
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {"typer", "click", "rich"} & {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_is_relative(path: Path) -> None:
    """Those would pass the plan above unseen."""
    nodes = ast.walk(ast.parse(path.read_text()))
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("argv", [["--help"], ["train", "moco", "--help"], ["spectrum", "--help"]])
def test_help_is_light(argv: list[str]) -> None:
    script = (
        f"import sys; from collapse_cli.cli import main; main({argv!r});"
        "print({'torch', 'matplotlib', 'numpy', 'sklearn'} & set(sys.modules), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Usage" in ended.stdout
    assert ended.stderr.strip() == "set()"
