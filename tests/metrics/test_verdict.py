"""Verdicts: the four statuses, their bounds and intervals, what tells a collapse from an offset, and monotony."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from collapse_cli.metrics.advice import Context, advice
from collapse_cli.metrics.findings import active as in_words
from collapse_cli.metrics.findings import of_views, spread_out
from collapse_cli.metrics.ranks import ACTIVE, active
from collapse_cli.metrics.signs import COMPLETE, ON_RAY, OUTLIERS, RAY, SHRUNK, STILL, TOLD_APART, Signs
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.metrics.thresholds import Threshold
from collapse_cli.metrics.verdict import DIMENSIONAL, verdict
from collapse_cli.stage import Stage
from collapse_cli.values import Curve, Measured

WORST_FIRST = ["dimensional collapse", "healthy"]
ON_A_RAY = {"ray_share": 0.99, "ray_axes": 20.0}


def evidence(
    n: int = 1000,
    d: int = 64,
    spread: float = 1.0,
    active: int = 64,
    null: float | None = 64,
    around: tuple[float, float] | None = None,
    total: tuple[float, float] | None = None,
    **more: Any,
) -> Spectrum:
    """A Spectrum of which only what a verdict reads is set; around, total: intervals of both deciding numbers."""
    values: dict[str, Any] = {
        field.name: 0 for field in dataclasses.fields(Spectrum) if field.default is dataclasses.MISSING
    }
    values |= {
        "eigenvalues": Curve([spread**2 / d] * d),
        "std_sqrt_d": spread,
        "mean_cosine": 1 - spread**2,
        "dimensions_90": Measured(0.9 * active, 0.9 * d),
        "total_variance": Measured(spread**2, interval=total),
        "active": Measured(active, null, around),
    }
    return Spectrum(**(values | {"samples": n, "dimensions": d} | more))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"spread": ON_RAY**0.5 - 1e-6, **ON_A_RAY}, "complete collapse"),
        ({"spread": ON_RAY**0.5 + 1e-6, **ON_A_RAY}, "inconclusive"),
        ({"spread": 0.01, "d": 4, "ray_share": 0.999, "ray_axes": 1.9}, "inconclusive"),
        ({"spread": COMPLETE - 1e-6}, "inconclusive"),
        ({"spread": COMPLETE}, "healthy"),
        ({"spread": COMPLETE, **ON_A_RAY}, "healthy"),
        ({"spread": 0.01, "ray_share": RAY, "ray_axes": 20.0}, "inconclusive"),
        ({"spread": 0.01, "ray_share": 0.999, "ray_axes": 1.5}, "inconclusive"),
        ({"active": 31}, "dimensional collapse"),
        ({"active": 32}, "healthy"),
        ({"active": 31, "null": None}, "dimensional collapse"),
        ({"active": 20, "null": 40}, "healthy"),
        ({"active": 19, "null": 40}, "dimensional collapse"),
        ({"n": 64}, "inconclusive"),
        ({"n": 65}, "healthy"),
        ({"n": 64, "active": 3}, "inconclusive"),
        ({"n": 64, "spread": 0.01, **ON_A_RAY}, "complete collapse"),
        ({"n": 8, "spread": 0.01, **ON_A_RAY}, "complete collapse"),
        ({"n": 7, "d": 4, "spread": 0.01, **ON_A_RAY}, "inconclusive"),
        ({"n": 2, "spread": 0.0, "equal": True}, "complete collapse"),
        ({"d": 1, "active": 1, "null": 1}, "inconclusive"),
        ({"active": 31, "around": (30, 31.9)}, "dimensional collapse"),
        ({"active": 31, "around": (30, 32)}, "inconclusive"),
        ({"active": 33, "around": (31.9, 35)}, "inconclusive"),
        ({"active": 33, "around": (32, 35)}, "healthy"),
        ({"spread": 0.05, "total": (0.0024, 0.0026), **ON_A_RAY}, "complete collapse"),
        ({"spread": 0.2, "total": (0.03, 0.0625)}, "inconclusive"),
        ({"row_participation": OUTLIERS}, "healthy"),
        ({"row_participation": OUTLIERS - 0.01}, "inconclusive"),
    ],
)
def test_thresholds(given: dict[str, Any], status: str) -> None:
    """A common part decides only with a sign that an offset does not give; active below half of the null (D where unknown)."""
    assert (COMPLETE, DIMENSIONAL, ACTIVE) == (0.25, 0.5, 0.03)
    assert verdict(evidence(**given)).status == status


@pytest.mark.parametrize(
    ("signs", "status"),
    [
        (Signs(), "inconclusive"),
        (Signs(trained=COMPLETE - 0.01), "complete collapse"),
        (Signs(trained=2 * COMPLETE), "inconclusive"),
        (Signs(trained=0.9), "healthy"),
        (Signs(views=Measured(0.01, interval=(0.005, 0.019))), "complete collapse"),
        (Signs(views=Measured(0.01, interval=(0.005, 0.03))), "inconclusive"),
        (Signs(views=Measured(-0.2)), "inconclusive"),
        (Signs(views=Measured(3.0), beside_initial=Measured(TOLD_APART + 1)), "healthy"),
        (Signs(views=Measured(3.0), beside_initial=Measured(TOLD_APART - 1)), "inconclusive"),
        (Signs(views=Measured(1e6)), "inconclusive"),
        (
            Signs(views=Measured(0.01, interval=(0.005, 0.019)), beside_initial=Measured(STILL - 0.1)),
            "complete collapse",
        ),
        (
            Signs(views=Measured(0.01, interval=(0.005, 0.019)), beside_initial=Measured(STILL + 0.1)),
            "inconclusive",
        ),
    ],
)
def test_what_tells_a_collapse_from_an_offset(signs: Signs, status: str) -> None:
    """64 of 64 directions are active about the mean, which holds 99.99 % of each length: each sign alone, at its bound."""
    assert verdict(evidence(spread=0.01), signs=signs).status == status


@pytest.mark.parametrize(
    ("inputs", "initial", "status"),
    [
        (0.0009, 0.5, "inconclusive"),
        (0.5, 0.0009, "complete collapse"),
        (0.02, 0.0009, "inconclusive"),
        (0.02, 0.0011, "complete collapse"),
        (COMPLETE**2, 0.0009, "complete collapse"),
    ],
)
def test_images_that_hardly_differ_blame_no_network(inputs: float, initial: float, status: str) -> None:
    """Total variance 1e-4 on a ray: a tenth or more of that of the pixels or of random weights is the images', where the pixels
    point one way."""
    verdict_on = verdict(evidence(spread=0.01, **ON_A_RAY), signs=Signs(inputs=inputs, initial=initial))
    assert verdict_on.status == status
    assert bool(verdict_on.advice) == (status == "inconclusive")


@pytest.mark.parametrize(("repels", "status"), [(True, "inconclusive"), (False, "complete collapse")])
def test_a_collapse_that_training_passes_through(repels: bool, status: str) -> None:
    """21 steps of MoCo bring all images together before they are pushed apart; without such a force they stay there."""
    early = Context(steps=21, repels=repels)
    assert verdict(evidence(spread=0.01, **ON_A_RAY), early).status == status
    assert (
        verdict(evidence(spread=0.01, **ON_A_RAY), Context(steps=40, repels=True)).status
        == "complete collapse"
    )


def test_a_ray_is_open_where_images_are_told_apart() -> None:
    """Collapsed networks show both on images that they were not trained on; the history or the start of the training decides."""
    signs = Signs(views=Measured(3.0), beside_initial=Measured(TOLD_APART + 1))
    for spread in (0.01, 0.2):  # on the ray, and near it
        told = verdict(evidence(spread=spread, **ON_A_RAY), signs=signs)
        assert (told.status, "Two signs contradict each other" in told.sentence) == ("inconclusive", True)
    assert verdict(evidence(spread=0.01), signs=signs).status == "healthy"
    known = replace(signs, trained=0.9), replace(signs, about_start=0.9)
    assert [verdict(evidence(spread=0.01, **ON_A_RAY), signs=each).status for each in known] == [
        "healthy"
    ] * 2


@pytest.mark.parametrize(("kind", "offset"), [(torch.float16, 70.0), (torch.bfloat16, 10.0)])
def test_an_offset_in_half_precision_makes_no_rows_equal(kind: torch.dtype, offset: float) -> None:
    """One unit in the last place is 1/16 of their standard deviation."""
    rows = (torch.randn(2000, 64, generator=seeded()) + offset).to(kind)
    assert not spectrum(rows, seeded(1)).equal
    assert verdict(spectrum(rows, seeded(1))).status == "inconclusive"


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.0])
def test_a_wide_cone_of_all_lengths_is_no_collapse(sigma: float) -> None:
    """Lognormal lengths put most of the raw variance along the mean; 63 of 64 directions are active about it."""
    mean = torch.nn.functional.normalize(torch.randn(64, generator=seeded(9)), dim=0)
    rows = 4.5 * mean + torch.randn(3000, 64, generator=seeded()) / 8
    rows *= (sigma * torch.randn(3000, 1, generator=seeded(2))).exp()
    assert verdict(spectrum(rows, seeded(1))).status == "inconclusive"


def test_a_collapse_of_the_scale() -> None:
    """Raw variance below 1/50 of that at random initialisation, where the loss knows lengths, however isotropic the rest is."""
    assert verdict(evidence(), signs=Signs(scale=SHRUNK * 0.99)).status == "complete collapse"
    assert "scale" in verdict(evidence(), signs=Signs(scale=SHRUNK * 0.99)).sentence
    assert verdict(evidence(), signs=Signs(scale=SHRUNK)).status == "healthy"


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("length", [0.0, 1.0, 3.0])
def test_an_offset_changes_no_shape(length: float) -> None:
    """Isotropic rows of length about 1 plus a constant: 64 of 64 directions stay active, or one fewer, that of the mean."""
    offset = torch.nn.functional.normalize(torch.randn(64, generator=seeded(9)), dim=0)
    rows = torch.randn(4000, 64, generator=seeded()) / 8 + length * offset
    found = spectrum(rows, seeded(1))
    assert found.active >= 63
    assert verdict(found).status == "healthy"
    assert ("common offset" in " ".join(verdict(found).reasons)) == (
        length > 1 or (length == 1 and found.mean_cosine > 0.5)
    )


@pytest.mark.parametrize("length", [6.0, 50.0, 300.0])
def test_rows_with_a_dominating_offset_cannot_tell(length: float) -> None:
    """As an offset that is spread over all axes, and as one massive coordinate; low rank makes no difference."""
    spread_out = torch.nn.functional.normalize(torch.randn(64, generator=seeded(9)), dim=0)
    for offset in (spread_out, torch.eye(64)[3]):
        for rank in (64, 8):
            rows = torch.randn(4000, 64, generator=seeded()) / 8
            rows[:, rank:] = 0
            judged = verdict(spectrum(rows + length * offset, seeded(1)))
            assert judged.status == "inconclusive"
            assert judged.sentence.startswith("All embeddings point almost one way (mean cosine ")
            assert "mean cosine 1)" not in judged.sentence


def test_rows_on_a_ray_have_collapsed() -> None:
    """Lengths vary by 30 %, all else by .1 %; at unit length the same rows cannot tell."""
    mean = torch.nn.functional.normalize(torch.randn(64, generator=seeded(9)), dim=0)
    rows = (mean + 0.001 * torch.randn(4000, 64, generator=seeded())) * (
        0.3 * torch.randn(4000, 1, generator=seeded(2))
    ).exp()
    assert verdict(spectrum(rows, seeded(1))).status == "complete collapse"
    assert verdict(spectrum(torch.nn.functional.normalize(rows, dim=1), seeded(1))).status == "inconclusive"


@pytest.mark.parametrize("kind", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("count", [2, 5, 100])
def test_equal_rows_have_collapsed_whatever_their_number(count: int, kind: torch.dtype) -> None:
    """Exactly, or up to two units in the last place of their type, one of 16 bits; at 1000 units they are not equal."""
    row = torch.randn(32, generator=seeded(3)).to(kind)
    most = 1 if kind == torch.float16 else 2
    ulps = torch.randint(-most, most + 1, (count, 32), generator=seeded(4)).double()
    near = (row.double() * (1 + ulps * torch.finfo(kind).eps)).to(kind)
    for rows in (row.expand(count, 32), near):
        assert verdict(spectrum(rows, seeded(1))).status == "complete collapse"
    apart = row.double() * (1 + 1000 * ulps * torch.finfo(kind).eps)
    assert not spectrum(apart.to(kind), seeded(1)).equal


def test_a_verdict_says_why_and_what_to_try() -> None:
    judged = verdict(
        evidence(active=5, around=(4, 7)), Context(space="z", method="moco", loss=4.0, chance_level=6.2)
    )
    assert judged.sentence == (
        "5 of 64 dimensions are active (isotropic data: 64), 90 % of the variance lies in 4 (null: 58), and the effective "
        "rank is 0."
    )
    assert judged.meaning == "Usual for a projection head; judge h."
    assert (
        judged.reasons[1] == "Active dimensions: 5 [4, 7] (null: 64); below 32 it is a dimensional collapse."
    )
    assert [threshold.number for threshold in judged.thresholds] == ["total_variance", "active"]
    assert (judged.thresholds[1].bound, judged.thresholds[1].below) == (32, "dimensional collapse")
    assert "arXiv:2110.09348" in judged.thresholds[1].source
    steps = advice(judged.status, evidence(active=5, around=(4, 7)), Context(space="z", method="moco"))
    assert any("vicreg" in step for step in steps)
    assert judged.advice == (), "which is made where it is wanted"
    assert (
        verdict(evidence(n=64)).reasons[1]
        == "N = 64 is no more than D = 64: at most 63 directions can be active."
    )
    assert "--samples 640" in advice("inconclusive", evidence(n=64), Context(network=True, available=1000))[0]
    assert "distinct embeddings, 640 or more" in advice("inconclusive", evidence(n=64), Context())[0]


@pytest.mark.parametrize(
    ("given", "borderline"),
    [
        ({"active": 25}, False),
        ({"active": 26}, True),
        ({"active": 38}, True),
        ({"active": 39}, False),
        ({"active": 60, "around": (20, 64)}, True),
        ({"active": 32, "spread": 0.01, **ON_A_RAY}, False),
    ],
)
def test_near_the_half_rule_is_borderline(given: dict[str, Any], borderline: bool) -> None:
    """Between .4 and .6 of the null, 25.6 and 38.4 of 64, or where the interval reaches over the bound."""
    assert verdict(evidence(**given)).borderline == borderline


def test_a_queue_never_full_is_not_judged() -> None:
    """For however collapsed it looks."""
    assert verdict(evidence(spread=0.01, **ON_A_RAY), Context(queue=0.4)).status == "inconclusive"
    assert verdict(evidence(spread=0.01, **ON_A_RAY), Context(queue=1.0)).status == "complete collapse"


@pytest.mark.parametrize(
    ("active", "scatter", "claimed"),
    [
        (9, 0.1, True),
        (7, 0.2, True),
        (11, 0.05, True),
        (13, 0.05, False),
        (5, 0.1, False),
        (9, 0.21, False),
        (9, None, False),
    ],
)
def test_neural_collapse_is_few_directions_and_tight_classes(
    active: int, scatter: float | None, claimed: bool
) -> None:
    """10 classes have 9 directions between them, give or take 3; tr Sigma_W / tr Sigma_B at most .2."""
    judged = verdict(evidence(active=active), Context(classes=10, class_scatter=scatter))
    assert any("neural collapse" in reason for reason in judged.reasons) == claimed


rank, level = st.integers(0, 64), st.floats(0, 2)


@given(rank, rank, level, level)
def test_monotone(one: int, other: int, spread: float, wider: float) -> None:
    """Fewer active directions never make a healthier verdict, where a common part leaves one at all."""
    (fewer, more), (low, high) = sorted((one, other)), sorted((spread, wider))
    worse, better = (
        verdict(evidence(active=fewer, spread=max(low, COMPLETE))),
        verdict(evidence(active=more, spread=max(high, COMPLETE))),
    )
    assert WORST_FIRST.index(worse.status) <= WORST_FIRST.index(better.status)


@given(
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=2, max_size=12),
    st.sampled_from([0.25, 0.5, 2.0, 64.0]),
)
def test_a_common_scale_changes_no_count(lam: list[float], scale: float) -> None:
    """The variance of unit rows is 1 minus the mean cosine: an offset takes from all directions alike."""
    values = torch.tensor(lam, dtype=torch.float64)
    assert active(values) == active(scale * values)


@pytest.mark.parametrize(
    ("d", "axes", "on"),
    [
        (64, 4.0, True),
        (64, 3.99, False),
        (18, 3.0, True),
        (18, 2.99, False),
        (6, 2.0, True),
        (6, 1.99, False),
        (24, 4.0, True),
    ],
)
def test_a_ray_is_spread_over_four_axes_or_a_sixth_of_few(d: int, axes: float, on: bool) -> None:
    """At least two, however few there are: along fewer it is a massive coordinate."""
    given = {"d": d, "active": d, "null": d, "spread": 0.01, "ray_share": 0.99, "ray_axes": axes}
    assert (verdict(evidence(**given)).status == "complete collapse") is on
    assert verdict(evidence(**(given | {"ray_axes": None}))).status == "inconclusive"


@pytest.mark.parametrize(
    ("cosine", "null", "axes", "named"),
    [
        (0.5, 0.0, 9.0, 0),
        (0.51, 0.0, 2.0, 1),
        (0.51, 0.0, 1.99, 2),
        (0.81, 0.32, 9.0, 0),
        (0.83, 0.32, None, 1),
    ],
)
def test_an_offset_is_named_from_half_above_its_null(
    cosine: float, null: float, axes: float | None, named: int
) -> None:
    """Along fewer than two axes it is a massive coordinate, which is another finding."""
    found = verdict(evidence(mean_cosine=Measured(cosine, null), ray_axes=axes)).findings
    assert len(found) == named
    if named:
        assert f"{100 * cosine**0.5:.1f} % of the length" in found[0]
    if named == 2:
        assert "(2.0 of 64)" in found[1]


@pytest.mark.parametrize(
    ("share", "null", "named"), [(0.8, None, False), (0.79, None, True), (0.4, 0.5, False), (0.39, 0.5, True)]
)
def test_uneven_rows_are_named_below_four_fifths_of_gaussian_ones(
    share: float, null: float | None, named: bool
) -> None:
    found = verdict(evidence(row_participation=Measured(share, null), mean_cosine=0.0)).findings
    assert [f"row participation {share:.2f}; Gaussian: {null or 1:.2f}" in line for line in found] == [
        True
    ] * named


@pytest.mark.parametrize(
    ("count", "classes", "d", "claimed"),
    [
        (12, 10, 64, True),
        (13, 10, 64, False),
        (6, 10, 64, True),
        (5, 10, 64, False),
        (2, 3, 64, True),
        (1, 2, 64, False),
        (4, 99, 4, True),
    ],
)
def test_directions_of_neural_collapse_are_the_means_three_aside(
    count: int, classes: int, d: int, claimed: bool
) -> None:
    """10 classes span 9; 3 span 2; 2 span a line, which says nothing; 99 cannot span more than 4 dimensions."""
    judged = verdict(evidence(d=d, active=count, null=d), Context(classes=classes, class_scatter=0.2))
    assert any("neural collapse" in finding for finding in judged.findings) is claimed


@pytest.mark.parametrize(
    ("total", "written"),
    [
        (1e-6, "1, up to rounding"),
        (1.2e-6, "0.9999988"),
        (0.00034, "0.99966"),
        (0.0123, "0.9877"),
        (0.06, "0.9400"),
    ],
)
def test_a_cosine_near_one_has_the_digits_that_tell_it_from_one(total: float, written: str) -> None:
    """Four decimals at least, and two digits of what is missing to 1."""
    assert f"(mean cosine {written})" in verdict(evidence(spread=total**0.5)).sentence


def test_why_few_rows_cannot_be_judged() -> None:
    """What they count as is named: all of them, those that differ, or independent ones."""
    told = [
        verdict(evidence(n=n, effective_samples=counted, groups=groups)).sentence
        for n, counted, groups in ((64, None, None), (64, 64, None), (200, 64, None), (200, 64, 70))
    ]
    assert [line.split(" embeddings")[0] for line in told] == ["64", "64", "64 distinct", "64 independent"]
    assert verdict(evidence(n=200, effective_samples=65)).status == "healthy"
    assert (
        verdict(evidence(n=200, effective_samples=64))
        .reasons[1]
        .startswith("N = 64 is no more than D = 64: at most 63 ")
    )
    assert verdict(evidence(n=200, distinct=7)).sentence == "7 distinct embeddings say nothing about others."
    assert verdict(evidence(n=200, distinct=8)).status == "healthy"


def test_a_few_outliers_are_told_with_their_share() -> None:
    assert ": 3 % of the embeddings carry it" in verdict(evidence(row_participation=0.03)).sentence
    assert ": 0 % of the embeddings carry it" in verdict(evidence(row_participation=0.0)).sentence


def test_the_bound_of_an_interval_is_half_of_the_nulls() -> None:
    judged = verdict(evidence(active=33, null=60, around=(29, 37)))
    assert judged.sentence.endswith("reaches over the bound, half of the null's 60.")
    assert judged.borderline


def test_codes_are_judged_where_they_have_lost_directions() -> None:
    told = [verdict(evidence(active=count), Context(codes="bytes")).status for count in (31, 32)]
    assert told == ["dimensional collapse", "inconclusive"]


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        (Stage("interrupted", 0, 4), "There is nothing to judge yet: no epoch of 4 is completed."),
        (Stage("interrupted", 1, 4), " This is the state after 1 of 4 epochs."),
        (Stage("done", 4, 4), ""),
    ],
)
def test_the_stage_of_a_training_is_told(stage: Stage, told: str) -> None:
    sentence = verdict(evidence(), Context(stage=stage)).sentence
    assert sentence.endswith(told)
    assert ("This is the state" in sentence) is (stage.epochs == 1)


def test_what_a_status_means() -> None:
    """A projection may have few dimensions; equal rows tell nothing apart, and those that only point one way may."""
    means = [
        verdict(found, Context(space=space)).meaning
        for found, space in (
            (evidence(active=5), "z"),
            (evidence(active=5), "h"),
            (evidence(equal=True), "h"),
            (evidence(spread=0.01, **ON_A_RAY), "h"),
            (evidence(), "h"),
        )
    ]
    assert [meaning.split(";")[0].split(":")[0] for meaning in means] == [
        "Usual for a projection head",
        "The other directions hold little",
        "Nothing is left that tells the inputs apart.",
        "To a loss or a search that compares directions, all inputs are nearly the same.",
        "",
    ]


def test_the_views_are_told_and_never_below_nothing() -> None:
    lines = [
        next(of_views(Signs(views=Measured(views), beside_initial=initial)))
        for views, initial in ((3.0, None), (-0.2, Measured(-0.1)), (3.0, Measured(4.0)))
    ]
    assert [line.removeprefix("The variance between images is ").split(" of that")[0] for line in lines] == [
        "3",
        "0",
        "3",
    ]
    assert [line.endswith("one image.") for line in lines] == [True, False, False]
    assert lines[1].endswith(", 0 times the ratio at random initialisation.")
    assert lines[2].endswith(", 4 times the ratio at random initialisation.")
    assert list(of_views(Signs())) == []


def test_a_threshold_is_crossed_where_its_whole_interval_is() -> None:
    """Below 10: 9 is, 10 is not; an interval that ends at 10 reaches it, one that begins there does not."""
    values = [
        Measured(v, 12.5, i)
        for v, i in ((9, None), (10, None), (9, (8, 9.9)), (9, (8, 10)), (11, (10, 12)), (11, (9.9, 12)))
    ]
    found = [Threshold.of("x", value, 10, "healthy", "").crossed for value in values]
    assert found == [True, False, True, None, False, None]
    assert (
        Threshold.of("x", Measured(9, 12.5), 10, "healthy", "").in_words("X")
        == "X: 9 (null: 12.5); below 10 it is a healthy."
    )
    assert (
        Threshold.of("x", Measured(9, None, (8, 10.5)), 10, "healthy", "").in_words("X").startswith("X: 9.0 ")
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"active": 1}, "1 of 64 dimensions is active (isotropic data: 64)"),
        ({"active": 2, "null": 63.6}, "2 of 64 dimensions are active (isotropic data: 64)"),
        ({"active": 2, "null": None}, "2 of 64 dimensions are active"),
        (
            {"active": 2, "rectified": True},
            "2 of 64 dimensions are active (isotropic data through a ReLU: 64)",
        ),
    ],
)
def test_active_dimensions_in_words(given: dict[str, Any], told: str) -> None:
    assert in_words(evidence(**given)) == told


def test_how_the_variance_is_spread_in_words() -> None:
    """A count in whole numbers, a rank in three digits, each beside its null where it has one."""
    one = evidence(dimensions_90=Measured(4, 57.6), effective_rank=Measured(12.345, 56.78))
    assert (
        spread_out(one)
        == "90 % of the variance lies in 4 (null: 58), and the effective rank is 12.3 (null: 56.8)"
    )
    bare = evidence(dimensions_90=4, effective_rank=12.345)
    assert spread_out(bare) == "90 % of the variance lies in 4, and the effective rank is 12.3"
