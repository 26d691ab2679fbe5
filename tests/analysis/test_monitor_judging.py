"""The verdict of a monitor uses what a file has not: the start of the training, and two views of its images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

import collapse_cli as collapse
from collapse_cli.analysis.monitor_pool import at_one_mean, drift_of
from collapse_cli.analysis.result import Result
from tests.analysis.test_monitor import noise

OFFSET = 20 * torch.ones(16)


def seen(
    *batches: Tensor, others: Sequence[Tensor] = (), loss: float | None = None, after: int = 100
) -> Result:
    """The verdict after these batches, the last eight of them; others: the other views; after: steps that went before."""
    monitor = collapse.CollapseMonitor(every=1, on_collapse=lambda warned: None)
    monitor._course.step = after
    for step, z in enumerate(batches):
        monitor.update(z, z2=others[step] if others else None, loss=loss)
    return monitor.compute()


def text(result: Result) -> str:
    """The short answer in one line."""
    return " ".join(str(result).split())


def healthy(seed: int, offset: Tensor | float = 0.0) -> Tensor:
    return noise(64, 16, seed=seed) + offset


def test_an_offset_that_was_there_at_the_start_is_none() -> None:
    """Where embeddings spread about it. A file of the same cannot tell; and without it nobody speaks of it."""
    batches = [healthy(0, OFFSET), *(4 * healthy(seed, OFFSET / 4) for seed in range(1, 12))]
    assert collapse.diagnose(torch.cat(batches[4:])).status == "inconclusive"
    result = seen(*batches)
    assert result.status == "healthy"
    assert "What all embeddings have in common was there at the start of this training" in text(result)
    assert "at the start of this training" not in seen(*(healthy(seed) for seed in range(12))).table()


@pytest.mark.parametrize("size", [1.0, 1e-2, 1e-4])
def test_noise_about_a_constant_from_the_start_is_not_healthy(size: float) -> None:
    """It has every direction about the mean at the start, and that says nothing: a network that is dead from birth has it too."""
    result = seen(*(size * healthy(seed) + OFFSET for seed in range(12)))
    assert result.status == "inconclusive"
    grown = seen(OFFSET + healthy(0), *(100 * (OFFSET + healthy(seed)) for seed in range(1, 12)))
    assert grown.status == "inconclusive"  # longer, all of it


@pytest.mark.parametrize("draw", range(4))
def test_views_that_share_nothing_make_no_offset(draw: int) -> None:
    """Constants with noise, in both views, from the first look on: a ratio of about 0 over one of about 0 is any number."""
    batches, others = ([OFFSET + healthy(100 * draw + 2 * step + k) for step in range(8)] for k in (0, 1))
    assert seen(*batches, others=others).status in ("inconclusive", "complete collapse")


def test_views_that_share_nothing_veto_an_offset() -> None:
    """Spread that has grown since the start, and in which no image is found again, is noise."""
    batches, others = (
        [OFFSET + (4 if step else 1) * healthy(2 * step + k) for step in range(12)] for k in (0, 1)
    )
    assert seen(*batches[:9]).status == "healthy"
    assert seen(*batches[:9], others=others).status in ("inconclusive", "complete collapse")


def test_an_h_near_one_point_vetoes_an_offset() -> None:
    monitor = collapse.CollapseMonitor(every=1)
    for step in range(9):
        z, h = OFFSET + (4 if step else 1) * healthy(step), 20 + noise(64, 24, seed=50 + step)
        monitor.update(z, h=h)
    assert monitor.compute().z.status == "inconclusive"


def test_a_common_part_that_came_cannot_be_told_alone() -> None:
    """Embeddings that differ as before, far from where they were: an offset, or a collapse that has just begun."""
    result = seen(*(healthy(seed) for seed in range(4)), *(healthy(seed, OFFSET) for seed in range(4, 12)))
    assert result.status == "inconclusive"


def test_a_common_part_that_stayed_is_a_collapse() -> None:
    """The alarm has told of it: at 1,000 steps, 990 of them near one direction."""
    monitor = collapse.CollapseMonitor(every=10, on_collapse=lambda warned: None)
    for step in range(1, 1001):
        monitor.update(healthy(step, 0.0 if step <= 10 else 3 * OFFSET))
    assert "complete collapse" in [warned.kind for warned in monitor.warned]
    result = monitor.compute()
    assert result.status == "complete collapse"
    assert "has come during this training" in text(result)


def test_a_scale_that_vanished_about_the_start_is_no_offset() -> None:
    """Embeddings that fall back to the mean at the start have every direction about it, and nothing is left of them."""
    result = seen(
        *(healthy(seed, OFFSET) for seed in range(4)), *(1e-3 * healthy(s) + OFFSET for s in range(4, 12))
    )
    assert result.status == "inconclusive"


def test_images_that_views_tell_apart() -> None:
    """Views that come three times nearer than they were at the start, far from 0: their encoder has learned."""
    batches = [healthy(0), *(healthy(step, OFFSET) for step in range(1, 12))]
    noises = [1.0, *[0.3] * 11]
    others = [
        z + size * noise(64, 16, seed=100 + step)
        for step, (z, size) in enumerate(zip(batches, noises, strict=True))
    ]
    result = seen(*batches, others=others)
    assert result.status == "healthy"
    assert "times as clearly as at the start of this training" in text(result)


def test_images_that_views_do_not_tell_apart() -> None:
    """Two views of an image as far apart as two images, all near one direction: nothing of the image is left.

    Independent noise about one point has a view ratio of 0. In the first steps training may pass through it.
    """
    batches, others = ([healthy(2 * step + k, OFFSET * (step > 0)) for step in range(12)] for k in (0, 1))
    result = seen(*batches, others=others)
    assert result.status == "complete collapse"
    assert "Two views of one image" in text(result)
    early = seen(*batches, others=others, after=0)
    assert early.status == "inconclusive"
    assert "After 12 steps this may be a collapse that training passes through" in text(early)


def test_a_ray_needs_no_more_embeddings_than_dimensions() -> None:
    """One batch of 64 in 100 dimensions, of which only the lengths differ: judged, where the number of directions is not."""
    ray = (1 + 0.1 * noise(64, 1)) * noise(1, 100, seed=5) + 1e-4 * noise(64, 100, seed=6)
    assert seen(ray).status == "complete collapse"
    others = seen(noise(64, 100, seed=7))
    assert others.status == "inconclusive"
    assert "64 embeddings are too few to judge 100 dimensions" in text(others)
    assert "ask again after more steps" in text(others)


def test_batches_on_rays_that_move_are_on_a_ray() -> None:
    """Eight batches, each of lengths along its own direction's point: at one mean, the variance is along it."""
    direction = noise(1, 100, seed=5)
    batches = [(step + 5 + 0.1 * noise(8, 1, seed=step)) * direction for step in range(8)]
    assert drift_of(batches) > 100
    assert seen(*batches).status == "complete collapse"


def test_what_was_warned_of_stands_beside_the_verdict() -> None:
    """A scale that vanished is nothing to a spectrum of directions, and the alarm has told of it."""
    monitor = collapse.CollapseMonitor(every=5, on_collapse=lambda warned: None)
    for step in range(200):
        monitor.update(healthy(step) * (1 if step < 100 else 1e-3))
    result = monitor.compute()
    assert result.status == "inconclusive"
    assert "the warning of collapse of scale of z still holds" in text(result)
    assert "A warning while it trained: Collapse of scale at step 125." in text(result)
    for step in range(60):
        monitor.update(healthy(step))
    assert monitor.compute().status == "healthy"


@pytest.mark.parametrize("loss", [math.log(64), -1.0, 0.0])
def test_a_loss_changes_no_verdict(loss: float) -> None:
    result = seen(*(healthy(seed) for seed in range(8)), loss=loss)
    assert result.status == "healthy"
    assert ("The loss is at a chance level, ln B = 4.159" in " ".join(result.table().split())) == (loss > 1)


def test_classes_that_are_points_are_neural_collapse() -> None:
    """The goal of a supervised loss: labels, -1 where none is known, tell it from a collapse that nobody wants."""
    centres, labels = noise(5, 16, seed=3), torch.arange(64) % 5
    monitor = collapse.CollapseMonitor(every=1)
    for step in range(8):
        known = torch.where(torch.arange(64) < 60, labels, -1)
        monitor.update(3 * centres[labels] + 0.01 * noise(64, 16, seed=step), labels=known)
    assert "This is neural collapse" in str(monitor.compute())


def test_batches_with_nan_are_left_out() -> None:
    result = seen(healthy(0), healthy(1) * math.nan, healthy(2))
    assert result.status == "healthy"
    assert any("1 of 3 batches contain nan or infinity" in warning for warning in result.warnings)
    with pytest.raises(collapse.CollapseError, match="all batches that are held have embeddings with nan"):
        seen(healthy(0) * math.nan)


def test_drift_is_the_f_of_an_analysis_of_variance() -> None:
    """Two batches {0, 2} and {4, 6}: MSB = 16 / 1, MSW = 4 / 2, F = 8. Points that are equal: 0, that differ: infinite."""
    assert drift_of([torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [6.0]])]) == 8
    assert drift_of([torch.ones(3, 2), torch.ones(3, 2)]) == 0
    assert drift_of([torch.zeros(3, 2), torch.ones(3, 2)]) == math.inf
    assert drift_of([torch.ones(3, 2)]) == 0


def test_at_one_mean_is_unbiased() -> None:
    """Batches of 4 from one distribution of variance 1 have it about one mean, too: 2,000 of them, standard error .016."""
    rows = noise(8000, 1, seed=1)
    moved = at_one_mean(rows.split(4))
    assert float(moved.var()) == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(moved.mean(), rows.mean(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("loss", [None, math.nan])
def test_what_diverges_is_not_healthy(loss: float | None) -> None:
    """Seven sound batches are left of it, and nan in one row, or in the loss, is what the training has come to."""
    monitor = collapse.CollapseMonitor(every=1, on_collapse=lambda warned: None)
    for step in range(8):
        monitor.update(healthy(step))
    assert monitor.compute().status == "healthy"
    last = healthy(8)
    last[3] = math.nan if loss is None else 0.0
    monitor.update(last, loss=loss)
    result = monitor.compute()
    assert result.status == "inconclusive"
    assert "not finite at the last look" in text(result)
    assert "checkpoint before" in text(result)
    monitor.update(healthy(9))
    assert monitor.compute().status == "healthy"


def test_what_diverges_is_not_healthy_for_a_sound_h() -> None:
    monitor = collapse.CollapseMonitor(every=1, on_collapse=lambda warned: None)
    for step in range(8):
        monitor.update(healthy(step), h=noise(64, 24, seed=step))
    assert monitor.compute().status == "healthy"
    monitor.update(healthy(8) * math.nan, h=noise(64, 24, seed=9))
    assert monitor.compute().status == "inconclusive"


def test_no_sound_h_makes_a_training_healthy_whose_z_has_shrunk() -> None:
    """The alarm of its scale holds, which the directions of z do not show; a lost rank of z alone is what projections have."""
    monitor = collapse.CollapseMonitor(every=1, on_collapse=lambda warned: None)
    for step in range(120):
        monitor.update(healthy(step) * (1 if step < 60 else 1e-4), h=noise(64, 24, seed=step))
    result = monitor.compute()
    assert result.status == "inconclusive"
    assert "the warning of collapse of scale of z still holds" in text(result)


def test_how_many_embeddings_hold_nan_is_told() -> None:
    """One of 64 is not every embedding."""
    last = healthy(0)
    last[3] = math.nan
    with pytest.raises(collapse.CollapseError, match="with nan or infinity: 1 of 64 at step 101"):
        seen(last)


def test_no_command_that_resumes_a_training_of_another_loop() -> None:
    told = text(seen(noise(64, 16) * 0.05 + OFFSET, after=0))
    assert "go on with the training" in told
    assert "RUN" not in told
