"""Commands in hints work as they are typed, whatever the path in them."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import collapse_cli
from collapse_cli.analysis import networks
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.data import text
from collapse_cli.errors import CollapseError
from collapse_cli.runs import foreign, resuming, shell
from collapse_cli.runs.early import refuse_without_images
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.record import Record
from collapse_cli.runs.source import Source
from collapse_cli.settings import resolve
from tests.runs.test_foreign import narrow, saved

PACKAGE = Path(collapse_cli.__file__).parent
COMMAND = re.compile(
    r"(\bcollapse [a-z]+|\bweights|--resume|--dataset|--dataset '?text:|gunzip [-\w ]*|gzip [-\w ]*|checkpoint=) ?'?$"
)
SAFE = re.compile(r"(shell\.)?(quoted|literal)\(|shlex\.quote\(|_alone\(")
PATHS = re.compile(r"\b(path|folder|file|held|source|checkpoint)\b")


def unquoted(tree: ast.Module) -> Iterator[str]:
    """Paths that stand behind the words of a command as they are."""
    for string in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
        for before, value in zip(string.values, string.values[1:], strict=False):
            if isinstance(before, ast.Constant) and isinstance(value, ast.FormattedValue):
                words = ast.unparse(value.value)
                if COMMAND.search(str(before.value)) and PATHS.search(words) and not SAFE.match(words):
                    yield f"{string.lineno}: {words}"


def test_what_is_collected_is_what_is_meant() -> None:
    assert list(unquoted(ast.parse("f'see `collapse weights {held.path}`'"))) == ["1: held.path"]
    assert list(unquoted(ast.parse("f'see `collapse weights {quoted(held.path)}`'"))) == []


def test_no_command_names_a_path_that_a_shell_would_take_apart() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert [f"{path}:{place}" for path in files for place in unquoted(ast.parse(path.read_text()))] == []


@pytest.mark.parametrize(
    ("path", "argument"), [("-x.pt", "./-x.pt"), ("a b.pt", "a b.pt"), ("it's.pt", "it's.pt")]
)
def test_a_path_is_one_argument(path: str, argument: str) -> None:
    assert shlex.split(f"collapse weights {shell.quoted(path)}") == ["collapse", "weights", argument]
    assert shlex.split(f"collapse weights {shell.quoted(Path(path))}")[-1] == argument


def weights(width: int = 4, side: int = 7) -> dict[str, Any]:
    return narrow().state_dict() | {"conv1.weight": torch.ones(width, 3, side, side)}


def other(path: Path) -> Any:
    return foreign.load(saved({"foo.weight": torch.ones(2, 3), "foo.bias": torch.ones(2)}, path))


def missing(path: Path) -> Any:
    content = narrow().state_dict()
    content = {name: weight for name, weight in content.items() if not name.startswith("layer3.1")}
    return foreign.load(saved(content, path), Choices(arch="resnet18"))


def early_folder(path: Path) -> Any:
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    saved({"vit.x.weight": torch.ones(2, 2)}, path / "pytorch_model.bin")
    return refuse_without_images([path])


def another_method(path: Path) -> Any:
    Record(path).begin(resolve("moco", {"encoder": "mlp", "dim": 8, "batch": 32, "queue": 40}, {}), {}, False)
    return resuming.resumable(Record(path), "simsiam", {})


def not_empty(path: Path) -> Any:
    Record(path).begin(resolve("moco", {"encoder": "mlp", "dim": 8, "batch": 32, "queue": 40}, {}), {}, False)
    Record(path).checkpoint.touch()
    return Record(path).refuse_unfit(overwrite=False)


def columns(path: Path) -> Any:
    path = path.with_suffix(".csv")
    path.write_text("title,body\na,b\nc,d\n")
    return text.texts(f"text:{path}", "train")


HINTS: dict[str, Callable[[Path], Any]] = {
    "early": lambda path: refuse_without_images([saved(narrow().state_dict(), path)]),
    "early, a folder": early_folder,
    "no images": lambda path: networks.of_foreign(Source.at(saved(narrow().state_dict(), path)), Measuring()),
    "no network": other,
    "not all weights": missing,
    "a ResNet of another stem": lambda path: foreign.load(saved(weights(side=5), path)),
    "another method": another_method,
    "not empty": not_empty,
    "columns": columns,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", HINTS)
def test_each_command_names_the_path(case: str, tmp_path: Path) -> None:
    """Split as a shell does, every command has the path as one of its words, and stands in the hint as a whole."""
    path = tmp_path / "it's a file.pt"
    with pytest.raises(CollapseError) as caught:
        HINTS[case](path)
    quoted = re.findall(r"`([^`]*)`", caught.value.hint)
    commands = quoted or [part.partition(": ")[2] or part for part in caught.value.hint.split("; ")]
    typed = [shlex.split(command) for command in commands if "it'" in command]
    assert typed
    for words in typed:
        assert any(str(path.with_suffix("")) in word for word in words), words
