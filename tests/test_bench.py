"""The benchmark runs: at sizes that tell nothing, with processes of ours left out and those of the peers run here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from collapse_cli.cli import PANELS

FOLDER = Path(__file__).parent / "benchmarks"


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A script of the folder of benchmarks, which is no package."""
    described = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert described is not None
    assert described.loader is not None
    loaded = importlib.util.module_from_spec(described)
    monkeypatch.setitem(sys.modules, name, loaded)  # dataclasses look for it there
    described.loader.exec_module(loaded)
    return loaded


def test_the_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second for ours and half of one for each process of a peer: ratios of 2.00."""
    bench, peers = module("bench", monkeypatch), module("peers", monkeypatch)
    commands: list[str] = []

    def process(*argv: str, ours: bool = False):  # type: ignore[no-untyped-def]
        def run():  # type: ignore[no-untyped-def]
            if ours:
                commands.append(argv[3])
            else:
                peers.WORK[argv[2]](*argv[3:])
            return bench.Cost(1.0 if ours else 0.5, 1.0 if ours else 0.5, 10**6)

        return run

    monkeypatch.setattr(bench, "process", process)
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "RESULTS.md")
    bench.main(["--tiny", "--write"])
    text = (tmp_path / "RESULTS.md").read_text()
    assert text.count("| ours |") == 7, "all rows but those of images, and the short demo alone"
    assert text.count("2.00 (2.00–2.00)") == 2 * 5
    assert commands == ["spectrum", "spectrum", "spectrum", "demo"]
    assert set(commands) <= {name for panel in PANELS.values() for name in panel}
    assert "GFlop/s in float32" in text
    assert "image commands: left out" in capsys.readouterr().out


def test_a_row_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        module("bench", monkeypatch).main(["knn"])
    assert "there is no row knn" in capsys.readouterr().err


def test_what_a_process_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends in an error ends the benchmark with what it said; one that holds 50 MB is seen to."""
    bench = module("bench", monkeypatch)
    with pytest.raises(SystemExit, match="ended in 1"):
        bench.process(sys.executable, "-c", "1 / 0")()
    cost = bench.process(sys.executable, "-c", "x = bytearray(50_000_000)")()
    assert cost.memory > 50_000_000
    assert 0 < cost.processor < 10
