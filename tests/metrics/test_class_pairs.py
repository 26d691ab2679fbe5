"""Pairs of classes by blocks, beside all pairs at once: values, slopes, blocks of every size, means that nearly coincide."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from collapse_cli.metrics import class_pairs
from collapse_cli.metrics.class_names import LISTED
from collapse_cli.metrics.classes import CLOSEST, DRAWN, classes
from collapse_cli.metrics.neural_collapse import Classifier, Geometry, nc1, self_dual
from collapse_cli.metrics.scatter import groups


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def every_overlap(means: Tensor, variances: Tensor) -> Tensor:
    first, second = torch.triu_indices(len(means), len(means), 1)
    squared = (means[first] - means[second]).square().sum(dim=1)
    return ((variances[first] + variances[second]) / (2 * squared)).mean()


def every_unevenness(directions: Tensor, usual: float) -> Tensor:
    first, second = torch.triu_indices(len(directions), len(directions), 1)
    return ((directions @ directions.T)[first, second] - usual).abs().mean()


def slopes(value: Tensor, *of: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(value, of))


@pytest.mark.parametrize("pairs", [1, 50, 97, 1 << 20])
@pytest.mark.parametrize("count", [2, 3, 31])
def test_blocks_give_what_all_pairs_at_once_give(
    monkeypatch: pytest.MonkeyPatch, pairs: int, count: int
) -> None:
    """One class at a time, some, all: the mean over pairs and its slopes are the same to 1e-12."""
    monkeypatch.setattr(class_pairs, "PAIRS", pairs)
    means, variances = normal(count, 6).requires_grad_(), normal(count, seed=1).abs().requires_grad_()
    ours, theirs = class_pairs.overlap(means, variances), every_overlap(means, variances)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    torch.testing.assert_close(
        slopes(ours, means, variances), slopes(theirs, means, variances), rtol=1e-11, atol=1e-13
    )
    directions = torch.nn.functional.normalize(normal(count, 6, seed=2)).requires_grad_()
    ours, theirs = class_pairs.unevenness(directions, -0.1), every_unevenness(directions, -0.1)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    torch.testing.assert_close(slopes(ours, directions), slopes(theirs, directions), rtol=1e-12, atol=1e-14)


def test_an_offset_and_close_means_cost_no_digits() -> None:
    """Two of thirty means lie 1e-5 apart, and all lie 1000 from the origin: that pair's share of the mean is nearly all of it."""
    means, variances = normal(30, 8) + 1000, torch.ones(30).double()
    means[1] = means[0] + 1e-5
    torch.testing.assert_close(
        class_pairs.overlap(means, variances), every_overlap(means, variances), rtol=1e-7, atol=0
    )
    centred = means - means.mean(dim=0)
    torch.testing.assert_close(
        class_pairs.squared_distances(centred[:1], centred)[0, 1], (centred[0] - centred[1]).square().sum()
    )


@pytest.mark.parametrize("pairs", [7, 1 << 20])
def test_closest_pairs_are_those_of_all(monkeypatch: pytest.MonkeyPatch, pairs: int) -> None:
    monkeypatch.setattr(class_pairs, "PAIRS", pairs)
    directions = torch.nn.functional.normalize(normal(12, 5))
    cosines = directions @ directions.T
    every = sorted(((float(cosines[i, j]), i, j) for i in range(12) for j in range(i + 1, 12)), reverse=True)
    for count in (1, 4, 66, 100):
        ours = class_pairs.closest(directions, count)
        assert [pair[1:] for pair in ours] == [pair[1:] for pair in every[:count]]
        assert [pair[0] for pair in ours] == pytest.approx([pair[0] for pair in every[:count]])


def test_a_mean_without_direction_is_in_no_pair() -> None:
    directions = torch.nn.functional.normalize(normal(4, 5))
    directions[2] = torch.nan
    assert {c for _, *pair in class_pairs.closest(directions, 9) for c in pair} == {0, 1, 3}


def test_more_classes_than_dimensions_are_turned_before_they_are_inverted() -> None:
    """40 means of 6 dimensions: tr(Sigma_W Sigma_B^+) / C by the pseudo-inverse of Sigma_B itself; slopes by small steps."""
    means, within = normal(40, 6).requires_grad_(), torch.diag(torch.arange(1.0, 7).double())
    seen = Geometry(means, torch.ones(40).double(), within, torch.full((40,), 1 / 40).double())
    between = seen.centred.T @ seen.centred / 40
    torch.testing.assert_close(
        nc1(seen), (within @ torch.linalg.pinv(between)).trace() / 40, rtol=1e-12, atol=0
    )
    assert torch.autograd.gradcheck(
        lambda m: nc1(Geometry(m, seen.variances, within, seen.shares)), (means,), atol=1e-6
    )


@pytest.mark.parametrize("pairs", [1, 30, 1 << 20])
def test_duality_by_blocks_is_that_of_the_whole_product(monkeypatch: pytest.MonkeyPatch, pairs: int) -> None:
    monkeypatch.setattr(class_pairs, "PAIRS", pairs)
    means, weights = normal(9, 4).requires_grad_(), normal(9, 4, seed=1)
    seen = Geometry(means, torch.ones(9).double(), torch.eye(4).double(), torch.full((9,), 1 / 9).double())
    product = weights @ seen.centred.T
    simplex = torch.eye(9).double() - 1 / 9
    whole = (product / product.norm() - simplex / 8**0.5).norm()
    torch.testing.assert_close(self_dual(seen, weights), whole, rtol=1e-12, atol=0)
    torch.testing.assert_close(slopes(self_dual(seen, weights), means), slopes(whole, means))


def test_block_size_changes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of `classes`, with a classifier, in blocks of one class and at once."""
    labels = torch.arange(120) % 12
    rows = normal(12, 5)[labels] + 0.3 * normal(120, 5, seed=1)
    found = []
    for pairs in (1, 1 << 20):
        for module in ("class_pairs", "nearest_mean"):
            monkeypatch.setattr(f"collapse_cli.metrics.{module}.PAIRS", pairs)
        found.append(
            classes(rows, labels, (), torch.Generator().manual_seed(0), Classifier(normal(12, 5, seed=2)))
        )
    for name, value in vars(found[0]).items():
        other = getattr(found[1], name)
        if isinstance(value, float):
            assert value == pytest.approx(other, rel=1e-12)
            assert (value.null or 0) == pytest.approx(other.null or 0, rel=1e-12)
            assert (value.interval or ()) == pytest.approx(other.interval or (), rel=1e-9)


def test_of_many_classes_the_closest_pairs_and_the_least_are_kept() -> None:
    """1,200 classes: no matrix of 1,440,000 cosines; the pair that was planted 0.1 apart is the closest."""
    count = LISTED + 200
    means = 3 * normal(count, 16)
    means[7] = means[900] + 0.1
    labels = torch.arange(2 * count) % count
    found = classes(
        means[labels] + 0.01 * normal(2 * count, 16, seed=1), labels, (), torch.Generator().manual_seed(0)
    )
    assert found.cosines is None
    assert found.closest is not None
    assert (len(found.closest), next(iter(found.closest))) == (CLOSEST, "7 / 900")
    listed = list(found.variance_of_class.values())
    assert (len(listed), len(found.rank_of_class)) == (LISTED, LISTED)
    assert listed == sorted(listed)
    assert listed[0] == pytest.approx(float(found.least_variance))


@pytest.mark.parametrize("count", [DRAWN, DRAWN + 1])
def test_the_matrix_is_of_a_hundred_classes_at_most(count: int) -> None:
    labels = torch.arange(2 * count) % count
    found = classes(normal(2 * count, 4), labels, (), torch.Generator().manual_seed(0))
    assert (found.cosines is None, found.closest is None) == (count > DRAWN, count <= DRAWN)
    assert len(found.variance_of_class) == count


class Largest(TorchDispatchMode):
    """Sees the numbers of the largest tensor that any operation gives."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        for each in given if isinstance(given, tuple | list) else [given]:
            self.numbers = max(self.numbers, each.numel() if isinstance(each, Tensor) else 0)
        return given


def test_no_tensor_is_of_all_pairs_of_classes() -> None:
    """3,000 classes have 4.5 million pairs; no tensor has more numbers than a block, which is of about one million."""
    labels = torch.arange(6000) // 2
    with Largest() as largest:
        classes(normal(6000, 32), labels, (), torch.Generator().manual_seed(0))
    assert 6000 * 32 <= largest.numbers <= 2 * class_pairs.PAIRS


def test_groups_stay_as_they_were() -> None:
    """The geometry of unequal classes, of which ranks are measured together by size: each as if it were alone."""
    labels = torch.tensor([0] * 5 + [1] * 5 + [2] * 9 + [3] * 2)
    rows = normal(21, 4)
    found = classes(rows, labels, (), torch.Generator().manual_seed(0))
    grouped = groups(rows, labels)
    for c, rank in enumerate(found.rank_of_class.values()):
        lam = torch.linalg.svdvals(grouped.deviations[grouped.member == c]).square()
        lam = lam[lam > 1e-12] / lam.sum()
        assert rank == pytest.approx(float((-(lam * lam.log()).sum()).exp()))
