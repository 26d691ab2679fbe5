"""Numbers that no computation can take, and paths that none can be, are refused by their option before anything is done."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch

from collapse_cli import memory
from collapse_cli.analysis import needed
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.progress import counted, told_to
from collapse_cli.settings import METHODS, Gan, Linear, Model, Training, fill, resolve
from collapse_cli.shapes import Images

WHOLE = (10**6, 10**9, 10**11, 10**20, 10**400)
FRACTIONS = (float("inf"), float("nan"), 1e308, -1e308, 1e-320, -0.0, 10**400)
LONG = "a" * 300


def knobs(part: type, kind: str) -> list[str]:
    return [field.name for field in dataclasses.fields(part) if str(field.type) == kind]


@pytest.fixture(autouse=True)
def eight_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory", lambda: 8 << 30)


@pytest.fixture
def images() -> Images:
    return Images(
        torch.zeros(2000, 1, 8, 8, dtype=torch.uint8), torch.arange(2000) % 10, tuple("0123456789"), "zeros"
    )


def refusal(call: Callable[..., object], *given: object) -> str:
    """What is said where the call is refused, and nothing where it is not."""
    try:
        call(*given)
    except CollapseError as error:
        return f"{error.message} {error.hint}"
    return ""


def refuse(method: str, settings: dict[str, int], images: Images) -> None:
    needed.refuse_run(resolve(method, settings), images, torch.device("cpu"))


@pytest.mark.parametrize("method", METHODS)
def test_whole_numbers_of_a_training(method: str, images: Images) -> None:
    """A sentence, or less memory than there is; of 10^20 always a sentence."""
    refused = 0
    for name in (n for part in (METHODS[method], Model, Training) for n in knobs(part, "int")):
        for value in WHOLE:
            message = refusal(refuse, method, {name: value}, images)
            assert "--" in message or (not message and value < 10**20)
            refused += bool(message)
    assert refused > 0


@pytest.mark.parametrize("part", [*METHODS.values(), Model, Training, Gan, Linear, Measuring])
def test_fractions_are_used_as_they_are_or_refused(part: type) -> None:
    for name in knobs(part, "float"):
        for value in FRACTIONS:
            message = refusal(fill, part, {name: value})
            assert message or getattr(fill(part, {name: value}), name) == 0
            assert not message or message.startswith(f"--{name.replace('_', '-')} cannot be ")
            assert len(message) < 300


@pytest.mark.parametrize("part", [Gan, Linear])
def test_whole_numbers_of_a_lab(part: type) -> None:
    refuse = needed.refuse_gan if part is Gan else needed.refuse_linear
    for name in knobs(part, "int"):
        for value in WHOLE[3:]:
            with pytest.raises(CollapseError):
                refuse(fill(part, {name: value}), 1)
    with pytest.raises(CollapseError, match="--seeds"):
        refuse(part(), 10**15)


@pytest.mark.parametrize(
    "words",
    [
        "gan --seeds 1{0}", "linear --seed 1{0}", "claims chance --seeds 1{0}", "calibration --replications 1{0}",
        "spectrum {e} --seed 1{0}", "probe {e} --per-class 1{0}", "coverage {e} {e} --width 1e308",
        "coverage {e} {e} --width 1e-320", "gan --lr 1e308", "oracle {e} --temperature inf", "train moco --queue 1{0}",
        "probe {e} --k -1{0}",
    ],
)  # fmt: skip
def test_options_of_every_command(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numpy.savez(tmp_path / "e.npz", embeddings=numpy.eye(40, 4), labels=numpy.arange(40) % 2)
    typed = [word.replace("{0}", "0" * 20).replace("{e}", str(tmp_path / "e.npz")) for word in words.split()]
    assert main(typed) == 2
    said = capsys.readouterr().err
    assert next(word for word in typed if word.startswith("--")) in said
    assert "Traceback" not in said


def test_a_count_is_not_counted_before_it_begins() -> None:
    stages: list[int] = []
    with told_to(lambda text, done=0, total=0: stages.append(total)):
        next(counted(range(10**15), "epochs"))
    assert stages[0] == 10**15


@pytest.mark.parametrize("path", [LONG, "b/" * 3000 + "c", f"b/{LONG}", "a\0b", "\ud800", "~no-such-user/x"])
@pytest.mark.parametrize(
    "words",
    [
        "spectrum PATH", "inspect PATH", "compare PATH", "report PATH", "train --resume PATH", "inspect folder:PATH",
        "train moco --dataset folder:PATH", "train moco --dataset parquet:PATH", "train moco --out PATH",
        "train moco --config PATH", "spectrum E --labels PATH", "spectrum E --plot PATH.png", "spectrum E --groups PATH",
        "check E --baseline PATH", "check E --junit PATH", "alignment E --second PATH", "spectrum pixels:folder:PATH",
        "embed E --out PATH", "spectrum E --data-dir PATH",
    ],
)  # fmt: skip
def test_paths_that_none_can_be(
    words: str, path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([word.replace("PATH", path).replace("E", "e.npy") for word in words.split(" ")]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 2
    assert len(said) < 500


def test_paths_within_settings_are_refused_alike(tmp_path: Path) -> None:
    for name, value in (("dataset", f"folder:{LONG}"), ("dataset", "folder:a\0b"), ("labels", LONG)):
        config = tmp_path / "run.toml"
        config.write_text(f'dataset = "folder:{tmp_path}"\n' if name == "labels" else "")
        with config.open("a") as file:
            file.write(f"{name} = {json.dumps(value)}\n")
        assert main(["train", "moco", "--config", str(config), "--out", str(tmp_path / "run")]) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"a = ",
        b"a = " + b"[" * 5000,
        b"epochs = " + b"9" * 5000,
        b"lr = 1e400",
        b"queue = 1" + b"0" * 30,
    ],
)
def test_configs_that_are_damaged(content: bytes, tmp_path: Path) -> None:
    """Only the empty one is a config."""
    (tmp_path / "run.toml").write_bytes(content)
    argv = ["train", "moco", "--config", str(tmp_path / "run.toml"), "--dry-run"]
    assert main(argv) == (2 if content else 0)
    (tmp_path / "folder").mkdir()
    assert main(["train", "moco", "--config", str(tmp_path / "folder")]) == 2
