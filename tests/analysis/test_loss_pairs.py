"""What is measured of a run is what its loss compares: queries, positives and keys of runs on digits, made by hand beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from collapse_cli import embedding
from collapse_cli.analysis import alignment, classes, oracle
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.loss_pairs import compared, keys, loss_pairs
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.oracle_expected import stale_key
from collapse_cli.shapes import VIEWS, Pair

RUNS = {
    "moco": ["--epochs", "5", "--queue", "256"],
    "memory-bank": ["--epochs", "2", "--negatives", "256"],
    "supervised": ["--epochs", "1"],
    "end-to-end": ["--epochs", "1"],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a short run of an MLP on digits, by its method; each is trained once."""
    root = tmp_path_factory.mktemp("runs")

    def run(method: str) -> Path:
        if not (root / method).exists():
            argv = ["train", method, "--encoder", "mlp", *RUNS[method], "--out", str(root / method), "-q"]
            assert main(argv) == 0
        return root / method

    return run


def measured(subject: Subject, **options: Any) -> Any:
    (entry,) = oracle.measure(subject, **options)
    return entry


def logged(run: Path) -> list[float]:
    lines = (run / "history.jsonl").read_text().splitlines()
    return [json.loads(line)["extra"]["proxy accuracy"] for line in lines]


def test_a_runs_proxy_accuracy_is_near_the_one_that_it_logged(trained: Any) -> None:
    """The log has one batch of 64 an epoch: a mean of three has a standard error of about .03. Two views through the query's
    network, which the loss does not compare, would win several times as often against the key encoder's keys.
    """
    subject = load(trained("moco"), Measuring())
    entry, last = measured(subject), logged(trained("moco"))[-3:]
    assert float(entry.result.proxy_accuracy) == pytest.approx(sum(last) / 3, abs=0.08)
    assert subject.views is not None
    first, second = (normalize(view.spaces["z"], dim=1) for view in subject.views)
    queue = subject.negatives.keys if subject.negatives else torch.empty(0)
    wrong = ((first * second).sum(dim=1) > (first @ queue.T).amax(dim=1)).float().mean()
    assert float(wrong) > 3 * float(entry.result.proxy_accuracy)
    assert entry.settings["positive"] == "the key encoder's embedding of a view"
    assert entry.settings["keys"] == "the run's own queue"


def test_matching_probabilities_are_those_of_the_queue_as_the_loss_takes_it(trained: Any) -> None:
    """Stale keys of the query's own image are among the loss's negatives (no --mask-own): they count, by hand."""
    subject = load(trained("moco"), Measuring())
    pairs = loss_pairs(subject)
    assert pairs is not None
    queries, positives = normalize(pairs.queries, dim=1), normalize(pairs.positives, dim=1)
    method: Any = subject.case.method if subject.case else None
    logits = torch.cat([(queries * positives).sum(dim=1, keepdim=True), queries @ method.queue.keys.T], dim=1)
    p = (logits.double() / method.temperature).softmax(dim=1)
    (ranked, _) = p[:, 1:].sort(dim=1, descending=True)
    result = measured(subject).result
    assert result.matching_by_rank[0] == pytest.approx(float(ranked[:, 0].mean()), rel=1e-4)
    won = (logits[:, 0] > logits[:, 1:].amax(dim=1) + 1e-6).double().mean()
    assert float(result.proxy_accuracy) == pytest.approx(float(won), abs=1e-3)


def test_a_stale_key_is_expected_as_in_training(trained: Any) -> None:
    """N = 1,347 in batches of 64: one function for the run's own number and for training's warning."""
    result = measured(load(trained("moco"), Measuring())).result
    assert result.stale_key == pytest.approx(stale_key(1347, 64, 256))
    assert result.same_image == pytest.approx(256 / 1347), "every key is one image's, right after an epoch"


def test_images_of_another_split_are_not_taken_for_those_of_the_training(trained: Any) -> None:
    """Image 5 of the test split is not image 5 of the queue: no key is of a query's own image."""
    entry = measured(load(trained("moco"), Measuring(split="test")))
    assert (entry.settings["keys"], entry.result.same_image) == ("the run's own queue", 0)
    bank = load(trained("memory-bank"), Measuring(split="test"))
    assert compared(bank) == VIEWS, "the bank has no slots for them"
    assert compared(load(trained("memory-bank"), Measuring())) == Pair("projection", "slot")


def test_keys_drawn_from_the_data_are_the_losses(trained: Any) -> None:
    """--queue N: positives of other images, which are those of the key encoder for MoCo."""
    subject = load(trained("moco"), Measuring())
    drawn, pairs, case = keys(subject, 300, 4096), loss_pairs(subject), subject.case
    assert pairs is not None
    assert case is not None
    assert subject.views is not None
    for row, image in zip(drawn.rows[:20], drawn.origin.index[:20], strict=True):
        at = int((subject.views[0].index == image).nonzero())
        assert torch.equal(row, pairs.positives[at])
    assert drawn.what == "drawn from the data: the key encoder's embedding of a view"
    _, by_hand = embedding.pairs(
        case.method, case.images, case.normalisation, subject.views[0].index, case.recipe, 1.0, case.seed
    )
    assert by_hand.projections is not None
    assert not torch.allclose(normalize(by_hand.projections, dim=1), pairs.positives, atol=0.1)


def test_more_keys_than_views(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made of views of their own, by the network that makes the others."""
    monkeypatch.setattr("collapse_cli.analysis.subject.VIEWED", 200)
    for method in ("moco", "end-to-end"):
        subject = load(trained(method), Measuring())
        case: Any = subject.case
        few, many = keys(subject, 0, 4096), keys(subject, 500, 4096)
        assert (len(few.rows), len(many.rows)) == (256 if method == "moco" else 200, 500)
        if method == "moco":
            pixels = embedding.take(case.images, many.origin.index, torch.device("cpu")).float() / 255
            clean = case.method.key_network.eval()(case.normalisation(pixels)).detach()
            others = case.method.query_network.eval()(case.normalisation(pixels)).detach()
            near, far = (
                float((normalize(many.rows, dim=1) * normalize(rows, dim=1)).sum(dim=1).mean())
                for rows in (clean, others)
            )
            assert near > far, "views of these images, by the key encoder"


def test_a_file_of_a_run_that_compares_views_answers_as_the_run(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """End to end, the pairs are two views through one network, which `collapse embed` keeps. A file of MoCo has no keys."""
    monkeypatch.setattr("collapse_cli.analysis.subject.VIEWED", 200)
    for method, alike in (("end-to-end", True), ("moco", False)):
        run, file = trained(method), tmp_path / f"{method}.npz"
        assert main(["embed", str(run), "--out", str(file)]) == 0
        ours, theirs = (measured(load(path, Measuring()), queue=150) for path in (run, file))
        assert theirs.settings["positive"] == "the embedding of a view"
        assert (ours.settings["positive"] == theirs.settings["positive"]) is alike
        for name in ("proxy_accuracy", "rank_1", "mass", "same_image"):
            numbers = float(getattr(ours.result, name)), float(getattr(theirs.result, name))
            assert not alike or numbers[0] == pytest.approx(numbers[1], rel=1e-5), name


def test_no_loss_compares_centred_embeddings(trained: Any) -> None:
    """No loss subtracts a mean, so two views of the network itself are taken, and clean keys beside centred ones are not."""
    subject = load(trained("moco"), Measuring(centre=True))
    assert compared(subject) == VIEWS
    entry = measured(subject)
    assert entry.settings["positive"] == "the embedding of a view"


def test_class_weights_are_the_keys_of_supervised(trained: Any) -> None:
    """Ten keys, of which the own class's is the positive and no negative: the proxy accuracy is the accuracy, by hand."""
    subject = load(trained("supervised"), Measuring())
    entry, case = measured(subject), subject.case
    assert case is not None
    assert subject.views is not None
    assert (entry.settings["keys"], entry.settings["K"]) == ("the weights of all classes", 10)
    weights = case.method.classifier
    assert weights is not None
    logits = normalize(subject.views[0].spaces["z"], dim=1) @ normalize(weights.detach(), dim=1).T
    labels = subject.views[0].labels
    assert isinstance(labels, Tensor)
    assert float(entry.result.proxy_accuracy) == pytest.approx(
        float((logits.argmax(1) == labels).double().mean())
    )
    assert (entry.result.rank_1 > 0, float(entry.result.same_image)) == (True, 0)
    drawn = measured(subject, queue=100)
    assert (drawn.settings["positive"], drawn.settings["K"]) == ("the embedding of a view", 100)


def test_alignment_of_the_losses_pairs_is_a_number_of_its_own(trained: Any) -> None:
    """Of z alone, where the loss compares something else than two views through one network. Alignment stays what it is."""
    entries = {entry.space: entry for entry in alignment.measure(load(trained("moco"), Measuring()))}
    assert entries["h"].result.loss_alignment is None
    pairs = loss_pairs(load(trained("moco"), Measuring()))
    assert pairs is not None
    apart = (normalize(pairs.queries, dim=1) - normalize(pairs.positives, dim=1)).square().sum(dim=1)
    z = entries["z"]
    assert float(z.result.loss_alignment) == pytest.approx(float(apart.mean()), rel=1e-4)
    assert float(z.result.alignment) != pytest.approx(float(apart.mean()), rel=0.01)
    assert z.settings["positive"] == "the key encoder's embedding of a view"
    for entry in alignment.measure(load(trained("end-to-end"), Measuring())):
        assert entry.result.loss_alignment is None
        assert "positive" not in entry.settings


def test_a_batch_goes_with_the_labels_alone(trained: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """56 images in batches of 32 leave 24 out: a queue of 24 keys holds a stale one in 43 % of the cases, not 9 %."""
    with pytest.raises(CollapseError, match="--batch 8 goes with the labels alone"):
        measured(load(trained("end-to-end"), Measuring()), batch=8)
    capsys.readouterr()
    for given, batch in (([], 64), (["--batch", "256"], 256), (["--batch", "99999"], 1347)):
        assert main(["oracle", "--dataset", "digits", "--queue", "512", "--json", *given]) == 0
        (result,) = json.loads(capsys.readouterr().out)["results"]
        assert result["settings"]["B"] == batch
        assert result["metrics"]["stale_key"]["value"] == pytest.approx(stale_key(1347, batch, 512))
    assert stale_key(56, 32, 24) == pytest.approx(24 / 56)


@pytest.fixture(scope="module")
def tabled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a run of 40 images whose labels are the column `label` (4 classes) of a table.

    Its other columns: `coarse` (2 classes), `many` (10), `other` (the same names in another order).
    """
    root = tmp_path_factory.mktemp("tabled")
    draw = numpy.random.default_rng(0)
    (root / "set").mkdir()
    rows = ["file,label,coarse,many,other"]
    for i in range(40):
        Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=numpy.uint8)).save(root / f"set/{i:02}.png")
        rows.append(f"{i:02}.png,{'abcd'[i % 4]},{'xy'[i % 4 // 2]},m{i % 10},{'badc'[i % 4]}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")

    def run(method: str) -> Path:
        if not (root / method).exists():
            labels = ["--labels", str(root / "labels.csv"), "--label-column", "label", "--split", "all"]
            sizes = ["--epochs", "2", "--batch", "8", "--encoder", "mlp", "--size", "8"]
            queue = ["--queue", "16"] if method == "moco" else []
            argv = ["train", method, "--dataset", f"folder:{root / 'set'}", *labels, *sizes, *queue]
            assert main([*argv, "--out", str(root / method), "-q"]) == 0
        return root / method

    return run


def chosen(run: Path, column: str) -> Measuring:
    return Measuring(split="all", labels=str(run.parent / "labels.csv"), label_column=column)


@pytest.mark.parametrize("column", ["coarse", "many", "other"])
def test_class_weights_do_not_answer_for_labels_of_another_column(tabled: Any, column: str) -> None:
    """Two views stand in for them, and keys are drawn from the data; there is no classifier to disagree with."""
    run = tabled("supervised")
    subject = load(run, chosen(run, column))
    assert compared(subject) == VIEWS
    entry = measured(subject)
    assert (entry.settings["positive"], entry.settings["K"]) == ("the embedding of a view", 40)
    assert all(each.result.mismatch is None for each in classes.measure(subject))
    same = load(run, chosen(run, "label"))
    assert compared(same) == Pair("projection", "class weight") == compared(load(run, Measuring(split="all")))
    assert list(classes.measure(same))[-1].result.mismatch is not None


@pytest.mark.parametrize("column", ["coarse", "many", "other"])
def test_the_queue_has_the_labels_that_are_asked_for(tabled: Any, column: str) -> None:
    """They are looked up by the images of its keys: every key of class x in truth is of class x."""
    run = tabled("moco")
    subject = load(run, chosen(run, column))
    case, drawn = subject.case, keys(subject, 0, 4096)
    assert case is not None
    assert case.images.labels is not None
    assert drawn.what == "the run's own queue"
    assert torch.equal(drawn.origin.labels, case.images.labels[drawn.origin.index])


def test_without_labels_two_views_are_compared(tabled: Any, tmp_path: Path) -> None:
    """The table of labels is gone: no class has a weight, and alignment needs none."""
    copied = shutil.copytree(tabled("supervised"), tmp_path / "run")
    table, aside = tabled("supervised").parent / "labels.csv", tmp_path / "aside.csv"
    shutil.move(table, aside)
    try:
        subject = load(copied, Measuring(split="all"))
        assert compared(subject) == VIEWS
        assert list(alignment.measure(subject))
    finally:
        shutil.move(aside, table)


def test_the_runs_own_data_set_by_name_is_read_as_it_was(tabled: Any) -> None:
    """--dataset with the name that the run has leaves its labels as they were; another spelling of the path does too."""
    run = tabled("supervised")
    dataset = f"folder:{run.parent}/set/../set"
    named, usual = (load(run, Measuring(split="all", dataset=each)) for each in (dataset, ""))
    assert named.case is not None
    assert usual.case is not None
    assert torch.equal(named.case.images.labels, usual.case.images.labels)


def test_images_that_only_a_missing_labels_file_left_out_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 of 40 images have a label, 40 are measured once the table is gone; of the test split the number is not known."""
    draw = numpy.random.default_rng(0)
    (tmp_path / "set").mkdir()
    for i in range(40):
        Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=numpy.uint8)).save(
            tmp_path / f"set/{i:02}.png"
        )
    table, run = tmp_path / "l.csv", str(tmp_path / "run")
    table.write_text("file,label\n" + "".join(f"{i:02}.png,{'ab'[i % 2]}\n" for i in range(20)))
    argv = ["--labels", str(table), "--split", "all", "--epochs", "1", "--batch", "8", "--encoder", "mlp"]
    assert (
        main(["train", "supervised", "--dataset", f"folder:{tmp_path / 'set'}", *argv, "--out", run, "-q"])
        == 0
    )
    table.unlink()
    notes = [note.sentence for note in load(Path(run), Measuring(split="all")).notes]
    assert notes[0].startswith(f"the labels file {table} is missing, so the images of the run have no labels")
    assert notes[1].startswith(
        "all 40 images are measured without the labels file, but the run was trained on 20"
    )
    notes = [note.sentence for note in load(Path(run), Measuring(split="test")).notes]
    assert "may be others than the run was trained on" in notes[1]


def test_a_run_of_ours_has_a_framing(tabled: Any) -> None:
    with pytest.raises(CollapseError, match=r"--framing clip: .* is a run of collapse") as raised:
        load(tabled("moco"), Measuring(framing="clip"))
    assert "leave out --framing" in raised.value.hint
