"""How far estimators of the entropy of codes are off: python tests/benchmarks/codebook_estimators.py [--at N K]

For codebooks whose shares are known: 100 times the mean difference of the estimated entropy from the true one, in nats, which
is about that of the perplexity in %. Six estimators as published, and that of `collapse codes`, which is the last of them
within bounds. A minute on one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import torch
from torch import Tensor

from collapse_cli.metrics.codebook_counts import Counts
from collapse_cli.metrics.codebook_entropy import Unseen, _seen, _share, _tail, entropy, plug_in
from tests.benchmarks.codebooks import TUNED

SHAPES = ("uniform", "Zipf", "half dead", "95 % dead", "50 % in one", "geometric")


def miller_madow(counts: Counts) -> float:
    """Plug-in, and (codes that occur - 1) / 2N more (Miller 1955)."""
    return plug_in(counts.counts) + (counts.used - 1) / (2 * counts.draws)


def jackknife(counts: Counts) -> float:
    """N H - (N - 1) times the mean of H without each draw (Zahl 1977)."""
    n, times = torch.unique(counts.counts[counts.counts > 0], return_counts=True)
    N, whole = counts.draws, float(torch.special.xlogy(counts.counts.double(), counts.counts.double()).sum())
    one_less = torch.special.xlogy(n.double() - 1, n.double() - 1) - torch.special.xlogy(
        n.double(), n.double()
    )
    without = math.log(N - 1) - (whole + one_less) / (N - 1)  # (values of n,)
    mean = float((without * n * times).sum()) / N
    return N * plug_in(counts.counts) - (N - 1) * mean


def chao_shen(counts: Counts) -> float:
    """Horvitz and Thompson's, of shares times the coverage 1 - once/N (Chao and Shen 2003)."""
    n, N = counts.counts[counts.counts > 0].double(), counts.draws
    once = float((n == 1).sum())
    p = (1 - min(once, N - 1) / N) * n / N
    return float((-p * p.log() / (1 - (1 - p) ** N)).sum())


def james_stein(counts: Counts) -> float:
    """Plug-in of shares shrunk towards 1/K, by as much as their variance says (Hausser and Strimmer 2009)."""
    p, even = counts.counts.double() / counts.draws, 1 / counts.size
    spread = float((even - p).square().sum()) * (counts.draws - 1)
    weight = min(max((1 - float(p.square().sum())) / spread, 0.0), 1.0) if spread > 0 else 1.0
    shrunk = weight * even + (1 - weight) * p
    return -float(torch.special.xlogy(shrunk, shrunk).sum())


def chao_wang_jost(counts: Counts) -> float:
    """Chao, Wang and Jost 2013, eq. 7, not bounded."""
    unseen = Unseen.of(counts)
    return _seen(counts) + unseen.mass * _tail(_share(unseen.once, unseen.twice, counts.draws), counts.draws)


def as_used(counts: Counts) -> float:
    return entropy(counts, ()).value


ESTIMATORS: dict[str, Callable[[Counts], float]] = {
    "plug-in": lambda counts: plug_in(counts.counts),
    "Miller-Madow": miller_madow,
    "jackknife": jackknife,
    "Chao-Shen": chao_shen,
    "James-Stein": james_stein,
    "Chao-Wang-Jost": chao_wang_jost,
    "as used": as_used,
}


def biases(p: Tensor, N: int, samples: int, generator: torch.Generator) -> dict[str, float]:
    """Of shares (K,): 100 times the mean difference in nats."""
    true, K = -float(torch.special.xlogy(p, p).sum()), len(p)
    differences: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
    for _ in range(samples):
        drawn = torch.bincount(torch.multinomial(p, N, True, generator=generator), minlength=K)
        counts = Counts(drawn, drawn, N, N)
        for name, estimate in ESTIMATORS.items():
            differences[name].append(estimate(counts) - true)
    return {name: 100 * sum(values) / samples for name, values in differences.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", type=int, nargs=2, metavar=("N", "K"), default=(1024, 1024))
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    generator, (N, K) = torch.Generator().manual_seed(chosen.seed), chosen.at
    places = torch.arange(1, K + 1, dtype=torch.float64)
    print(f"N {N}, K {K}, {chosen.samples} samples, seed {chosen.seed}")
    print("codebook | " + " | ".join(ESTIMATORS))
    for name in SHAPES:
        shares = TUNED[name](places, generator)
        row = biases(shares / shares.sum(), N, chosen.samples, generator)
        print(f"{name} | " + " | ".join(f"{value:.1f}" for value in row.values()))


if __name__ == "__main__":
    main()
