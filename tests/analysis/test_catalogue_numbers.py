"""Isotropy, view ratio and dormant units of inputs: what they are measured on, and what a gate makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch

from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.cli import main
from collapse_cli.metric import metrics
from collapse_cli.metrics.isotropy import isotropy
from collapse_cli.metrics.view_ratio import view_ratio


def saved(path: Path, rows: numpy.ndarray, first: numpy.ndarray, second: numpy.ndarray) -> str:
    numpy.savez(path, representations=rows, first_representations=first, second_representations=second)
    return str(path)


@pytest.fixture
def images() -> numpy.ndarray:
    """(300, 16): normal numbers of both signs."""
    return numpy.random.default_rng(0).standard_normal((300, 16))


def test_of_a_run(run: Path) -> None:
    """Each space of its own, h beside rectified rows, for a ReLU comes before it; dormant units of h alone."""
    subject = load(run, Measuring(samples=200))
    of = {
        name: {entry.space: entry for entry in CATALOGUE[name].measure(subject)}
        for name in ("isotropy", "view_ratio")
    }
    assert {name: sorted(entries) for name, entries in of.items()} == {
        "isotropy": ["h", "z"],
        "view_ratio": ["h", "z"],
    }
    assert of["isotropy"]["h"].settings["null"] == "isotropic, ReLU"
    assert "null" not in of["isotropy"]["z"].settings
    expected = isotropy(subject.clean.spaces["z"], torch.Generator().manual_seed(0))
    assert of["isotropy"]["z"].result == expected
    assert subject.views is not None
    views = [view.spaces["h"] for view in subject.views]
    assert float(of["view_ratio"]["h"].result.view_ratio) == float(view_ratio(views))
    assert [entry.space for entry in CATALOGUE["dormant"].measure(subject)] == ["h"]


def test_a_gate_on_each(images: numpy.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Isotropic images, whose views are a tenth away: ratio about 100, no unit dormant, and near both Gaussians."""
    noise = 0.1 * numpy.random.default_rng(1).standard_normal((2, 300, 16))
    file = saved(tmp_path / "e.npz", images, images + noise[0], images + noise[1])
    for required, code in (
        ("view_ratio.h >= 80", 0), ("view_ratio.h >= 200", 1), ("intraclass.h >= 0.98", 0), ("dormant_0025.h <= 0", 0),
        ("epps_pulley.h <= 0.01", 0), ("epps_pulley.h >= 0.1", 1), ("wasserstein.h <= 0.2", 0),
        ("information_abundance.h >= 16.5", 1), ("mean_cosine_centred.h <= 0.01", 0),
    ):  # fmt: skip
        assert main(["check", file, "--require", required, "-q"]) == code, required


def test_a_planted_offset_and_dead_units(images: numpy.ndarray, tmp_path: Path) -> None:
    """The offset leaves the ratio and the centred cosine as they were; eight units at 0 are dormant."""
    rows = images + 5
    rows[:, :8] = 0
    noise = 0.1 * numpy.random.default_rng(1).standard_normal((2, 300, 16))
    subject = load(Path(saved(tmp_path / "e.npz", rows, rows + noise[0], rows + noise[1])), Measuring())
    found = {
        name: value["value"]
        for measured in ("isotropy", "view_ratio", "dormant")
        for entry in CATALOGUE[measured].measure(subject)
        for name, value in metrics(entry.result).items()
        if value["kind"] == "number"
    }
    assert found["dormant_0"] == 0.5
    assert found["view_ratio"] == pytest.approx(50, rel=0.2)
    assert found["mean_cosine_centred"] == pytest.approx(-1 / 299, abs=1e-3)
    assert found["epps_pulley"] > 0.5


def test_one_point_and_equal_views_stop_no_comparison(
    images: numpy.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0/0 and x/0 have no number in JSON; a gate that asks for them cannot conclude, or fails as the collapse does."""
    point = numpy.zeros_like(images)
    dead = saved(tmp_path / "dead.npz", point, point, point)
    same = saved(tmp_path / "same.npz", images, images, images)
    assert main(["compare", dead, same, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert [one["metrics"]["view_ratio.h"]["value"] for one in results[:2]] == [None, None]
    assert [one["metrics"]["intraclass.h"]["value"] for one in results[:2]] == [None, 1]
    assert main(["check", dead, "--require", "view_ratio.h >= 1", "-q"]) == 1
    assert main(["check", same, "--require", "view_ratio.h >= 1", "-q"]) == 3
