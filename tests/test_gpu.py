"""The one run that measures a GPU, at a size that a CPU takes: every part of it runs, and says what it is to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.benchmarks import gpu


def test_every_part_runs_and_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing fails, and each figure of the page has its goal; on one device the two ways agree to the last bit."""
    assert gpu.main(["--small", "--device", "cpu", "--out", str(tmp_path)]) == 0
    document = json.loads((tmp_path / "gpu.json").read_text())
    assert document["errors"] == {}
    by_name = {(figure["part"], figure["name"]): figure for figure in document["figures"]}
    parts = {part for part, _ in by_name}
    assert {"moco", "mochi", "ceiling", "roofline", "agreement", "DataLoader", "kNN"} <= parts
    assert by_name["agreement", "one step, largest relative difference"]["value"] == 0
    differences = [figure for (_, name), figure in by_name.items() if name == "metric, largest difference"]
    assert [figure["value"] for figure in differences] == [0.0] * 4
    assert all(figure["met"] for figure in differences)
    page = (tmp_path / "gpu.md").read_text()
    assert "| agreement | one step, largest relative difference | 0 |  | <= 0.0001 | yes |" in page
    assert page.count("\n| ") == len(document["figures"]) + 1
    assert "0 parts were not measured" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.strip() == (
        "This machine has no GPU that torch can use; --small measures small sizes on the CPU."
    )
    assert not (tmp_path / "out").exists()


def test_a_part_that_fails_is_written_and_the_others_go_on() -> None:
    report = gpu.Report(deadline=float("inf"))
    report.run("broken", lambda: 1 / 0)
    report.run("whole", lambda: report.add("whole", "number", 0.9, "", "share of bare forward and backward"))
    gpu.Report.run(late := gpu.Report(deadline=0), "late", lambda: 1 / 0)
    assert "ZeroDivisionError" in report.errors["broken"]
    assert report.figures[0]["met"] is True
    assert late.errors == {"late": "left out, for the time is over"}
    document = {"conditions": {}, "figures": report.figures, "errors": report.errors}
    assert "## Not measured: broken" in gpu.page(document)


def test_traffic_counts_what_is_read_and_written() -> None:
    """A sum of two of 4 numbers reads 8 and writes 4, of 4 bytes each; a view moves nothing."""
    a, b = torch.ones(4), torch.ones(4)
    with gpu.Traffic() as traffic:
        a + b
        a.view(2, 2)
    assert traffic.bytes == 12 * 4
