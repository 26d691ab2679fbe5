"""Probes: slow loops, scikit-learn's own, intervals of scipy, planted classes, collapsed spaces, chance."""

from __future__ import annotations

import math

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import neighbours
from collapse_cli.metrics import probe as room
from collapse_cli.metrics.probe import few_labels, kept_together, knn, linear, probe, stratified, wilson


def case(signal: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """200 and 400 rows of 4 classes in 6 dimensions: unit noise around `signal` times an axis each."""
    generator = Generator().manual_seed(0)
    train, test = torch.arange(200) % 4, torch.arange(400) % 4
    noise = [torch.randn(len(labels), 6, generator=generator) for labels in (train, test)]
    rows = [signal * torch.eye(6)[y] + n for y, n in zip((train, test), noise, strict=True)]
    return rows[0], train, rows[1], test


def seeded() -> Generator:
    return Generator().manual_seed(0)


# --- the vote of near neighbours


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (7, 0.07), (20, 1.0), (200, 0.5)])
def test_the_vote_is_the_slow_loop(k: int, temperature: float) -> None:
    train, labels, test, _ = case(1.0)
    said = []
    for row in test[:60]:
        near = []
        for other, label in zip(train, labels.tolist(), strict=True):
            near.append((float(row @ other / row.norm() / other.norm()), label))
        votes = dict.fromkeys(range(4), 0.0)
        for s, label in sorted(near, reverse=True)[:k]:
            votes[label] += math.exp(s / temperature)
        said.append(max(votes, key=lambda label: votes[label]))
    assert knn(train, labels, test[:60], k, temperature).tolist() == said


@pytest.mark.parametrize("k", [3, 20])
def test_the_vote_is_that_of_scikit_learn(k: int) -> None:
    """Its cosine distance is 1 - s, so the weight exp(s/T) is exp((1 - distance)/T)."""
    train, labels, test, _ = case(0.7)
    theirs = KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=lambda distance: numpy.exp((1 - distance) / 0.07)
    ).fit(train.double().numpy(), labels.numpy())
    assert knn(train, labels, test, k, 0.07).tolist() == theirs.predict(test.double().numpy()).tolist()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """400 test rows in blocks of 7, the last of one row; and one at a time where not even one fits."""
    train, labels, test, _ = case(1.0)
    whole = knn(train, labels, test, 20, 0.07)
    for cells in (7 * 200, 1):
        monkeypatch.setattr(neighbours, "CELLS", cells)
        assert torch.equal(knn(train, labels, test, 20, 0.07), whole)


@given(st.integers(0, 2**31 - 1), st.floats(1e-3, 1e3))
def test_the_length_of_a_row_and_the_name_of_a_class_say_nothing(seed: int, largest: float) -> None:
    generator = Generator().manual_seed(seed)
    train, test = (torch.randn(n, 5, generator=generator) for n in (30, 12))
    labels = torch.randint(3, (30,), generator=generator)
    lengths = torch.rand(42, 1, generator=generator) * largest + 1e-3
    names = torch.tensor([7, -1, 10**12])[torch.randperm(3, generator=generator)]
    said = knn(train, labels, test, 5, 0.07)
    assert torch.equal(knn(train * lengths[:30], names[labels], test * lengths[30:], 5, 0.07), names[said])


def test_more_neighbours_than_rows_are_all_rows() -> None:
    """At T so large that votes are equal, all rows vote for the largest class: 3 of 5, and without one of them 2 of 4."""
    rows, labels = torch.eye(5), torch.tensor([0, 0, 1, 1, 1])
    assert knn(rows, labels, rows, 99, 1e6).tolist() == [1] * 5
    assert probe(rows, labels, rows, labels, seeded(), k=99).neighbours == 5


def test_a_tiny_temperature_is_the_nearest_neighbour() -> None:
    """exp(1/1e-4) is beyond float64, the vote relative to the nearest is not."""
    train, labels, test, _ = case(1.0)
    assert torch.equal(knn(train, labels, test, 20, 1e-4), knn(train, labels, test, 1, 1.0))


@pytest.mark.parametrize(("k", "temperature"), [(0, 0.07), (5, 0.0), (5, float("nan"))])
def test_a_vote_of_nobody_is_refused(k: int, temperature: float) -> None:
    train, labels, test, _ = case(1.0)
    with pytest.raises(CollapseError, match="kNN"):
        knn(train, labels, test, k, temperature)


def test_neighbours_are_told_apart_in_a_space_that_has_nearly_collapsed() -> None:
    """Angles of 2e-4 and 1e-4 to the first query: cosines 1 - 2e-8 and 1 - 5e-9, both 1 in float32."""
    rows = torch.tensor([[1.0, 2e-4], [1.0, 1e-4]], dtype=torch.float64)
    queries = torch.tensor([[1.0, 0.0], [1.0, 3e-4]])
    assert knn(rows, torch.tensor([0, 1]), queries, 1, 0.07).tolist() == [1, 0]


# --- linear probes


def test_all_labels_are_scikit_learns_regression() -> None:
    train, labels, test, _ = case(0.7)
    scaler = StandardScaler().fit(train.double().numpy())
    theirs = LogisticRegression(C=1.0, max_iter=1000).fit(
        scaler.transform(train.double().numpy()), labels.numpy()
    )
    said = theirs.predict(scaler.transform(test.double().numpy()))
    assert linear(train, labels, test).tolist() == said.tolist()


@settings(max_examples=25)
@given(st.integers(0, 2**31 - 1))
def test_scale_and_place_of_a_column_say_nothing(seed: int) -> None:
    """Columns are standardised: those of a space that has shrunk a million times count as much as others."""
    generator = Generator().manual_seed(seed)
    train, labels, test, _ = (one.double() if one.is_floating_point() else one for one in case(1.0))
    scale = 10 ** (6 * torch.rand(6, generator=generator, dtype=torch.float64) - 6)
    shift = torch.randn(6, generator=generator, dtype=torch.float64)
    same = linear(train * scale + shift, labels, test * scale + shift) == linear(train, labels, test)
    assert int((~same).sum()) <= 1  # a row on a border may fall to either side


@pytest.mark.parametrize(
    "kind", ["a point", "a point and rounding", "a line", "wide", "huge", "one dead column"]
)
def test_no_space_makes_a_warning(kind: str, recwarn: pytest.WarningsRecorder) -> None:
    generator = seeded()
    labels = torch.arange(60) % 3
    noise = torch.randn(60, 300 if kind == "wide" else 8, generator=generator, dtype=torch.float64)
    rows = {
        "a point": torch.ones(60, 8),
        "a point and rounding": 1 + 1e-7 * noise,
        "a line": noise[:, :1] * torch.ones(8),
        "wide": noise,
        "huge": 1e30 * noise,
        "one dead column": noise * (torch.arange(noise.shape[1]) > 0),
    }[kind]
    found = probe(rows, labels, rows, labels, seeded())
    assert not recwarn.list
    assert all(0 <= value <= 1 for value in (found.knn, found.linear, found.few_labels))


def test_too_few_steps_are_no_warning(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """One step of L-BFGS leaves the regression unfinished; what it says stands."""
    monkeypatch.setattr(room, "STEPS", 1)
    train, labels, test, test_labels = case(30.0)
    assert torch.equal(linear(train, labels, test), test_labels)
    assert not recwarn.list


@pytest.mark.parametrize(("signal", "low", "high"), [(30.0, 1.0, 1.0), (0.0, 0.18, 0.32)])
def test_few_labels_of_classes_separated_and_not(signal: float, low: float, high: float) -> None:
    """Chance is 1/4; of 3 draws on 400 test rows its standard error is about 2 %."""
    found = few_labels(*case(signal), seeded())
    assert low <= found <= high
    assert found.null == 0.25
    assert found.interval[0] <= found <= found.interval[1]


def test_few_labels_are_the_mean_of_regressions_on_so_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three draws that are right on 100, 200 and 300 of 400: mean .5, interval from .25 to .75."""
    train, labels, test, test_labels = case(1.0)
    fitted = []

    def said(rows: Tensor, row_labels: Tensor, _: Tensor) -> Tensor:
        fitted.append(row_labels.bincount().tolist())
        right = torch.arange(400) < 100 * len(fitted)
        return torch.where(right, test_labels, -1)

    monkeypatch.setattr(room, "linear", said)
    found = few_labels(train, labels, test, test_labels, seeded(), per_class=7)
    assert fitted == [[7, 7, 7, 7]] * 3
    assert (found, found.interval) == (0.5, (0.25, 0.75))


def test_too_few_labels() -> None:
    with pytest.raises(CollapseError, match="fewer than 51") as raised:
        few_labels(*case(1.0), seeded(), per_class=51)
    assert raised.value.code == 3
    train, labels, test, test_labels = case(1.0)
    kept = torch.arange(200) != 3  # of class 3, 49 are left
    found, other = (probe(train[kept], labels[kept], test, test_labels, seeded(), n) for n in (50, 49))
    assert found.few_labels is None
    assert other.few_labels is not None
    assert (found.knn, found.linear) == (other.knn, other.linear)


def test_as_many_labels_as_there_are() -> None:
    """50 of each class: every draw is all of them, so the draws agree but for rounding."""
    found = few_labels(*case(1.0), seeded(), per_class=50)
    assert found.interval == pytest.approx((found, found), abs=0.005)


def test_the_same_generator_draws_the_same_labels() -> None:
    first, second = (few_labels(*case(1.0), Generator().manual_seed(7)) for _ in range(2))
    assert (first, first.interval) == (second, second.interval)


# --- all of them, and chance


def test_separated_classes_are_all_found() -> None:
    """400 of 400 right; Wilson's lower end there is n / (n + z^2) = .9905."""
    found = probe(*case(30.0), seeded())
    assert (found.knn, found.linear, found.few_labels) == (1, 1, 1)
    assert found.knn.interval == found.linear.interval == pytest.approx((400 / (400 + 1.959964**2), 1))
    assert (found.neighbours, found.per_class, found.replications) == (20, 10, 3)


def test_a_collapsed_space_is_a_guess_exactly() -> None:
    """All rows equal, and three of four of class 1: it is said of every image, and right for 300 of 400.

    Few labels are equally many of each class: the class said is any of the two, right for 300 or for 100.
    """
    labels = (torch.arange(200) % 4 > 0).long()
    point = torch.eye(6)[:1]
    found = probe(point.repeat(200, 1), labels, point.repeat(400, 1), labels.repeat(2), seeded(), k=200)
    assert (found.knn, found.linear) == (0.75, 0.75)
    assert (found.knn.null, found.linear.null) == (0.75, 0.75)
    assert found.few_labels in (0.25, 0.75)
    assert found.few_labels.null == 0.5


def test_a_guess_is_the_largest_class_of_the_training_rows() -> None:
    """Trained on a, a, b and tested on a, b, b, b: a guess says a and is right once in four."""
    train, test = torch.randn(7, 2, generator=seeded()).split([3, 4])
    found = probe(train, torch.tensor([0, 0, 1]), test, torch.tensor([0, 1, 1, 1]), seeded())
    assert (found.knn.null, found.linear.null) == (0.25, 0.25)


def test_a_class_that_was_never_seen_is_never_right() -> None:
    train, labels, test, test_labels = case(30.0)
    found = probe(train, labels, test, torch.where(test_labels == 0, 9, test_labels), seeded())
    assert found.knn == found.linear == found.few_labels == 0.75


def test_one_class_cannot_be_probed() -> None:
    rows, labels = torch.randn(40, 3, generator=seeded()), torch.zeros(40).long()
    for measure in (probe, few_labels):
        with pytest.raises(CollapseError, match="two classes") as raised:
            measure(rows, labels, rows, labels, seeded())
        assert raised.value.code == 3


@pytest.mark.parametrize("measure", [probe, few_labels])
@pytest.mark.parametrize("broken", [0, 2], ids=["train", "test"])
def test_broken_rows_are_refused(measure: object, broken: int) -> None:
    rows = case(1.0)
    rows[broken][:, 0] = float("nan")
    with pytest.raises(CollapseError, match="nan"):
        measure(*rows, seeded())  # type: ignore[operator]


# --- intervals and halves


@given(st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_is_scipys(case: tuple[int, int]) -> None:
    right, total = case
    theirs = binomtest(right, total).proportion_ci(0.95, method="wilson")
    assert wilson(right, total) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


@given(st.lists(st.integers(-1, 4), min_size=20, max_size=80), st.integers(0, 1000))
def test_each_class_is_cut_at_four_fifths(labels: list[int], seed: int) -> None:
    given_labels = torch.tensor(labels)
    fitted, judged = stratified(given_labels, Generator().manual_seed(seed))
    assert torch.equal(torch.cat([fitted, judged]).sort().values, torch.arange(len(labels)))
    assert torch.equal(fitted, fitted.sort().values)
    for c in set(labels):
        assert int((given_labels[fitted] == c).sum()) == round(0.8 * labels.count(c))


def test_the_cut_is_drawn() -> None:
    labels = torch.arange(50) % 2
    first, again, other = (stratified(labels, Generator().manual_seed(s))[1] for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_nothing_is_left_of_classes_of_two() -> None:
    """round(1.6) = 2 of 2 are fitted."""
    with pytest.raises(CollapseError, match="6 embeddings of 3 classes leave 0") as raised:
        stratified(torch.arange(6) % 3, seeded())
    assert raised.value.code == 3


def test_copies_stay_on_one_side() -> None:
    """300 rows of 3 classes, each six times: no row is on both sides, and all are on one."""
    which = torch.arange(300).repeat(6)
    labels = which % 3
    fitted, judged = stratified(labels, Generator().manual_seed(1), owner=kept_together(which, labels))
    assert not set(which[fitted].tolist()) & set(which[judged].tolist())
    assert sorted([*fitted.tolist(), *judged.tolist()]) == list(range(1800))
    assert 0.7 < len(fitted) / 1800 < 0.9


def test_without_copies_the_split_is_as_it_was() -> None:
    labels = torch.arange(200) % 4
    one, other = (
        stratified(labels, Generator().manual_seed(2)),
        stratified(labels, Generator().manual_seed(2), owner=torch.arange(200)),
    )
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


def test_a_class_in_one_point_is_no_copy_of_a_row() -> None:
    """A space that maps a whole class to one point is judged as before; the copies within the other class stay together."""
    owner = torch.tensor([0] * 10 + [1, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    labels = torch.tensor([0] * 10 + [1] * 10)
    apart = kept_together(owner, labels)
    assert len(torch.unique(apart[:10])) == 10
    assert apart[10] == apart[11]
    assert len(torch.unique(apart)) == 19
