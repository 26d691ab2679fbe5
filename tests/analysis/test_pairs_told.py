"""What stands beside what, of planted parts: pairs and keys of a loss, labels that mean the same, answers that still hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch

import collapse_cli as collapse
from collapse_cli.analysis import (
    alignment,
    claims,
    classes,
    clusters,
    covariance,
    demo,
    epoch_checkpoints,
    inspection,
    lidar,
    linear,
    loss_pairs,
    networks,
    oracle,
    portrait,
    texts,
)
from collapse_cli.analysis.inputs import Kind
from collapse_cli.analysis.loss_pairs import keys
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.result import Result
from collapse_cli.answers import Answer, Entry, Verdict, answer
from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.shapes import VIEWS, DataShape, Embeddings, Framing, Images, Pair
from collapse_cli.stage import Stage

ROWS = numpy.random.default_rng(0).standard_normal((20, 4))


def viewed(count: int = 8, labels: bool = True) -> Any:
    """20 embeddings, of which so many have a second view: the first one plus 100, each by its image."""
    whole = collapse.load(ROWS, labels=numpy.arange(20) % 2 if labels else None)
    index = torch.arange(20)[-count:]
    first = replace(
        whole.clean, representations=whole.clean.representations[index], index=index,
        labels=None if whole.clean.labels is None else whole.clean.labels[index],
    )  # fmt: skip
    return replace(whole, stored_views=(first, replace(first, representations=first.representations + 100)))


# --- keys of a loss ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "most", "drawn", "of_views"),
    [
        (0, 100, 8, True),
        (0, 5, 5, True),
        (5, 2, 5, True),
        (8, 2, 8, True),
        (9, 2, 9, False),
        (20, 2, 20, False),
    ],
)
def test_keys_are_second_views_as_long_as_there_are_enough(
    count: int, most: int, drawn: int, of_views: bool
) -> None:
    """Each key is a view of the image that it says it is of, with that image's label; beyond the views they are clean rows."""
    subject = viewed()
    held = keys(subject, count, most)
    assert len(held.rows) == len(set(held.origin.index.tolist())) == drawn
    expected = subject.clean.representations[held.origin.index] + 100 * of_views
    assert torch.equal(held.rows, expected)
    assert held.origin.labels is not None
    assert torch.equal(held.origin.labels, held.origin.index % 2)
    assert held.what.endswith("the embedding of a view" if of_views else loss_pairs.CLEAN)
    assert (held.left_out, held.sides) == (None, VIEWS)


def test_keys_without_views_are_clean_rows() -> None:
    bare = collapse.load(ROWS)
    for count, most, drawn in ((0, 6, 6), (3, 6, 3), (50, 6, 20)):
        held = keys(bare, count, most)
        assert len(held.rows) == drawn
        assert torch.equal(held.rows, bare.clean.representations[held.origin.index])
        assert held.origin.labels is None
    assert loss_pairs.loss_pairs(bare) is None


def test_pairs_of_a_file_are_its_two_views() -> None:
    pairs = loss_pairs.loss_pairs(viewed())
    assert pairs is not None
    assert torch.equal(pairs.positives, pairs.queries + 100)
    assert pairs.sides == VIEWS


@pytest.mark.parametrize(("learned", "labelled"), [(True, True), (True, False), (False, True)])
def test_the_filled_part_of_a_queue(learned: bool, labelled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of five places are filled, the first with image 0. Which images they are of is known of those learned from alone."""
    queue = SimpleNamespace(
        keys=torch.arange(10.0).view(5, 2), labels=torch.tensor([7, 7, 7, -1, 8]), index=torch.tensor([0, 2, 1, -1, -1])
    )  # fmt: skip
    images = SimpleNamespace(labels=torch.tensor([4, 5, 6]) if labelled else None)
    subject: Any = SimpleNamespace(negatives=queue, case=SimpleNamespace(images=images))
    monkeypatch.setattr(loss_pairs, "_learned_from", lambda subject: learned)
    monkeypatch.setattr(loss_pairs, "_left_out", lambda subject, also_own: also_own)
    held = loss_pairs._queue(subject, VIEWS)
    assert held.rows.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert held.origin.labels is not None
    assert held.origin.labels.tolist() == ([4, 6, 5] if learned and labelled else [7, 7, 7])
    assert held.origin.index.tolist() == ([0, 2, 1] if learned else [-1, -1, -1])
    assert (held.what, held.left_out) == (loss_pairs.OWN_QUEUE, False)


def run(**parts: Any) -> Any:
    """A run on digits measured on the images that it learned from; parts: of what is compared, in place of the same."""
    shape = DataShape((1, 8, 8), 1347, 10)
    given = {
        "dataset": "", "split": "train", "image": shape, "labels": torch.tensor([0, 9]), "classes": ("a", "b"),
        "saved_classes": ("a", "b"), "data": shape, "image_column": "", "notes": (), "file": "", "trained": True,
    } | parts  # fmt: skip
    training = SimpleNamespace(
        dataset="digits", split="train", image_column="", labels="", label_column="", skip_broken=False, background="auto"
    )  # fmt: skip
    trained = (
        SimpleNamespace(run=SimpleNamespace(training=training), data=given["data"])
        if given["trained"]
        else None
    )
    images = SimpleNamespace(
        labels=given["labels"], classes=given["classes"], data_shape=given["image"], notes=given["notes"]
    )
    saved = SimpleNamespace(
        run=SimpleNamespace(training=training), classes=given["saved_classes"], data=given["data"]
    )
    settings: Any = {name: given[name] for name in ("dataset", "split", "image_column")}
    return SimpleNamespace(
        checkpoint=saved,
        case=SimpleNamespace(trained=trained, images=images),
        measuring=Measuring(**settings, labels=given["file"]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "learned"),
    [
        ({}, True),
        ({"dataset": "digits"}, True),
        ({"dataset": "mnist"}, False),
        ({"split": "test"}, False),
        ({"image": DataShape((1, 8, 8), 1346, 10)}, False),
        ({"image": DataShape((3, 8, 8), 1347, 10)}, False),
        ({"image": DataShape((1, 8, 8), 1347, 3)}, True),
        ({"image_column": "other"}, False),
        ({"trained": False}, False),
        ({"notes": (SimpleNamespace(kind="left out", unit="images"),)}, True),
        ({"notes": (SimpleNamespace(kind="left out", unit="images"),), "file": "l.csv"}, False),
        ({"notes": (SimpleNamespace(kind="left out", unit="classes"),), "file": "l.csv"}, True),
        ({"notes": (SimpleNamespace(kind="chosen", unit="images"),), "file": "l.csv"}, True),
    ],
)
def test_whether_images_are_those_of_the_training(parts: dict[str, Any], learned: bool) -> None:
    """Whatever their labels: then an index means the same image. Other labels may leave out other images."""
    assert loss_pairs._learned_from(run(**parts)) is learned


@pytest.mark.parametrize(
    ("parts", "same"),
    [
        ({}, True),
        ({"dataset": "mnist"}, True),
        ({"classes": ("a", "c")}, False),
        ({"classes": (), "saved_classes": ()}, True),
        ({"classes": (), "saved_classes": (), "dataset": "mnist"}, False),
        ({"labels": torch.tensor([0, 10])}, False),
        ({"labels": None}, False),
        ({"file": "l.csv"}, False),
    ],
)
def test_whether_a_label_means_the_class_of_the_training(parts: dict[str, Any], same: bool) -> None:
    """Of ten classes 9 is the last number; numbers without names of another data set are other classes."""
    assert loss_pairs.same_classes(run(**parts)) is same


@pytest.mark.parametrize(
    ("positive", "parts", "own"),
    [
        ("key", {"dataset": "mnist"}, True),
        ("slot", {}, True),
        ("slot", {"split": "test"}, False),
        ("class weight", {}, True),
        ("class weight", {"split": "test"}, True),
        ("class weight", {"dataset": "mnist"}, False),
        ("class weight", {"labels": None}, False),
    ],
)
def test_what_a_loss_compares_of_these_images(positive: Any, parts: dict[str, Any], own: bool) -> None:
    """A slot is of an image of the training, a class weight of a class of it; where they are not, two views stand for them."""
    subject, sides = run(**parts), Pair("projection", positive)
    subject.case.method, subject.centre = SimpleNamespace(compares=sides), {}
    assert loss_pairs.compared(subject) == (sides if own else VIEWS)
    subject.centre = {"z": torch.zeros(1)}
    assert loss_pairs.compared(subject) == VIEWS


# --- measurements of embeddings in memory --------------------------------------------------------------------------------------


def test_the_oracle_of_embeddings_in_memory() -> None:
    """All 20 rows are queries, and keys of a file's own temperature, else .2; of a batch nothing can be said."""
    subject = viewed()
    (usual,), (chosen,) = oracle.measure(subject), oracle.measure(replace(subject, temperature=0.5), 5)
    assert (usual.settings["queries"], usual.settings["K"], usual.settings["T"]) == (8, 8, 0.2)
    assert (chosen.settings["K"], chosen.settings["T"]) == (5, 0.5)
    (said,) = oracle.measure(replace(subject, temperature=0.5), 5, 0.1)
    assert said.settings["T"] == 0.1
    with pytest.raises(CollapseError, match="--batch 1 goes with the labels alone"):
        list(oracle.measure(subject, batch=1))
    with pytest.raises(CollapseError, match="has no labels"):
        list(oracle.measure(viewed(labels=False)))


def test_alignment_is_that_of_the_viewed_rows() -> None:
    """Views that are 100 further in every coordinate; N is that of the images that have two views."""
    (entry,) = alignment.measure(viewed())
    assert (entry.settings["N"], entry.settings["d"], entry.settings["alpha"], entry.settings["t"]) == (
        8,
        4,
        2,
        2,
    )
    first, second = (
        torch.nn.functional.normalize(view.spaces["h"].double(), dim=1) for view in viewed().stored_views
    )
    assert float(entry.alignment) == pytest.approx(float((first - second).square().sum(1).mean()), rel=1e-5)
    assert list(alignment.remarks(viewed(), [])) == []
    (told,) = alignment.remarks(collapse.load(ROWS), [])
    assert "which" not in told
    assert told.endswith("--pair takes two files")
    (raw,) = alignment.remarks(replace(collapse.load(ROWS), raw=True), [])
    assert raw.endswith("so alignment is not measured")


def test_two_files_are_pairs_where_both_have_the_same_images() -> None:
    first, second = collapse.load(ROWS), collapse.load(ROWS + 1)
    (entry,) = alignment.pairs(first, second)
    assert (entry.settings["N"], entry.settings["d"], entry.settings["seed"]) == (20, 4, 0)
    for other, message in (
        (collapse.load(ROWS[:-1]), "has 20 embeddings and array has 19"),
        (collapse.load(ROWS[:, :3]), "of h 4 dimensions, array of h 3"),
        (replace(second, clean=replace(second.clean, index=torch.arange(20) + 1)), "different images"),
    ):
        with pytest.raises(CollapseError, match=message):
            alignment.pairs(first, other)


def test_views_of_a_file_and_rows_of_a_class_stand_for_views() -> None:
    """Views of the same image have its number, one set below the other."""
    grouped = lidar._grouped(viewed(), 10, 1000)
    assert grouped.member.tolist() == [*range(8)] * 2
    assert torch.equal(grouped.spaces["h"][8:], grouped.spaces["h"][:8] + 100)
    of_class = lidar._grouped(collapse.load(ROWS, labels=[0, 1] * 10), 10, 1000)
    assert (of_class.member.tolist(), of_class.how) == ([0, 1] * 10, "embeddings of one class")
    (entry,) = lidar.measure(collapse.load(ROWS, labels=[0, 1] * 10))
    assert entry.settings["δ"] == "0.0001 of mean Sw"
    (absolute,) = lidar.measure(collapse.load(ROWS, labels=[0, 1] * 10), delta=0.5, absolute=True)
    assert absolute.settings["δ"] == "0.5"


@pytest.mark.parametrize(
    ("count", "labels", "number"), [(0, True, 2), (3, True, 3), (3, False, 3), (0, False, None)]
)
def test_the_number_of_clusters(count: int, labels: bool, number: int | None) -> None:
    """As asked for, else that of the classes."""
    subject = viewed(labels=labels)
    if number is None:
        with pytest.raises(CollapseError, match="the number of clusters is not known"):
            list(clusters.measure(subject, count))
        return
    (entry,) = clusters.measure(subject, count)
    assert (entry.settings["M"], entry.settings["N"], entry.settings["L2"]) == (number, 20, True)
    (raw,) = clusters.measure(replace(subject, raw=True), count)
    assert raw.settings["L2"] is False


@pytest.mark.parametrize(
    ("available", "labels", "told"),
    [
        (None, [0, 0, 1, 1], ["1 of 3 classes (c) is left out: four has no image of them"]),
        (
            5,
            [0, 0, 1, 1],
            ["1 of 3 classes (c) is left out: the sample has none of them; --samples takes more"],
        ),
        (
            4,
            [0, 0, 1, 2],
            ["2 of 4 embeddings are left out: each is the only one", "give more images of each"],
        ),
        (
            5,
            [0, 0, 1, 2],
            ["2 of 4 embeddings are left out: each is the only one", "--samples takes more of each"],
        ),
    ],
)
def test_classes_that_are_left_out(available: int | None, labels: list[int], told: list[str]) -> None:
    """Of a sample, more samples may bring them; where every row was measured, more images would."""
    numbers = torch.tensor(labels)
    clean = Embeddings(torch.eye(4), None, numbers, torch.arange(4), ("a", "b", "c"), "four")
    subject = replace(collapse.load(ROWS[:4]), clean=clean, available=available)
    (sentence,) = classes.left_out(subject, numbers)
    assert all(part in sentence for part in told)


def test_all_classes_of_one_embedding_are_no_remark() -> None:
    """Then the measurement itself refuses."""
    clean = Embeddings(torch.eye(3), None, torch.arange(3), torch.arange(3), ("a", "b", "c"), "three")
    assert list(classes.left_out(replace(collapse.load(ROWS[:3]), clean=clean), torch.arange(3))) == []


# --- answers that still hold ---------------------------------------------------------------------------------------------------


def saved(command: str, labels: bool) -> Answer:
    return answer(command, [], [{"path": "a", "options": {"labels": labels}}])


def test_a_stored_portrait_is_whole_or_none() -> None:
    """Where there were no labels, what needs them is not missed."""
    unlabelled = [saved(name, False) for name in ("alignment", "spectrum")]
    assert [each.command for each in portrait.complete(unlabelled, ["spectrum", "probe", "alignment"])] == [
        "spectrum",
        "alignment",
    ]
    labelled = [saved(name, True) for name in ("alignment", "spectrum")]
    assert portrait.complete(labelled, ["spectrum", "probe", "alignment"]) == []
    assert portrait.complete(unlabelled, ["spectrum", "isotropy"]) == []
    assert len(portrait.complete([*labelled, saved("probe", True)], ["probe"])) == 1


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        ({}, True),
        ({"sha256": "1"}, False),
        ({"options": {}}, False),
        ({"options": Measuring().decisive | {"labels": True}}, True),
        ({"options": Measuring().decisive | {"seed": 1}}, False),
    ],
)
def test_an_answer_holds_of_the_same_file_measured_alike(facts: dict[str, Any], holds: bool) -> None:
    whole = {"sha256": "0", "options": Measuring().decisive} | facts
    assert portrait._same(whole, "0", Measuring()) is holds


@pytest.mark.parametrize(
    ("facts", "holds"),
    [({}, True), ({"status": "running"}, False), ({"epochs": 41}, False), ({"status": None}, False)],
)
def test_an_answer_holds_as_long_as_the_run_stands_where_it_stood(facts: dict[str, Any], holds: bool) -> None:
    record: Any = SimpleNamespace(stage=lambda epoch, epochs: Stage("done", epoch, 40))
    assert portrait._as_far({"status": "done", "epochs": 40, "epoch": 40} | facts, record) is holds


def test_only_a_run_folder_holds_answers() -> None:
    recognised: Any = SimpleNamespace(kind=Kind.CHECKPOINT)
    assert portrait.stored_answers(recognised, Measuring()) == []


def judged(space: str, status: str, input: int = 0) -> Entry:
    return Entry(f"a{input}", {}, space, input, verdict=Verdict(status, "It is."))


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ([judged("h", "healthy"), judged("z", "dimensional collapse")], "healthy"),
        ([judged("h", "healthy"), judged("z", "complete collapse")], "complete collapse"),
        ([judged("h", "healthy"), judged("h", "healthy", 1)], "healthy"),
        ([judged("h", "healthy"), judged("h", "inconclusive", 1)], None),
        ([Entry("a", {}, "h")], ""),
    ],
)
def test_the_status_of_a_result(entries: list[Entry], status: str | None) -> None:
    """Of several inputs there is one where all are judged alike."""
    result = Result(answer("diagnose", entries))
    if status is None:
        with pytest.raises(CollapseError, match="there are several verdicts"):
            _ = result.status
    else:
        assert result.status == status
    assert Result(answer("check", entries), "failed").status == "failed"


def test_parts_of_a_result_are_chosen_by_space_by_subject_and_by_place() -> None:
    entries = [judged("h", "healthy"), judged("z", "inconclusive"), judged("h", "healthy", 1)]
    result = Result(answer("diagnose", entries))
    assert [len(result[name]) for name in ("h", "z", "a0", "a1", 0, -1)] == [2, 1, 2, 1, 1, 1]
    assert result[-1].entries[0] is entries[2]
    assert result.z.status == "inconclusive"
    assert (result.spaces, result.subjects, len(result.verdicts)) == (("h", "z"), ("a0", "a1"), 3)
    for missing in ("x", ""):
        with pytest.raises(KeyError):
            result[missing]
    with pytest.raises(AttributeError, match="each of the 3 parts"):
        _ = result.rank


# --- files ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0, 0.0], [0.0, 0.0]], None),
        ([[1.0, 0.0], [0.0, -1e-10]], None),
        ([[1.0, 0.0], [0.0, -1e-8]], "is not a covariance matrix"),
        ([[100.0, 0.0], [0.0, -5e-8]], None),
        ([[1.0, 2.0], [2.0, 1.0]], "is not a covariance matrix"),
        ([[1.0, 0.5], [0.4, 1.0]], "is not a covariance matrix"),
        ([[0.0, 0.0], [0.0, 0.0]], "is not a covariance matrix"),
        ([[numpy.inf, 0.0], [0.0, 1.0]], "is not a covariance matrix"),
        ([[1.0]], r"is of shape \(1, 1\)"),
        ([[1.0, 0.0]], r"is of shape \(1, 2\)"),
        ([1.0, 1.0], r"is of shape \(2,\)"),
    ],
)
def test_a_covariance_has_no_negative_eigenvalue_beyond_rounding(
    values: list[Any], message: str | None, tmp_path: Path
) -> None:
    """Rounding is a billionth of the largest entry; singular ones are covariances too."""
    path = tmp_path / "c.npy"
    numpy.save(path, numpy.array(values))
    if message is None:
        assert covariance.covariance("--data-covariance", str(path), 2) is not None
        return
    with pytest.raises(CollapseError, match=message) as caught:
        covariance.covariance("--data-covariance", str(path), 2)
    if "shape" in message:
        assert caught.value.hint == ("--width 1" if values == [[1.0]] else "give a (d, d) array")


def test_no_covariance_is_none_of_its_own() -> None:
    assert covariance.covariance("--data-covariance", "", 2) is None


@pytest.mark.parametrize(
    ("epoch", "numbers"), [(4, [0, 2, 3, 4]), (3, [0, 2, 3]), (2, [0, 2]), (5, [0, 2, 3, 4, 5])]
)
def test_a_course_ends_with_the_network_as_it_is(
    epoch: int, numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints of epochs 2, 3 and 4 were kept; one of the last epoch, or of a later one, is not told twice."""
    record: Any = SimpleNamespace(epochs=lambda: {number: Path(f"{number}.pt") for number in (2, 3, 4)})
    monkeypatch.setattr(epoch_checkpoints.checkpoint, "load", lambda path: SimpleNamespace(method=path.stem))
    course = list(epoch_checkpoints.along(record, "start", "now", epoch, str))
    assert [number for number, _ in course] == numbers
    assert (course[0][1], course[-1][1]) == ("start", "now")
    assert all(part == str(number) for number, part in course[1:-1])


def test_what_is_told_of_unknown_weights() -> None:
    """Four names; only matrices can be measured; running statistics were not learnt."""
    tensors = {
        "a.weight": torch.zeros(2, 3), "a.bias": torch.zeros(2),
        "n.running_mean": torch.zeros(7), "n.running_var": torch.zeros(7),
        "n.num_batches_tracked": torch.tensor(1),
    }  # fmt: skip
    held = FileTensors(Path("w.pt"), tensors, {name: name for name in tensors}, "", {})
    told = inspection._of_weights(held, CollapseError("w.pt: who knows", "say it"))
    assert (told["parameters"], told["tensors"], told["dtype"]) == (8, 5, "float32")
    assert told["names"] == list(tensors)[:4]
    assert (told["why"], told["remedy"], told["measure_with"]) == ("who knows", "say it", ["weights"])
    flat = replace(held, tensors={"a.bias": torch.zeros(2), "count": torch.zeros(2, 2, dtype=torch.long)})
    assert inspection._of_weights(flat, CollapseError("w.pt", ""))["measure_with"] == []


@pytest.mark.parametrize(
    ("length", "prompt", "last", "told"),
    [(0, "", "Pooling", 1), (128, "", "Pooling", 2), (0, "query: ", "Pooling", 2),
     (0, "", "Normalize", 2), (1, "q", "Normalize", 4)],
)  # fmt: skip
def test_what_is_assumed_of_a_text_encoder(length: int, prompt: str, last: str, told: int) -> None:
    encoder: Any = SimpleNamespace(
        in_words=last, length=length, prompt=prompt, unit_length=last == "Normalize"
    )
    sentences = list(texts.assumed(encoder))
    assert len(sentences) == told
    assert any(f"after {length:,} tokens" in each for each in sentences) is bool(length)
    assert any("has length 1" in each for each in sentences) is (last == "Normalize")


@pytest.mark.parametrize(
    ("height", "width", "noted"), [(8, 8, False), (8, 9, True), (9, 8, True), (16, 16, True)]
)
def test_images_at_another_size_than_the_network_is_for_are_noted(
    height: int, width: int, noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = Images(torch.zeros(3, 1, height, width, dtype=torch.uint8), None, (), "zeros")
    monkeypatch.setattr(networks.image_sets, "load", lambda *options: images)
    network: Any = SimpleNamespace(framing=Framing(), channels=1, size=8)
    used = networks._images_for(network, Path("a.pt"), Measuring(dataset="zeros"), "train")
    assert bool(used.notes) is noted
    with pytest.raises(CollapseError, match=r"has images of 1 channels, but a\.pt takes 2"):
        networks._images_for(
            SimpleNamespace(framing=Framing(), channels=2, size=8), Path("a.pt"), Measuring(), "train"
        )  # type: ignore[arg-type]


# --- labs ----------------------------------------------------------------------------------------------------------------------


def test_a_phase_diagram_has_a_row_for_each_noise_and_a_gap_where_a_network_diverged() -> None:
    from collapse_cli.labs.linear_networks import Sweep

    sweep = Sweep((0.5, 1.0), (1, 2), (0,))
    dynamics = {(0.5, 1): 2.0, (0.5, 2): 1.0, (1.0, 2): 0.0}
    trained: Any = SimpleNamespace(
        lab=SimpleNamespace(sweep=sweep, settings=SimpleNamespace(width=2)), phased=True, settings={},
        dynamics={at: SimpleNamespace(alive=alive) for at, alive in dynamics.items()},
        name=lambda noise, layers: f"{noise} {layers}",
    )  # fmt: skip
    (entry,) = linear._phases(trained)
    (matrix,) = [metric for metric in entry.metrics.values() if metric["kind"] == "matrix"]
    rows = [[float("nan") if value is None else value for value in row] for row in matrix["values"]]
    assert numpy.array_equal(rows, [[2.0, 1.0], [float("nan"), 0.0]], equal_nan=True)
    trained.phased = False
    assert list(linear._phases(trained)) == []
    assert list(linear._layers(trained, 0.5, 1)) == []


def test_the_numbers_of_a_demo_are_plain_and_one_curve_is_drawn() -> None:
    curve: Any = {"kind": "curve", "sketch": True, "values": [1.0]}
    assert demo._plainer("eigenvalues.z", curve) == curve
    assert "sketch" not in demo._plainer("eigenvalues.h", curve)
    number: Any = {"kind": "number", "value": 1.0, "interval": [0.0, 2.0]}
    assert demo._plainer("rank_1.z", number)["interval"] is None
    assert "interval" not in demo._plainer("eigenvalues.z", curve)


@pytest.mark.parametrize(("jobs", "pools"), [(1, []), (2, [2])])
def test_a_single_job_is_done_here(jobs: int, pools: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are done in as many processes."""
    made: list[int] = []

    class Pool:
        def __init__(self, count: int, initializer: Any) -> None:
            made.append(count)

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *error: object) -> None: ...

        def imap_unordered(self, function: Any, tasks: Any) -> Any:
            return map(function, tasks)

    monkeypatch.setattr(claims, "get_context", lambda kind: SimpleNamespace(Pool=Pool))
    monkeypatch.setattr(claims, "_outcome", lambda task: task)
    assert list(claims._performed([("a", set()), ("b", set())], jobs)) == [("a", set()), ("b", set())]
    assert made == pools


@pytest.mark.parametrize(
    "numbers", [numpy.arange(20) + 1000, numpy.arange(20)[::-1]], ids=["others", "turned"]
)
@pytest.mark.parametrize("samples", [20, 7])
def test_a_second_file_is_paired_by_the_place_of_its_rows(
    numbers: numpy.ndarray, samples: int, tmp_path: Path
) -> None:
    """Row i with row i, whatever images the first file says that its rows are of, also where a sample is in memory."""
    numpy.savez(tmp_path / "a.npz", representations=ROWS, index=numbers)
    numpy.save(tmp_path / "b.npy", 2 * ROWS)
    whole = collapse.load(tmp_path / "a.npz", second=str(tmp_path / "b.npy"), samples=samples)
    assert whole.stored_views is not None
    first, second = (view.representations for view in whole.stored_views)
    assert len(first) == samples
    assert torch.equal(second, 2 * first)


def test_a_file_may_number_its_images_in_any_order(tmp_path: Path) -> None:
    """The rows whose uniformity is told are those of the viewed images: the two with views here, (1, 0) and (-1, 0), 4 apart."""
    rows = numpy.array([[0, 1], [1, 0], [0, -1], [-1, 0.0]])
    views = {f"{part}_representations": rows[[1, 3]] for part in ("first", "second")}
    views |= {f"{part}_index": numpy.array([9, 2]) for part in ("first", "second")}
    numpy.savez(tmp_path / "a.npz", representations=rows, index=numpy.array([5, 9, 7, 2]), **views)
    (entry,) = alignment.measure(collapse.load(tmp_path / "a.npz"))
    assert float(entry.uniformity) == pytest.approx(-8)  # log exp(-2 * 4), t = 2


def test_each_network_is_told_before_its_weights() -> None:
    told: list[str] = []
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    collapse.weights(module, torch.nn.Linear(2, 2), progress=lambda text, done=0, total=0: told.append(text))
    assert [text for text in told if "module in memory" in text] == [
        "Sequential: module in memory; 2 layers", "Linear: module in memory; 1 layers",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "told"), [(torch.nn.Linear(2, 2), "Linear"), (collapse.load(ROWS), None), (3, None)]
)
def test_what_has_layers(source: Any, told: str | None) -> None:
    if told:
        assert collapse.weights(source).entries[0].subject == told
        return
    with pytest.raises(CollapseError):
        collapse.weights(source)
