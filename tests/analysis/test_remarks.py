"""What an answer says beside its numbers: which classes, how many, and what was left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy
import pytest

import collapse_cli as collapse
from collapse_cli import memory
from collapse_cli.analysis.alignment import answer
from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.analysis.checks import required
from collapse_cli.analysis.clusters import _announce
from collapse_cli.analysis.image_sets import Labeller
from collapse_cli.analysis.needed import refuse_gan
from collapse_cli.data.labelling import Labelled
from collapse_cli.errors import CollapseError
from collapse_cli.metric import Metric
from collapse_cli.metrics.alignment import Alignment
from collapse_cli.metrics.kmeans import ENOUGH, PER_START, STARTS, seconds, starts
from collapse_cli.metrics.requirements import parse
from collapse_cli.progress import told_to
from collapse_cli.settings import Gan


def rows_of(sizes: list[int], tight: set[int], d: int = 8) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Unit steps about 3 e_c for each class c; classes that are tight have a hundredth of the spread."""
    random = numpy.random.default_rng(0)
    labels = numpy.repeat(numpy.arange(len(sizes)), sizes)
    spread = numpy.where(numpy.isin(labels, list(tight)), 0.01, 1.0)
    centres = 3 * random.normal(size=(len(sizes), d))
    return centres[labels] + spread[:, None] * random.normal(size=(len(labels), d)), labels


def remarks(rows: numpy.ndarray, labels: numpy.ndarray) -> list[str]:
    subject, row = collapse.load(rows, labels=labels), CATALOGUE["classes"]
    return list(row.remarks(subject, list(row.measure(subject))))


def test_a_collapsed_class_is_named() -> None:
    """Class 1 alone has 1e-4 of the others' variance. The mean class has 2/3 of it, so that is .015 %; the others have 150 %."""
    rows, labels = rows_of([30, 30, 30], {1})
    (remark,) = remarks(rows, labels)
    assert "class 1 has collapsed, with 0.0" in remark
    assert "of the variance of the mean class" in remark


def test_ten_collapsed_classes_are_named_and_the_others_counted() -> None:
    """12 of 20 classes: ten by name, `2 more`."""
    rows, labels = rows_of([12] * 20, set(range(12)))
    warnings = remarks(rows, labels)
    assert sum("has collapsed, with" in remark for remark in warnings) == 10
    assert sum("2 more classes have less than 5%" in remark for remark in warnings) == 1
    rows, labels = rows_of([12] * 20, set(range(10)))
    assert not any("more classes" in remark for remark in remarks(rows, labels))


@pytest.mark.parametrize(("size", "named"), [(9, False), (10, True)])
def test_a_class_of_nine_may_be_tight_by_chance(size: int, named: bool) -> None:
    rows, labels = rows_of([30, size, 30], {1})
    assert any("class 1 has" in text for text in remarks(rows, labels)) is named


def test_the_only_one_of_its_class_is_left_out() -> None:
    rows, labels = rows_of([20, 1, 20, 1], set())
    (remark,) = remarks(rows, labels)
    assert "2 of 42" in remark
    assert "(2 of 4 classes)" in remark


@pytest.mark.parametrize(("n", "trained"), [(23, 19), (24, 20)])
def test_k_is_lowered_to_the_training_embeddings(n: int, trained: int) -> None:
    """80 % of each class train: 9 of 11 and 10 of 12 are fewer than k = 20; 10 and 10 of 12 are enough."""
    rows, labels = rows_of([n // 2, n - n // 2], set())
    result = collapse.probe(rows, labels=labels, per_class=2)
    assert result.entries[0].settings["N"] == trained
    lowered = [text for text in result.warnings if "k is lowered" in text]
    assert lowered == (
        [f"array: k is lowered from 20 to {trained}, the number of training embeddings"]
        if trained < 20
        else []
    )
    assert not any("few-label" in text for text in result.warnings)
    result = collapse.probe(rows, labels=labels, per_class=11)
    assert any(
        "the few-label probe is left out" in text and "lower --per-class" in text for text in result.warnings
    )


@pytest.mark.parametrize(("cosine", "tells"), [(0.9, True), (0.9374, True), (0.9376, False), (0.999, False)])
def test_views_tell_nothing_where_all_embeddings_are_one(cosine: float, tells: bool) -> None:
    """Two images are 2 (1 - cosine) apart, which is compared with 2 x .25^2: the border is at a cosine of .9375."""
    said = answer(Alignment(alignment=0.001, uniformity=-0.1, mean_cosine=cosine, std_sqrt_d=0.1, pairs=10))
    assert ("views tell nothing" in said) is not tells
    assert ("of that of two images" in said) is tells


@pytest.mark.parametrize("null", [60.0, 20.0])
def test_a_share_of_the_null_is_a_bound(null: float) -> None:
    """90 % of 60 is 54, which 50 misses; 90 % of 20 is 18, which it meets."""
    metric: Metric = {
        "kind": "number", "label": "a number", "help": "help", "unit": "", "convention": "", "low": 0,
        "value": 50.0, "null": null, "interval": None,
    }  # fmt: skip
    check = required(parse("rank >= 90% of null"), metric, None)["required"]
    assert check["bound"] == pytest.approx(0.9 * null)
    assert check["result"] == ("fail" if null == 60 else "pass")


@pytest.mark.parametrize(("width", "refused"), [(1000, True), (10, False)])
def test_a_gan_takes_the_samples_through_its_widest_layers(
    width: int, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million samples of 1 + 1 + width float32 numbers: 4 GB at 1,000, 48 MB at 10; the weights are a dozen numbers."""
    monkeypatch.setattr(memory, "memory", lambda: 10**9)
    settings = replace(Gan(), latent=1, g_width=1, d_width=width, layers=1, batch=10**6)
    if not refused:
        refuse_gan(settings, 1)
        return
    with pytest.raises(CollapseError, match=r"would take 4\.0 GB of memory, more than the 1\.0 GB"):
        refuse_gan(settings, 1)


def test_k_means_starts_ten_times_or_for_twenty_seconds() -> None:
    """A start takes PER_START N D K seconds: at 2 s there are ten, at 4 s five, at 21 s and more one."""
    assert STARTS == 10
    for each, count in ((0.5, 10), (2.0, 10), (4.0, 5), (19.0, 1), (21.0, 1), (900.0, 1)):
        n = round(each / (PER_START * 100 * 50))
        assert seconds(n, 100, 50) == pytest.approx(each, rel=1e-3)
        assert starts(n - n // 1000, 100, 50) == count


def test_a_long_k_means_is_announced() -> None:
    """Nothing up to 20 seconds; seconds below two minutes, minutes above."""
    said: list[str] = []
    with told_to(lambda text, done=0, total=0: said.append(text)):
        for each in (ENOUGH - 1, ENOUGH + 1, 119.0, 600.0):
            _announce(round(each / (PER_START * 100 * 50)), 100, 50)
    assert [text.partition("about ")[2].partition(" on")[0] for text in said] == [
        "21 seconds",
        "119 seconds",
        "10 minutes",
    ]


def labelled(path: Path, values: list[str]) -> Labelled:
    path.write_text("\n".join(values) + "\n")
    return Labeller(path, "", "folder:images")([f"{place}.png" for place in range(len(values))], len(values))


def test_a_negative_number_is_no_class(tmp_path: Path) -> None:
    """Among numbers it stands for a missing label; among names it is one."""
    with pytest.raises(CollapseError, match="1 of 3 images have no label"):
        labelled(tmp_path / "numbers.txt", ["-1", "0", "1"])
    assert labelled(tmp_path / "names.txt", ["-1", "cat", "cat"]).classes == ("-1", "cat")
    assert labelled(tmp_path / "classes.txt", ["2", "10", "2"]).classes == ("2", "10")
