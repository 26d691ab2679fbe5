"""Files of embeddings as INPUT of the commands: every kind alike, samples said, labels beside, and two files in pairs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from collapse_cli.analysis.judgement import context
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.cli import main
from collapse_cli.shapes import Embeddings

Capture = pytest.CaptureFixture[str]
CLASSES = ("cat", "dog", "eel")


@pytest.fixture
def rows() -> numpy.ndarray:
    """60 rows of 3 classes that lie apart, (60,5) float16."""
    draw = numpy.random.default_rng(0)
    return (draw.standard_normal((60, 5)) + 4 * numpy.eye(5)[numpy.arange(60) % 3]).astype("float16")


@pytest.fixture
def place(rows: numpy.ndarray, tmp_path: Path) -> Path:
    """The rows as e.npy, e.pt, e.csv with labels, a folder of shards (10 of them counted by 7s), and labels by name."""
    numpy.save(tmp_path / "e.npy", rows)
    torch.save(torch.from_numpy(rows), tmp_path / "e.pt")
    names = [CLASSES[i % 3] for i in range(60)]
    lines = [",".join([*map(str, row), name]) for row, name in zip(rows.tolist(), names, strict=True)]
    (tmp_path / "e.csv").write_text("\n".join(["e0,e1,e2,e3,e4,label", *lines]))
    (tmp_path / "shards").mkdir()
    for number, start in enumerate(range(0, 60, 6)):
        numpy.save(tmp_path / "shards" / f"s_{number + 2}.npy", rows[start : start + 6])
    (tmp_path / "names.txt").write_text("\n".join(names))
    return tmp_path


def answered(capsys: Capture, *argv: str | Path) -> dict[str, Any]:
    assert main([*map(str, argv), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: Capture, *argv: str | Path) -> str:
    """A sentence and a remedy, whether JSON was asked for or not."""
    for extra in ([], ["--json"]):
        assert main([*map(str, argv), *extra, "-q"]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert len(shown.err.strip().splitlines()) == 2
    return shown.err


def test_every_kind_has_the_same_spectrum(place: Path, capsys: Capture) -> None:
    found = [
        answered(capsys, "spectrum", place / name)["results"][0]["metrics"]
        for name in ("e.npy", "e.pt", "e.csv", "shards")
    ]
    assert found[0]["samples"]["value"] == 60
    assert found[1:] == found[:1] * 3


def test_halves_have_the_spectrum_of_doubles(tmp_path: Path, capsys: Capture) -> None:
    """float16 rounds each number by 2^-11 of itself: noise of 2^-22 / 3 of its variance, some 1e-7 for each direction."""
    wide = numpy.random.default_rng(0).standard_normal((400, 8)) * numpy.arange(1, 9) ** -0.5
    ranks = []
    for dtype in ("float16", "float64"):
        numpy.save(tmp_path / "e.npy", wide.astype(dtype))
        ranks.append(answered(capsys, "spectrum", tmp_path / "e.npy")["results"][0]["metrics"])
    for name in ("effective_rank", "effective_rank_raw", "rankme", "std_sqrt_d"):
        assert ranks[0][name]["value"] == pytest.approx(ranks[1][name]["value"], rel=1e-4), name


def test_spectrum_reads_all_and_the_others_say_what_they_sample(place: Path, capsys: Capture) -> None:
    document = answered(capsys, "spectrum", place / "shards", "--samples", "20")
    assert (document["results"][0]["metrics"]["samples"]["value"], document["warnings"]) == (60, [])
    beside = ("--labels", place / "names.txt")
    said = "shards: 20 of 60 embeddings, sampled without replacement; --samples takes more"
    for command in ("alignment", "oracle", "probe", "clusters"):
        document = answered(capsys, command, place / "shards", *beside, "--samples", "20")
        assert said in document["warnings"], command
        assert said not in answered(capsys, command, place / "shards", *beside, "--samples", "60")["warnings"]


def test_the_folder_one_stands_in(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(place / "shards")
    (entry,) = answered(capsys, "spectrum", ".")["results"]
    assert (entry["of"], entry["settings"]["split"]) == ("shards · h", "shards")


def test_a_folder_is_known_by_names_and_contents(place: Path, capsys: Capture) -> None:
    """Another order of the same rows is another set."""
    (given,) = answered(capsys, "spectrum", place / "shards")["inputs"]
    together = hashlib.sha256()
    for number in range(2, 12):
        content = (place / "shards" / f"s_{number}.npy").read_bytes()
        together.update(f"s_{number}.npy".encode() + b"\0" + hashlib.sha256(content).digest())
    assert (given["sha256"], given["layout"]) == (together.hexdigest(), "embeddings in 10 shards")
    (place / "shards" / "s_2.npy").rename(place / "shards" / "s_12.npy")
    assert answered(capsys, "spectrum", place / "shards")["inputs"][0]["sha256"] != given["sha256"]


def test_labels_beside_and_within_say_the_same(place: Path, capsys: Capture) -> None:
    """k-means finds three classes that lie 4 √2 apart; the JSON says where the labels came from."""
    beside = answered(capsys, "clusters", place / "e.npy", "--labels", place / "names.txt")
    within = answered(capsys, "clusters", place / "e.csv")
    assert beside["results"][0]["metrics"] == within["results"][0]["metrics"]
    assert list(beside["results"][0]["metrics"]["recall"]["values"]) == list(CLASSES)
    assert beside["results"][0]["metrics"]["accuracy"]["value"] > 0.9
    assert beside["inputs"][0]["labels"] == str(place / "names.txt")


def test_labels_that_go_with_nothing(place: Path, run: Path, capsys: Capture) -> None:
    labels = ("--labels", place / "names.txt")
    assert "a single INPUT" in refused(capsys, "clusters", place / "e.npy", place / "e.pt", *labels)
    assert "digits has labels of its own" in refused(capsys, "clusters", run, *labels)
    assert "digits has labels of its own" in refused(capsys, "clusters", "pixels:digits", *labels)
    assert "cifar10 has labels of its own" in refused(capsys, "oracle", "--dataset", "cifar10", *labels)
    (place / "names.txt").write_text("cat\n" * 59)
    assert "contains 59 labels, but there are 60 embeddings" in refused(
        capsys, "clusters", place / "e.npy", *labels
    )
    assert "no file" in refused(capsys, "clusters", place / "e.npy", "--labels", place / "none.txt")


@pytest.mark.parametrize("name", ["e.npy", "e.pt", "e.csv", "shards"])
def test_inspect_says_what_it_is(name: str, place: Path, capsys: Capture) -> None:
    found = answered(capsys, "inspect", place / name)
    assert found["layout"] == ("embeddings in 10 shards" if name == "shards" else "embeddings")
    assert (found["h"], found["dtype"]) == ([60, 5], "float64" if name == "e.csv" else "float16")
    labels = name == "e.csv"
    assert (found["labels"], found["classes"]) == (("yes", 3) if labels else ("no", None))
    own = ["oracle", "probe", "clusters", "classes", "lidar"] if labels else []
    assert found["measure_with"] == ["diagnose", "check", "spectrum", "alignment", *own, "coverage"]


def test_what_was_made_of_a_file_is_said(place: Path, rows: numpy.ndarray, capsys: Capture) -> None:
    numpy.savez(place / "e.npz", image_features=rows)
    assert answered(capsys, "inspect", place / "e.npz")["assumed"] == ["embeddings: the array image_features"]
    assert main(["spectrum", str(place / "e.npz")]) == 0
    assert capsys.readouterr().err.splitlines()[1] == "  embeddings: the array image_features"


def test_embed_keeps_a_sample_of_a_folder(place: Path, rows: numpy.ndarray, capsys: Capture) -> None:
    out = place / "kept.npz"
    assert main(["embed", str(place / "shards"), "--samples", "20", "--out", str(out)]) == 0
    assert "20 of 60 embeddings" in capsys.readouterr().err
    with numpy.load(out) as kept:
        assert numpy.array_equal(kept["representations"], rows[kept["index"]])
        assert len(set(kept["index"].tolist())) == 20


def test_pairs(place: Path, rows: numpy.ndarray, capsys: Capture) -> None:
    """The other side is a quarter turn in the plane of the first two axes: of known cosines, whatever was sampled."""
    other = rows.astype("float64") @ numpy.block(
        [[numpy.array([[0, 1], [-1, 0]]), numpy.zeros((2, 3))], [numpy.zeros((3, 2)), numpy.eye(3)]]
    )
    numpy.save(place / "other.npy", other)
    u, v = (x / numpy.linalg.norm(x, axis=1, keepdims=True) for x in (rows.astype("float64"), other))
    document = answered(capsys, "alignment", place / "shards", place / "other.npy", "--pair")
    (entry,) = document["results"]
    assert (entry["of"], entry["title"]) == ("shards × other.npy · h", "Two sets in pairs")
    assert entry["settings"] == {"first": "shards", "second": "other.npy", "N": 60, "d": 5, "seed": 0} | {
        "intervals": "95 %, embeddings taken as independent"
    }
    assert entry["metrics"]["modality_gap"]["value"] == pytest.approx(
        numpy.linalg.norm((u - v).mean(0)), rel=1e-5
    )
    assert entry["metrics"]["pair_cosine"]["value"] == pytest.approx((u * v).sum(1).mean(), rel=1e-5)
    sampled = answered(
        capsys, "alignment", place / "shards", place / "other.npy", "--pair", "--samples", "20"
    )
    assert [line.split(",")[0] for line in sampled["warnings"]] == [
        "shards: 20 of 60 embeddings",
        "other.npy: 20 of 60 embeddings",
    ]
    some = torch.randperm(60, generator=torch.Generator().manual_seed(0))[:20].numpy()
    expected = (u * v).sum(1)[some].mean()
    assert sampled["results"][0]["metrics"]["pair_cosine"]["value"] == pytest.approx(expected, rel=1e-5)


def test_what_is_no_pair(place: Path, rows: numpy.ndarray, capsys: Capture) -> None:
    assert "takes two inputs, 1 given" in refused(capsys, "alignment", place / "e.npy", "--pair")
    assert "takes two inputs, 3 given" in refused(capsys, "alignment", *[place / "e.npy"] * 3, "--pair")
    numpy.save(place / "short.npy", rows[:59])
    assert "60 embeddings and short.npy has 59, so they are no pairs" in refused(
        capsys, "alignment", place / "e.npy", place / "short.npy", "--pair"
    )
    numpy.save(place / "thin.npy", rows[:, :4])
    assert "h 5 dimensions, thin.npy of h 4" in refused(
        capsys, "alignment", place / "e.npy", place / "thin.npy", "--pair"
    )
    numpy.savez(place / "e.npz", representations=rows, index=numpy.arange(60) + 1)
    assert "of different images" in refused(capsys, "alignment", place / "e.npy", place / "e.npz", "--pair")


def test_pairs_of_two_runs(run: Path, capsys: Capture) -> None:
    """A run with itself: no gap, in both spaces, and each image finds itself."""
    document = answered(capsys, "alignment", run, run / "checkpoint.pt", "--pair", "--samples", "50")
    assert [one["of"].split(" · ")[1] for one in document["results"]] == ["h", "z"]
    for one in document["results"]:
        values = [
            one["metrics"][name]["value"]
            for name in ("alignment", "modality_gap", "recall_first", "recall_second")
        ]
        assert values == [0, 0, 1, 1]


@pytest.mark.parametrize("command", ["spectrum", "alignment"])
def test_broken_rows_in_a_folder(command: str, place: Path, rows: numpy.ndarray, capsys: Capture) -> None:
    rows[7, 2] = numpy.nan
    numpy.save(place / "shards" / "s_3.npy", rows[6:12])
    assert "1 of 60 embeddings contain nan or infinity" in refused(capsys, command, place / "shards")


def test_a_folder_of_something_else(place: Path, capsys: Capture) -> None:
    (place / "empty").mkdir()
    assert "contains no .npy" in refused(capsys, "spectrum", place / "empty")


def test_groups_and_sets_of_a_sample_are_said_to_be_of_one(place: Path, capsys: Capture) -> None:
    """Each of the commands that hold all rows."""
    labels = ("--labels", place / "names.txt", "--samples", 20)
    for command in ("classes", "lidar"):
        found = answered(capsys, command, place / "e.npy", *labels)
        assert found["warnings"][0].startswith("e.npy: 20 of 60 embeddings, sampled")
    found = answered(capsys, "coverage", place / "e.npy", place / "e.pt", "--samples", 20)
    assert [said.partition(",")[0] for said in found["warnings"][1:]] == [
        "e.npy: 20 of 60 embeddings",
        "e.pt: 20 of 60 embeddings",
        "the sets share 20 embeddings: that many of the 20 generated embeddings are copies of real ones",
    ]


def test_classes_without_names_are_measured_as_those_with_names(
    tmp_path: Path, rows: numpy.ndarray, capsys: Capture
) -> None:
    """Labels 10, 20, 30 of the 60 rows, against the same labels 0, 1, 2 with names; views of the first 40 rows."""
    labels = numpy.arange(60) % 3
    views = {f"{view}_{name}": values[:40] for view in ("first", "second")
             for name, values in (("representations", rows + (view == "second") * numpy.eye(5)[labels] / 9),
                                  ("index", numpy.arange(60)), ("labels", labels))}  # fmt: skip
    numpy.savez(
        tmp_path / "named.npz", representations=rows, labels=labels, classes=["10", "20", "30"], **views
    )
    numpy.savez(tmp_path / "bare.npz", representations=rows, labels=10 * labels + 10,
                **views | {f"{view}_labels": 10 * labels[:40] + 10 for view in ("first", "second")})  # fmt: skip
    for command in ("alignment", "clusters", "oracle", "classes", "probe", "spectrum"):
        named, bare = (
            answered(capsys, command, tmp_path / f"{name}.npz")["results"][0] for name in ("named", "bare")
        )
        assert bare["metrics"] == named["metrics"]
        assert bare["verdict"] == named["verdict"]
        if command == "alignment":
            assert list(bare["metrics"]["alignment_of_class"]["values"]) == ["10", "20", "30"]
            unit = torch.nn.functional.normalize(torch.from_numpy(rows[:40]).double(), dim=1)
            distances = torch.cat([torch.pdist(unit[label::3]).square() for label in range(3)])
            value = bare["metrics"]["class_alignment"]["value"]
            assert value == pytest.approx(float(distances.mean()), rel=1e-3)
    assert answered(capsys, "inspect", tmp_path / "bare.npz")["classes"] == 3
    numpy.savez(tmp_path / "names.npz", representations=rows, classes=["a", "b"])
    assert answered(capsys, "inspect", tmp_path / "names.npz")["classes"] is None


@pytest.mark.parametrize(
    ("labelled", "names", "count"), [(True, (), 3), (True, ("a", "b", "c"), 3), (False, ("a",), 0)]
)
def test_what_is_known_of_a_space_counts_labels_and_not_names(
    labelled: bool, names: tuple[str, ...], count: int
) -> None:
    labels = torch.arange(6) % 3 if labelled else None
    clean = Embeddings(torch.ones(6, 2), None, labels, torch.arange(6), names, "")
    assert context(Subject("x", {}, clean, Measuring()), "h").classes == count
