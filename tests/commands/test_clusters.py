"""collapse clusters: the head of a run and k-means on its spaces; raw pixels; with labels and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from collapse_cli import cli, data
from collapse_cli.cli import main
from collapse_cli.runs import checkpoint

Capture = pytest.CaptureFixture[str]
SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())


@pytest.fixture(scope="module")
def clustering(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose method has a cluster head, of 12 clusters for 10 classes, with batch norm in it."""
    folder = tmp_path_factory.mktemp("runs") / "cc"
    own = ["--clusters", "12", "--head-norm"]
    argv = ["train", "contrastive-clustering", *own, "--epochs", "1", "--out", str(folder), "--quiet"]
    assert main(argv) == 0
    return folder


def answered(capsys: Capture, *argv: str) -> dict[str, Any]:
    assert main(["clusters", *argv, "--json", "-q"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return document


def refused(capsys: Capture, *argv: str, code: int) -> str:
    assert main(["clusters", *argv]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return shown.err


def values(one: dict[str, Any], *names: str) -> list[float]:
    return [one["metrics"][name]["value"] for name in names]


def file(path: Path, labels: bool = True, classes: int = 3, projections: bool = False) -> str:
    """60 rows, 20 at each of three points of very different lengths on the same three rays."""
    lengths = numpy.random.default_rng(0).uniform(0.01, 100, (60, 1))
    member = numpy.arange(60) % 3
    arrays = {"representations": numpy.eye(4)[member] * lengths}
    arrays |= {"labels": member % classes} if labels else {}
    arrays |= {"projections": arrays["representations"][:, :3]} if projections else {}
    numpy.savez(path, **arrays)
    return str(path)


def test_the_head_of_a_run_and_its_spaces(clustering: Path, capsys: Capture) -> None:
    """The head's own clusters are 12, those of k-means as many as there are classes."""
    document = answered(capsys, str(clustering))
    assert [one["of"] for one in document["results"]] == ["cc · head", "cc · h", "cc · z"]
    assert [one["settings"]["assigned by"] for one in document["results"]] == ["head", "k-means", "k-means"]
    assert [one["settings"]["M"] for one in document["results"]] == [12, 10, 10]
    for one in document["results"]:
        table = numpy.array(one["metrics"]["confusion"]["values"])
        assert table.shape == (one["settings"]["M"], 10)
        assert table.sum() == 1347
        assert numpy.trace(table[:10]) / 1347 == pytest.approx(one["metrics"]["accuracy"]["value"])
        assert one["metrics"]["accuracy"]["null"] == pytest.approx(137 / 1347)
        assert len(one["metrics"]["recall"]["values"]) == 10
    kept = json.loads((clustering / "results" / "clusters.json").read_text())
    assert kept["results"] == document["results"]


def test_the_head_is_judged_as_it_is_on_clean_images(clustering: Path, capsys: Capture) -> None:
    """Argmax of the head in eval mode over all training images at once, against scikit-learn's NMI."""
    (head, *_) = answered(capsys, str(clustering))["results"]
    kept = checkpoint.load(clustering / "checkpoint.pt")
    images = data.load("digits", "train")
    kept.method.eval()
    with torch.no_grad():
        h = kept.method.encoder(kept.normalisation(images.pixels / 255))
        assigned = kept.method.cluster_head(h).argmax(dim=1)
    assert values(head, "nmi") == pytest.approx(
        [normalized_mutual_info_score(images.labels, assigned)], abs=1e-3
    )
    sizes = assigned.bincount(minlength=12)
    assert values(head, "used", "largest") == pytest.approx(
        [int((sizes > 0).sum()), float(sizes.max()) / 1347], abs=2e-3
    )


def test_a_method_without_a_head_has_none(run: Path, capsys: Capture) -> None:
    document = answered(capsys, str(run), "--clusters", "6")
    assert [one["of"] for one in document["results"]] == ["moco · h", "moco · z"]
    assert [one["settings"]["M"] for one in document["results"]] == [6, 6]


def test_k_means_is_on_unit_rows(tmp_path: Path, capsys: Capture) -> None:
    """Three rays are three clusters, however long the rows; raw ones fall into long and short as well (NMI .60)."""
    path = file(tmp_path / "e.npz", projections=True)
    document = answered(capsys, path)
    for one in document["results"]:
        assert values(one, "accuracy", "nmi", "ari") == pytest.approx([1, 1, 1])
        assert one["settings"] | {"N": 60, "M": 3, "starts": 10, "L2": True} == one["settings"]
    raw = KMeans(3, n_init=10, random_state=0).fit_predict(numpy.load(path)["representations"])
    assert normalized_mutual_info_score(numpy.arange(60) % 3, raw) < 0.9


def test_pixels_are_clustered_raw(capsys: Capture) -> None:
    """Measured before on three seeds: NMI .739-.742, ACC .790-.793, ARI .664-.667; here as scikit-learn with this seed."""
    (one,) = answered(capsys, "pixels:digits", "--split", "all")["results"]
    assert one["settings"]["L2"] is False
    assert values(one, "accuracy", "nmi", "ari") == pytest.approx([0.79, 0.741, 0.666], abs=0.015)
    images = data.load("digits", "all")
    seed = int(torch.randint(2**31, (), generator=torch.Generator().manual_seed(0)))
    theirs = KMeans(10, n_init=10, random_state=seed).fit_predict(images.pixels.flatten(1).double() / 255)
    assert values(one, "nmi") == pytest.approx(
        [normalized_mutual_info_score(images.labels, theirs)], abs=1e-6
    )


def test_without_labels_only_sizes(tmp_path: Path, capsys: Capture) -> None:
    path = file(tmp_path / "e.npz", labels=False)
    assert "--clusters M" in refused(capsys, path, code=2)
    (one,) = answered(capsys, path, "--clusters", "3")["results"]
    assert set(one["metrics"]) == {"used", "largest", "entropy", "sizes"}
    assert values(one, "used", "entropy") == [3, pytest.approx(1)]


def test_a_head_needs_no_labels(clustering: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The number of clusters of k-means is then the head's."""
    from dataclasses import replace

    load = data.load
    monkeypatch.setattr("collapse_cli.data.load", lambda *a, **b: replace(load(*a, **b), labels=None))
    found = answered(capsys, str(clustering / "checkpoint.pt"))["results"]
    assert [one["settings"]["M"] for one in found] == [12, 12, 12]
    assert "accuracy" not in found[0]["metrics"]


@pytest.mark.parametrize(
    ("classes", "argv", "said", "code"),
    [
        (1, [], "two classes", 3),
        (1, ["--clusters", "3"], "two classes", 3),
        (3, ["--clusters", "61"], "61 clusters cannot be made of 60 embeddings", 2),
        (3, ["--clusters", "1"], "1 cluster cannot divide the embeddings", 2),
        (3, ["--clusters", "-1"], "--clusters", 2),
    ],
)
def test_what_cannot_be_clustered(
    classes: int, argv: list[str], said: str, code: int, tmp_path: Path, capsys: Capture
) -> None:
    path = file(tmp_path / "e.npz", classes=classes)
    for extra in ([], ["--json"]):
        assert said in refused(capsys, path, *argv, *extra, code=code)


def test_the_confusion_is_drawn(tmp_path: Path, capsys: Capture) -> None:
    path, plot = file(tmp_path / "e.npz"), tmp_path / "a.png"
    assert main(["clusters", path, "--all", "--plot", str(plot)]) == 0
    assert plot.read_bytes()[:4] == b"\x89PNG"
    shown = capsys.readouterr()
    assert "ACC" in shown.out


@pytest.mark.parametrize(("clusters", "drawn"), [(12, False), (13, True)])
def test_a_large_confusion_is_no_table(clusters: int, drawn: bool, tmp_path: Path, capsys: Capture) -> None:
    argv = ["clusters", file(tmp_path / "e.npz"), "--clusters", str(clusters), "--all"]
    assert main(argv) == 0
    shown = capsys.readouterr().out
    assert ("confusion: a matrix, drawn by --plot" in shown) == drawn
    assert ("confusion, cluster × class" in shown) != drawn
