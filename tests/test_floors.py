"""Imports only go down, and never in a circle; files and functions are short: the plan of the house, held against the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
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


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@dataclass(frozen=True)
class Source:
    """What is asked of a file; its tree is not kept."""

    lines: int
    imported: set[
        str
    ]  # modules, also those that are imported in a function; nothing that only a type checker reads
    on_import: set[str]  # modules and names of modules, those outside of functions
    libraries: set[str]
    relative: list[int]  # lines
    calls: set[str]  # `.name` for what is called of something computed
    functions: dict[str, int]  # their lengths
    results: list[str]  # classes that declare fields


@cache
def source(path: Path) -> Source:
    text = path.read_text()
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    calls = {dotted(node.func) for node in nodes if isinstance(node, ast.Call)}
    libraries = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    libraries |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    functions = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in sorted(
            (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)),
            key=lambda node: (node.end_lineno or 0) - node.lineno,
        )
    }
    relative = [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level]
    results = [node.name for node in nodes if isinstance(node, ast.ClassDef) and declares(node)]
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    now = {part.partition(".")[0] for part in libraries}
    return Source(
        len(text.splitlines()), imported(tree), needed(tree), now, relative, calls, functions, results
    )


def dotted(called: ast.expr) -> str:
    """The name of what is called; what is before its last dot is left out where it is computed."""
    if isinstance(called, ast.Attribute):
        return f"{dotted(called.value)}.{called.attr}"
    return called.id if isinstance(called, ast.Name) else ""


def declares(node: ast.ClassDef) -> bool:
    values = [field.value for field in node.body if isinstance(field, ast.AnnAssign)]
    return bool(DECLARATIONS & {dotted(value.func) for value in values if isinstance(value, ast.Call)})


def imported(tree: ast.Module) -> set[str]:
    """Rooms of the house that a file imports at run time, also inside functions."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "collapse_cli":
            names += [f"collapse_cli.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return {each.split(".")[1] for each in names if each.startswith("collapse_cli.")}


def test_imports_go_down() -> None:
    up = {name(path): source(path).imported - PLAN[room(path)] for path in FILES}
    assert {path: rooms for path, rooms in up.items() if rooms} == {}


def test_words_need_the_standard_library_alone() -> None:
    """Each in a process of its own."""
    script = (
        "import os, sys\n"
        "for word in sys.argv[1:]:\n"
        "    if not os.fork():\n"
        "        __import__(f'collapse_cli.{word}')\n"
        "        heavy = {'torch', 'numpy', 'rich', 'typer', 'matplotlib'} & set(sys.modules)\n"
        "        print(word, *sorted(heavy), flush=True)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
    )
    command = [sys.executable, "-c", script, *sorted(WORDS)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == sorted(WORDS), ended.stderr


def calls_in(path: Path, functions: set[str], methods: Set[str] = frozenset()) -> set[str]:
    """Those of the calls of a file that are calls of these functions, or of a method of such a name."""
    calls = source(path).calls
    return functions & calls | {call for call in calls if "." in call and call.rpartition(".")[2] in methods}


def test_numbers_neither_print_nor_open() -> None:
    doors = {"open", "read_text", "read_bytes", "write_text", "write_bytes"}
    shut = {"print", "open", "torch.load", "torch.save", "sys.stdout.write"}
    numbers = [path for path in FILES if room(path) in PARTS | PROCEDURES | EXPERIMENTS]
    met = {name(path): calls_in(path, shut, doors) for path in numbers}
    assert {path: calls for path, calls in met.items() if calls} == {}


def test_analysis_and_runs_neither_print_nor_know_a_terminal() -> None:
    """Files may be opened here; what is shown is the commands' and the views' matter."""
    shut = {"print", "sys.stdout.write", "sys.stderr.write"}
    asked = [path for path in FILES if room(path) in {"analysis", "runs", "remote"}]
    met = {
        name(path): calls_in(path, shut) | {"typer", "click", "rich"} & source(path).libraries
        for path in asked
    }
    assert {path: calls for path, calls in met.items() if calls} == {}


def test_no_import_is_relative() -> None:
    """Those would pass the plan above unseen."""
    assert [f"{name(path)}:{line}" for path in FILES for line in source(path).relative] == []


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


def needed(tree: ast.Module) -> set[str]:
    """What a module imports to be imported itself: a name of a module may be a module, or an attribute of one."""
    needs: set[str] = set()
    for node in on_import(tree):
        if isinstance(node, ast.Import):
            needs |= {alias.name for alias in node.names}
        else:
            needs |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return needs


def imports() -> dict[str, set[str]]:
    """Every module of the package -> the modules of the package that it needs to be imported."""
    modules = {module(path) for path in FILES}
    return {module(path): source(path).on_import & modules - {module(path)} for path in FILES}


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


def test_a_file_is_a_few_pages() -> None:
    """The settings alone are longer: every knob stands there."""
    lengths = {name(path): source(path).lines for path in FILES if path.name != "settings.py"}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_a_function_fits_a_page() -> None:
    lengths = {f"{name(path)}: {of}": n for path in FILES for of, n in source(path).functions.items()}
    assert {function: lines for function, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_commands_are_thin() -> None:
    length = sum(source(path).lines for path in FILES if room(path) == "commands")
    assert length <= COMMANDS


def test_results_of_two_types_are_of_two_kinds() -> None:
    """A result's kind is the name of its class, unless an entry names another."""
    homes = defaultdict(list)
    for path in FILES:
        for result in source(path).results:
            homes[result].append(module(path))
    assert {"Spectrum", "Course", "ChainCourse"} <= set(homes)
    shared = {name: modules for name, modules in homes.items() if len(modules) > 1}
    assert shared == {}
