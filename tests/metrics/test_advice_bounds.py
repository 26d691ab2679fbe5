"""Advice at its bounds: one below, exactly at, one above; and what the numbers in it come from."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import pytest

from collapse_cli.metrics import findings
from collapse_cli.metrics.advice import Context, advice, many_equal, more, passing
from collapse_cli.metrics.advice_samples import enough, is_small
from collapse_cli.metrics.advice_samples import more as samples
from collapse_cli.metrics.advice_training import (
    of_collapse,
    of_few_dimensions,
    of_one_dimension,
    of_queue,
    resumed,
)
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.settings import flat, resolve
from collapse_cli.stage import Stage
from collapse_cli.values import Curve


def measured(n: int = 1000, d: int = 64, **given: Any) -> Spectrum:
    """A Spectrum of which only what advice reads is set: isotropic, of N rows in D dimensions."""
    values: dict[str, Any] = {
        field.name: 0.0 for field in dataclasses.fields(Spectrum) if field.default is dataclasses.MISSING
    }
    values |= {
        "samples": n,
        "dimensions": d,
        "total_variance": 1.0,
        "std_sqrt_d": 1.0,
        "eigenvalues": Curve([1 / d] * d),
    }
    return Spectrum(**(values | given))


def said(
    n: int, d: int = 8, counted: int | None = None, groups: int | None = None, **known: Any
) -> list[str]:
    return list(samples(measured(n, d, effective_samples=counted, groups=groups), Context(**known)))


@pytest.mark.parametrize(("d", "n"), [(4, 100), (10, 100), (11, 110), (64, 640)])
def test_ten_for_each_dimension_and_a_hundred_at_least(d: int, n: int) -> None:
    assert enough(measured(d=d)) == n
    assert is_small(measured(n - 1, d))
    assert not is_small(measured(n, d))
    assert is_small(measured(10 * n, d, effective_samples=n - 1)), "copies do not count"


def test_of_embeddings_more_are_asked_for() -> None:
    """Below ten for each of 64 dimensions as many as that; from there on four times as many, or none."""
    (few,) = said(639, 64)
    assert (
        few
        == "Measure more distinct embeddings, 640 or more if there are as many: a small sample limits the rank."
    )
    more_, or_not = said(640, 64)
    assert more_ == (
        "Measure more distinct embeddings, 2,560 or more if there are as many: four times as many halve the interval."
    )
    assert or_not == "Or take it as a case at the bound."
    (groups,) = said(5000, 64, counted=70, groups=70)
    assert groups.startswith("Measure more groups: these embeddings count as 70, and 640 are needed; ")


@pytest.mark.parametrize(
    ("n", "available", "in_all", "told"),
    [
        (50, 51, None, "Give --samples 51: "),  # one more than were measured
        (50, 1000, None, "Give --samples 100: "),  # no more than are needed
        (8, 9, 20, "Give --samples 9: "),  # 9 are more than 8 dimensions
        (
            7,
            8,
            20,
            "Give --split all --samples 20, which has 20 images: ",
        ),  # 8 are not, and a split of 20 has more
        (8, 8, 9, "Give --split all, which has 9 images: "),  # all were measured: no --samples
        (50, 50, 51, "Give --split all, which has 51 images: "),
        (
            50,
            50,
            50,
            "The data set is too small: it has 50 images; a small sample limits the rank, but no more are there: ",
        ),
        (
            8,
            8,
            8,
            "The data set is too small: it has 8 images; more than 8 are needed to judge 8 dimensions, better 100: ",
        ),
        (5, 7, None, "Give --samples 7: "),  # of the only split there is, however few
    ],
)
def test_of_images_an_option_as_far_as_there_are_some(
    n: int, available: int, in_all: int | None, told: str
) -> None:
    """In 8 dimensions, which at least 9 images and better 100 can judge."""
    assert said(n, available=available, in_all=in_all)[0].startswith(told)


def test_where_no_more_images_are_there() -> None:
    """8 of 8 dimensions conclude nothing; 9 are undecided. Pixels have no network that could see others."""
    assert said(8, available=8, in_all=8)[0].endswith("At this size nothing can be concluded.")
    assert said(9, available=9, in_all=9)[0].endswith(
        ": name a larger one with --dataset. Else take it as undecided."
    )
    assert "measure the pixels of a larger one" in said(9, available=9, in_all=9, pixels=True)[0]


@pytest.mark.parametrize(
    ("stage", "epochs", "more_epochs"),
    [
        (Stage("interrupted", 3, 10), 0, ""),  # to as many as are planned
        (Stage("interrupted", 3, 10), 10, ""),
        (Stage("interrupted", 3, 10), 11, " --epochs 11"),
        (Stage("interrupted", 9, 10), 0, ""),
        (Stage("done", 10, 10), 0, " --epochs 20"),  # twice those that are done
        (Stage("done", 10, 10), 25, " --epochs 25"),
        (None, 0, ""),
        (None, 7, " --epochs 7"),
    ],
)
def test_a_run_is_resumed_to_so_many_epochs(stage: Stage | None, epochs: int, more_epochs: str) -> None:
    assert resumed(Context(stage=stage), epochs) == f"collapse train --resume RUN{more_epochs}"
    assert (
        resumed(Context(stage=stage, folder="here"), epochs) == f"collapse train --resume here{more_epochs}"
    )


@pytest.mark.parametrize(("steps", "early"), [(0, True), (39, True), (40, False), (None, False)])
def test_the_first_forty_steps_may_pass(steps: int | None, early: bool) -> None:
    """Where nothing keeps images apart nothing passes; where that is not known it may."""
    assert passing(Context(steps=steps, repels=True)) is early
    assert passing(Context(steps=steps)) is early
    assert not passing(Context(steps=steps, repels=False))


def test_epochs_of_six_hundred_steps() -> None:
    """21 steps in one epoch: 29 epochs have 609. No steps, no epochs to ask for."""
    known = Context(steps=21, repels=True, stage=Stage("done", 1, 1), method="moco", space="z")
    (line,) = advice("inconclusive", measured(total_variance=0.01), known)
    assert line.endswith("go on with the training: collapse train --resume RUN --epochs 29")
    (line,) = advice("inconclusive", measured(total_variance=0.01), dataclasses.replace(known, steps=0))
    assert line.endswith("collapse train --resume RUN --epochs 2"), "twice the one that is done"


def options(lines: list[str]) -> list[str]:
    return [
        word
        for line in lines
        for word in line.replace(",", "").replace(":", "").split()
        if word.startswith("--")
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"momentum": 0.99, "lr": 0, "strength": 1.9}, []),
        ({"momentum": 0.98, "lr": 0, "strength": 1.9}, ["--momentum"]),
        ({"momentum": 0.98, "lr": 0, "strength": 1.9, "key_encoder": "copy"}, []),
        ({"momentum": 1.0, "lr": 0.3, "strength": 1.9}, ["--lr"]),
        ({"momentum": 1.0, "lr": 0, "strength": 2.0}, ["--strength"]),
        ({"momentum": 1.0, "lr": 0, "strength": 2.0, "recipe": "none"}, []),
    ],
)
def test_what_is_tried_against_a_complete_collapse(changes: dict[str, Any], named: list[str]) -> None:
    """Slow keys are those of .99 on, views too strong those of 2 on; the rate is a tenth."""
    known = Context(method="moco", repels=True, settings=flat(resolve("moco").tables()) | changes)
    lines = list(of_collapse(known))
    assert options(lines) == named
    assert all("--lr 0.03, a tenth" in line for line in lines if "--lr" in line)
    assert list(of_collapse(Context(repels=True))) == ["Try a lower learning rate."]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"strength": 0.5, "temperature": 0.2}, []),
        ({"strength": 0.51, "temperature": 0.2}, ["--strength"]),
        ({"strength": 0.51, "temperature": 0.2, "recipe": "none"}, []),
        ({"strength": 0.5, "temperature": 0.21}, ["--temperature"]),
    ],
)
def test_what_is_tried_against_few_dimensions(changes: dict[str, Any], named: list[str]) -> None:
    """Milder than .5 and sharper than .2 nothing is advised; a method without a temperature is not given one."""
    known = Context(method="moco", settings=flat(resolve("moco").tables()) | changes)
    assert options(list(of_few_dimensions(known))) == named
    assert options(list(of_few_dimensions(Context(method="moco")))) == []


def test_the_order_in_which_a_queue_is_filled() -> None:
    """300 of 1,200 keys after 2 epochs: full after 8. A queue longer than half of the images is shortened first."""
    known = Context(method="moco", queue=0.25, stage=Stage("interrupted", 2, 4), settings={"queue": 1200})
    on = "Go on until the queue is full: collapse train --resume RUN --epochs 8"
    shorter = "Train with a shorter queue: collapse train moco --queue 256"
    assert list(of_queue(dataclasses.replace(known, trained_on=2400))) == [on, shorter]
    assert list(of_queue(dataclasses.replace(known, trained_on=2399))) == [shorter, on]
    assert list(of_queue(known)) == [on, shorter]
    (line,) = of_queue(dataclasses.replace(known, settings={"queue": 1200, "hardest": 257}))
    assert line == on, "257 keys that are mixed need more than 256"
    assert len(list(of_queue(dataclasses.replace(known, settings={"queue": 1200, "hardest": 256})))) == 2
    assert next(of_queue(dataclasses.replace(known, queue=0.0))) == on.removesuffix(" --epochs 8")


def test_a_projection_of_one_dimension() -> None:
    """The usual width is named where the width is the run's own doing."""
    settings = flat(resolve("moco").tables())
    judged = [of_one_dimension(Context(method="moco", settings=settings | {"dim": dim})) for dim in (1, 2)]
    assert judged[0].startswith("Judge h, or try --dim 64: ")
    assert judged[1].startswith("Judge h: ")
    direct = Context(method="directclr", settings=flat(resolve("directclr").tables()) | {"subvector": 1})
    assert of_one_dimension(direct).startswith("Judge h, or try --subvector 32: ")


def test_the_usual_check_that_does_not_see_it() -> None:
    """std·√D above .5 looks healthy; only of a dimensional collapse that is worth a word."""
    lines = [
        any("usual check" in line for line in more(measured(std_sqrt_d=std), Context(), status))
        for std, status in ((0.51, "dimensional collapse"), (0.5, "dimensional collapse"), (0.51, "healthy"))
    ]
    assert lines == [True, False, False]


@pytest.mark.parametrize(
    ("d", "n", "share", "told"),
    [(5, 6, 0.51, True), (4, 6, 0.51, False), (5, 5, 0.51, False), (5, 6, 0.5, False)],
)
def test_an_outlier_has_more_than_half_of_five_axes(d: int, n: int, share: float, told: bool) -> None:
    curve = Curve([share, *[(1 - share) / (d - 1)] * (d - 1)])
    lines = list(more(measured(n, d, eigenvalues=curve), Context(), "healthy"))
    assert any("holds 51 % of the variance" in line for line in lines) is told
    copies = measured(n, d, eigenvalues=curve, distinct=5)
    assert not any("outlier" in line for line in more(copies, Context(), "healthy")), "five that differ"


def test_views_and_losses_beside_what_they_would_be() -> None:
    """Two rows are 2 x .5 apart: views at .1 are a tenth of that. 98 % of the chance level is below it, more is at it."""
    (line,) = more(measured(total_variance=0.5, eigenvalues=Curve(())), Context(alignment=0.1), "healthy")
    assert line == "The squared distance of two views of an image is 10 % of that of two images."
    for loss, where in ((3.92, "below"), (3.93, "at")):
        (line,) = more(measured(), Context(loss=loss, chance_level=4.0), "healthy")
        assert line == f"The training loss is {loss}, {where} the chance level (4)."
    assert list(more(measured(total_variance=1e-6), Context(alignment=0.1), "healthy")) == []
    assert list(more(measured(), Context(loss=3.0, chance_level=0.0), "healthy")) == []


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"elsewhere": True, "method": "moco", "folder": "r"}, "Leave out --dataset"),
        ({"elsewhere": True, "folder": "r"}, "Go on with the training, whose history tells"),
        ({"folder": "r", "method": "moco"}, "Go on with the training, whose history tells"),
        ({"method": "moco", "network": True}, "Give the run folder of this checkpoint"),
        ({"network": True, "alignment": 0.1}, "Name the images that it was trained on"),
        ({"alignment": 0.1, "pixels": True}, "Give the checkpoint with its images: views"),
        ({"pixels": True}, "Take another data set"),
        ({}, "Give the checkpoint with its images, a second view"),
    ],
)
def test_what_tells_a_collapse_from_an_offset_is_asked_for_in_this_order(
    known: dict[str, Any], told: str
) -> None:
    """The unit rows vary by less than .25 squared; from there on there is no common part to be explained."""
    (line,) = advice("inconclusive", measured(total_variance=0.0624), Context(**known))
    assert line.startswith(told)
    first, *_ = advice("inconclusive", measured(total_variance=0.0625), Context(**known))
    assert not first.startswith(told)


def test_twice_the_planned_epochs_tell() -> None:
    known = Context(folder="r", stage=Stage("done", 4, 5))
    (line,) = advice("inconclusive", measured(total_variance=0.01), known)
    assert line.endswith("collapse train --resume r --epochs 10")


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"space": "z", "method": "moco", "network": True, "settings": {"dim": 64}}, "Judge h: "),
        ({"space": "h", "method": "moco", "network": True}, "Judge its other space"),
        ({"space": "z", "pixels": True}, "Take images of more than one pixel."),
        ({}, "Give the embeddings themselves"),
    ],
)
def test_a_space_of_one_dimension_leads_to_another(known: dict[str, Any], told: str) -> None:
    (line,) = advice("inconclusive", measured(d=1, eigenvalues=Curve([1.0])), Context(**known))
    assert line.startswith(told)


@pytest.mark.parametrize(
    ("given", "known", "told"),
    [
        (
            {"d": 1},
            {"looks_untrained": "so", "method": "moco", "settings": {"lr": 0.01}},
            "Train with a larger learning rate",
        ),
        ({"d": 1}, {"looks_untrained": "so", "queue": 0.5}, "Give the checkpoint that training ended with."),
        ({"d": 1}, {"queue": 0.99, "method": "moco"}, "Go on until the queue is full"),
        ({"d": 1, "largest_group": 0.2}, {"queue": 1.0}, "Give the embeddings themselves"),
        ({"largest_group": 0.1}, {"codes": "int8"}, "Find out why 10 % of the inputs give one output"),
        (
            {"largest_group": 0.5, "distinct": 2},
            {},
            "Find out why 1,000 inputs give 2 different outputs: padding",
        ),
        ({"largest_group": 0.5, "distinct": 8}, {}, "Find out why 50 % of the inputs give one output"),
        ({"largest_group": 0.09}, {"codes": "int8"}, "Give the embeddings that the codes were made from."),
        (
            {},
            {"codes": "bytes", "bytes": True},
            "Give the embeddings that the codes were made from, or --unpack bits",
        ),
        ({"row_participation": 0.49}, {}, "Leave out the embeddings that lie far from all others"),
        ({"row_participation": 0.5}, {}, "Measure more distinct embeddings"),
    ],
)
def test_the_first_thing_that_is_unclear_is_asked_for(
    given: dict[str, Any], known: dict[str, Any], told: str
) -> None:
    assert advice("inconclusive", measured(**given), Context(**known))[0].startswith(told)


def test_copies_that_are_in_the_data_are_left_out() -> None:
    """Of 200 copies 20 come from other images: nine tenths are the data's; with 21 the network is asked about."""
    equal = measured(distinct=800, largest_group=0.2)
    told = [advice("healthy", equal, Context(different=count))[0] for count in (20, 21)]
    assert [line.startswith("Leave out the copies among the images") for line in told] == [True, False]


def test_a_probe_is_advised_where_there_are_classes() -> None:
    told = [advice("healthy", measured(), Context(classes=count, input="r")) for count in (0, 1, 2)]
    assert [any(line.endswith("collapse probe r") for line in lines) for lines in told] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("samples", "largest", "many"), [(6, 1, False), (10, 1, False), (10, 2, True), (1000, 99, False)]
)
def test_a_single_row_is_no_copy(samples: int, largest: int, many: bool) -> None:
    spectrum = SimpleNamespace(samples=samples, largest_group=largest / samples)
    assert many_equal(cast(Any, spectrum)) is many


@pytest.mark.parametrize("undecided", [True, False])
def test_an_undecided_answer_calls_nothing_an_offset(undecided: bool) -> None:
    """Whether it is an offset or a collapse is what it cannot tell."""
    spectrum = cast(Any, SimpleNamespace(mean_cosine=0.99))
    sentence = next(findings._offset(spectrum, undecided=undecided))
    assert sentence.startswith(
        "What they have in common is 99.5 %" if undecided else "A common offset is 99.5 %"
    )
