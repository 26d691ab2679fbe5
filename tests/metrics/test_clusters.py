"""Clusters: every matching tried, scikit-learn's NMI and ARI, closed forms, planted collapses and symmetries."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from torch import Generator, Tensor

from collapse_cli import data
from collapse_cli.errors import CollapseError
from collapse_cli.metrics import kmeans as k_means
from collapse_cli.metrics.clusters import ari, clusters, contingency, matching, nmi, sparse_matching
from collapse_cli.metrics.kmeans import kmeans
from collapse_cli.metrics.probe import wilson

Pairs = list[tuple[int, int]]


def pairs(clusters: int, classes: int) -> st.SearchStrategy[Pairs]:
    """(cluster, class) of each of 2 to 60 rows, of at least two classes."""
    row = st.tuples(st.integers(0, clusters - 1), st.integers(0, classes - 1))
    return st.lists(row, min_size=2, max_size=60).filter(lambda rows: len({c for _, c in rows}) > 1)


def columns(rows: Pairs) -> tuple[Tensor, Tensor]:
    assigned, labels = zip(*rows, strict=True)
    return torch.tensor(assigned), torch.tensor(labels)


def best(assigned: Tensor, labels: Tensor, size: int) -> float:
    """The most rows that agree under any of the size! ways of naming `size` clusters by `size` classes."""
    names = (torch.tensor(order) for order in permutations(range(size)))
    return max(float((name[assigned] == labels).double().mean()) for name in names)


@pytest.mark.parametrize(("count", "classes"), [(4, 4), (2, 5), (5, 2)])
@settings(max_examples=40)
@given(rows=st.data())
def test_accuracy_is_the_best_of_all_matchings(count: int, classes: int, rows: st.DataObject) -> None:
    """Where counts differ, padded with classes or clusters that nothing is in: then every one has a partner."""
    assigned, labels = columns(rows.draw(pairs(count, classes)))
    found = clusters(assigned, count, labels)
    assert found.accuracy == pytest.approx(best(assigned, labels, 5), abs=1e-12)


@given(pairs(5, 4))
def test_nmi_and_ari_are_those_of_scikit_learn(rows: Pairs) -> None:
    assigned, labels = columns(rows)
    found = clusters(assigned, 5, labels)
    assert found.nmi == pytest.approx(normalized_mutual_info_score(labels, assigned), abs=1e-9)
    assert found.ari == pytest.approx(adjusted_rand_score(labels, assigned), abs=1e-9)


@given(pairs(5, 4), st.permutations(range(5)), st.permutations(range(4)), st.randoms())
def test_names_and_order_change_nothing(
    rows: Pairs, first: list[int], second: list[int], chance: object
) -> None:
    found = clusters(columns(rows)[0], 5, columns(rows)[1])
    named = [(first[i], second[j]) for i, j in rows]
    chance.shuffle(named)  # type: ignore[attr-defined]
    again = clusters(columns(named)[0], 5, columns(named)[1])
    for name in ("accuracy", "nmi", "ari", "used", "largest", "entropy"):
        assert getattr(again, name) == pytest.approx(getattr(found, name), abs=1e-12), name
    assert again.sizes == found.sizes


def test_by_hand() -> None:
    """Clusters of 3 and 3 rows, classes of 4 and 2: table [[3, 0], [1, 2]].

    ACC: (3 + 2)/6. Entropies: log 2 of the clusters, log 3 - 2/3 log 2 of the classes, of the cells
    log 6 - 1/2 log 3 - 1/3 log 2. ARI: pairs together in both 3 + 1, in clusters 6, in classes 7, of 15 in all.
    """
    assigned, labels = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 0, 0, 0, 1, 1])
    found = clusters(assigned, 2, labels, ("a", "b"))
    H, G = math.log(2), math.log(3) - 2 / 3 * math.log(2)
    joint = math.log(6) - math.log(3) / 2 - math.log(2) / 3
    expected = 6 * 7 / 15
    assert found.accuracy == pytest.approx(5 / 6)
    assert found.accuracy.null == pytest.approx(4 / 6)
    assert found.nmi == pytest.approx(2 * (H + G - joint) / (H + G))
    assert found.ari == pytest.approx((4 - expected) / (6.5 - expected))
    assert (found.nmi.null, found.ari.null) == (0, 0)
    assert found.recall == {"a": 0.75, "b": 1}
    assert [each.interval for each in found.recall.values()] == [wilson(3, 4), wilson(2, 2)]
    assert found.confusion == ((3, 0), (1, 2))
    assert (found.confusion.row_names, found.confusion.column_names) == (("0", "1"), ("a", "b"))
    assert (found.used, found.largest, found.entropy) == (2, 0.5, pytest.approx(1))


def test_perfect_clusters() -> None:
    """Ten classes found again under other names, equally large: everything is 1, the largest holds a tenth."""
    labels = torch.arange(100) % 10
    found = clusters((labels * 7 + 3) % 10, 10, labels)
    assert found.accuracy == 1
    assert (found.nmi, found.ari, found.entropy) == pytest.approx((1, 1, 1))
    assert (found.used, found.largest, found.largest.null) == (10, 0.1, 0.1)
    assert found.confusion == tuple(tuple(10.0 * (i == j) for j in range(10)) for i in range(10))


def test_one_cluster_is_its_own_chance() -> None:
    """All rows in cluster 2 of 4, classes of 5, 3 and 2: ACC is the largest class's share, the rest 0."""
    labels = torch.tensor([0] * 5 + [1] * 3 + [2] * 2)
    found = clusters(torch.full((10,), 2), 4, labels, ("a", "b", "c"))
    assert found.accuracy == found.accuracy.null == 0.5
    assert found.nmi == pytest.approx(0, abs=1e-12)
    assert (found.ari, found.entropy, found.used, found.largest) == (0, 0, 1, 1)
    assert found.largest.null == 0.25
    assert found.recall == {"a": 1, "b": 0, "c": 0}
    assert found.confusion[0] == (5, 3, 2)
    assert found.sizes == (1, 0, 0, 0)


def test_random_clusters_are_worth_nothing() -> None:
    """Of 20,000 rows, 4 clusters and 4 classes at random: ARI 0 and NMI (M-1)(C-1) / (2 N log 4) = 1.6e-4 in the mean."""
    generator = Generator().manual_seed(0)
    assigned, labels = (torch.randint(4, (20_000,), generator=generator) for _ in range(2))
    found = clusters(assigned, 4, labels)
    assert found.ari == pytest.approx(0, abs=1e-3)
    assert found.nmi == pytest.approx(9 / (2 * 20_000 * math.log(4)), abs=3e-4)
    assert found.accuracy == pytest.approx(0.25, abs=0.02)


def test_more_clusters_than_classes() -> None:
    """Class b falls into clusters 0 and 3; the larger part is its own, the other one stands last, an empty one behind it."""
    assigned, labels = torch.tensor([1, 1, 0, 0, 0, 3]), torch.tensor([0, 0, 1, 1, 1, 1])
    found = clusters(assigned, 4, labels)
    assert found.accuracy == pytest.approx(5 / 6)
    assert found.confusion == ((2, 0), (0, 3), (0, 1), (0, 0))
    assert (found.used, found.used.null) == (3, 4)


def test_fewer_clusters_than_classes() -> None:
    """Classes a and b share cluster 0: the larger of them has it, of the other nothing is found."""
    assigned, labels = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 1, 1, 2, 2])
    found = clusters(assigned, 2, labels, ("a", "b", "c"))
    assert found.accuracy == pytest.approx(4 / 5)
    assert found.recall == {"a": 0, "b": 1, "c": 1}
    assert found.confusion == ((1, 2, 0), (0, 0, 2))


def test_entropy_of_uneven_sizes() -> None:
    """1/2, 1/4, 1/4, 0: 3/2 log 2 of log 4."""
    found = clusters(torch.tensor([0, 0, 1, 3]), 4)
    assert found.entropy == pytest.approx(0.75)
    assert found.sizes == (0.5, 0.25, 0.25, 0)
    assert found.sizes.null == (0.25, 0.25, 0.25, 0.25)


def test_without_labels_only_sizes() -> None:
    found = clusters(torch.arange(12) % 3, 3)
    nothing = (found.accuracy, found.nmi, found.ari, found.recall, found.confusion)
    assert nothing == (None,) * 5
    assert (found.used, found.entropy) == (3, pytest.approx(1))


def test_labels_are_named_where_they_can_be() -> None:
    """Classes 0 and 7 of names for three, and one below 0."""
    found = clusters(torch.tensor([0, 1, 2]), 3, torch.tensor([0, 7, -1]), ("cat", "dog", "cow"))
    assert set(found.recall) == {"cat", "7", "-1"}


@pytest.mark.parametrize(
    ("rows", "count", "labels", "said", "code"),
    [
        (1, 2, None, "at least 2 embeddings", 3),
        (6, 2, torch.zeros(6).long(), "two classes", 3),
        (6, 1, torch.zeros(6).long(), "two classes", 3),
        (6, 1, None, "cannot divide the embeddings", 2),
    ],
)
def test_what_says_nothing_is_refused(
    rows: int, count: int, labels: Tensor | None, said: str, code: int
) -> None:
    with pytest.raises(CollapseError, match=said) as raised:
        clusters(torch.zeros(rows).long(), count, labels)
    assert raised.value.code == code


def test_the_formulas_at_their_ends() -> None:
    """One group in both, and every row for itself in both: the same groups, so ARI 1; nothing divided, so NMI 0."""
    whole, single = torch.tensor([[5]]), torch.eye(5).long()
    assert (ari(whole), ari(single)) == (1, 1)
    assert nmi(whole) == 0
    assert nmi(single) == pytest.approx(1)
    assert matching(torch.tensor([[0, 3], [2, 1]])) == {0: 1, 1: 0}
    assert contingency(torch.tensor([0, 1, 1]), torch.tensor([2, 0, 0]), 2, 3).tolist() == [
        [0, 0, 1],
        [2, 0, 0],
    ]


# --- k-means


def planted(spread: float) -> tuple[Tensor, Tensor]:
    """120 rows around 4 corners of a square of side 10."""
    labels = torch.arange(120) % 4
    corners = torch.tensor([[0.0, 0.0], [0.0, 10.0], [10.0, 0.0], [10.0, 10.0]])
    return corners[labels] + spread * torch.randn(120, 2, generator=Generator().manual_seed(0)), labels


def test_planted_clusters_are_found() -> None:
    rows, labels = planted(0.5)
    found = clusters(kmeans(rows, 4, Generator().manual_seed(0)), 4, labels)
    assert (found.accuracy, found.ari) == (1, 1)


def test_the_same_seed_finds_the_same() -> None:
    rows, _ = planted(8.0)
    first, second = (kmeans(rows, 5, Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)


def test_rows_of_one_point_are_one_cluster_and_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    found = kmeans(torch.ones(30, 4), 3, Generator().manual_seed(0))
    assert len(found.unique()) == 1
    assert not recwarn.list


@pytest.mark.parametrize("count", [0, 6])
def test_more_clusters_than_rows_or_none_are_refused(count: int) -> None:
    with pytest.raises(CollapseError, match=f"{count} clusters cannot be made of 5 embeddings"):
        kmeans(torch.eye(5), count, Generator().manual_seed(0))


def test_broken_rows_are_refused() -> None:
    with pytest.raises(CollapseError, match="nan"):
        kmeans(torch.full((5, 2), torch.nan), 2, Generator().manual_seed(0))


def test_raw_pixels_of_digits() -> None:
    """Measured before on three seeds: NMI .739-.742, ACC .790-.793, ARI .664-.667, largest .133-.138."""
    images = data.load("digits", "all")
    assigned = kmeans(images.pixels.flatten(1) / 255, 10, Generator().manual_seed(0))
    found = clusters(assigned, 10, images.labels, images.classes)
    assert found.accuracy == pytest.approx(0.79, abs=0.015)
    assert (found.nmi, found.ari) == pytest.approx((0.741, 0.666), abs=0.01)
    assert found.largest == pytest.approx(0.136, abs=0.005)


@given(pairs(7, 5))
def test_the_sparse_matching_agrees_as_often_as_that_of_the_whole_table(rows: Pairs) -> None:
    """Which of several best matchings is found may differ; how many rows agree may not, nor may a cluster serve twice."""
    assigned, labels = columns(rows)
    table = contingency(assigned, labels, 7, 5)
    cluster, of_class = table.nonzero(as_tuple=True)
    ours, whole = sparse_matching(cluster, of_class, table[cluster, of_class], (7, 5)), matching(table)
    assert len(set(ours.values())) == len(ours)
    assert sum(int(table[i, c]) for c, i in ours.items()) == sum(int(table[i, c]) for c, i in whole.items())


def test_thousands_of_classes_make_no_table_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,500 classes of 4 rows, of which the last row lies in the next cluster: 3/4 agree. No table, and no list of them all."""
    labels = torch.arange(10_000) // 4
    assigned = (labels + (torch.arange(10_000) % 4 == 3)) % 2500
    monkeypatch.setattr("collapse_cli.metrics.clusters.matching", None)
    found = clusters(assigned, 2500, labels)
    assert found.accuracy == 0.75
    assert found.confusion is None
    assert found.recall is not None
    assert (len(found.recall), set(found.recall.values())) == (1000, {0.75})
    assert (len(found.sizes), (found.sizes.x or ())[0], (found.sizes.x or ())[-1]) == (1000, 1, 2500)
    assert found.nmi == pytest.approx(normalized_mutual_info_score(labels, assigned), abs=1e-9)
    assert found.ari == pytest.approx(adjusted_rand_score(labels, assigned), abs=1e-9)


def test_kmeans_starts_less_often_where_ten_starts_would_take_long() -> None:
    """3 ns for each of N x D x M: 10,000 x 512 rows have 20 s for ten starts into 130 clusters, for one into 1,302."""
    assert [k_means.starts(10_000, 512, m) for m in (10, 130, 131, 650, 1302, 5000)] == [10, 10, 9, 2, 1, 1]
    assert k_means.seconds(10_000, 512, 5000) == pytest.approx(76.8)
