"""One look at a batch, against a slow twin and closed forms."""

import math

import pytest
import torch
from torch import Generator, Tensor

from collapse_cli.metrics.looks import Look, looked, origin_of
from tests.device_watch import Watch

NUMBERS = ("scale", "variance", "top_share", "mean_cosine", "line_cosine", "effective_rank")


def look(z: Tensor, origin: Tensor | None = None, **others: Tensor) -> Look:
    return looked(z, origin_of(z) if origin is None else origin, **others).read(1)


def slow(z: Tensor, origin: Tensor) -> dict[str, float]:
    """The same numbers in float64 by pairs and by D x D covariances, as the docstring of Look defines them."""
    z, origin = z.double(), origin.double()
    u = torch.nn.functional.normalize(z - origin, dim=1)
    raw, unit = (torch.linalg.eigvalsh(torch.cov(rows.T)).flip(0).clamp_min(0) for rows in (z, u))
    share = unit / unit.sum()
    pairs = [
        float(torch.cosine_similarity(z[i], z[j], dim=0))
        for i in range(len(z))
        for j in range(len(z))
        if i != j
    ]
    return {
        "scale": float(raw.sum()),
        "variance": float(unit.sum()),
        "top_share": float(raw[0] / raw.sum()),
        "mean_cosine": sum(pairs) / len(pairs),
        "line_cosine": math.sqrt(sum(cosine**2 for cosine in pairs) / len(pairs)),
        "effective_rank": float(torch.special.entr(share).sum().exp()),
    }


@pytest.mark.parametrize(("count", "dimensions"), [(12, 5), (6, 20), (9, 9), (2, 3), (5, 2)])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_a_look_is_the_slow_twin_s(
    count: int, dimensions: int, kind: torch.dtype, generator: Generator
) -> None:
    """By the smaller Gram, of rows or of columns; embeddings of 16 bits are measured as they are."""
    z = (torch.randn(count, dimensions, generator=generator) + 0.5).to(kind)
    origin = torch.randn(dimensions, generator=generator)
    seen = look(z, origin)
    for name, value in slow(z, origin).items():
        assert getattr(seen, name) == pytest.approx(value, rel=2e-5, abs=1e-6), name
    assert (seen.samples, seen.dimensions, seen.finite) == (count, dimensions, True)


def test_variance_is_one_minus_the_mean_cosine(generator: Generator) -> None:
    """Of unit rows u: sum |u - mean|^2 / (B - 1) = (B - B |mean|^2) / (B - 1) = 1 - mean of u_i . u_j over i != j."""
    z = torch.randn(30, 7, generator=generator) + 1
    seen = look(z, torch.zeros(7))
    assert seen.variance == pytest.approx(1 - seen.mean_cosine, abs=1e-6)


def test_a_cross_is_known_in_closed_form() -> None:
    """+-e1, +-e2 about 0: covariance (2/3) I of rank 2 and total 4/3; of 12 ordered pairs 4 have cosine -1, the others 0."""
    seen = look(torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]]))
    values = [getattr(seen, name) for name in NUMBERS]
    assert values == pytest.approx([4 / 3, 4 / 3, 0.5, -1 / 3, math.sqrt(1 / 3), 2.0], abs=1e-6)


def test_turning_and_scaling_change_nothing_but_the_scale(generator: Generator) -> None:
    z, origin = torch.randn(20, 8, generator=generator), torch.randn(8, generator=generator)
    turn = torch.linalg.qr(torch.randn(8, 8, generator=generator)).Q
    plain, turned = look(z, origin), look(1000 * z @ turn, 1000 * origin @ turn)
    assert turned.scale == pytest.approx(1e6 * plain.scale, rel=1e-5)
    for name in NUMBERS[1:]:
        assert getattr(turned, name) == pytest.approx(getattr(plain, name), rel=1e-4), name


def test_an_offset_changes_the_cosines_alone(generator: Generator) -> None:
    """A constant added to every z, hence to the mean of the first batch too."""
    first, z, other = (torch.randn(40, 8, generator=generator) for _ in range(3))
    offset = torch.full((8,), 5.0)
    plain = look(z, origin_of(first), z2=other)
    shifted = look(z + offset, origin_of(first + offset), z2=other + offset)
    for name in ("scale", "variance", "top_share", "effective_rank", "alignment"):
        assert getattr(shifted, name) == pytest.approx(getattr(plain, name), rel=1e-4), name
    assert shifted.mean_cosine > 0.9 > 0.1 > abs(plain.mean_cosine)


def test_planted_collapses_are_seen(generator: Generator) -> None:
    """A point away from the origin; a ray, whose second moment has one direction; a line through both sides of 0; rank 2 of 6."""
    noise = torch.randn(50, 6, generator=generator)
    point = look(torch.ones(50, 6) + 1e-4 * noise, torch.zeros(6))
    assert point.variance == pytest.approx(0, abs=1e-6)
    along = torch.randn(50, 1, generator=generator)
    line = look(along * torch.ones(1, 6), torch.zeros(6))
    assert (line.top_share, line.line_cosine) == pytest.approx((1, 1), abs=1e-6)
    assert abs(line.mean_cosine) < 0.5
    ray = look(along.abs() * torch.ones(1, 6), torch.zeros(6))
    assert (ray.top_share, ray.mean_cosine, ray.line_cosine) == pytest.approx((1, 1, 1), abs=1e-6)
    plane = look(noise[:, :2] @ torch.randn(2, 6, generator=generator))
    assert 1 < plane.effective_rank <= 2 + 1e-6


def test_alignment_is_that_of_unit_rows_about_the_origin() -> None:
    """e1 and e2 about 0: |e1 - e2|^2 = 2; the second pair is equal: mean 1."""
    z, z2 = torch.tensor([[2.0, 0], [0, 3]]), torch.tensor([[0, 1.0], [0, 7]])
    assert look(z, torch.zeros(2), z2=z2).alignment == pytest.approx(1.0)


def test_the_rank_of_h_is_of_its_own_unit_rows(generator: Generator) -> None:
    """About no origin: h is measured as `spectrum` measures it."""
    z, h = torch.randn(20, 4, generator=generator), torch.randn(20, 9, generator=generator) + 1
    assert look(z, torch.zeros(4), h=h).rank_h == pytest.approx(
        slow(h, torch.zeros(9))["effective_rank"], rel=1e-5
    )


def test_one_embedding_and_one_dimension_say_what_they_cannot(generator: Generator) -> None:
    single = look(
        torch.randn(1, 4, generator=generator), torch.zeros(4), z2=torch.randn(1, 4, generator=generator)
    )
    assert single.finite
    assert all(math.isnan(getattr(single, name)) for name in NUMBERS)
    assert single.alignment is not None
    assert 0 < single.alignment < 4
    narrow = look(torch.randn(9, 1, generator=generator), torch.zeros(1))
    assert math.isnan(narrow.top_share)
    assert narrow.effective_rank == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_said(bad: float, generator: Generator) -> None:
    z = torch.randn(8, 3, generator=generator)
    broken = z.clone()
    broken[3, 1] = bad
    assert not look(broken, torch.zeros(3)).finite
    assert not look(z, torch.zeros(3), h=broken).finite
    assert not look(z, torch.zeros(3), loss=torch.tensor(bad)).finite
    assert math.isnan(look(broken, torch.zeros(3)).variance)


def test_extreme_lengths_neither_overflow_nor_vanish(generator: Generator) -> None:
    z = torch.randn(16, 4, generator=generator)
    plain = look(z, torch.zeros(4))
    for factor in (1e30, 1e-30):
        seen = look(z * factor, torch.zeros(4))
        assert seen.scale == pytest.approx(plain.scale * factor**2, rel=1e-4)
        for name in NUMBERS[1:]:
            assert getattr(seen, name) == pytest.approx(getattr(plain, name), rel=1e-4), name


def test_equal_embeddings_are_one_point() -> None:
    seen = look(torch.ones(8, 3))
    assert (seen.scale, seen.variance, seen.top_share, seen.effective_rank) == (0, 0, 1, 1)
    assert seen.mean_cosine == pytest.approx(1)


def test_of_a_large_batch_512_at_equal_distances_are_looked_at(generator: Generator) -> None:
    z = torch.randn(1024, 3, generator=generator)
    assert look(z, torch.zeros(3)) == look(z[::2], torch.zeros(3))
    assert look(z[:513], torch.zeros(3)).samples == 257


def test_a_look_gives_no_gradient_and_takes_none() -> None:
    z = torch.randn(8, 3, requires_grad=True)
    assert not looked(z * 2, torch.zeros(3)).within.requires_grad


@pytest.mark.parametrize("shape", [(8, 3), (3, 8), (1030, 4)])
def test_a_look_waits_for_no_device(shape: tuple[int, int]) -> None:
    """Seen on a device that is not there: nothing is read, nothing is multiplied in float64."""
    z, h = torch.empty(shape, device="meta", dtype=torch.bfloat16), torch.empty(shape[0], 9, device="meta")
    with Watch() as watch:
        seen = looked(z, origin_of(z), z2=z, h=h, loss=torch.empty((), device="meta"))
    assert watch.faults == []
    assert seen.within.shape == (min(seen.samples, shape[1]),) * 2
