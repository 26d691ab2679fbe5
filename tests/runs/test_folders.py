"""A folder of arrays: shards of one set are joined, all else is measured apart, and what is left out is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy
import pytest
import torch

import collapse_cli as collapse
from collapse_cli.analysis.inputs import load_all
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError

LABELS = numpy.arange(20) % 3


def rows(count: int = 20, width: int = 4, dtype: str = "float32", seed: int = 0) -> numpy.ndarray:
    return numpy.random.default_rng(seed).standard_normal((count, width)).astype(dtype)


def folder(place: Path, files: Mapping[str, numpy.ndarray]) -> Path:
    for name, array in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        numpy.save(place / name, array)
    return place


def loaded(place: Path) -> dict[str, Subject]:
    return {subject.name: subject for subject in load_all([place], Measuring())}


def said(subject: Subject) -> list[str]:
    return [line.strip() for line in subject.story[1:]]


def refused(place: Path) -> CollapseError:
    with pytest.raises(CollapseError) as caught:
        load_all([place], Measuring())
    assert caught.value.hint
    assert caught.value.code == 2
    return caught.value


def test_shards_are_joined_in_the_order_of_their_counter(tmp_path: Path) -> None:
    """Counted to 11: each file holds one row, its number and a half."""
    folder(tmp_path, {f"rows_{n}.npy": numpy.full((1, 3), n + 0.5) for n in range(12)})
    (subject,) = loaded(tmp_path).values()
    assert subject.rows["h"][0:12][:, 0].tolist() == [n + 0.5 for n in range(12)]
    assert (subject.facts["layout"], said(subject)) == ("embeddings in 12 shards", [])


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ([f"shard_{n}.npy" for n in (0, 1, 2, 4, 5, 6, 7)], "7 of 8 shards are present; missing: 3"),
        ([f"part-{n:05d}-of-00004.npy" for n in (0, 1)], "2 of 4 shards are present; missing: 2, 3"),
        (["part-00000-of-00004.npy"], "1 of 4 shards are present; missing: 1, 2, 3"),
        (
            [f"shard_{n}.npy" for n in (0, 20)],
            "2 of 21 shards are present; missing: 1, 2, 3, 4, 5, 6, 7, 8 and 11 more",
        ),
    ],
)
def test_a_missing_shard_is_named(names: list[str], line: str, tmp_path: Path) -> None:
    (subject,) = loaded(folder(tmp_path, {name: rows() for name in names})).values()
    assert subject.count == 20 * len(names)
    assert said(subject) == [line]


@pytest.mark.parametrize("word", ["epoch", "step", "iter", "layer", "block", "seed", "fold"])
@pytest.mark.parametrize("name", ["{word}_{n}.npy", "{word}{n}/emb.npy", "vit-{word}={n}.npy"])
def test_a_series_is_measured_point_by_point_in_its_order(word: str, name: str, tmp_path: Path) -> None:
    files = {name.format(word=word, n=n): rows(seed=n) for n in (0, 10, 2)}
    found = loaded(folder(tmp_path, files))
    assert list(found) == [f"{word} {n}" for n in (0, 2, 10)]
    assert torch.equal(found[f"{word} 10"].clean.representations, torch.from_numpy(rows(seed=10)))


def test_points_of_a_series_in_shards(tmp_path: Path) -> None:
    files = {f"epoch_{e}/rank{r}.npy": rows(seed=10 * e + r) for e in (0, 1) for r in (0, 1)}
    found = loaded(folder(tmp_path, files))
    assert {name: subject.count for name, subject in found.items()} == {"epoch 0": 40, "epoch 1": 40}
    assert found["epoch 1"].rows["h"][20:40].tolist() == rows(seed=11).tolist()


def test_two_of_a_series_that_are_the_same_can_be_told_apart(tmp_path: Path) -> None:
    """Each is known by its name too: a network that has not moved is no input that was given twice."""
    found = loaded(folder(tmp_path, {"epoch_0.npy": rows(), "epoch_1.npy": rows()}))
    assert len({subject.facts["sha256"] for subject in found.values()}) == 2


@pytest.mark.parametrize(
    ("files", "sets"),
    [
        ({"train.npy": rows(), "test.npy": rows(9)}, {"train": 20, "test": 9}),
        ({"resnet18.npy": rows(), "resnet50.npy": rows()}, {"resnet18": 20, "resnet50": 20}),
        ({"0.npy": rows(), "100.npy": rows(), "200.npy": rows()}, {"0": 20, "100": 20, "200": 20}),
        ({"s_1.npy": rows(), "s_01.npy": rows(9)}, {"s_1": 20, "s_01": 9}),
        ({"img/0.npy": rows(), "img/1.npy": rows(), "txt/0.npy": rows(9)}, {"img": 40, "txt": 9}),
        (
            {"img_emb/img_emb_0.npy": rows(), "text_emb/text_emb_0.npy": rows(9)},
            {"img_emb": 20, "text_emb": 9},
        ),
        ({"i_0.npy": rows(), "i_1.npy": rows(), "t_0.npy": rows(9)}, {"i_*": 40, "t_0": 9}),
    ],
)
def test_other_names_are_sets_apart(
    files: Mapping[str, numpy.ndarray], sets: Mapping[str, int], tmp_path: Path
) -> None:
    found = loaded(folder(tmp_path, files))
    assert {name: subject.count for name, subject in found.items()} == sets


@pytest.mark.parametrize(
    ("other", "kind"),
    [(rows(dtype="float16"), "4 float16"), (rows(width=3), "3 float32")],
    ids=["type", "width"],
)
def test_shards_that_do_not_agree_are_measured_apart(other: numpy.ndarray, kind: str, tmp_path: Path) -> None:
    found = loaded(folder(tmp_path, {"s_0.npy": rows(), "s_1.npy": other}))
    assert list(found) == ["s_0", "s_1"]
    line = f"measured separately: s_0.npy has embeddings of 4 float32, s_1.npy has embeddings of {kind}"
    assert (said(found["s_0"]), said(found["s_1"])) == ([line], [])


def test_byte_order_is_no_other_type(tmp_path: Path) -> None:
    found = loaded(folder(tmp_path, {"s_0.npy": rows(dtype="<f4"), "s_1.npy": rows(dtype=">f4")}))
    (subject,) = found.values()
    assert subject.rows["h"][20:40].tolist() == rows().tolist()


def test_as_many_as_fit_side_by_side(tmp_path: Path) -> None:
    """Eight are measured, nine are refused; of a series 32, and 33 are refused."""
    for count, name in ((8, "{0}"), (32, "layer_{1}")):
        place = tmp_path / str(count)
        files = {name.format(chr(97 + n % 26) * (1 + n // 26), n) + ".npy": rows() for n in range(count + 1)}
        said = refused(folder(place, files)).message
        assert f"contains {count + 1} sets of embeddings that are not shards of one set" in said
        assert next(iter(files)) in said
        (place / list(files)[-1]).unlink()
        assert len(loaded(place)) == count


def test_labels_beside_rows(tmp_path: Path) -> None:
    (subject,) = loaded(folder(tmp_path, {"embeddings.npy": rows(), "labels.npy": 10 * LABELS})).values()
    assert subject.clean.labels is not None
    assert (subject.clean.labels.tolist(), subject.clean.classes) == (LABELS.tolist(), ("0", "10", "20"))
    assert said(subject) == ["labels: labels.npy"]


@pytest.mark.parametrize("words", [("train", "{}_labels"), ("X_train", "y_{}"), ("emb_train", "targets-{}")])
def test_labels_go_with_the_set_of_their_name(words: tuple[str, str], tmp_path: Path) -> None:
    files = {
        f"{words[0]}.npy": rows(), f"{words[0].replace('train', 'test')}.npy": rows(),
        f"{words[1].format('train')}.npy": LABELS, f"{words[1].format('test')}.npy": LABELS[::-1],
    }  # fmt: skip
    found = loaded(folder(tmp_path, files))
    assert len(found) == 2
    for name, subject in found.items():
        assert subject.clean.labels is not None
        assert subject.clean.labels.tolist() == (LABELS if "train" in name else LABELS[::-1]).tolist()


def test_labels_in_shards_follow_the_shards_of_their_rows(tmp_path: Path) -> None:
    parts = {f"emb_{n}.npy": rows() for n in range(11)} | {
        f"labels_{n}.npy": numpy.full(20, n) for n in range(11)
    }
    (subject,) = loaded(folder(tmp_path, parts)).values()
    assert subject.clean.labels is not None
    assert subject.clean.labels.tolist() == [n for n in range(11) for _ in range(20)]


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"ids.npy": numpy.arange(20)}, "left out: ids.npy, int64 of shape (20,)"),
        ({"labels.npy": LABELS[:-1]}, "left out: labels.npy, int64 of shape (19,)"),
        ({"tokens.npy": numpy.zeros((20, 2, 4))}, "left out: tokens.npy, float64 of shape (20, 2, 4)"),
        ({"loss.npy": numpy.zeros(7)}, "left out: loss.npy, float64 of shape (7,)"),
    ],
)
def test_what_is_neither_rows_nor_labels_is_named(
    files: Mapping[str, numpy.ndarray], line: str, tmp_path: Path
) -> None:
    (subject,) = loaded(folder(tmp_path, {"emb.npy": rows(), **files})).values()
    assert (subject.count, subject.labelled, said(subject)) == (20, False, [line])


def test_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    folder(tmp_path, {"emb.npy": rows()})
    for name in ("model.pt", "b.csv", "readme.txt"):
        (tmp_path / name).write_text("")
    (subject,) = loaded(tmp_path).values()
    assert said(subject) == ["left out: b.csv, model.pt"]


def test_a_shard_that_is_no_rows_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, {"s_0.npy": rows(), "s_1.npy": rows().reshape(20, 2, 2)})
    assert "s_1.npy is float32 of shape (20, 2, 2), but the other shards" in refused(tmp_path).message


def test_empty_arrays_are_left_out_and_empty_files_refused(tmp_path: Path) -> None:
    folder(tmp_path, {"s_0.npy": numpy.zeros(0), "s_1.npy": rows()})
    (subject,) = loaded(tmp_path).values()
    assert (subject.count, said(subject)) == (20, ["left out: s_0.npy, which is empty"])
    (tmp_path / "s_0.npy").write_bytes(b"")
    assert "s_0.npy cannot be read as numpy embeddings (it is empty)" in refused(tmp_path).message


def test_one_vector_in_each_file(tmp_path: Path) -> None:
    (subject,) = loaded(
        folder(tmp_path, {f"{name}.npy": rows(seed=n)[0] for n, name in enumerate("abc")})
    ).values()
    assert subject.rows["h"][0:3].tolist() == [rows(seed=n)[0].tolist() for n in range(3)]
    assert subject.rows["h"][torch.tensor([2])].tolist() == [rows(seed=2)[0].tolist()]
    assert said(subject) == ["one vector in each file"]


def test_axes_of_one_are_left_out(tmp_path: Path) -> None:
    folder(tmp_path, {f"s_{n}.npy": rows()[:, None, :] for n in range(2)})
    (subject,) = loaded(tmp_path).values()
    assert subject.rows["h"][18:22].tolist() == [*rows()[18:].tolist(), *rows()[:2].tolist()]


def test_a_run_among_the_folders_is_none_of_the_sets(tmp_path: Path) -> None:
    folder(tmp_path, {"a/e.npy": rows(), "run/e.npy": rows()})
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"")
    (subject,) = loaded(tmp_path).values()
    assert subject.count == 20


def test_other_files_of_arrays_are_measured_apart(tmp_path: Path) -> None:
    """Weights among them are none; shards of them are refused with the remedy."""
    torch.save({"fc.weight": torch.zeros(3, 3)}, tmp_path / "model.pt")
    assert "contains no .npy and no .parquet, only model.pt" in refused(tmp_path).message
    for name in ("epoch_10.pt", "epoch_2.pt"):
        torch.save(torch.from_numpy(rows()), tmp_path / name)
    assert list(loaded(tmp_path)) == ["epoch_2.pt", "epoch_10.pt"]
    for number in (0, 1):
        (tmp_path / ("epoch_10.pt" if number else "epoch_2.pt")).rename(tmp_path / f"s_{number}.pt")
    error = refused(tmp_path)
    assert "contains shards in 2 files such as s_0.pt" in error.message
    assert "torch.cat" in error.hint


def test_one_set_is_wanted(tmp_path: Path) -> None:
    folder(tmp_path, {"train.npy": rows(), "test.npy": rows()})
    with pytest.raises(CollapseError, match=r"contains 2 sets of embeddings: test\.npy, train\.npy"):
        collapse.load(tmp_path)
    assert len(collapse.spectrum(tmp_path).entries) == 2


def test_a_folder_of_a_series_is_a_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Side by side in the order of the epochs, each named by its own; the second and third less the first."""
    folder(tmp_path, {f"epoch_{n}.npy": rows(60, seed=n) for n in (0, 10, 2)})
    assert main(["compare", str(tmp_path), "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert [(one["kind"], one["subject"]) for one in results] == [
        ("side_by_side", "epoch 0"), ("side_by_side", "epoch 2"), ("side_by_side", "epoch 10"),
        ("difference", "epoch 2"), ("difference", "epoch 10"),
    ]  # fmt: skip
    assert [entry.subject for entry in collapse.compare(tmp_path)] == [one["subject"] for one in results]
    assert [entry.subject for entry in collapse.diagnose(tmp_path)] == ["epoch 0", "epoch 2", "epoch 10"]
    assert main(["check", str(tmp_path), "-q"]) == 0


def test_two_named_sets_are_a_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As clip-retrieval writes them; a third set is no part of a pair."""
    folder(
        tmp_path, {f"{side}_emb/{side}_emb_{n}.npy": rows(seed=n) for side in ("img", "text") for n in (0, 1)}
    )
    assert main(["alignment", str(tmp_path), "--pair", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["results"]
    assert (entry["of"], entry["metrics"]["modality_gap"]["value"]) == ("img_emb × text_emb · h", 0)
    folder(tmp_path, {"third/a.npy": rows()})
    for argv in (
        ["alignment", str(tmp_path), "--pair"],
        ["coverage", str(tmp_path), str(tmp_path / "third")],
    ):
        assert main(argv) == 2
        assert "given" in capsys.readouterr().err
