"""A metric is one row of the catalogue: everything else knows it from then on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from collapse_cli.analysis import catalogue
from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.measurement import Measurement, of_each_space
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.result import Result
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured


@dataclass(frozen=True)
class Largest:
    """Largest entries."""

    largest_entry: float = number(
        "the largest entry of a row, mean over rows", null="zero", better="low", headline=True
    )
    by_column: Curve = curve("largest entry of each column", x="column", sketch=True, default=Curve(()))


def largest(rows: torch.Tensor, generator: torch.Generator) -> Largest:
    return Largest(Measured(float(rows.amax(dim=1).mean()), null=0.0), Curve(rows.amax(dim=0).tolist()))


@pytest.fixture
def largest_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Measurement("largest", Largest, of_each_space(largest))
    monkeypatch.setitem(CATALOGUE, "largest", row)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Rows whose largest entry is 3 in one and 5 in the other, by construction."""
    base = -numpy.abs(numpy.random.default_rng(0).standard_normal((200, 4)))
    for name, value in (("three", 3.0), ("five", 5.0)):
        rows = base.copy()
        rows[numpy.arange(200), numpy.arange(200) % 4] = value
        numpy.save(tmp_path / f"{name}.npy", rows)
    return str(tmp_path / "three.npy"), str(tmp_path / "five.npy")


@pytest.mark.usefixtures("largest_in_the_catalogue")
class TestNewMetric:
    def test_table_json_plot(self, files: tuple[str, str], tmp_path: Path) -> None:
        subject = load(Path(files[0]), Measuring())
        result = Result(measured(CATALOGUE["largest"], [subject]))
        assert result.h.largest_entry == pytest.approx(3)
        assert "largest entry" in result.table()
        assert result.to_dict()["results"][0]["metrics"]["largest_entry"]["value"] == pytest.approx(3)
        assert [axes.get_xlabel() for axes in result.plot().axes] == ["Column"]

    @pytest.mark.parametrize(("bound", "code"), [("4", 0), ("2.5", 1)])
    def test_check(self, files: tuple[str, str], bound: str, code: int) -> None:
        assert main(["check", files[0], "--require", f"largest_entry.h <= {bound}", "-q"]) == code
        assert main(["check", files[0], "--require", f"largest_entry <= {bound}", "-q"]) == code

    def test_compare_table_json_plot_page(
        self, files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        plot, page = tmp_path / "c.svg", tmp_path / "c.html"
        assert main(["compare", *files, "--all", "--plot", str(plot), "--html", str(page)]) == 0
        assert "largest entry" in capsys.readouterr().out
        assert "argest entry of each column" in page.read_text() or "by column" in page.read_text()
        assert main(["compare", *files, "--json"]) == 0
        results = json.loads(capsys.readouterr().out)["results"]
        values = [result["metrics"]["largest_entry.h"]["value"] for result in results]
        assert values == pytest.approx([3, 5, 2])
        assert results[0]["metrics"]["largest_entry.h"]["best"] == "value"

    def test_report_of_a_run_and_what_it_leaves(self, run: Path, tmp_path: Path) -> None:
        import shutil

        copy = tmp_path / "run"
        shutil.copytree(run, copy)
        assert main(["report", str(copy), "--samples", "200"]) == 0
        assert "largest entry" in (copy / "report.html").read_text()
        assert json.loads((copy / "results" / "largest.json").read_text())["results"][0]["space"] == "h"

    def test_inspect(self, files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
        packed = Path(files[0]).with_suffix(".npz")
        numpy.savez(packed, h=numpy.load(files[0]))
        assert main(["inspect", str(packed), "--json"]) == 0
        assert "largest" in json.loads(capsys.readouterr().out)["also_measured"]


def test_every_row_measures_what_it_declares(run: Path) -> None:
    """Of a run every measurement but those that need a second set gives its own type; each number has one owner."""
    subject = load(run, Measuring(samples=200))
    for name, row in CATALOGUE.items():
        assert row.name == name
        if row.possible_of(subject):
            assert any(isinstance(entry.result, row.result) for entry in row.measure(subject)), name
    owners = catalogue.owners()
    assert all(owners[metric] in CATALOGUE for row in CATALOGUE.values() for metric in row.numbers)


def test_what_is_measured_for_a_number() -> None:
    """Those that every gate measures, and the owners of what is named, in the order of the table."""
    assert catalogue.wanted([]) == ("spectrum", "alignment")
    assert catalogue.wanted(["lidar.h", "knn"]) == ("spectrum", "alignment", "probe", "lidar")
    with pytest.raises(CollapseError, match=r"no number is named 'lidr\.h'") as refused:
        catalogue.refuse_unknown(["lidr.h"])
    assert refused.value.hint == "did you mean 'lidar.h'?"


def test_lidar_and_coverage_can_be_required(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """LiDAR of a run; coverage of a baseline, 1 of a set by itself, and refused with the remedy where there is none."""
    assert main(["check", str(run), "--require", "lidar.h >= 1", "--samples", "300", "-q"]) == 0
    rng = numpy.random.default_rng(0)
    numpy.save(tmp_path / "real.npy", rng.standard_normal((300, 4)))
    numpy.save(tmp_path / "far.npy", rng.standard_normal((300, 4)) + 100)
    numpy.save(tmp_path / "near.npy", rng.standard_normal((300, 4)))
    real, far, near = (str(tmp_path / f"{name}.npy") for name in ("real", "far", "near"))
    gate = ["--require", "coverage.h >= 0.8", "--baseline", real, "--tolerance", "50%", "-q"]
    assert main(["check", near, *gate]) == 0
    assert main(["check", far, *gate]) == 1
    capsys.readouterr()
    assert main(["check", near, "--require", "coverage.h >= 0.8", "-q"]) == 2
    assert "--baseline" in capsys.readouterr().err


def test_what_an_input_lacks_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numpy.save(tmp_path / "z.npy", numpy.random.default_rng(0).standard_normal((100, 4)))

    def refused(requirement: str) -> Any:
        assert main(["check", str(tmp_path / "z.npy"), "--require", requirement, "-q"]) == 2
        return capsys.readouterr().err

    assert "it needs labels" in refused("knn.h >= .5")
    assert "augmented views" in refused("lidar.h >= 5")
    assert "it needs a network" in refused("lost <= 1")
