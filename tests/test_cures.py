"""A cure is a claim: each cause is planted, its printed command is run as it stands, and the healthy run must come back.

An hour on one core; run with `python -m pytest -m slow tests/test_cures.py -s`, which prints the rows of `guide/cures.md`.
Judged on seeds that no threshold was chosen on.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from collapse_cli.analysis.cure_commands import SEEN
from collapse_cli.cli import main
from collapse_cli.metrics.causes import NAMES
from collapse_cli.settings import METHODS
from collapse_cli.views.words import titled

SEED = 47
RATIO = 1.5
"""Effective rank of the cured run's z over the healthy run's, or the reverse, at most."""

Capture = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Planted:
    """A cause in a method. words: of `collapse train`; healthy: the run without it; epochs: of both."""

    cause: str
    words: str
    healthy: str
    epochs: int = 20

    @property
    def method(self) -> str:
        return self.words.split()[0]


PLANTED = (
    Planted("nothing prevents collapse", "positive-only", "end-to-end"),
    Planted("stop-gradient removed", "simsiam --set stop_gradient=false", "simsiam"),
    Planted("stop-gradient removed", "byol --set stop_gradient=false", "byol"),
    Planted("predictor removed", "simsiam --set predictor=false", "simsiam"),
    Planted("predictor removed", "byol --set predictor=false", "byol"),
    Planted("uniformity too weak", "align-uniform --alignment 5", "align-uniform"),
    Planted("variance term too weak", "vicreg --variance 0", "vicreg"),
    Planted("variance term too weak", "vicreg --variance .5", "vicreg"),
    Planted("augmentation too strong", "moco --strength 3", "moco"),
    Planted("augmentation too strong", "end-to-end --strength 3", "end-to-end"),
    Planted("key encoder too fast", "moco --momentum 0", "moco"),
    Planted("queue too long", "moco --queue 16384", "moco"),
    Planted("projector deep and linear", "moco --head-layers 6 --head-activation none", "moco"),
    Planted("weight decay too strong", "moco --weight-decay .3", "moco"),
    Planted("weight decay too strong", "end-to-end --weight-decay .15", "end-to-end"),
    Planted("learning rate too high", "moco --lr .5", "moco"),
    Planted("temperature too low", "moco --temperature .01", "moco"),
    Planted("temperature too low", "end-to-end --temperature .02", "end-to-end"),
    Planted("too few negatives", "moco --queue 4", "moco"),
    Planted("too few negatives", "moco --queue 2", "moco"),
    Planted("too few negatives", "end-to-end --batch 4", "end-to-end", 5),
    Planted("too few negatives", "dcl --batch 4", "dcl", 5),
    Planted("too few steps", "moco --epochs 1", "moco"),
    Planted("too few steps", "mochi --epochs 2", "mochi"),
    Planted("nothing was learned", "moco --lr 1e-6", "moco"),
    Planted("nothing was learned", "simsiam --lr 1e-5", "simsiam"),
    Planted("SIGReg too weak", "lejepa --sigreg-weight 0", "lejepa"),
    Planted("SIGReg too weak", "lejepa --sigreg-weight .002", "lejepa"),
    Planted("centering removed", "dino --no-centering", "dino", 40),
    Planted("sharpening removed", "dino --no-sharpening", "dino", 40),
    Planted("Sinkhorn removed", "swav --no-sinkhorn", "swav"),
)


def test_what_was_seen_is_planted_here() -> None:
    """A command that is given to anybody stands in the list below, by cause and method."""
    planted = {(one.cause, one.method) for one in PLANTED}
    seen = {(cause, method) for cause, methods in SEEN.items() for method in methods}
    assert seen <= planted
    assert set(SEEN) <= set(NAMES)
    assert all(method in METHODS for _, method in seen)


def test_the_documentation_has_every_cure_that_was_seen() -> None:
    text = (Path(__file__).parent.parent / "collapse_cli" / "guide" / "cures.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith("|")]
    listed = {(row[1], row[2]) for row in rows if row[-2] == "yes"}
    assert {(cause, method) for cause, methods in SEEN.items() for method in methods} <= listed


def train(words: str, epochs: int, out: Path) -> Path:
    """Its run folder."""
    length = [] if "--epochs" in words else ["--epochs", str(epochs)]
    argv = ["train", *shlex.split(words), *length, "--seed", str(SEED), "--out", str(out), "-q"]
    assert main(argv) == 0
    return out


def z(run: Path, capsys: Capture) -> tuple[str, float]:
    """The verdict on the space that the loss sees, and its effective rank."""
    capsys.readouterr()
    main(["diagnose", str(run), "--json"])
    (*_, last) = [one for one in json.loads(capsys.readouterr().out)["results"] if one["verdict"]]
    return last["verdict"]["status"], last["metrics"]["effective_rank"]["value"]


@cache
def healthy(words: str, epochs: int, folder: Path) -> Path:
    return train(words, epochs, folder / f"{words}-{epochs}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cures")


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED, ids=lambda one: f"{one.cause}, {one.words}")
def test_the_printed_command_cures(planted: Planted, folder: Path, tmp_path: Path, capsys: Capture) -> None:
    """The cause is named first; its command ends in the healthy run's verdict and effective rank, by RATIO."""
    failing = train(planted.words, planted.epochs, tmp_path / "failing")
    capsys.readouterr()
    assert main(["causes", str(failing), "--json"]) == 0
    answer: Any = json.loads(capsys.readouterr().out)["results"][0]["verdict"]
    assert answer["reasons"][0].startswith(f"1. {titled(planted.cause)} (its evidence is ")
    (command, *_) = answer["commands"]
    words = shlex.split(command)
    assert main([*words[1:], "-q"]) == 0
    before, after = z(failing, capsys), z(Path(words[-1]), capsys)
    wanted = z(healthy(planted.healthy, planted.epochs, folder), capsys)
    row = [planted.cause, planted.method, planted.words, *before, *after, *wanted]
    print("| " + " | ".join(f"{one:.3g}" if isinstance(one, float) else one for one in row) + " |")
    assert after[0] == wanted[0]
    assert 1 / RATIO <= after[1] / wanted[1] <= RATIO
