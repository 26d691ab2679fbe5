"""A power of two changes no digit: what does not depend on the scale is the same to the last bit, at 2^-1000 and at 2^900.

And where rows of very different sizes meet: those that are much longer take nothing from what is said of the others.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from collapse_cli.analysis.centring import less, means
from collapse_cli.analysis.oracle import of_length_1
from collapse_cli.errors import CollapseError
from collapse_cli.metric import metrics
from collapse_cli.metrics import (
    alignment,
    layer_alignment,
    layer_epochs,
    modality,
    vendi,
    view_ratio,
    weights,
)
from collapse_cli.metrics.classes import Classes, classes
from collapse_cli.metrics.copies import counted
from collapse_cli.metrics.coverage import Coverage, coverage
from collapse_cli.metrics.dormant import Dormant, dormant
from collapse_cli.metrics.isotropy import Isotropy, isotropy
from collapse_cli.metrics.kmeans import kmeans
from collapse_cli.metrics.lidar import lidar
from collapse_cli.metrics.nearest_mean import nearest_mean
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.probe import knn, linear
from collapse_cli.metrics.rows import (
    as_given,
    centre,
    directions,
    largest,
    levelled,
    power,
    refuse_width,
    shifted,
)
from collapse_cli.metrics.scatter import groups
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.metrics.verdict import verdict

N, D = 48, 5
LABELS = torch.arange(N) % 3
SCALES = st.integers(-1000, 900)
ORDINARY = settings(max_examples=6, deadline=None)


def chance(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def rows(seed: int, digits: int = 20) -> Tensor:
    """Three classes, to so many binary places: at 2^-1000 none of them is lost."""
    drawn = torch.randn(N, D, generator=chance(seed), dtype=torch.float64)
    drawn += 3 * torch.eye(D, dtype=torch.float64)[LABELS]
    return (drawn * 2**digits).round() / 2**digits


def second(z: Tensor) -> Tensor:
    """Another view: sums of few digits, and so exact at any scale."""
    return z + z.roll(3, 0) / 4


def of_classes(z: Tensor) -> Classes:
    """Without what has a unit."""
    return dataclasses.replace(classes(z, LABELS, ("a", "b", "c"), chance()), within=None, between=None)


def of_lidar(z: Tensor) -> Any:
    member = torch.arange(N).repeat(2)
    grouped = groups(torch.cat([z, second(z)]), member)
    return dataclasses.replace(lidar(grouped, chance()), delta=None)


SCALE_FREE: dict[str, Callable[[Tensor], Any]] = {
    "spectrum": lambda z: spectrum(z, chance()),
    "spectrum in groups": lambda z: spectrum(z, chance(), groups=torch.arange(N) // 3),
    "verdict": lambda z: verdict(spectrum(z, chance())),
    "alignment": lambda z: alignment.measure(z, (z, second(z)), LABELS, ("a", "b", "c")),
    "modality": lambda z: modality.modality(z, second(z), chance()),
    "isotropy": lambda z: isotropy(z, chance()),
    "view ratio": lambda z: view_ratio.measure((z, second(z))),
    "dormant": lambda z: dormant(z),
    "classes": of_classes,
    "lidar": of_lidar,
    "coverage": lambda z: coverage(z[:24], second(z)[24:], chance(), k=2),
    "kmeans": lambda z: kmeans(z, 3, chance()).tolist(),
    "linear": lambda z: linear(z[:30], LABELS[:30], z[30:]).tolist(),
    "knn": lambda z: knn(z[:30], LABELS[:30], z[30:], 5, 0.07).tolist(),
    "vendi": lambda z: vendi.vendi(z),
    "copies": lambda z: dataclasses.replace(counted(torch.cat([z, z[:7]])), owner=None),
    "rows of the oracle": lambda z: of_length_1(z).tolist(),
}


@pytest.mark.parametrize("name", SCALE_FREE)
@given(seed=st.integers(0, 99), k=SCALES)
@example(seed=0, k=-1000)
@example(seed=0, k=900)
@ORDINARY
def test_a_power_of_two_changes_no_bit(name: str, seed: int, k: int) -> None:
    z = rows(seed)
    assert told(SCALE_FREE[name](shifted(z, k))) == told(SCALE_FREE[name](z))


def told(result: Any) -> str:
    """Everything: values, nulls, intervals and curves of a result, every bit of a number."""
    return (
        repr(metrics(result))
        if hasattr(type(result), "TABLE") or isinstance(result, Isotropy | Dormant | Coverage)
        else repr(result)
    )


@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
@pytest.mark.parametrize("name", SCALE_FREE)
def test_small_types_at_their_ends(name: str, kind: torch.dtype) -> None:
    """Of float16 and float32 the same numbers at the top, at the bottom and in float64 are measured alike.

    Where the type decides, as of copies, it is the same type that is compared.
    """
    top, bottom = {torch.float16: (12, -12), torch.float32: (124, -126)}[kind]
    z = rows(1, digits=3).clamp(-7, 7).to(kind)
    for k in (top, bottom):
        if kind == torch.float16 and name in ("view ratio", "lidar", "coverage", "modality", "alignment"):
            continue  # sums of two rows need more digits than float16 has
        there = shifted(z.double(), k).to(kind)
        assert told(SCALE_FREE[name](there)) == told(SCALE_FREE[name](z)), k


@given(k=st.integers(-490, 490), seed=st.integers(0, 99))
@ORDINARY
def test_variances_of_classes_have_the_unit_of_the_rows(k: int, seed: int) -> None:
    here, there = (classes(z, LABELS, (), chance()) for z in (rows(seed), shifted(rows(seed), k)))
    for name in ("within", "between"):
        assert float(getattr(there, name)) == math.ldexp(float(getattr(here, name)), 2 * k)
        assert getattr(there, name).null == math.ldexp(getattr(here, name).null, 2 * k)


@pytest.mark.parametrize("k", [-1000, -700, 700, 900])
def test_variances_that_float64_cannot_hold_are_left_out(k: int) -> None:
    result = classes(shifted(rows(0), k), LABELS, (), chance())
    assert (result.within, result.between) == (None, None)
    assert result.cdnv == classes(rows(0), LABELS, (), chance()).cdnv
    member = torch.arange(N).repeat(2)
    z = shifted(torch.cat([rows(0), second(rows(0))]), k)
    assert lidar(groups(z, member), chance()).delta is None


def test_an_absolute_delta_has_the_unit_of_the_rows() -> None:
    """delta is added to Sw of the rows themselves; a scale of 2^100 with a delta 2^200 times as large is the same pencil."""
    member, z = torch.arange(N).repeat(2), torch.cat([rows(0), second(rows(0))])
    here = lidar(groups(z, member), chance(), 0.5, relative=False)
    there = lidar(groups(shifted(z, 100), member), chance(), math.ldexp(0.5, 200), relative=False)
    assert (there.lidar, there.delta) == (here.lidar, math.ldexp(0.5, 200))
    with pytest.raises(CollapseError, match="beyond what float64 can hold"):
        lidar(groups(shifted(z, -1000), member), chance(), 0.5, relative=False)


def test_a_width_has_the_unit_of_the_rows() -> None:
    z = rows(3)
    for k in (-900, 900):
        assert vendi.vendi(shifted(z, k), math.ldexp(1.5, k)) == vendi.vendi(z, 1.5)
    assert vendi.vendi(shifted(z, 900), 1.0) == pytest.approx(N), "all rows are far apart"
    assert vendi.vendi(shifted(z, -900), 1.0) == pytest.approx(1), "all rows are one point"
    assert [vendi.vendi(z, width) for width in (1e-200, 1e200)] == pytest.approx([N, 1])


def test_the_scale_of_later_blocks_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny blocks, ordinary ones, then a huge one: the moments are those of all rows at once."""
    from collapse_cli.metrics import passes

    z = rows(5)
    z[:20] = shifted(z[:20], -300)
    z[40:] = shifted(z[40:], 500)
    at_once = gather(z)
    monkeypatch.setattr(passes, "BLOCK", 4 * D)
    in_blocks = gather(z)
    assert at_once.power == in_blocks.power == power(largest(z)) < -490
    torch.testing.assert_close(in_blocks.raw.scatter, at_once.raw.scatter, rtol=1e-12, atol=0)
    torch.testing.assert_close(in_blocks.on_sphere.scatter, at_once.on_sphere.scatter, rtol=1e-12, atol=1e-12)
    assert sorted(in_blocks.longest.tolist()) == sorted(at_once.longest.tolist())


@pytest.mark.parametrize("far", [1e12, 1e160, 1e300])
def test_one_far_row_takes_nothing_from_the_others(far: float) -> None:
    """Ranks of other classes, nearest means of other rows, coverage of the other real rows: as without it."""
    z, other = rows(7), LABELS != 1
    out = z.clone()
    out[1] *= far
    here, there = (classes(rows, LABELS, ("a", "b", "c"), chance()) for rows in (z, out))
    for name in ("a", "c"):
        assert there.rank_of_class[name] == pytest.approx(here.rank_of_class[name], rel=1e-9)
    before, after = (nearest_mean(groups(rows, LABELS), leave_out=True) for rows in (z, out))
    alone = nearest_mean(
        groups(z[other], LABELS[other]), leave_out=True
    )  # the far class's mean is near to none
    assert torch.equal(after[other], torch.where(alone == 1, 2, 0))
    assert not torch.equal(after, before)
    generated = second(z)
    covered, with_far = (coverage(rows, generated, chance(), k=3) for rows in (z, out))
    assert abs(float(covered.precision) - float(with_far.precision)) <= 3 / N
    assert abs(float(covered.coverage) - float(with_far.coverage)) <= 4 / N


def test_the_centre_is_the_mean_but_beside_a_far_row() -> None:
    z = rows(2)
    assert torch.equal(centre(z), z.mean(dim=0))
    z[3] *= 1e9
    assert torch.equal(centre(z), z.median(dim=0).values)


def test_a_unit_of_1e_200_beside_one_of_1e200_is_not_zero() -> None:
    z = rows(0).abs() + 0.1
    z[:, 0] *= 1e-200
    z[:, 1] *= 1e200
    z[:, 2] = 0
    assert float(dormant(z).dormant_0) == 1 / D
    probed = linear(z[:30], LABELS[:30], z[30:])
    plain = rows(0).abs() + 0.1
    plain[:, 2] = 0
    assert torch.equal(probed, linear(plain[:30], LABELS[:30], plain[30:])), (
        "each column is standardised alone"
    )


def test_rows_without_any_number_larger_than_0() -> None:
    assert (power(0.0), largest(torch.zeros(0, 3))) == (0, 0)
    (zeros,), k = levelled(torch.zeros(2, 2))
    assert (k, zeros.tolist()) == (0, [[0, 0], [0, 0]])
    tiny = torch.full((2, 2), 5e-324, dtype=torch.float64)
    (near_1,), k = levelled(tiny)
    assert (k, float(near_1[0, 0])) == (1073, 0.5)


def test_means_are_subtracted_or_refused() -> None:
    """2^1015 times a few: sums overflow, the mean does not. Below 2^-1000 digits would be lost."""
    z = rows(4)
    huge = shifted(z, 1015)
    expected = shifted(less(z, means({"h": z})["h"]), 1015)
    torch.testing.assert_close(less(huge, means({"h": huge})["h"]), expected, rtol=1e-9, atol=0)
    half = torch.tensor([[1.7e308], [-1.7e308], [-1.7e308], [-1.7e308]], dtype=torch.float64)
    with pytest.raises(CollapseError, match="so large that float64 cannot subtract"):
        less(half, means({"h": half})["h"])
    tiny = shifted(z, -1030)
    with pytest.raises(CollapseError, match="so small that float64 cannot subtract"):
        less(tiny, means({"h": tiny})["h"])


@pytest.mark.parametrize("threads", [2, 4])
def test_eigenvalues_are_those_of_any_number_of_threads(threads: int) -> None:
    """|difference| <= 1e-12 of the largest, promised for embeddings in float64."""
    z = torch.randn(3000, 64, generator=chance(), dtype=torch.float64) * torch.logspace(0, -4, 64).double()
    before = torch.get_num_threads()
    found = []
    try:
        for count in (1, threads):
            torch.set_num_threads(count)
            found.append(torch.tensor(list(spectrum(z, chance()).eigenvalues)))
    finally:
        torch.set_num_threads(before)
    assert float((found[0] - found[1]).abs().max()) <= 1e-12 * float(found[0].max())


@pytest.mark.parametrize("k", [-1000, -300, 300, 1000])
def test_weights_of_any_scale_have_lost_what_they_have_lost(k: int) -> None:
    """Ranks, what lies beside the bulk, and alignment to the last bit; the norm has the unit of the weights."""
    first, second, before = (torch.randn(8, 8, generator=chance(n), dtype=torch.float64) for n in range(3))
    here, there = (weights.layer(shifted(first, n), chance(), shifted(before, n)) for n in (0, k))
    assert float(there.norm) == math.ldexp(float(here.norm), k)
    assert repr(dataclasses.replace(there, norm=here.norm)) == repr(here)
    alone = [weights.layer(shifted(first, n), chance()) for n in (0, k)]
    assert alone[1].alive == alone[0].alive
    assert (alone[1].above, alone[1].below) == (alone[0].above, alone[0].below)
    pairs = [layer_alignment.pair(shifted(first, n), shifted(second, n)) for n in (0, k)]
    assert repr(pairs[1]) == repr(pairs[0])
    assert layer_epochs.rank(shifted(first, k)) == layer_epochs.rank(first)


def test_a_norm_that_overflows_is_refused() -> None:
    with pytest.raises(CollapseError, match="float64 cannot hold their length"):
        weights.layer(torch.full((4, 4), 1.7e308, dtype=torch.float64), chance())


@pytest.mark.parametrize(
    ("size", "k"),
    [
        (2.0**64 - 2.0**11, 0),
        (2.0**64, -65),
        (2.0**-64, 0),
        (2.0**-65 * 1.5, 64),
        (2.0**-65, 64),
        (1.0, 0),
        (0.0, 0),
    ],
)
def test_numbers_are_left_where_eighth_powers_are_plain(size: float, k: int) -> None:
    """From 2^-64 up to 2^64; beyond, the power of two that brings them to [1/2, 1)."""
    assert power(size) == k
    if k:
        assert 0.5 <= size * 2.0**k < 1


def test_a_shift_may_be_wider_than_float64() -> None:
    """From 2^-1074, the smallest number, to 2^976 and back: 2^2050 itself is none. A shift by nothing is the same tensor."""
    smallest = torch.tensor([2.0**-1074], dtype=torch.float64)
    assert shifted(smallest, 2050).item() == 2.0**976
    assert shifted(shifted(smallest, 2050), -2050).item() == 2.0**-1074
    assert shifted(smallest, 0) is smallest


def test_a_covariance_of_a_gibibyte_is_the_widest() -> None:
    """8 D^2 bytes: D = 11,585 has 2^30 less 11 KB, 11,586 has more."""
    refuse_width(11_585)
    with pytest.raises(CollapseError, match=r"11,586 dimensions have a covariance of 1\.0 GiB") as raised:
        refuse_width(11_586)
    assert "to 11,585 dimensions at most" in str(raised.value.hint)


def test_lengths_are_given_back() -> None:
    assert as_given(3.0, -5) == 96
    assert as_given(3.0, 5) == 3 / 32
    with pytest.raises(CollapseError, match="float64 cannot hold"):
        as_given(1.0, -1024)


def test_directions_of_any_length() -> None:
    """(3, 4) is (.6, .8) at 1e-300, 1 and 1e300, also beside one another; a row of zeros is the first axis."""
    rows = torch.tensor([[3e-300, 4e-300], [3, 4], [-3e300, 4e300], [0, 0]], dtype=torch.float64)
    expected = [pytest.approx([0.6, 0.8]), pytest.approx([0.6, 0.8]), pytest.approx([-0.6, 0.8]), [1, 0]]
    assert directions(rows).tolist() == expected


@pytest.mark.parametrize(("far", "median"), [(7.0, False), (1e6, False), (1e6 + 1, True)])
def test_distances_are_taken_about_the_median_beside_a_very_far_row(far: float, median: bool) -> None:
    """-1, 0, 1 four times, 1 from their median in the median, and a row more than a million times as far."""
    z = torch.tensor([[-1.0, 0, 1] * 4 + [far]], dtype=torch.float64).T
    assert float(centre(z)) == pytest.approx(0 if median else far / 13)
