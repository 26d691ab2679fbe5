"""Codebooks of small VQ-VAEs that are trained, and what `collapse codes` says: python tests/benchmarks/vqvae.py

Sixteen: K = 64 and 512, two seeds, four ways to keep a codebook. 600 steps on digits (1,347 images of 8x8 pixels, 16 codes
an image), Adam at 2e-3, batches of 64, commitment .25. The codes of all images are counted, as tokens of rows. About two
minutes on one core.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, normalize

import collapse_cli as collapse
from collapse_cli import data

STEPS, BATCH, RATE, COMMITMENT, DECAY = 600, 64, 2e-3, 0.25, 0.99
RARE, EVERY = (
    0.5,
    20,
)  # draws a batch, of the moving average, below which a code is re-initialised, every so many steps


class Way(NamedTuple):
    """moving: codes are moving averages, else moved by gradients; unit: codes and outputs at length 1 in 8 dimensions."""

    name: str
    moving: bool = False
    unit: bool = False
    again: bool = False


WAYS = (
    Way("gradients"),
    Way("moving averages", moving=True),
    Way("unit length, 8 dimensions", unit=True),
    Way("moving averages, dead codes re-initialised", moving=True, again=True),
)


class Quantised(nn.Module):
    """A VQ-VAE (van den Oord et al. 2017, arXiv:1711.00937) of 16 codes an image."""

    def __init__(self, way: Way, size: int) -> None:
        super().__init__()
        self.way, width = way, 8 if way.unit else 32
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(32, width, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(width, 32, 3, 1, 1), nn.ReLU(), nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 1, 1)
        )  # fmt: skip
        self.codes = nn.Parameter(torch.randn(size, width), requires_grad=not way.moving)
        self.counts, self.sums = torch.ones(size), self.codes.detach().clone()

    def rows(self, images: Tensor) -> Tensor:
        rows = self.encoder(images).movedim(1, -1)  # (B, 4, 4, width)
        return normalize(rows, dim=-1) if self.way.unit else rows

    def nearest(self, rows: Tensor) -> Tensor:
        """(B, 16) the code of each of rows (B, 4, 4, width)."""
        return torch.cdist(rows.flatten(0, 2), self.entries()).argmin(dim=1).view(len(rows), -1)

    def entries(self) -> Tensor:
        return normalize(self.codes, dim=-1) if self.way.unit else self.codes

    def loss(self, images: Tensor) -> Tensor:
        rows = self.rows(images)
        chosen = self.nearest(rows)
        taken = self.entries()[chosen].view_as(rows)
        rebuilt = self.decoder((rows + (taken - rows).detach()).movedim(-1, 1))
        loss = mse_loss(rebuilt, images) + COMMITMENT * mse_loss(rows, taken.detach())
        if self.way.moving:
            self.follow(rows.detach().flatten(0, 2), chosen.flatten())
            return loss
        return loss + mse_loss(taken, rows.detach())

    def follow(self, rows: Tensor, chosen: Tensor) -> None:
        """Codes become moving averages of the rows that chose them."""
        drawn = torch.bincount(chosen, minlength=len(self.codes)).float()
        self.counts = DECAY * self.counts + (1 - DECAY) * drawn
        self.sums = DECAY * self.sums + (1 - DECAY) * torch.zeros_like(self.sums).index_add_(0, chosen, rows)
        self.codes.data = self.sums / self.counts.clamp_min(1e-5)[:, None]

    def re_initialise(self, images: Tensor) -> None:
        """Codes that are hardly ever chosen become outputs of the encoder."""
        rows, dead = self.rows(images).detach().flatten(0, 2), self.counts < RARE
        outputs = rows[torch.randint(len(rows), (int(dead.sum()),))]
        self.codes.data[dead] = self.sums[dead] = outputs
        self.counts[dead] = 1.0


def trained(way: Way, size: int, seed: int, images: Tensor) -> Tensor:
    """(N, 16) the codes of all images after the training."""
    torch.manual_seed(seed)
    model = Quantised(way, size)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], RATE)
    for step in range(STEPS):
        batch = images[torch.randint(len(images), (BATCH,))]
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()
        if way.again and step % EVERY == EVERY - 1:
            model.re_initialise(batch)
    with torch.no_grad():
        return model.nearest(model.rows(images))


def main() -> None:
    torch.set_num_threads(1)
    images = data.load("digits", "train").pixels.float() / 255
    for way, size, seed in itertools.product(WAYS, (64, 512), (0, 1)):
        result = collapse.codes(trained(way, size, seed, images), size=size, tokens=True)
        numbers = (
            f"perplexity {result.perplexity:.1f}, {result.codes_95} codes for 95 %, {result.unused} unused"
        )
        print(f"{way.name}, K {size}, seed {seed}: {result.status}, {numbers}", flush=True)


if __name__ == "__main__":
    main()
