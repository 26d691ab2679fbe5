"""What is measured of a network that is asked why it collapsed: planted queues, projectors and settings."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from collapse_cli import methods
from collapse_cli.models.heads import head
from collapse_cli.root_causes import Case, Trained
from collapse_cli.root_causes.chains import in_a_row
from collapse_cli.root_causes.course import beside, signal, tried
from collapse_cli.root_causes.evidence import diagnose, unopposed
from collapse_cli.root_causes.queues import stale
from collapse_cli.settings import METHODS, resolve
from collapse_cli.shapes import Images, Normalisation, Origin

NORMAL = Normalisation((0.5,), (0.3,))
SMALL = {"encoder": "mlp", "batch": 32, "recipe": "digits", "epochs": 2}


def case(images: Images, method: str = "moco", epochs: int = 0, **settings: Any) -> Case:
    """A run before its first step, said to have done some epochs."""
    run = resolve(method, SMALL | settings)
    network = methods.build(run, images.data_shape)
    trained = Trained(run, images.data_shape, epochs)
    return Case(network, images, NORMAL, "digits", run.training.strength, 0, trained)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"positive-only"}))
def test_something_pushes_apart_in_every_method_but_one(method: str) -> None:
    assert unopposed(resolve(method).settings) is None


@pytest.mark.parametrize(
    ("method", "settings", "cure"),
    [
        ("positive-only", {}, ("end-to-end", {})),
        ("simsiam", {"stop_gradient": False}, ("", {"stop_gradient": True, "predictor": True})),
        ("byol", {"predictor": False}, ("", {"stop_gradient": True, "predictor": True})),
        ("vicreg", {"variance": 0}, ("", {"variance": 25.0})),
        ("align-uniform", {"alignment": 4.1, "uniformity": 1}, ("", {"alignment": 0.98, "uniformity": 0.96})),
    ],
)
def test_settings_that_leave_nothing_to_push_apart(method: str, settings: dict[str, Any], cure: Any) -> None:
    assert unopposed(resolve(method, settings).settings) == cure


def test_time_scales(images: Images) -> None:
    """96 images, B 32: 3 steps an epoch; K = 48 is half an epoch, and waits 1.5 steps, or .75 where both views are keys."""
    found = signal(case(images, epochs=4, queue=48, momentum=0.75))
    assert (found.steps, found.key_waits, found.key_encoder, found.queue_age) == (12, 1.5, 4, 0.5)
    assert signal(case(images, queue=48, symmetric=True)).key_waits == 0.75
    assert signal(case(images, key_encoder="copy")).key_encoder == 1
    assert signal(case(images, momentum=1.0)).key_encoder == math.inf
    assert signal(case(images, "simsiam")).queue_age is None


def test_the_untrained_network_is_drawn_again(images: Images) -> None:
    """Before its first step a run is its own untrained network, but for batch norm's statistics, which are settled."""
    one = case(images)
    assert one.untrained is not None
    theirs = dict(one.untrained.encoder.named_parameters())
    assert all(torch.equal(value, theirs[name]) for name, value in one.method.encoder.named_parameters())
    assert replace(one, trained=None).untrained is None


@pytest.mark.parametrize(
    ("layers", "activation", "norm", "row"),
    [
        (4, "none", False, 4),
        (2, "none", False, 2),
        (1, "none", False, 0),
        (3, "relu", False, 0),
        (3, "none", True, 0),
    ],
)
def test_linear_layers_in_a_row(layers: int, activation: str, norm: bool, row: int) -> None:
    assert len(in_a_row(head(8, 8, 4, layers, norm, activation))) == row


def test_a_row_composes_to_its_network() -> None:
    network = head(6, 7, 4, 3, norm=False, activation="none")
    assert sum(isinstance(part, nn.ReLU) for part in network) == 0
    x, (first, second, third) = torch.randn(5, 6), in_a_row(network)
    moved = network(x) - network(torch.zeros(1, 6))
    torch.testing.assert_close(moved.double(), x.double() @ (third @ second @ first).T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("shift", "sign", "lacks"), [(0, 1, 0), (1, 1, 1), (0, -1, 2)])
def test_staleness_of_planted_keys(images: Images, shift: int, sign: int, lacks: float) -> None:
    """Keys are the images themselves; older ones may be the next image's, or their own turned around.

    The youngest agree by 1, other images of noise by 0: (1 - older) / 1 is 0, 1 and 2; 48 cosines in 64 dimensions leave .02.
    """
    one = case(images, queue=96)
    method: Any = one.method
    method.key_encoder, method.key_projector = nn.Flatten(), nn.Identity()
    assert stale(one, method.queue) is None, "an empty queue"
    keys = nn.functional.normalize(NORMAL(images.pixels.float() / 255).flatten(1), dim=1)
    keys[:48] = sign * keys[:48].roll(shift, dims=0)
    method.queue.push(keys, Origin(torch.arange(96), None))
    assert stale(one, method.queue) == pytest.approx(lacks, abs=0.06)
    assert stale(replace(one, trained=None), method.queue) is None


def test_the_first_epochs_are_the_runs_own(images: Images) -> None:
    """Tried twice from one seed, a run is beside itself: each number is its own null."""
    one = case(images, queue=48)
    assert one.trained is not None
    own = tried(one, one.trained.run, 1)
    assert len(own) == 1
    found = beside(tried(one, one.trained.run, 1), own)
    assert (found.std_sqrt_d, found.below_chance) == (found.std_sqrt_d.null, found.below_chance.null)
    assert found.course == found.course.null


def test_another_librarys_network_is_asked_about_its_augmentation_alone(images: Images) -> None:
    found = diagnose(replace(case(images), trained=None))
    assert [one.name for one in found] == ["augmentation too strong"]


def test_noise_augmented_beyond_recognition(images: Images) -> None:
    """Images of noise at strength 3 are nobody's: found, with a milder strength as the cure."""
    (found, *_) = diagnose(replace(case(images, queue=24), strength=3.0))
    assert found.name == "augmentation too strong"
    assert found.times >= 1
    assert found.cure["strength"] < 3
