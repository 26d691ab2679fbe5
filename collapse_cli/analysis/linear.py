"""Linear networks, trained and measured: each noise and depth over seeds, the phase diagram, the layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from collapse_cli.analysis import needed
from collapse_cli.analysis.covariance import covariance
from collapse_cli.analysis.linear_settings import Covariances, Swept
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError
from collapse_cli.labs import linear_dynamics, linear_results
from collapse_cli.labs.linear import FRAMES, Frame, LinearLab, train
from collapse_cli.labs.linear_flow import flow
from collapse_cli.labs.linear_networks import Sweep
from collapse_cli.labs.linear_results import Dynamics
from collapse_cli.labs.seeds import over_seeds
from collapse_cli.progress import Progress, silent
from collapse_cli.settings import Linear

LARGEST = 1 << 27  # numbers in float64, 1 GB: similarities (S, B, B), or weights (S, L, d, d) of every frame
DRAWN = 6  # networks, and layers of them, whose course is drawn, each on axes of its own
COURSES: dict[str, Any] = dict.fromkeys(
    ("survivors", "fates", "forces", "overlap", "entries", "product")
)  # not of more

At = tuple[float, int]  # noise, layers


def measure(settings: Linear, swept: Swept, covariances: Covariances, progress: Progress = silent) -> Answer:
    """An entry for each noise and number of layers, over seeds, the phase diagram, the layers; a warning for each that diverged.

    Raises CollapseError for settings that do not go together, and where every network has diverged.
    """
    needed.refuse_linear(settings, swept.seeds)
    lab = _lab(settings, swept.sweep(), covariances)
    trained = TrainedNetworks(lab, tuple(_frames(lab, progress)), _shared_settings(lab, covariances))
    entries = [*_networks(trained), *_phases(trained)]
    if sum(layers for _, layers in trained.dynamics) <= DRAWN:
        entries += [entry for at in trained.dynamics for entry in _layers(trained, *at)]
    return answer("linear", entries, warnings=trained.diverged)


@dataclass(frozen=True)
class TrainedNetworks:
    """Networks with every frame of their training, and the settings that all of them have."""

    lab: LinearLab
    frames: tuple[Frame, ...]
    settings: Mapping[str, Any]

    @cached_property
    def places(self) -> dict[At, list[int]]:
        """(noise, layers) -> the places of its seeds."""
        places: dict[At, list[int]] = {}
        for place, (noise, layers, _) in enumerate(self.lab.sweep.members):
            places.setdefault((noise, layers), []).append(place)
        return places

    @cached_property
    def _lost(self) -> set[At]:
        """Where a seed has diverged."""
        lost = self.lab.diverged(self.frames[-1].weights).tolist()
        return {at for at, places in self.places.items() if any(lost[place] for place in places)}

    @property
    def diverged(self) -> list[str]:
        """A sentence for each noise and depth that is left out."""
        return [
            f"{self.name(*at)} diverged at a learning rate of {self.lab.rate:g} and is left out: lower --lr"
            for at in self.places
            if at in self._lost
        ]

    @cached_property
    def dynamics(self) -> dict[At, Dynamics]:
        """What each noise and depth came to, over seeds, of those that have not diverged."""
        return {
            at: over_seeds([linear_dynamics.dynamics(self.lab, self.frames, place) for place in places])
            for at, places in self.places.items()
            if at not in self._lost
        }

    @property
    def phased(self) -> bool:
        """Whether both noise and depth are varied."""
        return min(len(self.lab.sweep.noises), len(self.lab.sweep.layers)) > 1

    def name(self, noise: float, layers: int) -> str:
        """What a network is called among those of the sweep: what is the same for all stands in the settings."""
        sweep = self.lab.sweep
        parts = {f"noise {noise:g}": sweep.noises, f"{layers} layer{'s' if layers > 1 else ''}": sweep.layers}
        return " · ".join([part for part, values in parts.items() if len(values) > 1] or parts)


def _lab(settings: Linear, sweep: Sweep, covariances: Covariances) -> LinearLab:
    """The networks before their training. Raises CollapseError where they would need too much memory."""
    if settings.batch > settings.points:
        raise CollapseError(
            f"--batch {settings.batch} is more than --points {settings.points}",
            "a step samples without replacement: lower --batch or raise --points",
        )
    weights = FRAMES * max(sweep.layers) * settings.width**2
    if len(sweep.members) * max(settings.batch**2, weights) > LARGEST:
        raise CollapseError(
            f"{len(sweep.members)} networks of this size need too much memory at once",
            "lower --batch or --width, or sweep fewer values",
        )
    data = covariance("--data-covariance", covariances.data_covariance, settings.width)
    noise = covariance("--augment-covariance", covariances.augment_covariance, settings.width)
    return LinearLab(settings, sweep, data, noise)


def _frames(lab: LinearLab, progress: Progress) -> Iterator[Frame]:
    """Every frame of the training. Raises CollapseError where every network has diverged."""
    stage = f"{len(lab.sweep.members)} networks"
    for frame in flow(lab) if lab.settings.integrator == "flow" else train(lab):
        progress(stage, frame.step, lab.settings.steps)
        if lab.diverged(frame.weights).all():
            raise CollapseError(
                f"every network had diverged by step {frame.step} at a learning rate of {lab.rate:g}",
                f"lower --lr, for example --lr {lab.rate / 10:g}",
            )
        yield frame


def _shared_settings(lab: LinearLab, covariances: Covariances) -> dict[str, Any]:
    """The settings that every network has."""
    linear, sweep = lab.settings, lab.sweep
    return {
        **({"noise": sweep.noises[0]} if len(sweep.noises) == 1 else {}),
        **({"layers": sweep.layers[0]} if len(sweep.layers) == 1 else {}),
        "loss": linear.loss,
        "init": linear.init,
        "relu": linear.relu,
        "d": linear.width,
        "N": linear.points,
        "B": linear.batch,
        **({"T": linear.temperature} if linear.loss == "dot" else {}),
        "augment": covariances.augment_covariance or linear.augment,
        "integrator": linear.integrator,
        "steps": linear.steps,
        "lr": lab.rate,
        "seeds": len(sweep.seeds),
    }


def _networks(trained: TrainedNetworks) -> Iterator[Entry]:
    """An entry for each noise and depth; of many their courses are left out, and what the phase diagram says for all."""
    few, width = len(trained.dynamics) <= DRAWN, trained.lab.settings.width
    for (noise, layers), dynamics in trained.dynamics.items():
        shown = dynamics if few else replace(dynamics, **COURSES)
        shown = replace(shown, spectrum=None) if trained.phased and not few else shown
        verdict = linear_results.verdict(dynamics, width, layers) if few or not trained.phased else None
        yield Entry(trained.name(noise, layers), shown, settings=trained.settings, verdict=verdict)


def _phases(trained: TrainedNetworks) -> Iterator[Entry]:
    """Where both noise and depth are varied: a row for each noise, a column for each depth, nan where it diverged."""
    sweep, alive = trained.lab.sweep, {at: float(result.alive) for at, result in trained.dynamics.items()}
    if trained.phased:
        rows = [[alive.get((noise, depth), math.nan) for depth in sweep.layers] for noise in sweep.noises]
        phases = linear_results.phases(rows, sweep.noises, sweep.layers)
        by_name = {trained.name(*at): living for at, living in alive.items()}
        verdict = linear_results.extremes(by_name, trained.lab.settings.width)
        yield Entry("noise x layers", phases, settings=trained.settings, verdict=verdict)


def _layers(trained: TrainedNetworks, noise: float, layers: int) -> Iterator[Entry]:
    """The layers of one network over the steps; of a single layer the product has said it."""
    if layers == 1:
        return
    seeds = [
        linear_dynamics.layers(trained.lab, trained.frames, place) for place in trained.places[noise, layers]
    ]
    for number, same in enumerate(zip(*seeds, strict=True), start=1):
        yield Entry(f"{trained.name(noise, layers)} · W{number}", over_seeds(same), named_kind="layer")
