"""What a GAN of the lab has to imitate: a ring or a grid of Gaussians, or digits as images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.modes import Anchors

RADIUS, SPACING = 2.0, 2.0
WITHIN = 3.0  # standard deviations that a good sample may be from its mode (VEEGAN, arXiv:1705.07761)
PART = 0.95  # of real images that are as near to another one as a good sample must be


@dataclass(frozen=True)
class Target:
    """anchors: where samples are drawn, each equally often; std: of the Gaussian about each; shrink: D sees samples over it.

    perfect: the share of a perfect sampler's samples within reach of an anchor.
    """

    anchors: Anchors
    std: float
    shrink: float
    perfect: float

    @property
    def dimensions(self) -> int:
        return self.anchors.rows.shape[1]

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, d) independent samples."""
        rows = self.anchors.rows
        drawn = rows[torch.randint(len(rows), (count,), generator=generator)]
        if not self.std:
            return drawn
        return drawn + self.std * torch.randn(count, self.dimensions, generator=generator)


def gaussians(centres: Tensor, std: float) -> Target:
    """A mode at each of the centres (M,2). Within 3 std of its own lie 1 - exp(-9/2) = 98.9 % of a perfect sampler's samples."""
    anchors = Anchors(centres, torch.arange(len(centres)), WITHIN * std)
    return Target(anchors, std, 2.0, 1 - math.exp(-(WITHIN**2) / 2))


def ring(modes: int = 8, std: float = 0.05, radius: float = RADIUS) -> Target:
    """Modes at the angles 2 pi k / modes, the end left out: with it the first and the last would be one."""
    angles = 2 * math.pi * torch.arange(modes) / modes
    return gaussians(radius * torch.stack([angles.cos(), angles.sin()], dim=1), std)


def grid(side: int = 5, std: float = 0.05, spacing: float = SPACING) -> Target:
    """side x side modes about the origin: {-4, -2, 0, 2, 4}^2 (PacGAN, Lin et al. 2018, arXiv:1712.04086)."""
    places = spacing * (torch.arange(side) - (side - 1) / 2)
    return gaussians(torch.cartesian_prod(places, places), std)


def images(rows: Tensor, labels: Tensor) -> Target:
    """Rows (N,d) of pixels with labels (N,) in 0..M-1: a sample's mode is the class of the nearest image.

    It is good where it is as near as 95 % of the images are to the nearest other one.
    """
    distances = torch.cdist(rows, rows).fill_diagonal_(math.inf).min(dim=1).values
    return Target(Anchors(rows, labels, float(distances.quantile(PART))), 0.0, 1.0, PART)


def plane(target: Target) -> Tensor:
    """(d,2) the directions in which its anchors spread most; the plane itself where d is 2."""
    if target.dimensions == 2:
        return torch.eye(2)
    rows = target.anchors.rows
    directions: Tensor = torch.linalg.svd(rows - rows.mean(dim=0), full_matrices=False).Vh
    return directions[:2].T


def centres(target: Target) -> Tensor:
    """(M,d) the mean of each mode's anchors."""
    rows, modes = target.anchors.rows, target.anchors.modes
    return torch.stack([rows[modes == mode].mean(dim=0) for mode in range(target.anchors.count)])
