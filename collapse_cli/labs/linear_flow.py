"""Gradient flow dW/dt = -dL/dW on one batch that is kept: what gradient descent comes to where its steps are small."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.labs.linear import Frame, LinearLab, moments

RELATIVE, ABSOLUTE = 1e-8, 1e-10  # tolerances of the integrator


def flow(lab: LinearLab) -> Iterator[Frame]:
    """The frames of gradient descent with time = steps times learning rate, by Runge-Kutta of order 8 (DOP853)."""
    batch, weights = next(lab.batches()), lab.weights
    # the state: W, and the integrals over time of X and of the loss
    shapes = [weights.shape, weights[:, 0].shape, weights.shape[:1]]
    sizes = [shape.numel() for shape in shapes]

    def slope(_: float, state: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
        moved = lab.motion(torch.from_numpy(state[: sizes[0]]).view(shapes[0]), batch)
        matrix = moved.matrix.nan_to_num()  # with ReLUs there is no X, and nan would stop the clock
        return torch.cat([part.flatten() for part in (-moved.gradient, matrix, moved.loss)]).numpy()

    start = lab.motion(weights, batch)
    yield Frame(0, 0.0, weights, start.matrix, start.loss)
    for before, after in itertools.pairwise(moments(lab.settings.steps)):
        span = (before * lab.rate, after * lab.rate)
        state = _advance(slope, span, weights, sum(sizes[1:]))
        parts = [part.view(shape) for part, shape in zip(torch.split(state, sizes), shapes, strict=True)]
        weights, lasted = parts[0], span[1] - span[0]
        matrix = parts[1] / lasted if lab.bent is None else start.matrix
        yield Frame(after, span[1], weights, matrix, parts[2] / lasted)


def _advance(slope: object, span: tuple[float, float], weights: Tensor, integrals: int) -> Tensor:
    """The state at the end of the span: weights, then integrals that begin at 0."""
    state = torch.cat([weights.flatten(), weights.new_zeros(integrals)]).numpy()
    solved = solve_ivp(slope, span, state, "DOP853", rtol=RELATIVE, atol=ABSOLUTE, t_eval=[span[1]])
    if not solved.success:
        raise CollapseError(
            "the gradient flow could not be integrated",
            "lower --lr or --steps; their product is the time that is integrated",
        )
    return torch.from_numpy(solved.y[:, -1].copy())
