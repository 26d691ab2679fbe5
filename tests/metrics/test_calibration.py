"""The planted set and its count: truths are those of the population, and the verdict finds them."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from scipy.stats import binomtest, kstest

from collapse_cli.metrics.calibration import JudgedSample, calibration, cases, count, scenes, sizes
from collapse_cli.metrics.eigenvalues import eigenvalues
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.planted import (
    GAP,
    MARGIN,
    Scene,
    _heavy,
    _spectra,
    gaussian,
    low_rank,
    of_spectrum,
    of_unit_rows,
)
from collapse_cli.metrics.planted_copies import copied
from collapse_cli.metrics.probe import wilson
from collapse_cli.metrics.ranks import ACTIVE


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("lam", [[1.0] * 8, [4.0, 1.0], [9.0, 1.0]])
def test_the_spectrum_of_unit_rows(lam: list[float]) -> None:
    """Equal: 1/d each. Of two dimensions with deviations a, b the unit circle has shares a/(a+b), b/(a+b)."""
    found = of_unit_rows(torch.tensor(lam, dtype=torch.float64))
    a, b = lam[0] ** 0.5, lam[-1] ** 0.5
    expected = [1 / 8] * 8 if len(lam) == 8 else [a / (a + b), b / (a + b)]
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


def test_the_spectrum_of_unit_rows_is_that_of_many() -> None:
    lam = torch.arange(1, 9).double() ** -2.0
    rows = gaussian(lam, seeded(0))(200_000, seeded(1))
    assert eigenvalues(gather(rows).on_sphere.covariance).tolist() == pytest.approx(
        of_unit_rows(lam).tolist(), rel=0.02
    )


def test_truths_by_spectrum() -> None:
    """Rank r of 64: dimensional up to 24, healthy from 40 on, not asked between; j^-1 fills all of 128, j^-3 a few."""
    truths = {rank: of_spectrum(low_rank(64, rank / 64)) for rank in (1, 24, 32, 40, 64)}
    assert truths == {
        1: "dimensional collapse",
        24: "dimensional collapse",
        32: None,
        40: "healthy",
        64: "healthy",
    }
    power = {a: of_spectrum(torch.arange(1, 129).double() ** -a) for a in (0.0, 1.0, 3.0)}
    assert power == {0.0: "healthy", 1.0: "healthy", 3.0: "dimensional collapse"}


@pytest.mark.parametrize("d", [8, 32])
def test_declared_truths_are_those_of_many_rows(d: int) -> None:
    """The definition on 400 D rows: a direction counts above ACTIVE of the mean, with half the margin that Gaussian scenes have.

    A common part dominates below a total variance of .0625; it does not where the shape is judged.
    """
    for scene in scenes(d, seeded(0)):
        if scene.kind not in (
            "ReLU",
            "clusters",
            "heavy tails",
            "offset",
            "one point",
            "ray",
            "dominating offset",
        ):
            continue
        lam = eigenvalues(gather(scene.draw(400 * d, seeded(1))).on_sphere.covariance)
        level = lam / lam.mean().clamp_min(1e-300) / ACTIVE
        surely, perhaps = (float((level > bound).double().mean()) for bound in (MARGIN / 2, 2 / MARGIN))
        if scene.truth in ("complete collapse", "inconclusive"):
            assert float(lam.sum()) < 0.0625 / 1.2
        else:
            assert float(lam.sum()) > 0.0625 * 1.2
            assert surely > GAP[1] if scene.truth == "healthy" else perhaps < GAP[0], scene


def test_spectra_are_those_of_covariances() -> None:
    """Eigenvalues are not negative; the outliers' share of their sum is .5, .8 and .999, for one of them and for three."""
    every = list(_spectra(64))
    assert all(float(lam.min()) >= 0 for _, lam in every)
    outliers = [lam for kind, lam in every if kind == "outlier dimensions"]
    shares = [
        float(lam[:few].sum() / lam.sum()) for lam, few in zip(outliers, (1, 1, 1, 3, 3, 3), strict=True)
    ]
    assert shares == pytest.approx([0.5, 0.8, 0.999] * 2)


def test_heavy_tails_are_those_of_student() -> None:
    """Unmixed, the numbers are of Student's t with 3 degrees of freedom."""
    drawn = _heavy(torch.eye(4), 1000, seeded(0)).flatten()
    assert kstest(drawn.numpy(), "t", args=(3,)).pvalue > 0.01
    assert kstest(drawn.numpy(), "norm").pvalue < 0.01


def test_what_copies_are_worth_is_the_share_of_different_rows() -> None:
    """Of 1,000 rows; those that differ by 1e-7 of their length count as one, and those of a group do."""
    for scene in copied(16, seeded(0)):
        rows = scene.draw(1000, seeded(1)).double()
        if scene.kind != "integer codes":
            apart = 1e-5 if scene.kind == "copies" else 0.3 if scene.kind == "groups" else 0.0
            near = (
                torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
                <= apart * rows.norm(dim=1) + 1e-9
            )
            different = float((1 / near.double().sum(dim=1)).sum()) / 1000
            assert different == pytest.approx(scene.worth, abs=0.03), scene


def test_nearly_all_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """99 % right, and no more than 1 % of the healthy called collapsed, where rows are fewest."""
    monkeypatch.setattr("collapse_cli.metrics.calibration.RATIOS", (2, 5))
    found = calibration(list(cases([32], replications=1, seed=3)))
    assert found.cases == count([32], replications=1)
    assert found.right >= 0.99
    assert found.false_alarms <= 0.01
    assert found.missed == 0
    assert sum(map(sum, found.confusion)) == found.cases


def test_repeatable() -> None:
    first, again = (list(islice(cases([8], 1, 5), 30)) for _ in range(2))
    assert first == again


def test_sizes() -> None:
    assert list(sizes(8)) == [(8, False), (16, True), (40, True), (160, True), (800, True)]
    assert list(sizes(512)) == [(256, False), (512, False), (1024, True), (2560, True)]


def test_what_is_counted() -> None:
    """4 healthy, one called collapsed; 2 collapsed, one called healthy; 1 with too few rows. 4 of 7 right."""
    said = [
        "healthy",
        "healthy",
        "inconclusive",
        "dimensional collapse",
        "healthy",
        "complete collapse",
        "inconclusive",
    ]
    true = ["healthy"] * 4 + ["dimensional collapse", "complete collapse", "inconclusive"]
    found = calibration(
        [JudgedSample("a" if t == "healthy" else "b", t, s, 9, 8) for t, s in zip(true, said, strict=True)]
    )  # type: ignore[arg-type]
    assert (found.right, found.false_alarms, found.missed) == (4 / 7, 1 / 4, 1 / 2)
    assert found.undecided == 1 / 6
    assert found.confusion[2] == (0, 1, 2, 1)
    assert found.right_by_kind == {"a": 2 / 4, "b": 2 / 3}
    assert [each.interval for each in found.right_by_kind.values()] == [wilson(2, 4), wilson(2, 3)]
    low, high = binomtest(4, 7).proportion_ci(method="wilson")
    assert found.right.interval == pytest.approx((low, high), rel=1e-4)


def test_what_few_rows_cannot_tell_is_a_case_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 rows of 8 dimensions tell nothing but of one point, which is one however few; 16 tell."""
    point = lambda n, chance: torch.ones(n, 8)  # noqa: E731
    scenes_ = [
        Scene("isotropic", "healthy", gaussian(low_rank(8, 1.0), seeded(0))),
        Scene("one point", "complete collapse", point, whatever_n=True),
    ]
    monkeypatch.setattr("collapse_cli.metrics.calibration.scenes", lambda d, generator: scenes_)
    monkeypatch.setattr("collapse_cli.metrics.calibration.RATIOS", (2,))
    found = list(cases([8], 2, 0))
    assert [(case.kind, case.truth, case.rows) for case in found[:4]] == [
        ("tiny N", "inconclusive", 8),
        ("isotropic", "healthy", 16),
        ("tiny N", "complete collapse", 8),
        ("one point", "complete collapse", 16),
    ]
    assert len(found) == count([8], 2) == 8
    assert {case.dimensions for case in found} == {8}
    assert [case.status for case in found if case.kind == "one point"] == ["complete collapse"] * 2


def test_of_nothing_no_share_is_known() -> None:
    """None of no healthy samples is a false alarm, and nothing is sure of it: Wilson's interval of 0 of 1."""
    found = calibration([JudgedSample("a", "inconclusive", "inconclusive", 9, 8)])
    assert (found.right, found.false_alarms, found.missed, found.undecided) == (1, 0, 0, 0)
    assert found.false_alarms.interval[1] == pytest.approx(0.7935, abs=1e-3)


@pytest.mark.parametrize(("d", "first"), [(7, (14, True)), (8, (8, False)), (16, (8, False))])
def test_sizes_begin_at_eight_rows(d: int, first: tuple[int, bool]) -> None:
    """Half of 16, all of 8; of 7 dimensions the first that are 8 or more are twice as many."""
    assert next(sizes(d)) == first
    assert (4096, True) in list(sizes(2048))
    assert 4100 not in [n for n, _ in sizes(2050)], "more than 4,096 rows are not asked for"
