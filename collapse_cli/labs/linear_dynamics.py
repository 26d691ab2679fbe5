"""What is measured of a deep linear network along its training: dimensions, layers, and the theory beside both."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from collapse_cli.labs.linear import Frame, LinearLab
from collapse_cli.labs.linear_networks import product
from collapse_cli.labs.linear_results import VANISHED, Dynamics, LayerCourse
from collapse_cli.metrics.dynamics import conserved, fates, gap, grown, negative
from collapse_cli.metrics.layer_alignment import Pair, pair
from collapse_cli.metrics.ranks import alive, participation_ratio
from collapse_cli.values import Curve, Measured

FOLLOWED = 32  # directions over the steps
ENOUGH = 10  # spans and directions to compare growth over


def dynamics(lab: LinearLab, frames: Sequence[Frame], place: int) -> Dynamics:
    """Everything of the network at this place of the sweep, whose weights are finite in every frame."""
    depth, steps = lab.sweep.members[place][1], [frame.step for frame in frames]
    layers = torch.stack([frame.weights[place, :depth] for frame in frames])  # (F, L, d, d)
    lam = torch.stack([_spectrum(lab.embedded(frame.weights, [place])[0]) for frame in frames])  # (F, d)
    living = [alive(eigenvalues) if eigenvalues[0] > VANISHED * lam[0, 0] else 0 for eigenvalues in lam]
    return Dynamics(
        alive=living[-1],
        dead=lam.shape[1] - living[-1],
        gap=gap(lam[-1]),
        participation_ratio=participation_ratio(lam[-1]),
        loss=Measured(float(frames[-1].loss[place]), null=math.log(lab.settings.batch)),
        spectrum=Curve(lam[-1].tolist(), null=lam[0].tolist()),
        survivors=Curve(living, steps),
        **(_aligned(layers, max(living[-1], 1)) if depth > 1 else {}),
        **(_theory(layers, frames, place, steps) if not lab.settings.relu else {}),
    )


def layers(lab: LinearLab, frames: Sequence[Frame], place: int) -> list[LayerCourse]:
    """Each of the layers of the network at this place, the first one first."""
    depth, steps = lab.sweep.members[place][1], [frame.step for frame in frames]
    sigma = torch.linalg.svdvals(torch.stack([frame.weights[place, :depth] for frame in frames]))  # (F, L, d)
    return [LayerCourse(_over_time(singular_values, steps)) for singular_values in sigma.unbind(1)]


def _spectrum(embedded: Tensor) -> Tensor:
    """Eigenvalues (d,), descending, of the centred covariance (ddof 1) of z (n, d)."""
    lam: Tensor = torch.linalg.eigvalsh(embedded.T.cov())
    return lam.flip(0).clamp_min(0)


def _aligned(layers: Tensor, k: int) -> dict[str, Any]:
    """How adjacent layers of (F, L, d, d) meet, before training and at the end."""
    before, after = ([pair(*two) for two in itertools.pairwise(layers[frame])] for frame in (0, -1))
    apart = [adjacent.diagonal for adjacent in after if adjacent.diagonal is not None]
    return {
        "block_energy": _block(after, k),
        "block_energy_before": _block(before, k),
        "diagonal": Measured(mean(apart), null=math.sqrt(2 / (math.pi * layers.shape[-1])))
        if apart
        else None,
        "overlap": _overlap(after),
        "entries": _entries(after),
    }


def _block(pairs: Sequence[Pair], k: int) -> Measured:
    """Mean block energy of k directions."""
    energies = [adjacent.overlap[k - 1] for adjacent in pairs if adjacent.overlap is not None]
    return Measured(mean(energies), null=k / pairs[0].dimensions)


def _overlap(pairs: Sequence[Pair]) -> Curve:
    """Block energy at every k, mean over the pairs; nan where one of them has no rank left."""
    d = pairs[0].dimensions
    energies = [adjacent.overlap or [math.nan] * d for adjacent in pairs]
    return Curve(map(mean, zip(*energies, strict=True)), null=[k / d for k in range(1, d + 1)])


def _entries(pairs: Sequence[Pair]) -> Curve | None:
    """|A_kk| of every direction k, mean over the pairs; nan where it does not stand apart in all of them, None if nowhere."""
    d = pairs[0].dimensions
    by_direction = [
        dict(zip(adjacent.entries.x or (), adjacent.entries, strict=True)) if adjacent.entries else {}
        for adjacent in pairs
    ]
    means = [mean(each.get(k, math.nan) for each in by_direction) for k in range(1, d + 1)]
    chance = math.sqrt(2 / (math.pi * d))
    return Curve(means, null=[chance] * d) if any(map(math.isfinite, means)) else None


def _theory(layers: Tensor, frames: Sequence[Frame], place: int, steps: Sequence[int]) -> dict[str, Any]:
    """What the theory of linear networks says, beside what was measured."""
    forces = torch.stack([frame.matrix[place] for frame in frames])  # (F, d, d)
    whole = product(layers)  # (F, d, d)
    expected, reached = fates(whole[-1], forces[0])
    time = torch.tensor([frame.time for frame in frames], dtype=torch.float64)
    theory = {
        "negative": negative(forces[0]),
        "fates": Curve(reached.tolist(), expected.tolist()),
        "forces": Curve(torch.linalg.eigvalsh(forces[0]).flip(0).tolist(), null=[0.0] * len(expected)),
        "product": _over_time(torch.linalg.svdvals(whole), steps),
    }
    return (
        theory
        | _growth(*grown(layers, forces[1:], time))
        | (_conserved(layers) if layers.shape[1] > 1 else {})
    )


def _growth(measured: Tensor, expected: Tensor) -> dict[str, float]:
    """How far growth (n,) is that which Theorem 3 says (n,); nothing of too few."""
    if len(measured) < ENOUGH:
        return {}
    return {
        "growth_ratio": float(measured @ expected / (expected @ expected)),
        "growth_correlation": float(torch.stack([measured, expected]).corrcoef()[0, 1]),
    }


def _conserved(layers: Tensor) -> dict[str, Any]:
    scale = (layers[-1, :-1] @ layers[-1, :-1].mT).norm(dim=(-2, -1))  # (L - 1,)
    before, after = conserved(layers[0]), conserved(layers[-1])
    return {
        "imbalance": float((after.norm(dim=(-2, -1)) / scale).max()),
        "drift": Measured(float(((after - before).norm(dim=(-2, -1)) / scale).max()), null=0.0),
    }


def _over_time(sigma: Tensor, steps: Sequence[int]) -> dict[str, Curve]:
    """sigma (F, d) -> a curve for each direction, of many for FOLLOWED from the first to the last."""
    d = sigma.shape[1]
    places = sorted({round(place) for place in torch.linspace(0, d - 1, min(d, FOLLOWED)).tolist()})
    return {f"σ{place + 1}": Curve(sigma[:, place].tolist(), steps) for place in places}
