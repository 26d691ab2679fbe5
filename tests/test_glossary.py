"""Every sentence that a user can meet keeps to the glossary: none contains a phrase that it retires."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from collapse_cli import HOMES, cli
from collapse_cli.glossary import RETIRED, TERMS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "collapse_cli"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "glossary.py")
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    PACKAGE / "views/page/page.html",
    PACKAGE / "views/page/page.js",
]
ALLOWED = ("chance level", "chance levels")  # for guessing a class, and for log(K+1)
DECLARATIONS = {"number", "curve", "lines", "each", "matrix", "frames", "knob", "CollapseError", "Term"}
NAMING = {"label", "help", "null", "unit", "convention", "interval", "x", "y", "of", "rows", "columns"}
PHRASE = re.compile(
    r"(?<![\w-])(" + "|".join(sorted(map(re.escape, RETIRED), key=len, reverse=True)) + r")(?![\w-])",
    re.IGNORECASE,
)


def retired(text: str) -> list[str]:
    """The retired phrases in a text, in small letters."""
    flat = " ".join(text.split())
    for phrase in ALLOWED:
        flat = re.sub(rf"\b{phrase}\b", "", flat, flags=re.IGNORECASE)
    return [match[0].lower() for match in PHRASE.finditer(flat)]


def written(node: ast.expr) -> str | None:
    """The text of a literal, with `{}` for what an f-string fills in; None where it is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    return None


def declares(node: ast.ClassDef) -> bool:
    """Whether its docstring is a title or the help of a method: fields of it are declared."""
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
    return any(ast.unparse(call.func) in DECLARATIONS for call in calls)


def labelled(node: ast.AnnAssign) -> bool:
    return any(k.arg == "label" for n in ast.walk(node) if isinstance(n, ast.Call) for k in n.keywords)


def shown(tree: ast.Module, public: Iterable[str] = ()) -> Iterator[tuple[int, str]]:
    """(line, text) of what a module may show.

    Literals of several words; the words of a declaration; and docstrings that become titles or help: of classes that declare
    fields, and of what is named in `public`.
    """
    bare = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # docstrings, notes on constants
    bare |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and id(node) not in bare:
            text = written(node)
            if text and " " in text.strip():
                yield node.lineno, text
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in DECLARATIONS:
            words = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg in NAMING)]
            yield from ((word.lineno, text) for word in words if (text := written(word)) and " " not in text)
        if isinstance(node, ast.AnnAssign) and node.value and not labelled(node):
            yield node.lineno, ast.unparse(node.target).replace("_", " ")  # the label, where none is given
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and (
            node.name in public or (isinstance(node, ast.ClassDef) and declares(node))
        ):
            yield node.lineno, ast.get_docstring(node) or ""


def prose(markdown: str) -> str:
    """A page without its code: blocks, spans, and the addresses of links."""
    text = re.sub(r"^( *)```.*?^\1```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^(    .*\n)+", "", text, flags=re.MULTILINE)
    return re.sub(r"`[^`]*`|\]\([^)]*\)", "", text)


def test_no_literal_has_a_retired_phrase() -> None:
    met = []
    for path in SOURCES:
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        public = {path.stem} if module.startswith("commands.") else set(HOMES.get(module, ()))
        for line, text in shown(ast.parse(path.read_text()), public):
            phrases = [(phrase, RETIRED[phrase]) for phrase in retired(text)]
            met += [f"{path}:{line}: '{phrase}', say '{instead}'" for phrase, instead in phrases]
    assert met == []


@pytest.mark.parametrize("name", [str(path.relative_to(ROOT)) for path in PAGES])
def test_no_page_has_a_retired_phrase(name: str) -> None:
    assert retired(prose((ROOT / name).read_text())) == []


def test_no_notebook_has_a_retired_phrase() -> None:
    cells = json.loads((ROOT / "examples/notebook.ipynb").read_text())["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert len(texts) >= 3
    assert [phrase for text in texts for phrase in retired(prose(text))] == []


def descriptions(schema: Any) -> Iterator[str]:
    """Every description within a schema."""
    if isinstance(schema, dict):
        yield from (text for key, text in schema.items() if key == "description" and isinstance(text, str))
        for part in schema.values():
            yield from descriptions(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from descriptions(part)


def test_no_description_of_the_schema_has_a_retired_phrase() -> None:
    texts = list(descriptions(json.loads((PACKAGE / "views/schema.json").read_text())))
    assert len(texts) >= 20
    assert [(text, phrase) for text in texts for phrase in retired(text)] == []


def helps(command: Any) -> Iterator[str]:
    """The help of a command, of its options, and of its subcommands."""
    yield command.help or ""
    yield from (getattr(option, "help", None) or "" for option in command.params)
    for subcommand in getattr(command, "commands", {}).values():
        yield from helps(subcommand)


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_no_help_has_a_retired_phrase(command: str) -> None:
    """Also what is put together from several literals, as the help of `train METHOD` is."""
    texts = [cli.COMMANDS[command], *helps(cli.load(command))]
    assert len(texts) > 2
    assert [(text, phrase) for text in texts for phrase in retired(text)] == []


def test_every_term_has_one_sentence_without_retired_phrases() -> None:
    names = [term.name.casefold() for term in TERMS]
    assert names == sorted(set(names))
    for term in TERMS:
        assert term.meaning.endswith("."), term
        assert len(re.findall(r"(?<!\bal)\.(?= [A-Z]|$)", term.meaning)) == 1, term
        assert retired(f"{term.name}: {term.meaning}") == [], term


def test_no_replacement_is_retired_itself() -> None:
    assert {phrase: instead for phrase, instead in RETIRED.items() if retired(instead)} == {}


PLANTED = '''
"""A module may speak of a picture in its own docstring."""

NOTE = 3
"""and of luck in a note on a constant"""

def spectrum():
    """How many pictures?"""

def helper():
    """No picture."""

@dataclass
class Lengths:
    """Lengths of pictures."""
    spread: float = number("spread, by chance", label="anew", null="chance", convention="unit  rows")
    level: float = number("chance level of a class")
    filled_dimensions: float = knob(1.0, "nothing")

raise CollapseError(f"{name}: all pictures\\n of {path} are alike", "mend it")
found["chance"] = f"told apart by {n} rows"
'''


def test_planted_phrases_are_found() -> None:
    """In a docstring that is shown, in each part of a declaration, in both parts of an error, in any sentence; not in keys."""
    texts = shown(ast.parse(PLANTED), {"spectrum"})
    met = sorted(phrase for _, text in texts for phrase in retired(text))
    planted = [
        "anew",
        "by chance",
        "chance",
        "filled dimensions",
        "mend it",
        "pictures",
        "pictures",
        "pictures",
        "told apart",
        "unit rows",
    ]
    assert met == planted


def test_planted_phrases_are_found_in_a_page() -> None:
    page = "All *pictures*: see `picture.py`, [a picture](picture.md).\n\n```\npicture\n```\n    picture\nAt chance level.\n"
    assert retired(prose(page)) == ["pictures", "picture"]


def test_planted_phrases_are_found_in_help_and_schema() -> None:
    program = typer.Typer()

    @program.command()
    def first(k: int = typer.Option(1, help="neighbours, by chance")) -> None:
        """A picture."""

    @program.command()
    def second() -> None:
        """An image."""

    assert [phrase for text in helps(get_command(program)) for phrase in retired(text)] == [
        "picture",
        "by chance",
    ]
    schema = {"properties": {"a": {"description": "held against it"}, "description": {"type": "string"}}}
    assert [phrase for text in descriptions([schema]) for phrase in retired(text)] == ["held against"]
