"""The view ratio: against a slow loop, an F test, the jackknife by hand, and invariances."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from collapse_cli.errors import CollapseError
from collapse_cli.metric import metrics
from collapse_cli.metrics.view_ratio import against, measure, view_ratio
from collapse_cli.values import Measured


def planted(
    n: int, q: int, d: int, between: float, within: float, generator: torch.Generator
) -> list[torch.Tensor]:
    """q views (n,d) of n images: normal images of this variance, and as independent views of theirs."""
    images = between**0.5 * torch.randn(n, d, generator=generator, dtype=torch.float64)
    return [
        images + within**0.5 * torch.randn(n, d, generator=generator, dtype=torch.float64) for _ in range(q)
    ]


def slow(views: list[torch.Tensor]) -> float:
    """Sums of squares, one number at a time, as a table of the analysis of variance has them."""
    q, (n, d) = len(views), views[0].shape
    inside = outside = 0.0
    for k in range(d):
        table = [[float(view[i, k]) for view in views] for i in range(n)]
        grand = sum(map(sum, table)) / (n * q)
        for line in table:
            own = sum(line) / q
            outside += q * (own - grand) ** 2
            inside += sum((x - own) ** 2 for x in line)
    mean_between, mean_within = outside / (n - 1), inside / (n * (q - 1))
    return (mean_between - mean_within) / q / mean_within


@pytest.mark.parametrize(("n", "q", "d"), [(2, 2, 1), (9, 2, 3), (8, 5, 4), (30, 3, 1)])
def test_the_slow_loop(n: int, q: int, d: int, generator: torch.Generator) -> None:
    views = planted(n, q, d, 2.0, 0.5, generator)
    assert float(view_ratio(views)) == pytest.approx(slow(views), rel=1e-10)


def test_one_dimension_is_the_f_of_an_analysis_of_variance(generator: torch.Generator) -> None:
    """scipy's one-way F of the images as groups is MSB / MSW, and the ratio (F - 1) / q."""
    views = planted(20, 4, 1, 1.0, 1.0, generator)
    groups = torch.stack(views)[:, :, 0].T  # (n, q)
    expected = (float(stats.f_oneway(*groups.numpy()).statistic) - 1) / 4
    assert float(view_ratio(views)) == pytest.approx(expected, rel=1e-10)


def test_by_hand() -> None:
    """Images at 0 and 4, views at -1 and +1 of each: MSW = 2, MSB = 2 (4 + 4) / 1 = 16, (16 - 2) / 2 = 7 over 2."""
    views = [torch.tensor([[-1.0], [3.0]]), torch.tensor([[1.0], [5.0]])]
    assert float(view_ratio(views)) == pytest.approx(3.5)


@pytest.mark.parametrize(("between", "within"), [(1.0, 0.1), (0.0, 1.0), (0.2, 2.0)])
def test_both_components_are_unbiased(between: float, within: float, generator: torch.Generator) -> None:
    """Of many samples of 10 images: the mean of the ratio is that planted, times 1 + 2/(f - 2) for the f = n (q-1) D degrees
    of freedom below the line, within five standard errors; 0 where views know nothing of images, in spite of few views.
    """
    n, q, d, many = 10, 2, 8, 400
    found = torch.tensor(
        [float(view_ratio(planted(n, q, d, between, within, generator))) for _ in range(many)]
    )
    f = n * (q - 1) * d
    expected = (f / (f - 2) * (q * between / within + 1) - 1) / q
    assert abs(float(found.mean()) - expected) < 5 * float(found.std()) / many**0.5


def test_a_planted_collapse_is_seen(generator: torch.Generator) -> None:
    """Views of a collapsed network are its noise: the image is 1 % of the variance, not 90 %."""
    healthy = view_ratio(planted(200, 2, 16, 9.0, 1.0, generator))
    collapsed = view_ratio(planted(200, 2, 16, 0.01, 1.0, generator))
    assert healthy.interval is not None
    assert collapsed.interval is not None
    assert healthy.interval[0] < 9 < healthy.interval[1]
    assert collapsed.interval[1] < 0.1 < 7 < healthy.interval[0]


@given(
    offset=st.floats(-1e6, 1e6),
    scale=st.floats(1e-3, 1e3),
    seed=st.integers(0, 2**16),
)
def test_offset_scale_and_turns_change_nothing(offset: float, scale: float, seed: int) -> None:
    """What a constant added to all rows, a common scale or a rotation does not move; the interval, neither."""
    generator = torch.Generator().manual_seed(seed)
    views = planted(12, 3, 4, 1.0, 1.0, generator)
    turn = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64)).Q
    before, after = view_ratio(views), view_ratio([scale * (view + offset) @ turn for view in views])
    assert float(after) == pytest.approx(float(before), rel=1e-6, abs=1e-6)
    assert after.interval == pytest.approx(before.interval, rel=1e-5, abs=1e-5)


@given(seed=st.integers(0, 2**16))
def test_the_order_of_images_and_of_views_does_not_matter(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    views = planted(12, 3, 4, 1.0, 1.0, generator)
    order = torch.randperm(12, generator=generator)
    again = view_ratio([view[order] for view in reversed(views)])
    assert float(again) == pytest.approx(float(view_ratio(views)), rel=1e-10)


def test_the_interval_is_the_jackknife_by_hand(generator: torch.Generator) -> None:
    """Every image left out in turn, the log of F = 1 + q ratio measured again; Student's t with n - 1 degrees of freedom."""
    n, q = 12, 3
    views = planted(n, q, 4, 1.0, 1.0, generator)

    def log_f(chosen: list[int]) -> float:
        return math.log(1 + q * float(view_ratio([view[chosen] for view in views])))

    left = torch.tensor([log_f([j for j in range(n) if j != i]) for i in range(n)], dtype=torch.float64)
    error = float(((n - 1) / n * (left - left.mean()).square().sum()).sqrt())
    middle, width = log_f(list(range(n))), error * float(stats.t.ppf(0.975, n - 1))
    expected = [(math.exp(end) - 1) / q for end in (middle - width, middle + width)]
    assert view_ratio(views).interval == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("heavy", [False, True])
def test_intervals_cover(heavy: bool, generator: torch.Generator) -> None:
    """The ratio that was planted lies in 90 to 99 % of 400 intervals from 60 images, also where a few directions hold most of
    the variance and images differ in how far their views reach.
    """
    inside, many = 0, 400
    scale = torch.tensor([4.0, 2.0, 1.0, 0.5, 0.2, 0.1]) if heavy else torch.ones(6)
    for _ in range(many):
        images = torch.randn(60, 6, generator=generator) * scale
        reach = (0.5 + torch.rand(60, 1, generator=generator)) if heavy else torch.ones(60, 1)
        views = [images + reach * torch.randn(60, 6, generator=generator) for _ in range(2)]
        truth = float(scale.square().sum()) / (6 * (13 / 12 if heavy else 1))
        low, high = view_ratio(views).interval or (math.nan, math.nan)
        inside += low < truth < high
    assert 0.90 * many <= inside <= 0.99 * many


def test_edges() -> None:
    """Equal views of different images: infinite. Few images: no interval. One point: nothing to conclude, 3."""
    some = torch.arange(12.0).view(6, 2)
    assert math.isinf(view_ratio([some, some]))
    assert view_ratio([some, some]).interval is None
    assert view_ratio([some, some + torch.tensor([[1.0, 0.0]]) * torch.arange(6)[:, None]]).interval is None
    with pytest.raises(CollapseError, match="have the same embedding") as refused:
        view_ratio([torch.ones(9, 3)] * 2)
    assert refused.value.code == 3
    with pytest.raises(CollapseError, match="two views"):
        view_ratio([some])
    with pytest.raises(CollapseError, match="same images"):
        view_ratio([some, some[:5]])
    with pytest.raises(CollapseError, match="nan or infinity"):
        view_ratio([some, some * math.nan])
    with pytest.raises(CollapseError, match="at least 2 embeddings"):
        view_ratio([some[:1]] * 2)


def test_equal_views_far_from_zero_are_equal() -> None:
    """Differences are taken before sums, so that no rounding becomes a variance of views."""
    far = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) + 1e4
    assert math.isinf(view_ratio([far] * 3))


def test_the_intraclass_correlation_is_shrout_and_fleiss_s(generator: torch.Generator) -> None:
    """ICC(1) = (MSB - MSW) / (MSB + (q - 1) MSW), of scipy's F of one dimension; and what it is with its interval's ends."""
    views = planted(20, 4, 1, 1.0, 1.0, generator)
    f = float(stats.f_oneway(*torch.stack(views)[:, :, 0].T.numpy()).statistic)
    found = metrics(measure(views))
    assert found["intraclass"]["value"] == pytest.approx((f - 1) / (f + 3), rel=1e-9)
    low, high = found["view_ratio"]["interval"]
    assert found["intraclass"]["interval"] == pytest.approx([low / (1 + low), high / (1 + high)])
    assert (found["images"]["value"], found["views"]["value"]) == (20, 4)


def test_beside_the_same_network_re_initialised(generator: torch.Generator) -> None:
    views = planted(20, 2, 3, 1.0, 1.0, generator)
    found = measure(views, [0.5])
    assert found.view_ratio_gain == pytest.approx(2 * float(found.view_ratio))
    assert measure(views).view_ratio_gain is None


def test_one_point_has_no_ratio_and_stops_no_report() -> None:
    found = measure([torch.zeros(9, 3)] * 2)
    assert (found.images, found.views) == (9, 2)
    assert math.isnan(found.view_ratio)
    assert math.isnan(found.intraclass)


def test_the_least_ratio() -> None:
    """Views at -1 and +1, whatever the image: MSB = 0, and (0 - MSW) / (2 MSW) is the least that there is."""
    views = [torch.full((9, 1), -1.0), torch.full((9, 1), 1.0)]
    assert measure(views).view_ratio == pytest.approx(-0.5)
    assert measure(views).intraclass == pytest.approx(-1)


def test_equal_views_leave_all_to_the_images() -> None:
    some = torch.arange(20.0).view(10, 2)
    assert float(measure([some, some]).intraclass) == 1


class TestAgainst:
    def test_by_hand(self) -> None:
        """8 over the geometric mean of 1 and 4; 6 over the largest to 12 over the smallest."""
        found = against(Measured(8.0, 0.0, (6.0, 12.0)), [1.0, 4.0])
        assert found is not None
        assert float(found) == pytest.approx(4)
        assert (found.null, found.interval) == (1.0, (1.5, 12.0))

    def test_the_same_network_is_1(self, generator: torch.Generator) -> None:
        now = view_ratio(planted(50, 2, 4, 2.0, 1.0, generator))
        found = against(now, [float(now)])
        assert found is not None
        assert found.interval is not None
        assert float(found) == pytest.approx(1)
        assert found.interval[0] < 1 < found.interval[1]

    def test_an_end_below_0_stays_the_lower(self) -> None:
        found = against(Measured(0.0, 0.0, (-0.2, 0.2)), [0.5, 2.0])
        assert found is not None
        assert found.interval == (-0.4, 0.4)

    def test_nothing_to_divide_by(self) -> None:
        now = Measured(1.0)
        assert against(now, []) is None
        assert against(now, [1.0, 0.0]) is None
        assert against(now, [math.inf]) is None
        one = against(now, [2.0])
        assert one is not None
        assert (float(one), one.interval) == (0.5, None)
