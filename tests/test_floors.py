"""Imports only go down, and never in a circle; files and functions are short: the plan of the house, held against the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "collapse_cli"

WORDS = {
    "settings",
    "results",
    "values",
    "allocator",
    "answers",
    "class_labels",
    "constants",
    "data_notes",
    "shapes",
    "errors",
    "exhibits",
    "fence",
    "figures",
    "files",
    "fingerprint",
    "glossary",
    "interrupts",
    "layout",
    "memory",
    "metric",
    "printable",
    "progress",
    "ranks",
    "schedule",
    "stage",
    "streams",
    "walks",
}
PARTS = {"losses", "metrics", "augment", "models", "distributed", "deterministic", "optimizers"}
PROCEDURES = {"training", "training_state", "stepping", "observing", "embedding", "methods", "root_causes"}
EXPERIMENTS = {"claims", "labs"}
PLAN = {
    **dict.fromkeys(WORDS, WORDS),
    **{part: WORDS | {part} for part in PARTS},
    "models": WORDS | {"models", "distributed"},
    "metrics": WORDS | {"metrics", "losses"},  # what a loss compares is measured by the loss's own functions
    **dict.fromkeys(PROCEDURES, WORDS | PARTS | PROCEDURES),
    **dict.fromkeys(EXPERIMENTS, WORDS | PARTS | PROCEDURES | EXPERIMENTS),
    "remote": WORDS | {"remote"},
    "data": WORDS | {"data", "remote"},
    "runs": WORDS | PARTS | PROCEDURES | {"runs", "remote"},
    "guide": WORDS | {"guide"},
    "views": WORDS | {"guide", "views"},
    "analysis": WORDS | PARTS | PROCEDURES | EXPERIMENTS | {"remote", "data", "runs", "views", "analysis"},
    "integrations": WORDS | {"metrics", "distributed", "runs", "analysis", "integrations"},
    "assistant": WORDS | {"remote", "data", "runs", "views", "guide", "analysis", "commands", "assistant"},
    "commands": WORDS
    | {
        "distributed",
        "deterministic",
        "data",
        "runs",
        "views",
        "guide",
        "analysis",
        "integrations",
        "assistant",
        "commands",
    },
    "cli": {"commands", "errors", "interrupts", "printable", "ranks", "streams", "views"},
    "__main__": {"cli", "interrupts"},
    "__init__": set(),
}
FILES = sorted(ROOT.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, COMMANDS = 250, 45, 2600  # lines; of all commands together
DECLARATIONS = {"number", "curve", "lines", "each", "matrix", "frames"}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def at_run_time(path: Path) -> ast.Module:
    """The tree of a file without what only a type checker reads."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    return tree


def imported(path: Path) -> set[str]:
    """Rooms of the house that a file imports at run time, also inside functions."""
    tree = at_run_time(path)
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
    "path", [p for p in FILES if room(p) in {"analysis", "runs", "remote"}], ids=lambda path: path.name
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


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def on_import(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run when the module itself is imported: those outside of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from on_import(child)


def imports() -> dict[str, set[str]]:
    """Every module of the package -> the modules of the package that it needs to be imported."""
    modules, graph = {module(path) for path in FILES}, {}
    for path in FILES:
        needs: set[str] = set()
        for node in on_import(at_run_time(path)):
            if isinstance(node, ast.Import):
                needs |= {alias.name for alias in node.names}
            else:  # a name may be a module, or an attribute of one
                needs |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
        graph[module(path)] = needs & modules - {module(path)}
    return graph


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """One circle of the graph, its first module also its last; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(imports()) == []


def test_a_circle_is_seen() -> None:
    """Three modules in a circle beside one that is in none."""
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_graph_holds_what_a_module_imports() -> None:
    """`runs.lifecycle` names modules and attributes of modules; `cli` imports its commands only when they are called."""
    graph = imports()
    assert {"collapse_cli.training", "collapse_cli.methods", "collapse_cli.errors"} <= graph[
        "collapse_cli.runs.lifecycle"
    ]
    assert graph["collapse_cli.cli"] == {
        f"collapse_cli.{name}"
        for name in ("errors", "interrupts", "printable", "ranks", "streams", "views", "views.plain_letters")
    }
    assert graph["collapse_cli"] == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_a_few_pages(path: Path) -> None:
    """The settings alone are longer: every knob stands there."""
    length = len(path.read_text().splitlines())
    assert path.name == "settings.py" or length <= LONGEST_FILE


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_fits_a_page(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = [(node.name, (node.end_lineno or 0) - node.lineno + 1) for node in functions]
    assert [(name, lines) for name, lines in lengths if lines > LONGEST_FUNCTION] == []


def test_commands_are_thin() -> None:
    length = sum(len(path.read_text().splitlines()) for path in FILES if room(path) == "commands")
    assert length <= COMMANDS


def test_results_of_two_types_are_of_two_kinds() -> None:
    """A result's kind is the name of its class, unless an entry names another."""
    homes = defaultdict(list)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            fields = node.body if isinstance(node, ast.ClassDef) else []
            values = [field.value for field in fields if isinstance(field, ast.AnnAssign)]
            if DECLARATIONS & {ast.unparse(value.func) for value in values if isinstance(value, ast.Call)}:
                homes[node.name].append(module(path))
    assert {"Spectrum", "Course", "ChainCourse"} <= set(homes)
    shared = {name: modules for name, modules in homes.items() if len(modules) > 1}
    assert shared == {}
