"""How often the verdict on a codebook is right, and its intervals cover: python tests/benchmarks/codebooks.py [--unseen]

Planted codebooks whose shares are known: what is true of one is what the rules of `codebook_verdict.py` say of its shares. Codes
are drawn alone, or as tokens of rows: independent, in runs, or each row of a few codes of its own. Printed are a table of truth
and verdict, every confident verdict that is wrong, and how often the intervals of the perplexity, of the codes for 95 % of the
draws and of the dead codes hold what is true. --unseen: the shapes, sizes, numbers of draws and rows that no rule was set on.
Five to ten minutes on one core.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Mapping

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.codebook import FAINT, Codebook, codebook
from collapse_cli.metrics.codebook_counts import Block
from collapse_cli.metrics.codebook_verdict import BOUNDS, COLLAPSE, verdict

Shares = Mapping[str, Callable[[Tensor, Generator], Tensor]]
"""Shapes by name: places (K,) from 1 -> shares (K,), up to a factor."""


def dead(share: float, leak: float = 0.0) -> Callable[[Tensor, Generator], Tensor]:
    """The others in equal parts; leak: the mass that all codes share equally beside that."""

    def shares(a: Tensor, _: Generator) -> Tensor:
        alive = (a <= max(round(len(a) * (1 - share)), 1)).double()
        return (1 - leak) * alive / alive.sum() + leak / len(a)

    return shares


def first(mass: float, codes: int = 1) -> Callable[[Tensor, Generator], Tensor]:
    """The first codes hold this mass, the others the rest, in equal parts each."""
    return lambda a, _: torch.where(a <= codes, mass / codes, (1 - mass) / max(len(a) - codes, 1))


def zipf(power: float, shift: float = 0.0) -> Callable[[Tensor, Generator], Tensor]:
    return lambda a, _: (a + shift) ** -power


def geometric(steepness: float) -> Callable[[Tensor, Generator], Tensor]:
    return lambda a, _: torch.exp(-steepness * a / len(a))


def lognormal(deviation: float) -> Callable[[Tensor, Generator], Tensor]:
    return lambda a, g: torch.exp(deviation * torch.randn(len(a), generator=g, dtype=torch.float64))


TUNED: Shares = {
    "uniform": zipf(0), "Zipf": zipf(1), "Zipf 1.2": zipf(1.2), "Zipf 1.5": zipf(1.5),
    "half dead": dead(0.5), "80 % dead": dead(0.8), "95 % dead": dead(0.95), "99 % dead": dead(0.99),
    "95 % dead, leaks": dead(0.95, 0.01),
    "20 % in one": first(0.2),
    "50 % in one": first(0.5), "90 % in one": first(0.9), "99 % in one": first(0.99), "one code": first(1.0),
    "geometric": geometric(5), "geometric, steep": geometric(60), "lognormal": lognormal(1.5),
}  # fmt: skip
UNSEEN: Shares = {
    "linear": lambda a, _: a, "Zipf-Mandelbrot": zipf(1.1, 2.7), "Zipf .7": zipf(0.7), "Zipf 2": zipf(2), "Zipf 3": zipf(3),
    "30 % dead": dead(0.3), "70 % dead": dead(0.7), "97 % dead": dead(0.97), "93 % dead, leaks": dead(0.93, 0.03),
    "98 % dead, leaks": dead(0.98, 0.03), "35 % in one": first(0.35), "96 % in three": first(0.96, 3),
    "99.9 % in two": first(0.999, 2), "geometric, flat": geometric(2), "geometric, very steep": geometric(200),
    "lognormal, narrow": lognormal(0.7),
    "lognormal, wide": lognormal(2.5), "lognormal, extreme": lognormal(8),
}  # fmt: skip


def independent(p: Tensor, rows: int, T: int, g: Generator) -> Tensor:
    return torch.multinomial(p, rows * T, True, generator=g).reshape(rows, T)


def runs(stay: float) -> Callable[[Tensor, int, int, Generator], Tensor]:
    """A token repeats the one before it with this probability."""

    def draw(p: Tensor, rows: int, T: int, g: Generator) -> Tensor:
        fresh, again = independent(p, rows, T, g), torch.rand(rows, T, generator=g) < stay
        again[:, 0] = False
        origin = torch.where(again, 0, torch.arange(T)).cummax(dim=1).values
        return fresh.gather(1, origin)

    return draw


def own(codes: int) -> Callable[[Tensor, int, int, Generator], Tensor]:
    """Each row draws from a few codes of its own."""

    def draw(p: Tensor, rows: int, T: int, g: Generator) -> Tensor:
        return independent(p, rows, codes, g).gather(1, torch.randint(codes, (rows, T), generator=g))

    return draw


Rows = tuple[Callable[[Tensor, int, int, Generator], Tensor], int]
SETS: dict[str, tuple[Shares, tuple[int, ...], tuple[float, ...], dict[str, Rows]]] = {
    "tuned": (
        TUNED, (5, 8, 16, 64, 128, 700, 1024), (0.3, 1, 3.2, 6, 20, 100),
        {"codes alone": (independent, 1), "32 tokens": (independent, 32),
         "runs of 5": (runs(0.8), 32), "4 codes a row": (own(4), 32)},
    ),
    "unseen": (
        UNSEEN, (3, 24, 320, 2048, 16384), (0.5, 2, 3.5, 9, 45),
        {"codes alone": (independent, 1), "100 tokens": (independent, 100),
         "runs of 10": (runs(0.9), 60), "12 codes a row": (own(12), 50)},
    ),
}  # fmt: skip


def truth(p: Tensor) -> tuple[float, int, str]:
    """Perplexity, codes for 95 % of the draws, and the status of shares (K,)."""
    perplexity = math.exp(-float(torch.special.xlogy(p, p).sum()))
    carrying = int((p.sort(descending=True).values.cumsum(0) < 0.95 - 1e-12).sum()) + 1
    collapsed = carrying < BOUNDS.carrying * len(p) or perplexity < len(p) ** BOUNDS.bits
    return perplexity, carrying, COLLAPSE if collapsed else "healthy"


def covered(result: Codebook, p: Tensor, codes: Tensor) -> list[bool]:
    """Of perplexity, codes for 95 % and dead codes, whether the interval holds what is true."""
    perplexity, carrying, _ = truth(p)
    faint = int(((torch.bincount(codes.reshape(-1), minlength=len(p)) == 0) & (p < FAINT / len(p))).sum())
    true = (perplexity, carrying, faint)
    ends = [getattr(value, "interval", (0, 0)) for value in (result.perplexity, result.codes_95, result.dead)]
    return [
        low * (1 - 1e-9) <= value <= high * (1 + 1e-9) for value, (low, high) in zip(true, ends, strict=True)
    ]


def block(codes: Tensor) -> Block:
    return codes.reshape(-1), torch.full((len(codes),), codes.shape[1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replications", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    shapes, sizes, ratios, ways = SETS["unseen" if chosen.unseen else "tuned"]
    g = torch.Generator().manual_seed(chosen.seed)
    met, held, count = Counter[tuple[str, str]](), Counter[tuple[str, int]](), Counter[str]()
    for K in sizes:
        for way, (draw, T) in ways.items():
            for ratio in ratios:
                for name, shape in shapes.items():
                    for _ in range(chosen.replications):
                        p = shape(torch.arange(1, K + 1, dtype=torch.float64), g)
                        p = (p / p.sum())[torch.randperm(K, generator=g)]
                        codes = draw(p, max(round(K * ratio / T), 4), T, g)
                        result = codebook(lambda codes=codes: [block(codes)], K)  # type: ignore[misc]
                        true, status = truth(p)[2], verdict(result).status
                        met[true, status] += 1
                        count[way] += 1
                        for place, holds in enumerate(covered(result, p, codes)):
                            held[way, place] += holds
                        if status not in (true, "inconclusive"):
                            print(
                                f"wrong: {name}, K {K}, N/K {ratio}, {way}: {status}, {true}, {truth(p)}, {result.codes_95}"
                            )
    print(
        "\n| truth, and what is said of it → | codebook collapse | healthy | inconclusive |\n|---|---|---|---|"
    )
    for true in (COLLAPSE, "healthy"):
        print(
            f"| {true} | "
            + " | ".join(str(met[true, said]) for said in (COLLAPSE, "healthy", "inconclusive"))
            + " |"
        )
    print("\n| rows | samples | perplexity | codes for 95 % | dead codes |\n|---|---|---|---|---|")
    for way, n in count.items():
        print(
            f"| {way} | {n} | " + " | ".join(f"{100 * held[way, place] / n:.1f}" for place in range(3)) + " |"
        )


if __name__ == "__main__":
    main()
