"""collapse coverage: two files, their roles, their spaces, and what cannot be compared."""

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
    assert main(["coverage", *argv, "--json", "-q"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return document


def modes(path: Path, held: int, seed: int = 0, n: int = 240) -> str:
    """n rows about the first `held` of four corners, 10 apart."""
    random = numpy.random.default_rng(seed)
    corners = numpy.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    numpy.save(path, corners[numpy.arange(n) % held] + random.normal(size=(n, 2)))
    return str(path)


def test_a_dropped_mode_and_which_is_which(tmp_path: Path, capsys: Capture) -> None:
    """A quarter of the real rows is not covered; the other way round, a quarter of the generated ones is not real."""
    real, generated = modes(tmp_path / "real.npy", 4), modes(tmp_path / "fake.npy", 3, seed=1)
    document = answered(capsys, real, generated, "--width", "1")
    (found,), (swapped,) = document["results"], answered(capsys, generated, real)["results"]
    value = {name: metric["value"] for name, metric in found["metrics"].items()}
    assert value["precision"] > 0.95
    assert value["recall"] == pytest.approx(0.75, abs=0.05)
    assert value["coverage"] < 0.78
    assert swapped["metrics"]["precision"]["value"] == value["recall"]
    assert swapped["metrics"]["recall"]["value"] == value["precision"]
    assert found["of"] == "real.npy by fake.npy · h"
    assert (found["settings"]["real"], found["settings"]["generated"]) == ("real.npy", "fake.npy")
    assert found["settings"]["kernel"] == "Gaussian of width 1"
    assert {name: found["settings"][name] for name in ("D", "L2", "k", "seed")} == {
        "D": 2,
        "L2": False,
        "k": 5,
        "seed": 0,
    }
    assert [one["path"] for one in document["inputs"]] == [real, generated]


def test_every_number_has_its_interval(tmp_path: Path, capsys: Capture) -> None:
    (one,) = answered(capsys, modes(tmp_path / "a.npy", 4), modes(tmp_path / "b.npy", 3, 1))["results"]
    for name, metric in one["metrics"].items():
        if name not in (
            "real",
            "generated",
            "k",
            "compared",
            "shared",
            "distinct_real",
            "distinct_generated",
        ):
            assert metric["interval"][0] <= metric["value"] <= metric["interval"][1], name


def test_both_spaces_or_one(tmp_path: Path, capsys: Capture) -> None:
    random = numpy.random.default_rng(0)
    for name in ("a", "b"):
        h, z = random.normal(size=(50, 6)), random.normal(size=(50, 3))
        numpy.savez(tmp_path / f"{name}.npz", representations=h, projections=z)
    both = [str(tmp_path / "a.npz"), str(tmp_path / "b.npz")]
    assert [one["settings"]["D"] for one in answered(capsys, *both)["results"]] == [6, 3]
    assert [
        one["settings"]["D"] for one in answered(capsys, *both, "--space", "z", "--k", "2")["results"]
    ] == [3]
    assert main(["coverage", *both, "--space", "y"]) == 2
    assert "both inputs have: h, z" in capsys.readouterr().err


def test_what_cannot_be_compared(tmp_path: Path, capsys: Capture) -> None:
    numpy.save(tmp_path / "wide.npy", numpy.ones((50, 3)))
    assert main(["coverage", "--all", modes(tmp_path / "a.npy", 4), str(tmp_path / "wide.npy")]) == 2
    assert "the same space" in capsys.readouterr().err
    assert main(["coverage", modes(tmp_path / "a.npy", 4), modes(tmp_path / "few.npy", 4, n=5)]) == 3
    assert "5 embeddings do not have 5 neighbours" in capsys.readouterr().err
    assert main(["coverage", modes(tmp_path / "a.npy", 4)]) == 2
    capsys.readouterr()


def test_its_table(tmp_path: Path, capsys: Capture) -> None:
    assert main(["coverage", "--all", modes(tmp_path / "a.npy", 4), modes(tmp_path / "b.npy", 3, 1)]) == 0
    shown = capsys.readouterr().out
    for word in ("precision", "recall", "density", "coverage", "Vendi", "real a.npy", "generated b.npy"):
        assert word in shown


def test_the_sets_share_rows(tmp_path: Path, capsys: Capture) -> None:
    """100 rows ten times each, held against the same and 50 others: balls that reach to a copy would hold nothing."""
    random = numpy.random.default_rng(0)
    real = random.normal(size=(100, 4))
    numpy.save(tmp_path / "real.npy", real.repeat(10, axis=0))
    numpy.save(
        tmp_path / "fake.npy", numpy.concatenate([real.repeat(10, axis=0), 50 + random.normal(size=(50, 4))])
    )
    document = answered(capsys, str(tmp_path / "real.npy"), str(tmp_path / "fake.npy"))
    value = {name: metric["value"] for name, metric in document["results"][0]["metrics"].items()}
    assert value["precision"] == pytest.approx(100 / 150)
    assert (value["recall"], value["coverage"]) == (1, 1)
    assert (value["shared"], value["distinct_real"], value["distinct_generated"]) == (1000, 100, 150)
    assert (value["real"], value["generated"]) == (1000, 1050)
    assert "the sets share 1,000 embeddings" in document["warnings"][1]


@pytest.fixture(scope="module")
def other_epoch(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run after one more epoch: another encoder."""
    folder = tmp_path_factory.mktemp("longer") / "moco"
    assert main(["train", "moco", "--epochs", "1", "--out", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def written(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's embeddings of its test images, as `collapse embed` writes them."""
    path = tmp_path_factory.mktemp("embedded") / "test.npz"
    assert main(["embed", str(run), "--split", "test", "--out", str(path)]) == 0
    return path


def test_two_networks_are_refused(run: Path, other_epoch: Path, written: Path, capsys: Capture) -> None:
    """Of two epochs of one run, also where a file holds the embeddings; the reason, and what to do instead."""
    for first in (run, written):
        assert main(["coverage", str(first), str(other_epoch), "-q"]) == 2
        shown = capsys.readouterr()
        assert f"{first} and {other_epoch} come from two different networks" in shown.err
        assert "collapse embed RUN" in shown.err
        assert shown.out == ""


def test_one_network_is_known_in_every_form(
    run: Path, written: Path, tmp_path: Path, capsys: Capture
) -> None:
    """A run folder, a copy of its checkpoint, and what `collapse embed` wrote of another split: no warning, and one hash."""
    copy = tmp_path / "copied.pt"
    copy.write_bytes((run / "checkpoint.pt").read_bytes())
    for second in (copy, written):
        document = answered(capsys, str(run), str(second), "--space", "h")
        networks = {facts["network"] for facts in document["inputs"]}
        assert len(networks) == 1, second
        assert len(networks.pop()) == 64
        assert not any("network" in warning for warning in document["warnings"])


def test_where_a_network_is_not_known_the_first_line_says_so(
    run: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Of the answer and of the warnings; also where one side is known."""
    random = numpy.random.default_rng(0)
    numpy.save(tmp_path / "a.npy", random.normal(size=(60, 128)))
    document = answered(capsys, str(tmp_path / "a.npy"), str(run))
    doubt = f"which network gave {tmp_path / 'a.npy'} is not known"
    assert document["warnings"][0].startswith(doubt)
    assert document["results"][0]["answer"].startswith(f"W{doubt[1:]}")
    assert " both sets. " in document["results"][0]["answer"]
    assert "network" not in document["inputs"][0]


def test_raw_pixels_are_of_one_space_and_of_no_network(run: Path, capsys: Capture) -> None:
    document = answered(capsys, "pixels:digits", "pixels:digits", "--samples", "100")
    assert not any("network" in warning for warning in document["warnings"])
    assert main(["coverage", "pixels:digits", str(run), "-q"]) == 2
    assert "two different networks" in capsys.readouterr().err


def test_a_gate_on_coverage_follows_the_same_rule(
    run: Path, other_epoch: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Refused with code 2 where networks differ; a warning where one of them is not known, which has no z to be held against."""
    gate = ["--require", "coverage.h >= 0.1", "-q"]
    assert main(["check", str(run), "--baseline", str(other_epoch), *gate]) == 2
    assert "two different networks" in capsys.readouterr().err
    with numpy.load(written_to(run, tmp_path)) as arrays:
        numpy.save(tmp_path / "rows.npy", arrays["representations"])
    assert main(["check", str(tmp_path / "rows.npy"), "--baseline", str(run), *gate]) == 3
    assert "which network gave" in capsys.readouterr().err


def written_to(run: Path, folder: Path) -> Path:
    """All embeddings of the run, in a file."""
    assert main(["embed", str(run), "--out", str(folder / "all.npz")]) == 0
    return folder / "all.npz"
