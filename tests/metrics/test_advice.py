"""Advice: options that the run's method has, in the direction that is left to go, and other methods than its own."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
import torch

from collapse_cli import methods
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.cli import COMMANDS
from collapse_cli.metrics.advice import Context, advice, more
from collapse_cli.metrics.advice_training import _shorter, of_learning
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.metrics.verdict import Status
from collapse_cli.settings import METHODS, flat, resolve
from collapse_cli.shapes import DataShape
from collapse_cli.stage import Stage

WITHOUT_A_VALUE = {"resume"}  # options of `collapse train` that are no setting
STAGES = (
    None,
    Stage("failed", 0, 4),
    Stage("running", 0, 4),
    Stage("interrupted", 0, 4),
    Stage("done", 4, 4),
)

TUNED: dict[str, dict[str, Any]] = {
    "as it is": {},
    "milder, sharper, slower": {"strength": 0.2, "temperature": 0.1, "momentum": 0.999},
    "stronger, softer, faster": {"strength": 2.5, "temperature": 0.9, "momentum": 0.3},
}


@pytest.fixture(scope="module")
def measured() -> Spectrum:
    rows = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    return spectrum(rows, torch.Generator().manual_seed(0))


def context(method: str, space: str, stage: Stage | None, **given: Any) -> Context:
    """As an input of that method has it."""
    own = {field.name for field in fields(METHODS[method])} | {"strength", "lr"}
    run = resolve(method, {name: value for name, value in given.items() if name in own})
    built = methods.build(run, DataShape((1, 8, 8), 600, 3))
    queue = None if built.negatives is None else 0.5
    known = {"method": method, "settings": flat(run.tables()), "repels": built.repels}
    return Context(space=space, stage=stage, queue=queue, **known)


def options(lines: tuple[str, ...]) -> set[str]:
    return {name.replace("-", "_") for name in re.findall(r"--([a-z-]+)", " ".join(lines))}


@pytest.mark.parametrize("tuned", TUNED)
@pytest.mark.parametrize("method", METHODS)
def test_every_option_is_one_that_the_method_has(method: str, tuned: str, measured: Spectrum) -> None:
    """Or one of measuring. Every other method that is named is another than the run's, and every command is known."""
    known = {*flat(resolve(method).tables()), *WITHOUT_A_VALUE}
    measuring = {field.name for field in fields(Measuring)}
    base = context(method, "z", None, **TUNED[tuned])
    for status in get_args(Status):
        for space in ("h", "z"):
            for stage in STAGES:
                found = advice(status, measured, replace(base, space=space, stage=stage))
                assert found
                queue = (
                    {"queue"} if status == "inconclusive" else set()
                )  # only a run that has one has filled it
                assert options(found) - measuring <= known | queue, (status, found)
                trained = set(re.findall(r"collapse train ([a-z-]+)[: ,]", " ".join(found))) - {"--resume"}
                assert trained <= METHODS.keys()
                again = {"queue", "lr"} & options(found)  # the run's own method, otherwise
                assert method not in trained or again
                assert set(re.findall(r"collapse ([a-z]+)(?= |:|$)", " ".join(found))) <= set(COMMANDS)


@pytest.mark.parametrize("name", ["strength", "temperature", "momentum"])
@pytest.mark.parametrize("status", ["complete collapse", "dimensional collapse"])
def test_nobody_is_sent_back(status: str, name: str, measured: Spectrum) -> None:
    """A value that is advised is beyond the run's own in the direction that helps, or the option is not named."""
    for method in METHODS:
        for tuned in TUNED.values():
            known = context(method, "z", None, **tuned)
            for value in re.findall(rf"--{name} ([0-9.]+\d)", " ".join(advice(status, measured, known))):
                helps = (
                    float(value) > known.settings[name]
                    if name == "momentum"
                    else float(value) < known.settings[name]
                )
                assert helps, (method, value)


def test_options_are_named_where_they_help(measured: Spectrum) -> None:
    """MoCo of soft temperature, strong views, fast keys; VICReg has neither temperature nor momentum; SimSiam needs a force."""
    moco = context("moco", "z", None, **TUNED["stronger, softer, faster"])
    assert options(advice("dimensional collapse", measured, moco)) == {"strength", "temperature"}
    assert options(advice("complete collapse", measured, moco)) == {"momentum", "lr", "strength"}
    vicreg = context("vicreg", "z", None)
    assert options(advice("dimensional collapse", measured, vicreg)) == {"strength"}
    assert options(advice("complete collapse", measured, vicreg)) == {"lr"}
    found = advice("complete collapse", measured, context("simsiam", "z", None))
    assert [line.split(":")[0] for line in found[:3]] == [
        "Ask why, and what would cure it",
        "Try moco",
        "Try vicreg",
    ]
    alone = advice("complete collapse", measured, context("vicreg", "z", None, variance=0.0))
    assert not any("train vicreg" in line for line in alone)


@pytest.mark.parametrize(
    ("stage", "first"),
    [
        (
            Stage("failed", 0, 4, "the loss was nan"),
            "Mend what the error names, or train again with a lower learning rate: collapse train moco --lr 0.005",
        ),
        (Stage("running", 0, 4), "Wait for its first epoch."),
        (Stage("interrupted", 0, 4), "Go on with the training: collapse train --resume RUN"),
        (Stage("unknown", 0, 4), "Go on with the training: collapse train --resume RUN"),
    ],
)
def test_where_nothing_was_trained(stage: Stage, first: str, measured: Spectrum) -> None:
    """Whatever the network looks like."""
    for status in get_args(Status):
        (line,) = advice(status, measured, context("moco", "h", stage))
        assert line.startswith(first)


def test_of_a_file_no_option_of_a_training_is_named(measured: Spectrum) -> None:
    measuring = {field.name for field in fields(Measuring)}
    for status in get_args(Status):
        assert options(advice(status, measured, Context(space="z"))) <= measuring


@pytest.mark.parametrize(("share", "asked"), [(0.09, False), (0.1, True), (0.2, True), (None, False)])
def test_a_tenth_of_equal_embeddings_is_asked_about(
    share: float | None, asked: bool, measured: Spectrum
) -> None:
    """Even of a healthy network, and before all else."""
    first, *_ = advice("healthy", replace(measured, largest_group=share), Context(input="rows.npy"))
    assert first.startswith("Find out why ") is asked
    assert first.startswith("Hold later versions to this: collapse check rows.npy") is not asked


@pytest.mark.parametrize(
    ("rate", "steps", "told"),
    [
        (0.05, 99, "Go on with the training, which has had few steps: collapse train --resume RUN --epochs"),
        (0.05, 10_000, "Train with a larger learning rate: collapse train moco --lr 0.5"),
        (0.05, None, "Train with a larger learning rate: collapse train moco --lr 0.5"),
        (0.01, 10_000, "Train with a larger learning rate: collapse train moco --lr 0.05"),
        (0.01, 99, "Train with a larger learning rate: collapse train moco --lr 0.05"),
    ],
)
def test_weights_that_have_not_moved(rate: float, steps: int | None, told: str) -> None:
    """The usual rate of MoCo is 0.05: less is raised to it first, with it steps may be missing, else it is ten times the rate."""
    known = replace(context("moco", "z", Stage("finished", 1, 1), lr=rate), steps=steps)
    assert of_learning(known).startswith(told)


def test_a_projection_of_few_dimensions_leads_to_h(measured: Spectrum) -> None:
    """To a probe of it where there are labels to tell."""
    known = context("moco", "z", None)
    told = [advice("dimensional collapse", measured, replace(known, classes=count))[0] for count in (0, 1, 2)]
    assert [line.startswith("Judge h: a projector may drop") for line in told] == [True, True, False]
    assert told[2].endswith("collapse probe INPUT")


@pytest.mark.parametrize(
    ("queue", "filled", "trained_on", "keys"),
    [
        (4096, 0.3, 10_000, 1024),  # 1,228 keys were ever there: the power of two below
        (4096, 0.3, 1000, 256),  # half of the images, 500, are less
        (512, 1.0, None, 0),  # as long as it is already
        (4096, 0.0001, None, 0),  # not one key
    ],
)
def test_a_queue_that_the_training_fills(
    queue: int, filled: float, trained_on: int | None, keys: int
) -> None:
    known = replace(context("moco", "z", None), queue=filled, trained_on=trained_on)
    assert _shorter(replace(known, settings=known.settings | {"queue": queue})) == keys


def test_one_direction_that_outweighs_all_others_is_told() -> None:
    """OUTLIER of the variance in one of 64 directions is told from a little more than that on."""
    rows = torch.randn(400, 64, generator=torch.Generator().manual_seed(0))
    for scale, told in ((1.0, False), (40.0, True)):
        rows[:, 3] *= scale
        found = spectrum(rows, torch.Generator().manual_seed(0))
        lines = list(more(found, Context(space="h"), "healthy"))
        assert any(line.startswith("One direction, an outlier, holds ") for line in lines) is told
