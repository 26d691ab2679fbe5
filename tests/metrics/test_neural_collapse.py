"""NC1-NC3 and CDNV: a simplex, slow loops over pairs, numpy's pseudo-inverse, turns and scales."""

from __future__ import annotations

import math

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from collapse_cli.metrics.neural_collapse import (
    Classifier,
    Geometry,
    cdnv,
    equiangular,
    equinorm,
    nc1,
    numbers,
    self_dual,
)
from collapse_cli.metrics.scatter import groups


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scene(count: int, d: int, n: int = 60, seed: int = 0) -> tuple[Tensor, Tensor, Geometry]:
    """Rows (n,d), labels and geometry of `count` classes, whose rows are wider the higher the label."""
    labels = torch.arange(n) % count
    rows = normal(count, d, seed=seed + 1)[labels] + normal(n, d, seed=seed) * (0.2 + labels[:, None] / count)
    return rows, labels, Geometry.of(groups(rows, labels))


def simplex(count: int, d: int) -> Tensor:
    """(C,D): as far apart as C directions can be, turned into D dimensions and moved."""
    frame, _ = torch.linalg.qr(normal(d, count, seed=9))
    return (torch.eye(count).double() - 1 / count) @ frame.T + 3


@pytest.mark.parametrize(("count", "d"), [(3, 8), (5, 5), (10, 64)])
def test_a_simplex_is_collapsed_in_all_four_ways(count: int, d: int) -> None:
    """Every row on its class mean, the means a simplex, the classifier's weights the means: all distances are 0."""
    means = simplex(count, d)
    labels = torch.arange(4 * count) % count
    seen = Geometry.of(groups(means[labels], labels))
    found = numbers(seen, Classifier(means - means.mean(0)), torch.arange(count))
    for name in ("cdnv", "nc1", "nc1_quotient", "equinorm", "equiangular", "self_dual", "within"):
        assert float(found[name]) == pytest.approx(0, abs=1e-7), name
    assert float(found["between"]) == pytest.approx((count - 1) / count)  # |e_c - 1/C|^2


def test_the_geometry_is_its_definition() -> None:
    """Sigma_W is the mean of outer products over all rows, its trace the classes' variances by their shares."""
    rows, labels, seen = scene(4, 6, n=50)
    own = [rows[labels == c] for c in range(4)]
    within = sum(torch.outer(row - g.mean(0), row - g.mean(0)) for g in own for row in g) / 50
    torch.testing.assert_close(seen.within, within)
    torch.testing.assert_close(seen.variances, torch.stack([g.var(0, correction=0).sum() for g in own]))
    found = numbers(seen, None, torch.arange(4))
    assert float(found["within"]) == pytest.approx(float(within.trace()), rel=1e-12)
    assert float(found["within"]) != pytest.approx(float(seen.variances.mean()), rel=1e-4), (
        "13, 13, 12 and 12 rows"
    )
    variances = seen.variances.tolist()
    assert float(found["least_variance"]) == pytest.approx(min(variances) / (sum(variances) / 4))


@pytest.mark.parametrize(("count", "d"), [(4, 16), (4, 3), (12, 5), (2, 7)])
def test_nc1_is_numpys_pseudo_inverse_cut_at_its_rank(count: int, d: int) -> None:
    """tr(Sigma_W Sigma_B^+) / C, with eigenvalues beyond min(C - 1, D) cut by hand; also where D < C - 1."""
    _, _, seen = scene(count, d)
    centred = (seen.means - seen.means.mean(0)).numpy()
    lam, vectors = numpy.linalg.eigh(centred.T @ centred / count)
    top = slice(-min(count - 1, d), None)
    inverse = vectors[:, top] / lam[top] @ vectors[:, top].T
    expected = numpy.trace(seen.within.numpy() @ inverse) / count
    assert float(nc1(seen)) == pytest.approx(expected, rel=1e-9)


def test_nc1_of_isotropic_classes() -> None:
    """Means at +-a along one axis, variance s^2 along every one: Sigma_B = a^2 there, so NC1 = s^2 / a^2 / 2, whatever D."""
    seen = Geometry(torch.tensor([[2.0, 0, 0], [-2.0, 0, 0]]).double(), torch.ones(2).double() * 0.75,
                    torch.eye(3).double() / 4, torch.ones(2).double() / 2)  # fmt: skip
    assert float(nc1(seen)) == pytest.approx(0.25 / 4 / 2)
    assert float(cdnv(seen)) == pytest.approx((0.75 + 0.75) / (2 * 16))


def test_cdnv_is_the_loop_over_pairs() -> None:
    rows, labels, seen = scene(5, 4)
    v = [float((g - g.mean(0)).square().sum(1).mean()) for g in (rows[labels == c] for c in range(5))]
    m = [rows[labels == c].mean(0) for c in range(5)]
    pairs = [(a, b) for a in range(5) for b in range(a)]
    expected = sum((v[a] + v[b]) / (2 * float((m[a] - m[b]).square().sum())) for a, b in pairs) / len(pairs)
    assert float(cdnv(seen)) == pytest.approx(expected)


def test_norms_and_angles_are_the_loops() -> None:
    _, _, seen = scene(5, 4)
    m = (seen.means - seen.means.mean(0)).numpy()
    lengths = [math.sqrt((row**2).sum()) for row in m]
    assert float(equinorm(seen)) == pytest.approx(numpy.std(lengths) / numpy.mean(lengths))
    cosines = [m[a] @ m[b] / lengths[a] / lengths[b] for a in range(5) for b in range(a)]
    assert float(equiangular(seen)) == pytest.approx(numpy.mean([abs(c + 1 / 4) for c in cosines]))


def test_self_duality_is_its_formula_and_sees_wrong_weights() -> None:
    """Against numpy; the means themselves, centred, are dual only where they are a simplex; their negatives are 2 away."""
    weights, seen = normal(4, 6, seed=5), scene(4, 6)[2]
    m = (seen.means - seen.means.mean(0)).numpy()
    product = weights.numpy() @ m.T
    simple = (numpy.eye(4) - 1 / 4) / math.sqrt(3)
    expected = numpy.linalg.norm(product / numpy.linalg.norm(product) - simple)
    assert float(self_dual(seen, weights)) == pytest.approx(expected)
    far = simplex(4, 6)
    ideal = Geometry(far, torch.zeros(4).double(), torch.zeros(6, 6).double(), torch.ones(4).double() / 4)
    assert float(self_dual(ideal, -(far - far.mean(0)))) == pytest.approx(2)


def test_labels_choose_the_classifiers_rows() -> None:
    """Classes 4, 0 and 2 of five: their weights and no others, in this order."""
    weights, (_, _, seen) = normal(5, 6, seed=5), scene(3, 6)
    found = numbers(seen, Classifier(weights), torch.tensor([4, 0, 2]))
    assert float(found["self_dual"]) == pytest.approx(float(self_dual(seen, weights[[4, 0, 2]])))


def test_a_classifier_decides_with_its_bias() -> None:
    """Rows 1 and 3 on a line, logits x and 2: without the bias everything is class 0."""
    rows, weights = torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [0.0]])
    assert Classifier(weights, torch.tensor([0.0, 2.0])).decide(rows).tolist() == [1, 0]
    assert Classifier(weights).decide(rows).tolist() == [0, 0]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(1e-3, 1e3), count=st.integers(3, 6))
def test_turns_moves_and_scales_change_no_ratio(seed: int, scale: float, count: int) -> None:
    rows, labels, seen = scene(count, 5, seed=seed)
    turn, _ = torch.linalg.qr(normal(5, 5, seed=seed + 2))
    moved = Geometry.of(groups(scale * rows @ turn + scale, labels))
    here, there = (numbers(one, None, torch.arange(count)) for one in (seen, moved))
    for name in ("cdnv", "nc1", "nc1_quotient", "equinorm", "equiangular", "least_variance"):
        assert float(there[name]) == pytest.approx(float(here[name]), rel=1e-6), name
    assert float(there["within"]) == pytest.approx(scale**2 * float(here["within"]), rel=1e-6)


def test_two_classes_have_no_angles() -> None:
    """Two centred means are opposite and equally far, always."""
    found = numbers(scene(2, 4)[2], None, torch.arange(2))
    assert not {"equinorm", "equiangular"} & set(found)
