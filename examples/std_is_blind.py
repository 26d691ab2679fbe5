"""The usual check, std against 1/sqrt(d), is blind to lost dimensions: points on a k-dimensional sphere inside R^128.

python examples/std_is_blind.py
"""

import torch
from torch.nn.functional import normalize

from collapse_cli.metrics.isotropy import isotropy
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.metrics.verdict import verdict

D, N = 128, 10_000
PAIRED = 3_000  # rows whose pairs are compared: what is expected of their mean does not depend on how many


def sphere(k: int, generator: torch.Generator) -> torch.Tensor:
    """(N, D): uniform on the unit sphere of a random k-dimensional subspace."""
    frame, _ = torch.linalg.qr(torch.randn(D, D, generator=generator))  # (D, D)
    return normalize(torch.randn(N, k, generator=generator), dim=1) @ frame[:k]


def main() -> None:
    print(
        f"{'k':>4} {'std·√D':>8} {'effective rank':>15} {'RankMe':>8} {'Wasserstein':>12} {'Epps-Pulley':>12}   verdict"
    )
    for k in (1, 2, 8, 32, 64, 128):
        generator = torch.Generator().manual_seed(0)
        rows = sphere(k, generator)
        found, pairs = spectrum(rows, generator), isotropy(rows[:PAIRED], generator)
        ranks = f"{found.effective_rank:>15.1f} {found.rankme:>8.1f}"
        distances = f"{found.wasserstein:>12.3f} {round(pairs.epps_pulley, 5) + 0.0:>12.5f}"
        print(f"{k:>4} {found.std_sqrt_d:>8.3f} {ranks} {distances}   {verdict(found).status}")


if __name__ == "__main__":
    main()
