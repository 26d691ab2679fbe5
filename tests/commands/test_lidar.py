"""collapse lidar: many views of a run's images, the two that a file holds, labels in their place."""

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


def answered(capsys: Capture, *argv: str) -> dict[str, Any]:
    assert main(["lidar", *argv, "--json", "-q"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return document


def values(one: dict[str, Any], *names: str) -> list[float]:
    return [one["metrics"][name]["value"] for name in names]


def file(path: Path, views: bool = True, labels: bool = True) -> str:
    """60 images that differ along 2 of 5 axes, and two views of each; four classes of them."""
    random = numpy.random.default_rng(0)
    member = numpy.arange(60) % 4
    images = random.normal(size=(60, 5)) * [3, 3, 0, 0, 0]
    noise = random.normal(size=(3, 60, 5)) * 0.2
    arrays = {"representations": images + noise[0]}
    arrays |= {"labels": member} if labels else {}
    if views:
        arrays |= {
            "first_representations": images + noise[1],
            "second_representations": images + noise[2],
        }
    numpy.savez(path, **arrays)
    return str(path)


def test_many_views_of_a_runs_images(run: Path, capsys: Capture) -> None:
    """200 images, 4 views of each, by the run's own recipe; both spaces, the same again with the same seed."""
    argv = [str(run), "--views", "4", "--images", "200"]
    document = answered(capsys, *argv)
    assert [one["of"] for one in document["results"]] == ["moco · h", "moco · z"]
    for one in document["results"]:
        assert values(one, "groups", "views") == [200, 4]
        assert one["settings"]["views"] == "digits"
        lidar = one["metrics"]["lidar"]
        assert lidar["interval"][0] < lidar["value"] < lidar["interval"][1] < lidar["null"]
        assert 0 < values(one, "augmentation")[0] < 0.99
        assert len(one["metrics"]["along"]["values"]) == values(one, "dimensions")[0]
    assert answered(capsys, *argv)["results"] == document["results"]
    assert "4 views of each" in document["warnings"][0]


def test_every_number_has_its_chance_and_its_interval(run: Path, capsys: Capture) -> None:
    for one in answered(capsys, str(run), "--views", "5", "--images", "300")["results"]:
        for name in ("lidar", "augmentation", "overwhelmed"):
            metric = one["metrics"][name]
            assert metric["null"] is not None, name
            assert metric["interval"][0] <= metric["value"] <= metric["interval"][1], name


def test_the_two_views_of_a_file(tmp_path: Path, capsys: Capture) -> None:
    """Images differ along two of five axes, by 225 times the variance of views: LiDAR is 2, less what 60 images
    make the two differ by; in three others views win.
    """
    document = answered(capsys, file(tmp_path / "e.npz"))
    (one,) = document["results"]
    assert one["settings"]["views"] == "the two views in the file"
    assert values(one, "groups", "views", "dimensions", "overwhelmed") == [60, 2, 5, 3]
    assert values(one, "lidar") == [pytest.approx(1.9, abs=0.12)]
    assert "2 views of each" in document["warnings"][0]


def test_delta_is_relative_unless_it_is_said(tmp_path: Path, capsys: Capture) -> None:
    path = file(tmp_path / "e.npz")
    (relative,) = answered(capsys, path, "--delta", "0.5")["results"]
    (absolute,) = answered(capsys, path, "--delta", "0.5", "--absolute")["results"]
    assert values(relative, "delta") == [pytest.approx(0.5 * 0.04, rel=0.2)]
    assert values(absolute, "delta") == [0.5]
    assert (relative["settings"]["δ"], absolute["settings"]["δ"]) == ("0.5 of mean Sw", "0.5")


def test_labels_stand_for_images(tmp_path: Path, capsys: Capture) -> None:
    """Four classes of 15: of four means there are three directions at most, and it is said."""
    document = answered(capsys, file(tmp_path / "e.npz", views=False))
    (one,) = document["results"]
    assert one["settings"]["views"] == "embeddings of one class"
    assert values(one, "groups", "views") == [4, 15]
    assert values(one, "lidar")[0] <= 3
    assert "4 classes in 5 dimensions limit LiDAR to 3" in document["warnings"][0]


def test_neither_views_nor_labels(tmp_path: Path, capsys: Capture) -> None:
    assert main(["lidar", file(tmp_path / "e.npz", views=False, labels=False)]) == 2
    shown = capsys.readouterr()
    assert "e.npz has neither views nor labels" in shown.err
    assert "collapse embed" in shown.err


def test_collapsed_views_are_inconclusive(tmp_path: Path, capsys: Capture) -> None:
    point = numpy.ones((20, 3))
    numpy.savez(
        tmp_path / "e.npz", representations=point, first_representations=point, second_representations=point
    )
    assert main(["lidar", str(tmp_path / "e.npz"), "--json"]) == 3
    assert "have the same embedding" in capsys.readouterr().err


def test_its_table(tmp_path: Path, capsys: Capture) -> None:
    assert main(["lidar", file(tmp_path / "e.npz")]) == 0
    shown = capsys.readouterr().out
    for word in ("LiDAR", "share within images", "directions within > between", "noise"):
        assert word in shown
