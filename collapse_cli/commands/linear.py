"""collapse linear: when does a linear network lose dimensions by itself?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from collapse_cli.commands.options import Shown, options
from collapse_cli.commands.subjects import answer
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import Linear, fill, knob

if TYPE_CHECKING:
    from torch import Tensor

    from collapse_cli.labs.linear import Frame, Lab
    from collapse_cli.labs.linear_networks import Sweep

DEEPEST = 8
ROUNDING = 1e-9  # of the largest entry: an eigenvalue that is less below 0 is 0
DRAWN = 6  # networks, and layers of them, whose course is drawn, each on axes of its own
LARGEST = 1 << 27  # numbers in float64, 1 GB: similarities (S, B, B), or weights (S, L, d, d) of every frame


@dataclass(frozen=True)
class Swept:
    """What is varied, all of it trained at once."""

    noise: str = knob("0,0.5,1,1.5,2", "std of the noise of a view, k; several with commas")
    layers: str = knob("1", "linear layers, L; several with commas")
    seeds: int = knob(3, "runs of each, seeds 0, 1, 2 …", low=1, high=100)


@dataclass(frozen=True)
class Given:
    """Covariances other than the identity."""

    augment_covariance: str = knob(
        "", "of the noise in place of --augment, (d, d) as .npy; --noise scales its root"
    )
    data_covariance: str = knob("", "of the data, (d, d) as .npy")


@options(Sweep=Swept, Network=Linear, Covariance=Given, Output=Shown)
def linear(given: dict[str, Any]) -> None:
    """When does a linear network lose dimensions by itself?

    Jing et al. (2022, arXiv:2110.09348) found two causes. Augmentation: where
    views differ by more than the data do, X, the spread of the data less that
    of the augmentation, has a negative eigenvalue, and that direction dies.
    Depth: through several layers small singular values grow slowest. All
    noises, depths and seeds train at once; theory stands beside measurement.

    With the paper's loss, [bold]distance[/bold], there is a threshold: a noise of 1.5
    kills the 8 of 16 directions that have it, .5 none. With that of its code,
    [bold]dot[/bold], of two noisy views, they shrink smoothly; large rates diverge.

    Example, augmentation: [bold]collapse linear --plot noise.png[/bold]

    Depth: [bold]collapse linear --layers 1,2,3,4 --noise .001 --augment isotropic
    --init decaying --loss dot --lr .01 --plot depth.png[/bold]

    Phase diagram: [bold]collapse linear --layers 1,2,3 --plot phases.png[/bold]
    """
    from collapse_cli.views import show

    shown, settings, swept = fill(Shown, given), fill(Linear, given), fill(Swept, given)
    output = shown.output()
    covariances = fill(Given, given)
    lab = _lab(settings, _sweep(swept), covariances)
    entries, diverged = measure(lab, _run(lab, shown.quiet), _said(lab, covariances))
    show(answer("linear", entries, warnings=diverged), output)


def _sweep(swept: Swept) -> Sweep:
    from collapse_cli.labs.linear_networks import Sweep

    noises = _numbers("--noise", swept.noise, float, 0, 1e3)
    layers = _numbers("--layers", swept.layers, int, 1, DEEPEST)
    return Sweep(tuple(noises), tuple(layers), tuple(range(swept.seeds)))


def _numbers(option: str, text: str, kind: type, low: float, high: float) -> list[Any]:
    """`1,2,3` as numbers of that kind, each once."""
    try:
        values = [kind(part) for part in text.split(",")]
    except ValueError:
        values = [-1]
    if not all(low <= value <= high for value in values):
        what = "whole numbers" if kind is int else "numbers"
        raise CollapseError(
            f"{option} cannot be '{text}'",
            f"it takes {what} between {low} and {high:g}, as in {option} 1,2,3",
        )
    return list(dict.fromkeys(values))


def _lab(settings: Linear, sweep: Sweep, covariances: Given) -> Lab:
    from collapse_cli.labs.linear import FRAMES, Lab

    if settings.batch > settings.points:
        raise CollapseError(
            f"--batch {settings.batch} is more than --points {settings.points}",
            "a step draws without replacement",
        )
    kept = FRAMES * max(sweep.layers) * settings.width**2
    if len(sweep.members) * max(settings.batch**2, kept) > LARGEST:
        raise CollapseError(
            f"{len(sweep.members)} networks of this size need too much memory at once",
            "lower --batch or --width, or sweep less",
        )
    data, noise = (
        _covariance(option, path, settings.width)
        for option, path in (
            ("--data-covariance", covariances.data_covariance),
            ("--augment-covariance", covariances.augment_covariance),
        )
    )
    return Lab(settings, sweep, data, noise)


def _covariance(option: str, path: str, width: int) -> Tensor | None:
    """A symmetric (d, d) without negative eigenvalues, from a .npy file."""
    import numpy
    import torch

    if not path:
        return None
    try:
        values = numpy.load(path, allow_pickle=False).astype(float)
    except (OSError, ValueError, EOFError, AttributeError):
        raise CollapseError(f"{option}: {path} cannot be read", "give a (d, d) array as .npy") from None
    if values.shape != (width, width):
        square = values.ndim == 2 and len(values) == len(values.T)
        raise CollapseError(
            f"{option}: {path} is of shape {values.shape}, the network of --width {width}",
            f"--width {len(values)}" if square else "give a (d, d) array",
        )
    sound = numpy.isfinite(values).all() and numpy.allclose(values, values.T) and values.any()
    if not sound or numpy.linalg.eigvalsh(values)[0] < -ROUNDING * abs(values).max():
        raise CollapseError(
            f"{option}: {path} is no covariance",
            "it must be symmetric, finite, not 0, and without negative eigenvalues",
        )
    return torch.from_numpy(values)


def _run(lab: Lab, quiet: bool) -> list[Frame]:
    """Every frame of the training, with a bar meanwhile; it ends where every network has diverged."""
    import torch

    from collapse_cli.labs.linear import train
    from collapse_cli.labs.linear_flow import flow
    from collapse_cli.views.progress import steps

    torch.set_num_threads(1)  # so small matrices gain nothing from more
    frames: list[Frame] = []
    with steps(f"{len(lab.sweep.members)} networks", lab.settings.steps, enabled=not quiet) as advance:
        for frame in flow(lab) if lab.settings.integrator == "flow" else train(lab):
            advance(frame.step - (frames[-1].step if frames else 0))
            frames.append(frame)
            if lab.diverged(frame.weights).all():
                raise CollapseError(
                    f"every network had diverged after {frame.step} steps at a learning rate of {lab.rate:g}",
                    f"lower --lr, as in --lr {lab.rate / 10:g}",
                )
    return frames


def measure(
    lab: Lab, frames: Sequence[Frame], settings: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """An entry for each noise and number of layers, over seeds, the phase diagram, the layers; and a sentence for each that
    diverged, which is left out."""
    from collapse_cli.labs.linear_results import dynamics
    from collapse_cli.labs.seeds import over_seeds

    groups, diverged = _groups(lab), []
    lost = lab.diverged(frames[-1].weights).tolist()
    entries, found = [], {}
    for (noise, layers), places in groups.items():
        if any(lost[place] for place in places):
            name = _name(lab.sweep, noise, layers)
            diverged.append(f"{name} diverged at a learning rate of {lab.rate:g} and is left out: lower --lr")
            continue
        found[noise, layers] = over_seeds([dynamics(lab, frames, place) for place in places])
    for (noise, layers), result in found.items():
        few = len(found) <= DRAWN
        shown = result if few else replace(result, survivors=None, fates=None, product=None)
        entries.append(entry(_name(lab.sweep, noise, layers), shown, settings=settings))
    entries += _phases(lab, {at: result.alive for at, result in found.items()}, settings)
    if sum(layers for _, layers in found) <= DRAWN:
        entries += [one for at in found for one in _layers(lab, frames, *at, groups[at])]
    return entries, diverged


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


def _said(lab: Lab, covariances: Given) -> dict[str, Any]:
    """The settings that every network has."""
    own, sweep = lab.settings, lab.sweep
    said: dict[str, Any] = {"noise": sweep.noises[0]} if len(sweep.noises) == 1 else {}
    said |= {"layers": sweep.layers[0]} if len(sweep.layers) == 1 else {}
    said |= {
        "loss": own.loss,
        "init": own.init,
        "relu": own.relu,
        "d": own.width,
        "N": own.points,
        "B": own.batch,
    }
    said |= {"T": own.temperature} if own.loss == "dot" else {}
    said |= {"augment": covariances.augment_covariance or own.augment}
    return said | {
        "integrator": own.integrator, "steps": own.steps, "lr": lab.rate, "seeds": len(lab.sweep.seeds)
    }  # fmt: skip


def _phases(
    lab: Lab, alive: dict[tuple[float, int], float], settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Where both noise and depth are varied: a row for each noise, a column for each depth, nan where it diverged."""
    from collapse_cli.labs.linear_results import phases

    sweep = lab.sweep
    if min(len(sweep.noises), len(sweep.layers)) > 1:
        rows = [
            [alive.get((noise, layers), float("nan")) for layers in sweep.layers] for noise in sweep.noises
        ]
        yield entry("noise x layers", phases(rows, sweep.noises, sweep.layers), settings=settings)


def _layers(
    lab: Lab, frames: Sequence[Frame], noise: float, layers: int, places: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """The layers of one network over the steps; of a single layer the product has said it."""
    from collapse_cli.labs import linear_results
    from collapse_cli.labs.seeds import over_seeds

    every = [linear_results.layers(lab, frames, place) for place in places] if layers > 1 else []
    for number, same in enumerate(zip(*every, strict=True), start=1):
        yield entry(f"{_name(lab.sweep, noise, layers)} · W{number}", over_seeds(same))
