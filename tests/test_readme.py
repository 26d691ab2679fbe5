"""The README says what the program does: every command is in it, and its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from collapse_cli.cli import COMMANDS as SUBCOMMANDS
from collapse_cli.cli import main
from collapse_cli.settings import METHODS

README = (Path(__file__).parent.parent / "README.md").read_text()
COMMANDS = [line[2:] for line in re.findall(r"^\$ collapse .*$", README, flags=re.MULTILINE)]


def test_every_command_is_in_the_table() -> None:
    assert all(f"| `collapse {name}` |" in README for name in SUBCOMMANDS)
    assert len(re.findall(r"^\| `collapse ", README, flags=re.MULTILINE)) == len(SUBCOMMANDS)


def test_its_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they stand and in their order, but for the length of the training."""
    assert len(COMMANDS) == 19
    monkeypatch.chdir(tmp_path)
    for line in COMMANDS:
        words = shlex.split(line)[1:]
        if "--epochs" in words:
            words[words.index("--epochs") + 1] = "2"
        assert main(words) == 0, line
    written = {"spectrum.png", "plane.png", "moco.npz", "clusters.png", "compare.png"}
    assert written <= {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "runs" / "mochi" / "report.html").stat().st_size > 100_000


def test_its_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Isotropic rows use all 64 dimensions, and a random linear map of random images has not collapsed."""
    (block,) = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert "64 of 64 dimensions are active" in capsys.readouterr().out
    assert names["rank"] == pytest.approx(names["rank"].null, rel=0.01)
    assert names["embeddings"].representations.shape == (500, 32)
    names["test_the_encoder_has_not_collapsed"]()


def test_every_method_is_in_the_table() -> None:
    table = README[README.index("## Methods") : README.index("## What the papers claim")]
    named = set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (`[^|]+)\|", table, flags=re.MULTILINE))))
    assert named == set(METHODS)


def test_its_images_are_there() -> None:
    root = Path(__file__).parent.parent
    links = re.findall(r"\]\(((?!http|#)[^)]+)\)", README)
    assert links
    assert all((root / link).exists() for link in links)
