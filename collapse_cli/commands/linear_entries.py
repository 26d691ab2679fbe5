"""Linear networks that were trained -> an answer: each noise and depth over seeds, the phase diagram, the layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from collapse_cli.results import entry

if TYPE_CHECKING:
    from collapse_cli.labs.linear import Frame, Lab
    from collapse_cli.labs.linear_networks import Sweep
    from collapse_cli.labs.linear_results import Dynamics

DRAWN = 6  # networks, and layers of them, whose course is drawn, each on axes of its own
COURSES: dict[str, Any] = dict.fromkeys(
    ("survivors", "fates", "forces", "overlap", "entries", "product")
)  # not of more


def measure(
    lab: Lab, frames: Sequence[Frame], settings: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """An entry for each noise and number of layers, over seeds, the phase diagram, the layers; and a sentence for each that
    diverged, which is left out."""
    from collapse_cli.labs.linear_results import dynamics
    from collapse_cli.labs.seeds import over_seeds

    lost = lab.diverged(frames[-1].weights).tolist()
    groups, diverged, found = _groups(lab), [], {}
    for at, places in groups.items():
        if any(lost[place] for place in places):
            name = _name(lab.sweep, *at)
            diverged.append(f"{name} diverged at a learning rate of {lab.rate:g} and is left out: lower --lr")
            continue
        found[at] = over_seeds([dynamics(lab, frames, place) for place in places])
    entries = [*_networks(lab, found, settings), *_phases(lab, found, settings)]
    if sum(layers for _, layers in found) <= DRAWN:
        entries += [one for at in found for one in _layers(lab, frames, *at, groups[at])]
    return entries, diverged


def _networks(
    lab: Lab, found: Mapping[tuple[float, int], Dynamics], settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """An entry for each noise and depth; of many their courses are left out, and what the phase diagram says for all."""
    from collapse_cli.labs.linear_results import verdict

    few, phased = len(found) <= DRAWN, _phased(lab.sweep)
    for (noise, layers), result in found.items():
        shown = result if few else replace(result, **COURSES)
        shown = replace(shown, spectrum=None) if phased and not few else shown
        said = verdict(result, lab.settings.width, layers) if few or not phased else None
        yield entry(_name(lab.sweep, noise, layers), shown, settings=settings, verdict=said)


def _phased(sweep: Sweep) -> bool:
    """Whether both noise and depth are varied."""
    return min(len(sweep.noises), len(sweep.layers)) > 1


def _groups(lab: Lab) -> dict[tuple[float, int], list[int]]:
    """(noise, layers) -> the places of its seeds."""
    groups: dict[tuple[float, int], list[int]] = {}
    for place, (noise, layers, _) in enumerate(lab.sweep.members):
        groups.setdefault((noise, layers), []).append(place)
    return groups


def _name(sweep: Sweep, noise: float, layers: int) -> str:
    """What a network is called among those of the sweep: what is the same for all stands in the settings."""
    parts = {f"noise {noise:g}": sweep.noises, f"{layers} layer{'s' if layers > 1 else ''}": sweep.layers}
    return " · ".join([part for part, values in parts.items() if len(values) > 1] or parts)


def _phases(
    lab: Lab, found: Mapping[tuple[float, int], Dynamics], settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Where both noise and depth are varied: a row for each noise, a column for each depth, nan where it diverged."""
    from collapse_cli.labs.linear_results import extremes, phases

    sweep, alive = lab.sweep, {at: float(result.alive) for at, result in found.items()}
    if _phased(sweep):
        rows = [[alive.get((noise, depth), math.nan) for depth in sweep.layers] for noise in sweep.noises]
        said = extremes({_name(sweep, *at): living for at, living in alive.items()}, lab.settings.width)
        yield entry(
            "noise x layers", phases(rows, sweep.noises, sweep.layers), settings=settings, verdict=said
        )


def _layers(
    lab: Lab, frames: Sequence[Frame], noise: float, layers: int, places: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """The layers of one network over the steps; of a single layer the product has said it."""
    from collapse_cli.labs import linear_results
    from collapse_cli.labs.seeds import over_seeds

    every = [linear_results.layers(lab, frames, place) for place in places] if layers > 1 else []
    for number, same in enumerate(zip(*every, strict=True), start=1):
        yield entry(f"{_name(lab.sweep, noise, layers)} · W{number}", over_seeds(same))
