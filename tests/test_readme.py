"""The README and the guides say what the program does: every command is in the table, and their commands and code run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from torchvision.models import resnet18

from collapse_cli.cli import COMMANDS as SUBCOMMANDS
from collapse_cli.cli import main
from collapse_cli.settings import METHODS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
METHODS_PAGE = (ROOT / "collapse_cli" / "guide" / "methods.md").read_text()


def commands(text: str) -> list[str]:
    """The lines that a reader types, in their order."""
    blocks = re.findall(r"^```console\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README's reader has: a checkpoint with 24 images, embeddings (2000,64) with labels."""
    folder, generator = tmp_path_factory.mktemp("reader"), numpy.random.default_rng(0)
    torch.manual_seed(0)
    torch.save(resnet18().state_dict(), folder / "theirs.pth")
    (folder / "images").mkdir()
    for number in range(24):
        pixels = generator.integers(0, 256, (32, 32, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
    numpy.save(folder / "embeddings.npy", generator.standard_normal((2000, 64)).astype("float32"))
    labels = "\n".join(map(str, generator.integers(0, 10, 2000)))
    (folder / "labels.csv").write_text(f"label\n{labels}\n")
    return folder


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 130


def test_every_command_is_in_the_table() -> None:
    assert all(f"| `collapse {name}` |" in README for name in SUBCOMMANDS)
    assert len(re.findall(r"^\| `collapse ", README, flags=re.MULTILINE)) == len(SUBCOMMANDS)


def test_the_commands_of_the_readme_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they stand; 24 images are too few for a verdict on 512 dimensions, which ends in 3."""
    monkeypatch.chdir(folder)
    codes = {line: main(shlex.split(line)[1:]) for line in commands(README)}
    assert len(codes) == 7
    assert codes.pop("collapse diagnose theirs.pth --dataset folder:images") == 3
    assert set(codes.values()) == {0}
    assert (folder / "spectrum.png").stat().st_size > 10_000


def executed(text: str) -> dict[str, Any]:
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    return names


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """A random linear map of random images to 32 dimensions has not collapsed."""
    executed(README)
    assert capsys.readouterr().out.startswith("✓ Healthy.  500 embeddings of 32 dimensions")


def test_every_method_is_in_its_guide() -> None:
    rows = re.findall(r"^\| (`[^|]+)\|", METHODS_PAGE, flags=re.MULTILINE)
    assert set(re.findall(r"`([a-z-]+)`", "".join(rows))) == set(METHODS)


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(((?!http|#)[^)#]+)\)", README)
    assert all((ROOT / link).exists() for link in links), links
