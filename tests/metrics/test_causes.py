"""The rules: at the threshold a cause is one, its times are in proportion, and what z does not show is not found."""

from __future__ import annotations

import math

import pytest

from collapse_cli.metrics import causes, causes_forces, causes_images, causes_steps
from collapse_cli.metrics.causes import NAMES, SPREAD, Cause, ranked
from collapse_cli.metrics.causes_signal import Tried
from collapse_cli.metrics.image_set import ImageSet
from collapse_cli.values import Measured


def test_at_its_threshold_every_rule_is_one_time() -> None:
    """(K/B)(1 - m) = (512/64)(1 - .9375) = .5; .75 = m^1; K = N; 20 = .5 x 40; sqrt 2; a quarter; a half; .6; .25.

    A scale of .4; .3 of the norm; .025 of it moved; similarities of .2 over T = .1 are 2; 8 others; 100 steps; 16 distinct
    images of 64 in 16 dimensions; a single class.
    """
    missing = [causes_forces.missing_force(name, "", 0.25, {}) for name in NAMES[:5]]
    found = [
        *missing,
        causes_forces.weak_variance(0.4, 0.0, 25.0),
        causes.strong_augmentation(0.6, 0.01, 3, 1),
        causes.fast_keys(512, 64, 0.9375),
        causes.long_queue(1000, 1000, None),
        causes.deep_linear(4, 20, 40, 64),
        causes_steps.strong_decay(0.3, 0.1, 0.3, 1e-4),
        causes_steps.large_steps(math.sqrt(2), 0.5),
        causes_steps.low_temperature(0.2, 0.1),
        causes.even_negatives(0.25, 1),
        causes_forces.few_negatives(8, 5.0, {}),
        causes_steps.few_steps(100, 40),
        causes_steps.nothing_learned(0.025, 1e-6, {}),
        causes.slow_keys(0.75, 1),
        causes.false_negatives(0.5, 0.1),
        causes_images.few_images(ImageSet(64, 16, 16, 16, 4, 0, 0, 0, 0.5), 16),
        causes_images.one_class("cat"),
        causes_forces.weak_sigreg(0.4, 0.0, 0.05),
        causes_forces.few_prototypes("centering removed", "", 4.0, 64, {}),
        *(causes_forces.missing_force(name, "", 0.25, {}) for name in NAMES[-3:-1]),
        causes_forces.few_prototypes("Sinkhorn removed", "", 1.5, 3, {}),
    ]
    assert [one.times for one in found] == pytest.approx([1] * len(NAMES))
    assert tuple(one.name for one in found) == NAMES
    assert all(one.sentence and one.measured for one in found)
    assert causes.fast_keys(512, 64, 0.9375).detected(0.0), "from 1 on, not above it"


@pytest.mark.parametrize(
    ("cause", "times"),
    [
        (causes_forces.missing_force("predictor removed", "", 0.02, {}), 12.5),
        (causes_forces.weak_variance(0.004, 0, 25), 100),
        (causes_forces.few_prototypes("Sinkhorn removed", "", 1.0, 64, {}), 4),
        (causes_forces.weak_sigreg(0.001, 0.0, 0.05), 400),
        (causes_forces.few_negatives(4, 3, {}), 2),
        (causes_forces.few_negatives(0, 3, {}), 8),
        (causes_steps.strong_decay(0.1, 0.0, 0.3, 1e-4), 3),
        (causes_steps.strong_decay(0.1, 0.6, 1e-4, 1e-5), 0.5),  # what decay cannot have done
        (causes_steps.strong_decay(1.2, 0.0, 0.3, 1e-4), 0.25),  # what the loss held off
        (causes_steps.low_temperature(0.1, 0.005), 10),
        (causes_steps.few_steps(21, 29), 100 / 21),
        (causes_steps.nothing_learned(0.0001, 1e-6, {}), 250),
        (causes.strong_augmentation(0.55, 0.01, 3, 1), 2),  # half as far from chance
        (causes.strong_augmentation(0.5, 0.02, 3, 1), 5),  # .1 / the error
        (causes.strong_augmentation(0.9, 0.01, 1, 0.5), 0.25),
        (causes.fast_keys(512, 64, 0.0), 16),
        (causes.fast_keys(512, 64, 0.99), 0.16),
        (causes.fast_keys(65536, 256, 0.999), 0.512),  # MoCo's own
        (causes.long_queue(16384, 1024, None), 16),
        (causes.deep_linear(6, 5, 40, 64), 4),
        (causes.deep_linear(6, 0, 40, 64), 20),  # as 1 of them
        (causes.slow_keys(0.999, 567), 0.999**567 / 0.75),
    ],
)
def test_times_are_in_proportion(cause: Cause, times: float) -> None:
    assert cause.times == pytest.approx(times)


def test_evidence_stands_beside_its_threshold() -> None:
    assert (causes.fast_keys(512, 64, 0).evidence, causes.fast_keys(512, 64, 0).evidence.null) == (8, 0.5)
    assert (causes.deep_linear(6, 7, 40, 64).evidence, causes.deep_linear(6, 7, 40, 64).evidence.null) == (
        7,
        20,
    )


@pytest.mark.parametrize(
    ("queue", "batch", "momentum"),
    [(512, 64, 0.99), (64, 64, 0.9), (65536, 256, 0.9999), (2**20, 32, 0.9999)],
)
def test_the_cure_of_fast_keys_is_the_fastest_slow_enough(queue: int, batch: int, momentum: float) -> None:
    """(512/64)(1 - .99) = .08 and 1 x (1 - .9) = .1 are at most .1; 256 x .001 is not; beyond all, the slowest."""
    assert causes.fast_keys(queue, batch, 0).cure == {"momentum": momentum}


def test_the_cures_of_slow_keys_and_long_queues() -> None:
    """.999^1000 = .37 is more than a tenth, .99^1000 is not; of 1347 images half are 673, and 512 is a power of two."""
    assert causes.slow_keys(0.9999, 1000).cure == {"momentum": 0.99}
    assert causes.slow_keys(0.9999, 3000).cure == {"momentum": 0.999}
    assert causes.long_queue(16384, 1347, None).cure == {"queue": 512}
    assert causes.long_queue(16, 1, None).cure == {"queue": 2}


def test_the_other_cures() -> None:
    """A tenth of the rate; MoCo v2's temperature; a head of two layers with a ReLU; labels as an oracle."""
    assert causes_steps.large_steps(2, 0.5).cure == {"lr": 0.05}
    assert causes_steps.low_temperature(0.1, 0.005).cure == {"temperature": 0.2}
    assert causes_forces.weak_variance(0.01, 0.0, 25.0).cure == {"variance": 25.0}
    assert causes_forces.weak_variance(0.01, 0.0, 0.5).cure == {"variance": 1.0}, "never less than 1"
    assert causes.even_negatives(0.4, 1).cure == {"temperature": 0.2}
    assert causes.deep_linear(4, 5, 40, 64).cure == {"head_layers": 2, "head_activation": "relu"}
    assert causes.false_negatives(0.6, 0.1).cure == {"mask_false_negatives": True}


@pytest.mark.parametrize(
    ("adam", "left"),
    [(False, math.exp(-0.3 * 42)), (True, 0.0)],
)
def test_what_decay_alone_leaves(adam: bool, left: float) -> None:
    """567 steps at a mean rate of .025 and momentum .9 sum to 142; a third of that decays by .3 to exp(-.3 x 42)."""
    assert causes_steps.decayed(0.3, 42, adam, 0.1) == pytest.approx(left)


def test_decay_of_sgd_is_its_own_loop() -> None:
    """10,000 steps of w -= lr wd w; Adam's steps are the rate itself: .1 less 10 x .004."""
    weight = 1.0
    for _ in range(10_000):
        weight -= 1e-3 * 0.2 * weight
    assert causes_steps.decayed(0.2, 10, False, 0.1) == pytest.approx(weight, rel=1e-3)
    assert causes_steps.decayed(0.2, 0.04, True, 0.1) == pytest.approx(0.6)


def test_keys_without_momentum_or_with_all_of_it() -> None:
    """m = 1 never renews itself: no cause of being too fast, all of it random."""
    assert causes.fast_keys(512, 64, 1.0).times == 0
    assert causes.fast_keys(512, 64, 1.0).sentence.endswith("changes completely within inf steps")
    assert causes.slow_keys(1.0, 10**6).times == pytest.approx(1 / 0.75)


@pytest.mark.parametrize(
    ("older", "youngest", "others", "lacks"),
    [
        (0.8, 0.8, 0.0, 0.0),
        (0.4, 0.8, 0.0, 0.5),
        (0.3, 0.8, 0.3, 1.0),
        (0.1, 0.9, 0.5, 2.0),
        (1.0, 1.0, 1.0, None),
    ],
)
def test_staleness(older: float, youngest: float, others: float, lacks: float | None) -> None:
    """(youngest - older) / (youngest - others); a point tells nothing."""
    assert causes.staleness(older, youngest, others) == (None if lacks is None else pytest.approx(lacks))


def test_what_collapses_z_comes_before_what_costs_learning_and_what_is_not_found_last() -> None:
    fast, wrong, deep = (
        causes.fast_keys(512, 64, 0),
        causes.false_negatives(0.9, 0.1),
        causes.deep_linear(2, 10, 40, 64),
    )
    mild = causes.even_negatives(0.2, 0.3)
    assert ranked([mild, None, wrong, deep, fast], 0.01) == [fast, deep, wrong, mild]


def test_what_is_spread_was_not_brought_to_a_point() -> None:
    """Batch norm in the projector lets m = 0 train: the same 16 times are then no cause, and stand behind those that are."""
    fast, deep = causes.fast_keys(512, 64, 0), causes.deep_linear(2, 10, 40, 64)
    assert (fast.detected(SPREAD - 1e-9), fast.detected(SPREAD)) == (True, False)
    assert deep.detected(1.0)
    assert ranked([fast, deep], SPREAD) == [deep, fast]


def test_the_first_cause_by_its_place() -> None:
    fast, wrong = causes.fast_keys(512, 64, 0), causes.false_negatives(0.9, 0.1)
    assert causes.first(ranked([wrong, fast], 0.1), 0.1) == 1 + NAMES.index("key encoder too fast")
    assert causes.first(ranked([wrong, fast], 0.9), 0.9) == 0


def test_a_space_of_one_point_has_a_finite_cause() -> None:
    """std·√d of 0 is .25 / 1e-6 times the threshold, and a scale of 0 is .4 / 1e-6 times."""
    assert causes_forces.missing_force("positives only", "no negatives", 0.0, {}).times == pytest.approx(
        2.5e5
    )
    assert causes_forces.weak_variance(0.0, 1.0, 25.0).times == pytest.approx(4e5)
    assert causes_forces.few_negatives(0, 2.0, {}).times == 8


def test_cures_at_the_ends_of_their_range() -> None:
    """.9 is the least momentum that is advised; half of a temperature that is low already; from .2 on twice of it, below .2."""
    assert causes.slow_keys(0.9999, 1).cure == {"momentum": 0.9}
    assert causes.slow_keys(0.9999, 22).cure == {"momentum": 0.9}, ".9^22 is a tenth, .99^22 is not"
    assert causes.even_negatives(0.3, 0.3).cure == {"temperature": 0.15}
    assert causes.even_negatives(0.3, 0.5).cure == {"temperature": 0.2}
    cures = [causes_steps.low_temperature(1.0, t).cure["temperature"] for t in (0.19, 0.2, 0.3)]
    assert cures == [0.2, 0.4, 0.6]
    assert causes_steps.large_steps(2, 0.123456).cure == {"lr": 0.0123}
    assert causes_steps.strong_decay(0.1, 0.1, 0.3, 1e-4).cure == {"weight_decay": 1e-4}
    assert causes_steps.few_steps(21, 29).cure == {"epochs": 29}
    assert causes.strong_augmentation(0.5, 0.02, 3, 0.7).cure == {"strength": 0.7}


def test_staleness_is_asked_where_keys_tell_images_apart() -> None:
    """By more than .05 of a cosine."""
    assert causes.staleness(0.0, 0.05, 0.0) is None
    assert causes.staleness(0.0, 0.06, 0.0) == 1


@pytest.mark.parametrize(("stale", "left"), [(0.25, "75%"), (0.0, "100%"), (1.5, "0%"), (-0.1, "110%")])
def test_what_is_left_of_the_agreement_of_old_keys(stale: float, left: str) -> None:
    """1 less what they lack, and never less than nothing."""
    sentence = causes.long_queue(1500, 1000, stale).sentence
    assert sentence.startswith("the queue holds 1.5 epochs of keys")
    assert f"the older half of the keys has {left} of the agreement" in sentence
    assert "agreement" not in causes.long_queue(1500, 1000, None).sentence


def test_what_the_sentences_count() -> None:
    """64 steps of 8 keys; 1 / (1 - .75) = 4 steps; .5^2 = 25 %; a spread of .3 over T = .05 is 6, gradients grow 20 times."""
    assert "a key waits 8 steps in the queue" in causes.fast_keys(512, 64, 0.75).sentence
    assert causes.fast_keys(512, 64, 0.75).sentence.endswith("changes completely within 4 steps")
    assert causes.slow_keys(0.5, 2).sentence.startswith("after 2 steps 25% of the key encoder")
    low = causes_steps.low_temperature(0.3, 0.05).sentence
    assert "standard deviation of 6 times T 0.05" in low
    assert low.endswith("gradients are 20 times those of a cosine")


def test_nothing_is_divided_by_nothing() -> None:
    assert causes_steps.nothing_learned(0.0, 1e-6, {}).times == pytest.approx(0.025 / 1e-6)
    assert causes_steps.strong_decay(0.0, 0.0, 0.3, 1e-4).times == pytest.approx(300)
    assert causes_steps.few_steps(0, 40).times == 100
    assert causes.strong_augmentation(0.5, 0.0, 3, 1).times == pytest.approx(0.1 / 1e-6)


def test_what_can_be_cured() -> None:
    """By settings or by another method; images and labels are no setting."""
    cures = [
        causes.fast_keys(512, 64, 0),
        causes_forces.missing_force("uniformity too weak", "", 0.1, {}, "moco"),
        causes_images.one_class("cat"),
    ]
    assert [cause.curable for cause in cures] == [True, True, False]
    assert causes_images.one_class("") is None
    assert causes_images.few_images(None, 16) is None


@pytest.mark.parametrize(
    ("run", "std", "rank", "helped"),
    [
        (0.24, 0.45, 9.0, True),  # back from a point
        (0.24, 0.44, 99.0, False),
        (0.25, 0.45, 12.9, False),  # no point: directions count, ten of the run's own
        (0.25, 0.1, 13.0, True),
    ],
)
def test_a_trial_helped(run: float, std: float, rank: float, helped: bool) -> None:
    """Where the run's own z is at a point, below .25, from .45 on; elsewhere from 1.3 times its effective rank on."""
    assert Tried(Measured(std, run), Measured(rank, 10.0)).helped is helped
