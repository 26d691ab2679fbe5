"""GANs of the lab, trained and measured: cures side by side, or a map over the balance of D and G."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch

from collapse_cli import data
from collapse_cli.analysis import needed
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.embedding import take
from collapse_cli.errors import CollapseError
from collapse_cli.labs import gan_targets
from collapse_cli.labs.gan import SHOWN
from collapse_cli.labs.gan_cures import CURES, chosen
from collapse_cli.labs.gan_results import Goal, balances, drawn_goal, trained
from collapse_cli.metrics.modes import best, verdict
from collapse_cli.progress import Progress, silent
from collapse_cli.settings import Gan
from collapse_cli.shapes import Images

ALWAYS = ("target", "loss", "steps", "lr", "lr_ratio", "d_steps")  # settings that stand in every answer
VARIED = ("lr_ratio", "d_steps")  # what a map varies
GAUSSIANS = {"ring": gan_targets.ring, "grid": gan_targets.grid}


def compare(
    cures: Sequence[str], settings: Gan, seeds: Sequence[int], frames: int, progress: Progress = silent
) -> Answer:
    """An entry for each cure, over seeds, and one for a perfect sampler, measured in the same way.

    frames: looks taken along each training, at least 2. Raises CollapseError for an unknown cure, and where a run diverges.
    """
    needed.refuse_gan(settings, len(seeds))
    goal = _goal(settings)
    anchors, perfect = goal.target.anchors, goal.target.perfect
    entries = []
    for cure in cures:
        modes = trained(cure, settings, goal, seeds, frames, progress)
        judged = verdict(modes, anchors.count, perfect)
        entries.append(Entry(cure, modes, settings=_of_answer(settings, cure, seeds), verdict=judged))
    return answer("gan", [*entries, _perfect(goal, entries)])


def balance(cures: Sequence[str], settings: Gan, seeds: Sequence[int], progress: Progress = silent) -> Answer:
    """A map of modes and quality for each cure, over D's rate and D's steps."""
    needed.refuse_gan(settings, len(seeds))
    goal = _goal(settings)
    entries = []
    for cure in cures:
        map_ = balances(cure, settings, goal, seeds, progress)
        shared = {k: v for k, v in _of_answer(settings, cure, seeds).items() if k not in VARIED}
        judged = best(map_, goal.target.anchors.count)
        entries.append(Entry(cure, map_, settings=shared, verdict=judged))
    return answer("gan", entries)


def refuse_idle(typed: Mapping[str, Any], settings: Gan, cures: Sequence[str], sweep: bool) -> None:
    """Raises CollapseError for an option that was typed (by name) and would do nothing."""
    active = {part for cure in cures for part in chosen(cure)}
    idle = {
        name: f"belongs to --cure {cure}"
        for cure, names in CURES.items()
        if cure not in active
        for name in names
    }
    idle |= {} if settings.loss == "wgan-gp" else {"penalty": "belongs to --loss wgan-gp"}
    idle |= {"std": "belongs to Gaussians"} if settings.target == "digits" else {}
    idle |= dict.fromkeys(("lr_ratio", "d_steps"), "is varied by --sweep") if sweep else {}
    for name in (option for option in typed if option in idle):
        raise CollapseError(
            f"--{name.replace('_', '-')} {idle[name]}",
            "leave it out, or change the option that it depends on",
        )


def _goal(settings: Gan) -> Goal:
    """Gaussians as the settings say, or the digits: learned from and compared with train, the test split being perfect."""
    if settings.target != "digits":
        return drawn_goal(GAUSSIANS[settings.target](std=settings.std))
    train, test = (data.load("digits", split) for split in ("train", "test"))
    assert train.labels is not None
    real = _pixels(train)
    return Goal(gan_targets.images(real, train.labels), real, _pixels(test))


def _pixels(images: Images) -> torch.Tensor:
    """(N, C*H*W) from 0 to 1."""
    return take(images, torch.arange(len(images)), torch.device("cpu")).flatten(1) / 255


def _perfect(goal: Goal, entries: Sequence[Entry]) -> Entry:
    """The numbers of a perfect sampler, with the settings that all others share."""
    first, *others = (entry.settings for entry in entries)
    shared = {k: v for k, v in first.items() if all(settings.get(k) == v for settings in others)}
    return Entry("perfect sampler", replace(goal.perfect_modes(), by_share=None), settings=shared)


def _of_answer(settings: Gan, cure: str, seeds: Sequence[int]) -> dict[str, Any]:
    """The settings that matter to an answer: the main ones, those of its cures, and those that are not the defaults."""
    of_cures = {name for names in CURES.values() for name in names}
    usual, every = asdict(Gan()), asdict(settings)
    main = {n: v for n, v in every.items() if n not in of_cures and (n in ALWAYS or v != usual[n])}
    of_this = {name: every[name] for part in chosen(cure) for name in CURES[part]}
    return main | {"N": SHOWN, "seeds": len(seeds), "seed": seeds[0]} | ({"with": of_this} if of_this else {})
