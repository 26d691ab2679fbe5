"""What is measured of a network that is asked why it collapsed: planted queues, projectors and settings."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import nn

from collapse_cli import methods
from collapse_cli.metrics import causes_steps
from collapse_cli.metrics.causes import NAMES, Cause
from collapse_cli.models.heads import head
from collapse_cli.root_causes import Case, Trained, steps
from collapse_cli.root_causes.cause_evidence import diagnose
from collapse_cli.root_causes.chains import in_a_row
from collapse_cli.root_causes.course import beside, signal, tried
from collapse_cli.root_causes.forces import deviation, forces, prototypes_used, repelling, unopposed
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
    ("method", "settings", "name", "instead", "cure"),
    [
        ("positive-only", {}, "nothing prevents collapse", "end-to-end", {}),
        ("simsiam", {"stop_gradient": False}, "stop-gradient removed", "", {"stop_gradient": True}),
        ("byol", {"stop_gradient": False}, "stop-gradient removed", "", {"stop_gradient": True}),
        ("simsiam", {"predictor": False}, "predictor removed", "", {"predictor": True}),
        ("byol", {"predictor": False}, "predictor removed", "", {"predictor": True}),
        (
            "byol", {"predictor": False, "stop_gradient": False}, "stop-gradient and predictor removed", "",
            {"stop_gradient": True, "predictor": True},
        ),
        ("dino", {"centering": False}, "centering removed", "", {"centering": True, "center_momentum": 0.9}),
        ("dino", {"center_momentum": 1}, "centering removed", "", {"centering": True, "center_momentum": 0.9}),
        (
            "dino", {"sharpening": False}, "sharpening removed", "",
            {"sharpening": True, "teacher_temperature": 0.02},
        ),
        (
            "dino", {"teacher_temperature": 0.2, "student_temperature": 0.2}, "sharpening removed", "",
            {"sharpening": True, "teacher_temperature": 0.04},
        ),
        (
            "dino", {"centering": False, "sharpening": False}, "centering and sharpening removed", "",
            {"centering": True, "center_momentum": 0.9, "sharpening": True, "teacher_temperature": 0.02},
        ),
        ("swav", {"sinkhorn": False}, "Sinkhorn removed", "", {"sinkhorn": True}),
        (
            "align-uniform", {"alignment": 4.1, "uniformity": 1}, "uniformity too weak", "",
            {"alignment": 0.98, "uniformity": 0.96},
        ),
    ],
)  # fmt: skip
def test_the_force_that_is_missing_is_named(
    method: str, settings: dict[str, Any], name: str, instead: str, cure: Any
) -> None:
    found = unopposed(resolve(method, settings).settings)
    assert found is not None
    assert (found.name, found.instead, found.cure) == (name, instead, cure)
    assert name in NAMES


@pytest.mark.parametrize(
    ("method", "settings", "others"),
    [
        ("moco", {"queue": 4}, 4),
        ("mochi", {"queue": 7}, 7),
        ("memory-bank", {"negatives": 3}, 3),
        ("end-to-end", {"batch": 4}, 3),
        ("dcl", {"batch": 8}, 7),
        ("align-uniform", {"batch": 4}, 3),
        ("simsiam", {"batch": 4}, None),
        ("vicreg", {"batch": 4}, None),
        ("supervised", {"batch": 4}, None),
    ],
)
def test_images_that_repel_one(method: str, settings: dict[str, Any], others: int | None) -> None:
    """Keys of a queue, slots of a bank, the other images of a batch; nothing where no image repels another."""
    assert repelling(resolve(method, settings)) == others


def changed(images: Images, method: str = "moco", epochs: int = 40, **settings: Any) -> Case:
    """A run that is said to have done 40 epochs, none of whose weights has moved."""
    return case(images, method, epochs, **settings)


def scaled(one: Case, factor: float) -> Case:
    """Its weights, but for those of batch norm, times a factor."""
    with torch.no_grad():
        for part in (one.method.encoder, one.method.projector):
            for parameter in part.parameters():
                parameter.mul_(factor) if parameter.ndim > 1 else None
    return one


def names(found: list[Cause], one: Case) -> list[str]:
    return [cause.name for cause in found if cause.detected(one.std_sqrt_d)]


def test_weights_that_have_not_moved_have_learned_nothing(images: Images) -> None:
    """No other cause is asked of a network at its initialisation; the cure is the method's usual rate, or ten times its own."""
    (found,) = diagnose(changed(images, lr=1e-6))
    assert (found.name, found.evidence, found.cure) == ("nothing was learned", 0, {"lr": 0.05})
    (found,) = diagnose(changed(images, lr=0.1))
    assert found.cure == {"lr": 1.0}
    moved = scaled(changed(images), 1.05)
    assert "nothing was learned" not in names(diagnose(moved), moved)


def test_a_scale_that_sigreg_does_not_keep(images: Images) -> None:
    """z at a thousandth of the deviation that SIGReg asks for: 400 times the threshold of .4. At the usual weight nobody asks."""
    one = changed(images, "lejepa", sigreg_weight=0.001)
    last = one.method.projector[-1]
    with torch.no_grad():
        factor = 1e-3 * math.sqrt(one.space.shape[1]) / deviation(one.space)
        last.weight.mul_(factor)
        last.bias.mul_(factor)
    one = replace(one)  # embeds again
    (found,) = (cause for cause in forces(one, cast(Trained, one.trained)) if cause)
    assert (found.name, found.cure) == ("SIGReg too weak", {"sigreg_weight": 0.05})
    assert found.times == pytest.approx(400, rel=1e-3)
    usual = changed(images, "lejepa")
    assert forces(usual, cast(Trained, usual.trained)) == []


@pytest.mark.parametrize(
    ("method", "settings", "name"),
    [
        ("dino", {"centering": False}, "centering removed"),
        ("swav", {"sinkhorn": False}, "Sinkhorn removed"),
    ],
)
def test_one_prototype_that_takes_all(
    method: str, settings: dict[str, Any], name: str, images: Images
) -> None:
    """A prototype along the mean z, all others against it: one of 64 is used, of the 4 at the threshold. Rows in halves: two."""
    one = changed(images, method, **settings)
    weight = cast(Any, one.method).prototypes.weight
    with torch.no_grad():
        weight.copy_((-one.space.mean(dim=0)).expand_as(weight))
        weight[3] = one.space.mean(dim=0)
    (found,) = (cause for cause in forces(one, cast(Trained, one.trained)) if cause)
    assert (found.name, found.effect, found.times) == (name, "few dimensions", pytest.approx(4))
    halves = torch.cat([weight[3:4], -weight[3:4]]).detach().repeat(5, 1)
    assert prototypes_used(one.method, halves) == pytest.approx(2)
    assert prototypes_used(changed(images).method, halves) is None


def test_weights_that_have_decayed(images: Images) -> None:
    """A tenth of the norm is left: by decay .3 of 120 steps at .025 x 10, e^-9; decay 1e-4 could not have done it."""
    strong, weak = (scaled(changed(images, weight_decay=decay), 0.1) for decay in (0.3, 1e-4))
    found, other = (steps.decay(one, cast(Trained, one.trained)) for one in (strong, weak))
    assert found is not None
    assert other is not None
    assert found.times == pytest.approx(causes_steps.DECAYED / 0.1, rel=1e-3)
    assert found.cure == {"weight_decay": 1e-4}
    assert other.times < 1
    none = changed(images, weight_decay=0.0)
    assert steps.decay(none, cast(Trained, none.trained)) is None


def test_the_rates_of_a_schedule(images: Images) -> None:
    """A cosine's mean is half its first rate: 120 steps at .05/2, momentum .9, come to 30; half-way to more than half."""
    whole = cast(Trained, changed(images, epochs=40).trained)
    whole = replace(whole, run=resolve("moco", SMALL | {"epochs": 40}))
    assert steps.rates(whole) == pytest.approx(120 * 0.025 / 0.1)
    assert steps.rates(replace(whole, epochs=20)) > steps.rates(whole) / 2
    assert steps.rates(
        replace(whole, run=resolve("moco", SMALL | {"epochs": 40, "optimizer": "adam"}))
    ) == pytest.approx(3)


def test_similarities_spread_by_the_slow_loop() -> None:
    """Cosines of each row to all others but itself, their deviation, its mean."""
    rows = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    unit = nn.functional.normalize(rows, dim=1)
    by = [torch.stack([unit[i] @ unit[j] for j in range(7) if j != i]).std(correction=0) for i in range(7)]
    assert steps.similarity_spread(rows) == pytest.approx(float(torch.stack(by).mean()), rel=1e-5)


def test_a_low_temperature_explains_long_ways(images: Images) -> None:
    """Weights four times as long: the rate's doing at T = .2, the temperature's at T = .0001."""
    for temperature, name in ((0.2, "learning rate too high"), (1e-4, "temperature too low")):
        one = scaled(changed(images, temperature=temperature), 4.0)
        asked = [
            cause.name
            for cause in steps.steps(one, cast(Trained, one.trained), few=False)
            if cause and cause.times >= 1
        ]
        assert asked == [name]


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
