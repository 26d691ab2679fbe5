"""collapse classes: runs with and without a classifier, files, a class that has collapsed, and what has no classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy
import pytest

from collapse_cli import cli
from collapse_cli.cli import main

Capture = pytest.CaptureFixture[str]
SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())


@pytest.fixture(scope="module")
def supervised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "sup"
    argv = ["train", "supervised", "--encoder", "mlp", "--epochs", "2", "--out", str(folder), "--quiet"]
    assert main(argv) == 0
    return folder


def answered(capsys: Capture, *argv: str) -> dict[str, Any]:
    assert main(["classes", *argv, "--json", "-q"]) == 0
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    jsonschema.validate(document, SCHEMA)
    return document


def file(path: Path, labels: bool = True) -> str:
    """90 rows of three classes about the axes, of very different lengths; class 2 is one ray."""
    random = numpy.random.default_rng(0)
    member = numpy.arange(90) % 3
    noise = random.normal(size=(90, 4)) * 0.3 * (member != 2)[:, None]
    arrays = {"representations": (numpy.eye(4)[member] + noise) * random.uniform(1, 10, (90, 1))}
    arrays |= {"labels": member, "classes": numpy.array(["cat", "dog", "fish"])} if labels else {}
    numpy.savez(path, **arrays)
    return str(path)


def test_a_supervised_run_has_its_classifier_on_unit_z(supervised: Path, capsys: Capture) -> None:
    """h as it is and without NC3 and NC4; z of length 1, where variance within and between add up to less than 1."""
    h, z = answered(capsys, str(supervised))["results"]
    assert (h["settings"]["L2"], z["settings"]["L2"]) == (False, True)
    assert not {"self_dual", "mismatch"} & set(h["metrics"])
    metrics = z["metrics"]
    assert metrics["within"]["value"] + metrics["between"]["value"] < 1
    assert metrics["mismatch"]["value"] < 0.5 < metrics["mismatch"]["null"]
    assert 0 < metrics["self_dual"]["value"] < metrics["self_dual"]["null"]
    assert len(metrics["rank_of_class"]["values"]) == 10
    assert numpy.array(metrics["cosines"]["values"]).shape == (10, 10)
    kept = json.loads((supervised / "results" / "classes.json").read_text())
    assert kept["results"] == [h, z]


def test_every_number_has_its_chance_and_its_interval(supervised: Path, capsys: Capture) -> None:
    """But for counts: samples, classes, dimensions."""
    for one in answered(capsys, str(supervised))["results"]:
        for name, metric in one["metrics"].items():
            if metric["kind"] == "number" and name not in ("samples", "classes", "dimensions"):
                assert metric["null"] is not None, name
                low, high = metric["interval"]
                assert low <= metric["value"] <= high, name


def test_other_methods_have_no_classifier(run: Path, capsys: Capture) -> None:
    for one in answered(capsys, str(run))["results"]:
        assert not {"self_dual", "mismatch"} & set(one["metrics"])
        assert one["metrics"]["nearest_mean"]["value"] > one["metrics"]["nearest_mean"]["null"]


def test_the_collapsed_class_is_named(tmp_path: Path, capsys: Capture) -> None:
    """A ray has rank 1; of length 1 it is one point as well, and is told by name."""
    path = file(tmp_path / "e.npz")
    (raw,) = answered(capsys, path)["results"]
    assert raw["metrics"]["rank_of_class"]["values"]["fish"] == pytest.approx(1)
    document = answered(capsys, path, "--unit")
    (one,) = document["results"]
    assert one["settings"]["L2"] is True
    assert one["metrics"]["least_variance"]["value"] == pytest.approx(0, abs=1e-12)
    (warning,) = document["warnings"]
    assert "e.npz · h: class fish has collapsed" in warning


def test_without_labels_there_are_no_classes(tmp_path: Path, capsys: Capture) -> None:
    path = file(tmp_path / "e.npz", labels=False)
    for extra in ([], ["--json"]):
        assert main(["classes", path, *extra]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "e.npz has no labels" in shown.err
        assert "class folders" in shown.err


def test_its_table_and_plot(tmp_path: Path, capsys: Capture) -> None:
    plot = tmp_path / "a.png"
    assert main(["classes", file(tmp_path / "e.npz"), "--all", "--plot", str(plot)]) == 0
    assert plot.read_bytes()[:4] == b"\x89PNG"
    shown = capsys.readouterr().out
    for word in ("CDNV", "NC1", "NC2", "nearest class mean", "effective rank", "fish", "shuffled labels"):
        assert word in shown
