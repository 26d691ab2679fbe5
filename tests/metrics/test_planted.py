"""The planted samples are what their names say: lengths, widths, shares and offsets, measured on 4,000 rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.calibration import scenes, sizes
from collapse_cli.metrics.planted import Scene, _clusters, _rectified, _spectra, low_rank
from collapse_cli.metrics.planted_copies import owners
from collapse_cli.metrics.signs import ALIKE, COMPLETE, TOLD_APART

D, N = 32, 4000


Drawn = Callable[[str], list[tuple[Scene, Tensor]]]


@pytest.fixture(scope="module")
def planted() -> tuple[Scene, ...]:
    return tuple(scenes(D, torch.Generator().manual_seed(0)))


@pytest.fixture
def drawn(planted: tuple[Scene, ...]) -> Drawn:
    """The scenes of a kind, with N rows of each."""
    return lambda kind: [
        (scene, scene.draw(N, torch.Generator().manual_seed(1))) for scene in planted if scene.kind == kind
    ]


def offset(rows: Tensor) -> float:
    """Length of the mean over the root mean square distance from it."""
    rows = rows.double()
    return float(rows.mean(dim=0).norm() / (rows - rows.mean(dim=0)).square().sum(dim=1).mean().sqrt())


def test_the_kinds_and_how_many_there_are_of_each(planted: tuple[Scene, ...]) -> None:
    counts: dict[str, int] = {}
    for scene in planted:
        counts[scene.kind] = counts.get(scene.kind, 0) + 1
    assert {kind: counts[kind] for kind in ("ReLU", "clusters", "float16", "lengths 1e-6 to 1e6", "heavy tails")} == {
        "ReLU": 3, "clusters": 2, "float16": 2, "lengths 1e-6 to 1e6": 2, "heavy tails": 2,
    }  # fmt: skip
    assert {kind: counts[kind] for kind in ("offset", "dominating offset", "offset of a network", "collapsed network")} == {
        "offset": 6, "dominating offset": 12, "offset of a network": 12, "collapsed network": 12,
    }  # fmt: skip
    assert {kind: counts[kind] for kind in ("one point", "ray", "ray at unit length", "massive coordinate", "outliers")} == {
        "one point": 2, "ray": 2, "ray at unit length": 1, "massive coordinate": 4, "outliers": 4,
    }  # fmt: skip


def test_offsets(drawn: Drawn) -> None:
    """1, 1.5 and 2.5 lengths of a row leave the shape to be judged; 6, 30 and 1,000 hide it."""
    assert [offset(rows) for _, rows in drawn("offset")] == pytest.approx([1, 1.5, 2.5] * 2, rel=0.05)
    network = [offset(rows) for _, rows in drawn("offset of a network")]
    assert network == pytest.approx([6, 6, 30, 30, 1000, 1000] * 2, rel=0.05)
    for _, rows in drawn("dominating offset")[1::2]:
        assert rows.norm(dim=1).tolist() == pytest.approx([1] * N, rel=1e-5)


def shares(rows: Tensor) -> Tensor:
    """Of the mean square in each direction, descending, (D,)."""
    lam = torch.linalg.eigvalsh(rows.double().T @ rows.double()).flip(0)
    return lam / lam.sum()


def test_ranks_are_shares_of_the_dimensions(drawn: Drawn) -> None:
    """1/64, 1/16, 1/4, 3/8 of 32 dimensions are 1 (at the least), 2, 8 and 12; then 5/8, 3/4 and 7/8."""
    ranks = [int((shares(rows) > 1e-6).sum()) for _, rows in drawn("rank r of D")]
    assert ranks == [1, 2, 8, 12, 20, 24, 28]
    noisy = [shares(rows) for _, rows in drawn("rank and noise")]
    for place, lam in enumerate(noisy[:6]):
        noise, rank = (1e-4, 1e-3)[place // 3], (2, 8, 12)[place % 3]  # of rank 1 nothing is asked
        assert float(lam[rank:].sum()) == pytest.approx(noise, rel=0.1)
        assert float(lam[0] / lam[rank - 1]) < 1.5


def test_power_laws_fall(drawn: Drawn) -> None:
    """lambda_j = j^-exponent: the second is 2^-exponent of the first, the fourth 4^-exponent."""
    for _, rows in drawn("power law"):
        lam = shares(rows)
        exponent = float(-(lam[1] / lam[0]).log2())
        assert min(abs(exponent - expected) for expected in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)) < 0.15
        assert float(lam[3] / lam[0]) == pytest.approx(4**-exponent, rel=0.2)


def test_massive_coordinates(drawn: Drawn) -> None:
    """The first alone is moved, by 1.5 and 300 lengths of a row."""
    moved = [rows.double().mean(dim=0) for _, rows in drawn("massive coordinate")]
    assert [float(mean[0]) for mean in moved] == pytest.approx([1.5, 300] * 2, rel=0.02)
    assert max(float(mean[1:].abs().max()) for mean in moved) < 0.03


def test_points_are_equal_but_for_their_last_places(drawn: Drawn) -> None:
    for _, rows in drawn("one point"):
        eps = torch.finfo(rows.dtype).eps
        most = 1 if rows.dtype == torch.float16 else 2
        apart = (rows.double() / rows.double().median(dim=0).values - 1).abs() / eps
        assert most - 0.5 <= float(apart.max()) <= most + 1.01
    assert [rows.dtype for _, rows in drawn("one point")] == [torch.float16, torch.float32]


def test_rays(drawn: Drawn) -> None:
    """Directions vary by .003 and .02 about one axis, logarithms of lengths by a third."""
    for (_, rows), width in zip(drawn("ray"), (0.003, 0.02), strict=True):
        lengths, directions = rows.norm(dim=1), torch.nn.functional.normalize(rows.double(), dim=1)
        spread = (directions - directions.mean(dim=0)).square().sum(dim=1).mean().sqrt()
        assert float(spread) == pytest.approx(width, rel=0.05)
        assert float(lengths.log().std()) == pytest.approx(1 / 3, rel=0.05)
    ((_, rows),) = drawn("ray at unit length")
    assert rows.norm(dim=1).tolist() == pytest.approx([1] * N, rel=1e-5)


def test_outliers_stand_off_a_tight_cluster(drawn: Drawn) -> None:
    """5 % and 20 % of the rows; all others lie .03 from the cluster's centre, which has length 1."""
    for (_, rows), share in zip(drawn("outliers"), (0.05, 0.2) * 2, strict=True):
        centre = rows.median(dim=0).values
        distance = (rows - centre).norm(dim=1)
        assert float((distance > 0.2).double().mean()) == pytest.approx(share, abs=0.002)
        assert float(centre.norm()) == pytest.approx(1, abs=0.02)
        assert float(distance[distance < 0.2].square().mean().sqrt()) == pytest.approx(0.03, rel=0.1)


def test_rectified_rows(drawn: Drawn) -> None:
    """Half of the numbers are zero without a bias; of the last, P(x < .5) = .69; none is negative."""
    zeros = [float((rows == 0).double().mean()) for _, rows in drawn("ReLU")]
    assert zeros == pytest.approx([0.5, 0.5, 0.6915], abs=0.06)
    assert all(float(rows.min()) == 0 for _, rows in drawn("ReLU"))


def test_clusters(drawn: Drawn) -> None:
    """Ten, of equal size, about centres of length 1: a row is .5 or .03 away from its own."""
    for (_, rows), noise in zip(drawn("clusters"), (0.5, 0.03), strict=True):
        within = torch.stack([rows[place::10] for place in range(10)])  # (10, N/10, D)
        centres = within.mean(dim=1)
        assert float((within - centres[:, None]).square().sum(dim=2).mean().sqrt()) == pytest.approx(
            noise, rel=0.05
        )
        assert centres.norm(dim=1).tolist() == pytest.approx([1] * 10, abs=0.1)


def test_lengths_and_types(drawn: Drawn) -> None:
    """Logarithms of lengths are uniform from -6 to 6, of mean 0 and deviation sqrt(12); bytes reach 127 at 4 deviations."""
    for _, rows in drawn("lengths 1e-6 to 1e6"):
        logs = rows.double().norm(dim=1).log10()
        assert float(logs.mean()) == pytest.approx(0, abs=0.12)
        assert float(logs.std()) == pytest.approx(12**0.5, abs=0.08)
    assert {rows.dtype for _, rows in drawn("float16")} == {torch.float16}
    for _, rows in drawn("integer codes"):
        assert torch.equal(rows, rows.round())
        assert float(rows.abs().max()) <= 127
        assert float(rows.std()) == pytest.approx(127 / 4, rel=0.01)


def test_codes_of_healthy_rows_cannot_be_judged(planted: tuple[Scene, ...]) -> None:
    """Whole numbers may be anything; a shape that has lost its directions is lost in them, too."""
    truths = [scene.truth for scene in planted if scene.kind == "integer codes"]
    assert truths == ["inconclusive", "dimensional collapse"]


def test_what_networks_say(planted: tuple[Scene, ...]) -> None:
    """A scale of a third of a percent is a collapse, of a tenth is none; views and losses that have forgotten are one."""
    assert [(scene.truth, scene.signs.scale) for scene in planted if scene.kind == "scale"] == [
        ("complete collapse", 1 / 300),
        ("healthy", 1 / 10),
    ]
    sure = {scene.kind for scene in planted if scene.whatever_n}
    assert sure == {"one point", "ray", "scale", "collapsed network"}
    assert all(scene.truth == "complete collapse" for scene in planted if scene.whatever_n)
    assert {scene.kind for scene in planted if scene.grouped} == {"groups"}


def test_sizes_count_what_is_new() -> None:
    """Of 8 dimensions and a tenth of new rows, 160 rows tell 16 and 40 do not tell 8; with six tenths 16 are not asked."""
    assert list(sizes(8, 0.1)) == [(8, False), (16, False), (40, False), (160, True), (800, True)]
    assert list(sizes(8, 0.4)) == [(8, False), (16, False), (40, True), (160, True), (800, True)]
    assert list(sizes(8, 0.6)) == [(8, False), (40, True), (160, True), (800, True)]
    assert max(n for n, _ in sizes(2048)) == 4096


def test_a_ray_of_a_relu_has_few_directions(drawn: Drawn) -> None:
    """Of 32 dimensions the Gaussian has 2 before the ReLU, of 8 it has 1; the ReLU makes a few more of them, and not half."""
    active = [int((shares(rows - rows.mean(dim=0)) > 0.03 / D).sum()) for _, rows in drawn("ReLU")]
    assert active[0] == active[2] == D
    assert 4 <= active[1] <= D / 2


def test_of_scales_the_shape_is_isotropic(drawn: Drawn) -> None:
    """Only how long the rows are tells a collapse there."""
    for _, rows in drawn("scale"):
        lam = shares(rows)
        assert float(lam[-1]) > float(lam[0]) / 1.6


def test_the_shapes_are_spread_over_the_dimensions() -> None:
    """Of a quarter of 64 dimensions 16 hold all, or all but the noise, which the others share evenly; at least one holds it."""
    assert low_rank(64, 1 / 4).tolist() == pytest.approx([1 / 16] * 16 + [0] * 48)
    assert low_rank(64, 1 / 4, 0.48).tolist() == pytest.approx([0.52 / 16] * 16 + [0.01] * 48)
    assert low_rank(4, 0.0).tolist() == [1, 0, 0, 0]
    assert low_rank(4, 1.0, 0.5).tolist() == [0.25] * 4, "no others, no noise"


def test_the_ladder_of_spectra() -> None:
    """Ranks 1, 4, 16, 24 of 64 with noise of 0, 1e-4, 1e-3, .05 and .1; ranks 40, 48, 56; all; powers; outliers."""
    every = [(kind, lam) for kind, lam in _spectra(64)]
    ranked = [lam for kind, lam in every if kind.startswith("rank")]
    assert [int((lam > lam[0] / 2).sum()) for lam in ranked] == [1, 4, 16, 24] * 5 + [40, 48, 56]
    noise = [float(lam[lam <= lam[0] / 2].sum()) for lam in ranked]
    assert noise == pytest.approx(
        [0] * 4 + [1e-4] * 4 + [1e-3] * 4 + [0.05] * 4 + [0.1] * 4 + [0] * 3, abs=1e-7
    )
    assert [kind for kind, _ in every] == ["rank r of D"] * 4 + ["rank and noise"] * 16 + ["rank r of D"] * 3 + [
        "isotropic", *["power law"] * 7, *["outlier dimensions"] * 6
    ]  # fmt: skip
    powers = [float(lam[0] / lam[1]) for kind, lam in every if kind == "power law"]
    assert powers == pytest.approx([2**0.5, 2, 2**1.5, 4, 8, 16, 64])


@pytest.mark.parametrize(("d", "directions"), [(31, 1), (32, 2), (127, 2), (128, 4)])
def test_a_relu_widens_few_directions(d: int, directions: int) -> None:
    """The rows before it have 1 direction below 32 dimensions, 2 below 128, then 4: a ReLU of them is collapsed."""
    scene = list(_rectified(d, torch.Generator()))[1]
    assert scene.truth == "dimensional collapse"
    draw, bias = scene.draw.args  # type: ignore[attr-defined]
    assert (int(torch.linalg.matrix_rank(draw(64, torch.Generator()))), bias) == (directions, 0)


@pytest.mark.parametrize(("d", "kinds"), [(25, 1), (26, 2)])
def test_ten_clusters_are_few_directions_where_four_tenths_are_more(d: int, kinds: int) -> None:
    """.4 x 25 is ten."""
    assert len(list(_clusters(d, torch.Generator()))) == kinds


def test_what_views_and_losses_say(planted: tuple[Scene, ...]) -> None:
    """Beyond the bound and short of it: eight times the ratio at random initialisation, and a std·√D of a quarter or twice it."""
    learned, seen = ([s for s in planted if s.kind == "offset of a network"][place::2] for place in (0, 1))
    assert all(s.signs.beside_initial > 2 * TOLD_APART and s.signs.views > 2 * ALIKE for s in learned)
    assert all(s.signs.trained > 3 * COMPLETE for s in seen)
    forgotten, lost = ([s for s in planted if s.kind == "collapsed network"][place::2] for place in (0, 1))
    assert all(s.signs.beside_initial < TOLD_APART / 2 and s.signs.views > 2 * ALIKE for s in forgotten)
    assert {s.truth for s in forgotten} == {"inconclusive"}, "that they say little is no proof"
    assert all(s.signs.trained < COMPLETE / 8 for s in lost)
    assert {(s.truth, s.whatever_n) for s in lost} == {("complete collapse", True)}


def test_what_is_new_among_copies(planted: tuple[Scene, ...]) -> None:
    """Every tenth row of copies and groups; of one point among rows all others; of zeros four tenths."""
    worth: dict[str, list[float]] = {}
    for scene in planted:
        worth.setdefault(scene.kind, []).append(scene.worth)
    assert worth["copies"] == [0.1] * 4
    assert worth["groups"] == [0.1] * 2
    assert worth["one point among rows"] == pytest.approx([0.9, 0.6, 0.3] * 2)
    assert worth["zeros among rows"] == [0.4] * 2
    assert all(
        set(shares) == {1.0}
        for kind, shares in worth.items()
        if not kind.startswith(("copies", "groups", "one point among", "zeros"))
    )
    assert owners(25).tolist() == [0] * 10 + [1] * 10 + [2] * 5


def test_copies_and_groups_differ_as_they_should(planted: tuple[Scene, ...]) -> None:
    """Ten in a row: equal ones, such that differ by 1e-7 of their length, and groups that do by a tenth of it."""
    for kind, apart in (("copies", (0.0, 1e-7)), ("groups", (0.1,))):
        for scene, noise in zip((s for s in planted if s.kind == kind), apart * 2, strict=True):
            rows = scene.draw(205, torch.Generator().manual_seed(1)).double()
            assert rows.shape == (205, D)
            groups = rows[:200].view(20, 10, D)
            differ = (groups[:, 1:] - groups[:, :1]).norm(dim=2) / groups[:, :1].norm(dim=2)
            assert float(differ.square().mean().sqrt()) == pytest.approx(noise * 2**0.5, rel=0.1)
            assert float((groups[1:, 0] - groups[:-1, 0]).norm(dim=1).min()) > 0.3
