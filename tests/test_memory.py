"""Settings that take more memory than there is are an error of usage, which names the option and the amount."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy
import pytest

from collapse_cli import memory
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError


def test_the_option_that_takes_most_is_named() -> None:
    """100 x 30 numbers of 8 bytes are 24 kB; with the usual 2 in place of 100 they would be 480 bytes, of 10 for 30, 8 kB."""

    def takes(of):  # type: ignore[no-untyped-def]
        return 8 * of["points"] * of["g_width"]

    given, usual = {"points": 100, "g_width": 30}, {"points": 2, "g_width": 10}
    with pytest.raises(CollapseError) as refused:
        memory.refuse_beyond(takes, given, usual, 10_000)
    assert (
        refused.value.message == "--points 100 would take 24.0 kB of memory, more than the 10.0 kB there are"
    )
    assert refused.value.hint == "lower --points; the default is 2"
    memory.refuse_beyond(takes, given, usual, 24_000)
    with pytest.raises(CollapseError, match=r"--g-width 30 would take 1\.9 kB"):
        memory.refuse_beyond(takes, {"points": 8, "g_width": 30}, {"points": 7, "g_width": 10}, 1000)
    with pytest.raises(CollapseError, match=r"^this would take 160 bytes"):
        memory.refuse_beyond(takes, usual, usual, 100)


@pytest.mark.parametrize(
    ("size", "words"),
    [(7, "7 bytes"), (1500, "1.5 kB"), (123_456_789, "123 MB"), (27e12, "27.0 TB"), (5e22, "50000 EB")],
)
def test_sizes_in_words(size: float, words: str) -> None:
    assert memory.in_words(size) == words


def test_memory_is_that_of_this_machine() -> None:
    """As the kernel tells it, in kilobytes."""
    told = Path("/proc/meminfo")
    if not told.exists():
        pytest.skip("no /proc")
    assert memory.memory() == 1024 * int(told.read_text().split()[1])


@pytest.mark.parametrize("missing", ["the function", "the name"])
def test_a_system_that_does_not_tell_has_no_bound(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no os.sysconf, and some systems do not know its names."""
    assert 1 << 28 < memory.memory() < 1 << 50
    if missing == "the function":
        monkeypatch.delattr(os, "sysconf")
    else:
        monkeypatch.setattr(os, "sysconf", lambda name: int("unknown name"))
    assert memory.memory() == sys.maxsize


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("train --queue 100000000000", "--queue 100000000000"),
        ("train --queue 10000000000 --dim 65", "--queue 10000000000"),
        ("train mochi --pair-mixes 100000000000", "--pair-mixes 100000000000"),
        ("train nnclr --queue 100000000000", "--queue 100000000000"),
        ("train byol --predictor-hidden 100000000000", "--predictor-hidden 100000000000"),
        ("train end-to-end --dim 100000000000", "--dim 100000000000"),
        ("train --dim 1000000000000000000", "--dim 1000000000000000000"),
        ("train vicreg --head-hidden 100000000", "--head-hidden 100000000"),
        ("train contrastive-clustering --clusters 100000000000", "--clusters 100000000000"),
        ("train --queue 100000000000 --dry-run", "--queue 100000000000"),
        ("gan --batch 100000000000", "--batch 100000000000"),
        ("gan --sweep --seeds 100000000000", "--seeds 100000000000"),
        ("gan --g-width 10000000", "--g-width 10000000"),
        ("linear --points 100000000000", "--points 100000000000"),
        ("calibration --dimensions 100000000", "--dimensions 100000000"),
    ],
)  # fmt: skip
def test_what_would_not_fit_is_refused(
    line: str,
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    shown = capsys.readouterr()
    assert f"{option} would take" in shown.err
    assert "memory" in shown.err
    assert shown.out == ""
    assert list(tmp_path.iterdir()) == []


def test_views_that_would_not_fit(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lidar", str(run), "--views", "100000000000"]) == 2
    assert "--views 100000000000 would take" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("x"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 3200000000000 bytes."
        ),
    ],
    ids=["python", "torch"],
)
def test_what_no_estimate_foresaw_is_no_internal_error(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise error

    monkeypatch.setattr("collapse_cli.analysis.measured.measured", full)
    numpy.save(tmp_path / "e.npy", numpy.eye(9) + 0.5)
    assert main(["spectrum", str(tmp_path / "e.npy"), "-q"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("collapse: out of memory")
    assert ("3,200,000,000,000 bytes" in said) == isinstance(error, RuntimeError)
