"""The hooks before a commit: the project's own, and the example that users copy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from collapse_cli.cli import COMMANDS

ROOT = Path(__file__).parent.parent
OURS, EXAMPLE = ROOT / ".pre-commit-config.yaml", ROOT / "examples" / "pre-commit-config.yaml"


def hooks(config: Path) -> list[dict[str, Any]]:
    """All hooks of a configuration; each is local, as nothing may be fetched before a commit."""
    repositories = yaml.safe_load(config.read_text())["repos"]
    assert {repository["repo"] for repository in repositories} == {"local"}
    return [hook for repository in repositories for hook in repository["hooks"]]


@pytest.mark.parametrize("config", [OURS, EXAMPLE], ids=["ours", "example"])
def test_every_hook_runs_what_is_installed(config: Path) -> None:
    ids = [hook["id"] for hook in hooks(config)]
    assert len(ids) == len(set(ids))
    for hook in hooks(config):
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert hook["language"] == "system"


def test_our_hooks_run_what_make_calm_runs() -> None:
    """In the same order; a hook is handed the names of the changed files, where make says `.` for all of them."""
    recipe = re.search(r"^calm: .*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe
    lines = [line.replace("$(RUN)", ".venv/bin").removesuffix(" .") for line in recipe[1].split("\n\t")]
    assert [hook["entry"] for hook in hooks(OURS)] == [line.strip() for line in lines]


def test_the_example_checks_embeddings() -> None:
    (hook,) = hooks(EXAMPLE)
    program, command = hook["entry"].split()
    assert program == "collapse"
    assert command in COMMANDS
    assert re.search(hook["files"], "models/moco.npz")
    assert not re.search(hook["files"], "models/moco.npz.md5")
