"""collapse probe: runs, files and raw pixels; which rows are fitted and which judged; chance, warnings and refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import numpy
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from collapse_cli import cli, data
from collapse_cli.cli import main

Capture = pytest.CaptureFixture[str]
SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())


def answered(capsys: Capture, *argv: str) -> dict[str, Any]:
    assert main(["probe", *argv, "--json", "-q"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return document


def refused(capsys: Capture, *argv: str, code: int) -> str:
    assert main(["probe", *argv]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return shown.err


def rows(path: Path, labels: numpy.ndarray | None, **more: Any) -> str:
    """An .npz of rows near an axis for each label, in 8 dimensions."""
    generator = numpy.random.default_rng(0)
    count = 60 if labels is None else len(labels)
    found = generator.standard_normal((count, 8)) * 0.1
    if labels is not None:
        found += numpy.eye(8)[labels % 8]
        more |= {"labels": labels}
    numpy.savez(path, representations=found, **more)
    return str(path)


def test_a_run_is_fitted_on_train_and_judged_on_test(run: Path, tmp_path: Path, capsys: Capture) -> None:
    """What `embed` writes of both splits, put to scikit-learn: the same accuracy, of 450 rows."""
    document = answered(capsys, str(run))
    halves = {}
    for split in ("train", "test"):
        out = tmp_path / f"{split}.npz"
        assert main(["embed", str(run), "--split", split, "--out", str(out)]) == 0
        halves[split] = dict(numpy.load(out))
    for one, space in zip(document["results"], ("representations", "projections"), strict=True):
        theirs = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        theirs.fit(halves["train"][space].astype(float), halves["train"]["labels"])
        score = theirs.score(halves["test"][space].astype(float), halves["test"]["labels"])
        assert one["metrics"]["linear"]["value"] == pytest.approx(score, abs=1.5 / 450)
        assert one["settings"]["train"] == "digits/train"
        assert one["settings"] | {"N": 1347, "M": 450, "classes": 10, "T": 0.07} == one["settings"]
    found = document["results"][0]["metrics"]
    assert found["few_labels"]["null"] == 0.1
    assert found["knn"]["null"] == pytest.approx(46 / 450)  # `1` is the largest class of the training rows
    for name in ("knn", "linear", "few_labels"):
        low, high = found[name]["interval"]
        assert low <= found[name]["value"] <= high


def test_raw_pixels_beside_a_run(run: Path, capsys: Capture) -> None:
    """kNN on raw digits is at 98 %, and a run of two epochs is not."""
    document = answered(capsys, str(run), "pixels:digits", "--k", "10", "--temperature", "0.1")
    assert [one["of"] for one in document["results"]] == ["moco · h", "moco · z", "pixels:digits · h"]
    assert document["inputs"][1]["layout"] == "pixels"
    assert "sha256" not in document["inputs"][1]
    h, _, pixels = (one["metrics"] for one in document["results"])
    assert pixels["knn"]["value"] == pytest.approx(0.98, abs=0.01)
    assert pixels["linear"]["value"] == pytest.approx(0.96, abs=0.015)
    assert pixels["few_labels"]["value"] == pytest.approx(0.888, abs=0.015)
    assert h["knn"]["value"] < pixels["knn"]["value"]


@pytest.mark.parametrize(("split", "count"), [("test", 450), ("all", 1797)])
def test_other_splits_are_cut_within_classes(split: str, count: int, capsys: Capture) -> None:
    """They are, or hold, the rows to be judged on: no row may be on both sides."""
    (one,) = answered(capsys, "pixels:digits", "--split", split)["results"]
    settings = one["settings"]
    assert (settings["train"], settings["test"]) == (f"80 % of digits/{split}", f"20 % of digits/{split}")
    assert settings["N"] + settings["M"] == count
    assert settings["M"] / count == pytest.approx(0.2, abs=0.005)


def test_a_file_with_labels_is_cut(tmp_path: Path, capsys: Capture) -> None:
    """Three classes that no row leaves: all found. The cut is drawn from the seed."""
    path = rows(tmp_path / "e.npz", numpy.arange(90) % 3)
    document = answered(capsys, path)
    (one,) = document["results"]
    assert document["warnings"] == []
    assert [one["metrics"][name]["value"] for name in ("knn", "linear", "few_labels")] == [1, 1, 1]
    assert (one["settings"]["train"], one["settings"]["N"]) == ("80 % of e.npz", 72)
    assert (one["settings"]["test"], one["settings"]["M"]) == ("20 % of e.npz", 18)
    assert document["results"] == answered(capsys, path)["results"]


def test_what_was_measured_otherwise_than_asked_is_said(tmp_path: Path, capsys: Capture) -> None:
    path = rows(tmp_path / "e.npz", numpy.arange(60) % 3)
    document = answered(capsys, path, "--k", "500", "--per-class", "40")
    assert [line.partition(": ")[2][:9] for line in document["warnings"]] == ["k is lowe", "the few-l"]
    metrics = document["results"][0]["metrics"]
    assert metrics["neighbours"]["value"] == 48
    assert "few_labels" not in metrics


@pytest.mark.parametrize(
    ("labels", "said", "code"),
    [
        (None, "no labels, which a probe needs", 2),
        (numpy.zeros(60, int), "two classes", 3),
        (numpy.arange(60), "leave 0 to test on", 3),
    ],
    ids=["no labels", "one class", "a class for each row"],
)
def test_labels_that_tell_nothing(labels: Any, said: str, code: int, tmp_path: Path, capsys: Capture) -> None:
    assert said in refused(capsys, rows(tmp_path / "e.npz", labels), code=code)


@pytest.mark.parametrize("option", ["--k", "--replications", "--per-class", "--temperature"])
def test_options_of_nothing(option: str, tmp_path: Path, capsys: Capture) -> None:
    path = rows(tmp_path / "e.npz", numpy.arange(60) % 3)
    assert option in refused(capsys, path, option, "0", code=2)


def test_the_answer_is_kept_with_what_was_asked(run: Path, tmp_path: Path, capsys: Capture) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    answered(capsys, str(copy), "--k", "5")
    kept = json.loads((copy / "results" / "probe.json").read_text())
    assert kept["results"][0]["metrics"]["neighbours"]["value"] == 5
    assert kept["inputs"][0]["options"]["k"] == 5


# --- pixels, as an input of every command


def folder(path: Path, classes: tuple[str, ...]) -> Path:
    """12 images of 6x6, grey 10, 20, … in class folders or flat."""
    for number in range(12):
        home = path / classes[number % len(classes)] if classes else path
        home.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 6), (10 * number, 0, 255)).save(home / f"{number}.png")
    return path


def test_pixels_are_in_0_1_and_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Read in chunks of 5; red is 10 n / 255, green 0, blue 1, each 36 times."""
    monkeypatch.setattr("collapse_cli.embedding.CHUNK", 5)
    out = tmp_path / "p.npz"
    path = folder(tmp_path / "some", ())
    assert main(["embed", f"pixels:folder:{path}", "--split", "all", "--out", str(out)]) == 0
    with numpy.load(out) as found:
        pixels = found["representations"]
        assert "projections" not in found
        assert "labels" not in found
    assert pixels.shape == (12, 108)
    assert sorted(pixels[:, 0].tolist()) == pytest.approx([10 * n / 255 for n in range(12)])
    assert (pixels[:, 36:72] == 0).all()
    assert (pixels[:, 72:] == 1).all()
    assert "has no labels, which a probe needs" in refused(capsys, f"pixels:folder:{path}", code=2)


def test_pixels_heed_split_samples_and_seed(tmp_path: Path) -> None:
    found = {}
    for seed in (0, 0, 1):
        out = tmp_path / "p.npz"
        argv = ["embed", "pixels:digits", "--split", "test", "--samples", "100", "--seed", str(seed)]
        assert main([*argv, "--out", str(out), "--overwrite"]) == 0
        with numpy.load(out) as kept:
            index, pixels = kept["index"], kept["representations"]
            assert str(kept["source"]) == "digits/test"
        assert index.tolist() == found.setdefault(seed, index.tolist())
    assert found[0] != found[1]
    whole = data.load("digits", "test").pixels.flatten(1)
    assert torch.equal(torch.from_numpy(pixels), whole[torch.from_numpy(index)] / 255)


@pytest.mark.parametrize("command", ["spectrum", "alignment", "oracle", "clusters"])
def test_every_command_takes_pixels(command: str, capsys: Capture) -> None:
    assert main([command, "pixels:digits", "--samples", "300", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["inputs"][0]["layout"] == "pixels"
    assert "pixels:digits: pixels; 300 of digits/train" in shown.err


def test_pixels_that_would_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """1347 x 64 x 8 bytes are 690 thousand; of a limit of half a million, 976 images are left."""
    monkeypatch.setattr("collapse_cli.analysis.stored.LARGEST", 500_000)
    assert "--samples to 976" in refused(capsys, "pixels:digits", code=2)
    assert main(["probe", "pixels:digits", "--samples", "976", "-q"]) == 0


@pytest.mark.parametrize("name", ["", "digit", "folder:/nowhere"])
def test_pixels_of_nothing(name: str, capsys: Capture) -> None:
    assert "collapse: there is no " in refused(capsys, f"pixels:{name}", code=2)


def test_copies_are_kept_on_one_side_and_said(tmp_path: Path, capsys: Capture) -> None:
    """Noise with labels at random, each row eight times: learnt by heart all would be right, and kept apart it is chance."""
    generator = numpy.random.default_rng(0)
    found, labels = generator.standard_normal((60, 24)), generator.integers(0, 2, 60)
    numpy.savez(tmp_path / "rows.npz", representations=found.repeat(8, 0), labels=labels.repeat(8))
    document = answered(capsys, str(tmp_path / "rows.npz"))
    (entry,) = document["results"]
    assert entry["metrics"]["knn"]["value"] < 0.75
    assert entry["settings"]["copies"] == "on one side of the split"
    assert "copies" in document["warnings"][0]
    numpy.savez(tmp_path / "once.npz", representations=found, labels=labels)
    document = answered(capsys, str(tmp_path / "once.npz"))
    assert "copies" not in document["results"][0]["settings"]
