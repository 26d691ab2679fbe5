"""What cannot be written is refused before anything is measured, and before torch is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import save_file

from collapse_cli import cli

ROOT = Path(cli.__file__).parent.parent

OPTIONS = {"--plot", "--html", "--junit", "--out", "--animation"}
ASKED = [
    *(f"{command} rows.npy {option}" for command in ("diagnose", "spectrum", "check", "compare", "weights")
      for option in ("--plot a.jpeg", "--plot nowhere/a.png", "--plot folder", "--html a.pdf", "--html rows.npy/a.html")),
    "coverage rows.npy rows.npy --plot a.txt",
    "causes rows.npy --html nowhere/a.html",
    "check rows.npy --junit a.txt",
    "check rows.npy --junit nowhere/a.xml",
    "embed rows.npy --out a.csv",
    "embed rows.npy --out nowhere/a.npz",
    "embed rows.npy --out full/there.npz",
    "report run --out a.png",
    "report run --out nowhere/a.html",
    "demo --out full",
    "demo --quick --out rows.npy/demo",
    "train --out full",
    "train mochi --out rows.npy",
    "train --out rows.npy/run",
    "train --overwrite --out full",
    "gan --plot a.bmp",
    "gan --animation a.mp4",
    "gan --animation nowhere/a.gif",
    "linear --plot nowhere/a.png",
    "claims all --html a.txt",
    "calibration --html nowhere/a.html",
]  # fmt: skip

SCRIPT = """
import contextlib, io, json, sys
from collapse_cli.cli import main
for line in json.load(sys.stdin):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = main(line.split())
    print(json.dumps([code, said.getvalue(), "torch" in sys.modules]))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, bool]]:
    """Exit code, stderr, and whether torch was loaded by then, of every line, in one process."""
    folder = tmp_path_factory.mktemp("early")
    numpy.save(folder / "rows.npy", numpy.eye(4))
    for name in ("folder", "full", "run"):
        (folder / name).mkdir()
    (folder / "full" / "there.npz").write_bytes(b"")
    (folder / "run" / "settings.toml").write_text('[method]\nname = "moco"\n')
    shown = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
        input=json.dumps(ASKED), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert {path.name for path in folder.rglob("*")} == {
        "rows.npy",
        "folder",
        "full",
        "run",
        "there.npz",
        "settings.toml",
    }
    return dict(zip(ASKED, map(json.loads, shown.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("line", ASKED)
def test_what_cannot_be_written_is_refused_before_torch_is_loaded(
    line: str, ended: dict[str, tuple[int, str, bool]]
) -> None:
    """The sentence names the option, or the folder that is in the way; everything in the loop ran in one process."""
    code, said, torch = ended[line]
    option, path = next(
        (word, line.split()[at + 1]) for at, word in enumerate(line.split()) if word in OPTIONS
    )
    assert code == 2
    assert path in said
    assert option in said or "is not empty" in said or "exists already" in said or "is not a run" in said
    assert not torch


COMMANDS = ["diagnose", "spectrum", "causes", "check", "compare", "probe", "embed --out e.npz"]


@pytest.mark.parametrize("name", ["resnet.pth", "resnet.pth.tar", "resnet.safetensors"])
def test_images_are_asked_for_before_torch_is_loaded(name: str, tmp_path: Path) -> None:
    """Of a network, which is nothing without them; rows in such a file are measured as they are."""
    torch.manual_seed(0)
    state = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 8)).state_dict()
    if name.endswith(".safetensors"):
        save_file(state, tmp_path / name)
    else:
        torch.save({"state_dict": state, "epoch": 3}, tmp_path / name)
    lines = [
        command.replace(" ", f" {name} ", 1) if " " in command else f"{command} {name}"
        for command in COMMANDS
    ]
    shown = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        input=json.dumps(lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    for code, said, loaded in map(json.loads, shown.stdout.splitlines()):
        assert code == 2
        assert f"{name} holds the weights of a network, which needs images to be measured on" in said
        assert "--dataset" in said
        assert not loaded


def test_rows_in_a_file_of_torch_need_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(
        {"embeddings": torch.randn(200, 8, generator=torch.Generator().manual_seed(0))}, tmp_path / "e.pt"
    )
    assert cli.main(["spectrum", str(tmp_path / "e.pt")]) == 0
