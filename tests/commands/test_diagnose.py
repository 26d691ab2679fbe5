"""collapse diagnose and collapse calibration: what is said of runs and files, and how a user sees it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import numpy
import pytest

from collapse_cli.cli import COMMANDS, main
from collapse_cli.metrics.advice import Context, advice
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.metrics.verdict import Status

Capture = pytest.CaptureFixture[str]


def rows(path: Path, n: int, d: int, rank: int, rectified: bool = False) -> Path:
    generator = numpy.random.default_rng(0)
    found = generator.standard_normal((n, rank)) @ generator.standard_normal((rank, d))
    numpy.save(path, numpy.maximum(found, 0) if rectified else found)
    return path


def diagnosed(argv: list[str], capsys: Capture, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["diagnose", *argv, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("n", "rank", "status", "code"),
    [(400, 16, "healthy", 0), (400, 3, "dimensional collapse", 0), (16, 16, "inconclusive", 3)],
)
def test_files(n: int, rank: int, status: str, code: int, tmp_path: Path, capsys: Capture) -> None:
    file = rows(tmp_path / "rows.npy", n, 16, rank)
    (one,) = diagnosed([str(file)], capsys, code)["results"]
    assert one["verdict"]["status"] == status
    assert [bound["number"] for bound in one["verdict"]["thresholds"]] == ["total_variance", "active"]
    assert one["verdict"]["advice"]
    assert {"split": "rows.npy", "seed": 0, "eps": 0}.items() <= one["settings"].items()
    assert ("independent" in one["settings"].get("intervals", "")) == (n > 16), (
        "the assumption, where there are intervals"
    )


def test_what_a_relu_gave_is_compared_with_its_kind(tmp_path: Path, capsys: Capture) -> None:
    """Mean cosine of isotropic rows through a ReLU: 1/pi, by two half-normal entries, (1/2pi) / (1/2)."""
    (one,) = diagnosed([str(rows(tmp_path / "h.npy", 500, 16, 16, rectified=True))], capsys)["results"]
    assert one["verdict"]["status"] == "healthy"
    assert one["settings"]["null"] == "isotropic, ReLU"
    assert one["metrics"]["mean_cosine"]["null"] == pytest.approx(1 / numpy.pi, abs=0.02)


def test_a_run(run: Path, tmp_path: Path, capsys: Capture) -> None:
    """h and z, each beside the same network before training; the loss, of z alone, beside chance."""
    h, z = diagnosed([str(run / "checkpoint.pt")], capsys)["results"]
    assert (h["of"].split()[-1], z["of"].split()[-1]) == ("h", "z")
    for one in (h, z):
        assert len(one["metrics"]["eigenvalues"]["initial"]) == len(one["metrics"]["eigenvalues"]["values"])
        assert one["metrics"]["effective_rank_initial"]["value"] > 10
    assert "loss" not in h["metrics"]
    assert z["metrics"]["loss"]["null"] == pytest.approx(6.24, abs=0.01)  # log(512 + 1)
    assert (h["verdict"]["status"], z["metrics"]["queue"]["value"]) == ("healthy", 1)


def test_diagnosis_and_spectrum_agree(run: Path, capsys: Capture) -> None:
    document = diagnosed([str(run / "checkpoint.pt")], capsys)
    assert main(["spectrum", str(run / "checkpoint.pt"), "--json"]) == 0
    for one, other in zip(document["results"], json.loads(capsys.readouterr().out)["results"], strict=True):
        assert one["verdict"]["status"] == other["verdict"]["status"]
        assert one["metrics"]["active"]["value"] == other["metrics"]["active"]["value"]


def test_a_queue_that_was_never_full(tmp_path: Path, capsys: Capture) -> None:
    """1347 digits and two epochs of 21 batches of 64 are 2688 keys."""
    folder = tmp_path / "run"
    assert main(["train", "moco", "--epochs", "2", "--queue", "4096", "--out", str(folder), "-q"]) == 0
    for one in diagnosed([str(folder)], capsys, code=3)["results"]:
        assert one["verdict"]["sentence"] == "The queue was never full: 66 % of it are keys."


def test_seen(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A sentence for each space, with --all bounds and advice; plot and page are written; -q says nothing."""
    monkeypatch.setenv("COLUMNS", "80")
    file = str(run / "checkpoint.pt")
    assert (
        main(["diagnose", file, "--plot", str(tmp_path / "d.png"), "--html", str(tmp_path / "d.html")]) == 0
    )
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert lines[0] == "✓ Healthy.  moco on digits, epoch 2 of 2, 1,347 images"
    assert (
        lines[-1]
        == f"  Next: collapse report {file} · all numbers: --all · what this means: collapse explain healthy"
    )
    assert max(map(len, lines[:-1])) <= 80
    assert len(lines) <= 24
    assert main(["diagnose", file, "--all"]) == 0
    full = capsys.readouterr().out
    assert max(len(line) for line in full.splitlines() if "Next: " not in line) <= 80
    assert "collapse probe" in full
    assert "below 0.0625 it is a complete collapse" in " ".join(full.split())
    assert (tmp_path / "d.png").stat().st_size > 10_000
    assert "What to try next" in (tmp_path / "d.html").read_text()
    assert main(["diagnose", file, "-q"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("status", get_args(Status))
@pytest.mark.parametrize("method", ["", "moco", "positive-only"])
def test_advice_names_commands_that_there_are(status: str, method: str) -> None:
    import torch

    known = set(COMMANDS)
    found: Spectrum = spectrum(torch.randn(50, 8), torch.Generator().manual_seed(0))
    for space in ("h", "z"):
        said = " ".join(advice(status, found, Context(space=space, method=method, queue=0.5)))
        assert said
        assert set(re.findall(r"collapse ([a-z]+)(?= |:|$)", said)) <= known


def test_calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("collapse_cli.metrics.calibration.RATIOS", (5,))
    assert main(["calibration", "--dimensions", "8", "--json", "--plot", str(tmp_path / "c.png")]) == 0
    (one,) = json.loads(capsys.readouterr().out)["results"]
    assert one["metrics"]["confusion"]["row_names"] == ["complete", "dimensional", "healthy", "inconclusive"]
    assert one["metrics"]["missed"]["value"] == 0
    assert sum(map(sum, one["metrics"]["confusion"]["values"])) == one["metrics"]["cases"]["value"]
    assert (tmp_path / "c.png").stat().st_size > 10_000


def test_calibration_needs_room(capsys: Capture) -> None:
    assert main(["calibration", "--dimensions", "4"]) == 2
    assert "give 8 or more" in capsys.readouterr().err


def test_a_healthy_space_beside_one_point_is_not_to_be_kept_as_it_is(tmp_path: Path, capsys: Capture) -> None:
    """Isotropic h, of which random weights are enough; z one point: what the loss wanted."""
    h = numpy.random.default_rng(0).standard_normal((400, 8))
    numpy.savez(tmp_path / "e.npz", representations=h, projections=numpy.ones((400, 4)))
    first, second = diagnosed([str(tmp_path / "e.npz")], capsys)["results"]
    assert (first["verdict"]["status"], second["verdict"]["status"]) == ("healthy", "complete collapse")
    assert first["verdict"]["meaning"].endswith("and z shows what the loss has taught.")
    assert first["verdict"]["advice"] == []
    numpy.savez(tmp_path / "e.npz", representations=h, projections=h[:, :4])
    first, _ = diagnosed([str(tmp_path / "e.npz")], capsys)["results"]
    assert first["verdict"]["meaning"] == ""
    assert first["verdict"]["advice"][-1] == f"Hold later versions to this: collapse check {tmp_path}/e.npz"


def test_a_footnote_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """In 80 columns; the whole of where a bound comes from is told by --json and on the page."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["diagnose", "--all", str(rows(tmp_path / "rows.npy", 400, 8, 8))]) == 0
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines() if "Next: " not in line) <= 80
    notes = shown[shown.index("\n¹ ") :]
    assert [notes.count(f"{mark} ") for mark in "¹²³⁴⁵"] == [1] * 5, "each convention is explained once"
    (one,) = diagnosed([str(tmp_path / "rows.npy")], capsys)["results"]
    assert "runs on digits whose loss ends at the chance level" in one["metrics"]["complete_below"]["help"]
