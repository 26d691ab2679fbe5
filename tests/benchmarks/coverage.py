"""How often the 95 % intervals cover: python tests/benchmarks/coverage.py [--width 32] [--replications 1000] [--blocks]

Every number of `spectrum` and `alignment` that has an interval, and three of the eigenvalues, over seven kinds of rows and
N/D = 5, 20, 100. What must be covered is the expectation of the number at this N, here its mean over the replications; of a
count, which goes in steps, its median, and the ends of its interval are whole numbers.
--group 20 --icc 0.9: rows come in groups of 20 that have nine tenths of the variance in common, N/D is of groups to D, intervals
leave out groups, and beside each stands the coverage of those that take rows as independent. --blocks: the delete-a-block
jackknife instead, 20 blocks of rows by index modulo 20, every number computed anew without each; for four of the numbers.
Minutes to an hour, by width and replications.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping

import torch
from scipy.special import stdtrit
from torch import Generator, Tensor

from collapse_cli.metric import Metric, metrics
from collapse_cli.metrics.alignment import measure
from collapse_cli.metrics.eigenvalues import eigenvalues
from collapse_cli.metrics.isotropy import isotropy
from collapse_cli.metrics.moments import Moments, merge, moments, without
from collapse_cli.metrics.ranks import entropy_rank, participation_ratio, stable_rank
from collapse_cli.metrics.rows import unit
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.metrics.view_ratio import measure as ratio_of

RATIOS = (5, 20, 100)
BLOCKS = 20
Draw = Callable[[int, int, Generator], Tensor]
Found = dict[str, tuple[float, tuple[float, float]]]


def normal(n: int, d: int, generator: Generator) -> Tensor:
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def power_law(n: int, d: int, generator: Generator) -> Tensor:
    """lambda_j = 1/j."""
    return normal(n, d, generator) * torch.arange(1, d + 1, dtype=torch.float64) ** -0.5


def spiked(n: int, d: int, generator: Generator) -> Tensor:
    """Three directions with 20, 10 and 5 times the variance of the others."""
    return normal(n, d, generator) * torch.tensor([20.0, 10, 5] + [1.0] * (d - 3), dtype=torch.float64).sqrt()


def low_rank(n: int, d: int, generator: Generator) -> Tensor:
    """A sixth of the dimensions, the others with 1/400 of their variance."""
    rank = max(d // 6, 2)
    return normal(n, d, generator) * torch.where(torch.arange(d) < rank, 1.0, 0.05)


def clustered(n: int, d: int, generator: Generator) -> Tensor:
    """Ten clusters about ten fixed normal points, with 0.3 of their spread; how many rows each gets is chance."""
    centres = normal(10, d, torch.Generator().manual_seed(7))
    return centres[torch.randint(10, (n,), generator=generator)] + 0.3 * normal(n, d, generator)


def heavy(n: int, d: int, generator: Generator) -> Tensor:
    """Independent entries of Student's t with 5 degrees of freedom."""
    return normal(n, d, generator) / (normal(5 * n, d, generator).view(5, n, d).square().mean(dim=0)).sqrt()


def heavy_rows(n: int, d: int, generator: Generator) -> Tensor:
    """Student's multivariate t with 5: the lengths of rows have heavy tails, their squares' squares no variance."""
    return normal(n, d, generator) / normal(n, 5, generator).square().mean(dim=1, keepdim=True).sqrt()


KINDS: dict[str, Draw] = {
    "isotropic": normal, "power law": power_law, "spiked": spiked, "low rank": low_rank,
    "clustered": clustered, "t5 entries": heavy, "t5 rows": heavy_rows,
}  # fmt: skip


def ours(rows: Tensor, generator: Generator) -> Found:
    """name -> value and interval, of everything that has one."""
    labels = torch.randint(4, (len(rows),), generator=generator)
    views = rows, rows + 0.3 * normal(*rows.shape, generator)
    aligned = measure(rows, views, labels, ("a", "b", "c", "d"))
    every = metrics(aligned) | metrics(spectrum(rows, generator))
    every |= metrics(isotropy(rows, generator)) | metrics(ratio_of(views))
    return of_numbers(every)


def of_numbers(every: Mapping[str, Metric]) -> Found:
    """All that have an interval, and three of the eigenvalues."""
    return eigenvalues_of(every["eigenvalues"]) | {
        name: (one["value"], tuple(one["interval"]))
        for name, one in every.items()
        if one["kind"] == "number" and one["interval"] is not None
    }


def eigenvalues_of(curve: Metric) -> Found:
    """The largest, the middle and the smallest, those that have an interval."""
    low, high = curve.get("interval", ((), ()))
    places = {"eigenvalue 1": 0, "eigenvalue D/2": len(low) // 2, "eigenvalue D": -1} if low else {}
    return {
        name: (curve["values"][at], (low[at], high[at])) for name, at in places.items() if low[at] is not None
    }


def grouped(draw: Draw, size: int, icc: float) -> tuple[Draw, Callable[[Tensor, Generator], Found]]:
    """n groups of `size` rows each, with the part `icc` of the variance in common; and their numbers, by groups and by rows."""

    def rows(n: int, d: int, generator: Generator) -> Tensor:
        between, within = draw(n, d, generator), draw(n * size, d, generator)
        return icc**0.5 * between.repeat_interleave(size, dim=0) + (1 - icc) ** 0.5 * within

    def both(found: Tensor, generator: Generator) -> Found:
        owner = torch.arange(len(found) // size).repeat_interleave(size)
        ways = {"": spectrum(found, generator, groups=owner), ", by rows": spectrum(found, generator)}
        return {
            name + way: held
            for way, result in ways.items()
            for name, held in of_numbers(metrics(result)).items()
        }

    return rows, both


def by_blocks(rows: Tensor, generator: Generator) -> Found:
    """The same from what every number is without each of 20 blocks."""
    parts = [(moments(rows[k::BLOCKS]), moments(unit(rows)[k::BLOCKS])) for k in range(BLOCKS)]  # raw, unit
    raw, on_sphere = parts[0]
    for part in parts[1:]:
        raw, on_sphere = merge(raw, part[0]), merge(on_sphere, part[1])
    whole = _four(raw, on_sphere)
    left = [_four(without(raw, part[0]), without(on_sphere, part[1])) for part in parts]
    return {name: _jackknife(value, [one[name] for one in left]) for name, value in whole.items()}


def _four(raw: Moments, on_sphere: Moments) -> dict[str, float]:
    lam, lam_raw = eigenvalues(on_sphere.covariance), eigenvalues(raw.covariance)
    return {
        "effective_rank": entropy_rank(lam),
        "participation_ratio": participation_ratio(lam),
        "rankme": entropy_rank(eigenvalues(raw.second_moment).sqrt()),
        "stable_rank": stable_rank(lam_raw),
    }


def _jackknife(value: float, left: list[float]) -> tuple[float, tuple[float, float]]:
    found = torch.tensor(left, dtype=torch.float64)
    variance = (BLOCKS - 1) / BLOCKS * float((found - found.mean()).square().sum())
    width = math.sqrt(variance) * float(stdtrit(BLOCKS - 1, 0.975))
    return value, (value - width, value + width)


def coverage(how: Callable[[Tensor, Generator], Found], draw: Draw, n: int, d: int, times: int, seed: int):  # type: ignore[no-untyped-def]
    """name -> (share of intervals that hold what is wanted, in %; whether the number moves at all)."""
    generator = torch.Generator().manual_seed(seed)
    found = [how(draw(n, d, generator), generator) for _ in range(times)]
    covered = {}
    for name in found[0]:
        values = torch.tensor([one[name][0] for one in found], dtype=torch.float64)
        ends = torch.tensor([one[name][1] for one in found], dtype=torch.float64)
        steps = bool((values == values.round()).all())
        wanted, slack = values.median() if steps else values.mean(), 1e-12 * values.abs().max()
        inside = (ends[:, 0] <= wanted + slack) & (wanted <= ends[:, 1] + slack)
        covered[name] = 100 * float(inside.double().mean()), bool((values != values[0]).any())
    return covered


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--width", type=int, default=32, help="D")
    options.add_argument("--replications", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    options.add_argument("--ratios", nargs="*", type=float, default=list(RATIOS), help="N/D")
    options.add_argument("--blocks", action="store_true", help="the delete-a-block jackknife, for comparison")
    options.add_argument("--group", type=int, default=1, help="rows of a group")
    options.add_argument(
        "--icc", type=float, default=0.9, help="part of the variance that a group has in common"
    )
    given = options.parse_args()
    torch.set_num_threads(1)
    how, start = (by_blocks if given.blocks else ours), time.perf_counter()
    columns = {}
    for kind in given.kinds:
        for ratio in given.ratios:
            draw, measured = KINDS[kind], how
            if given.group > 1:
                draw, measured = grouped(draw, given.group, given.icc)
            columns[kind, ratio] = coverage(
                measured, draw, round(ratio * given.width), given.width, given.replications, given.seed
            )
    print(
        f"coverage in %, nominal 95; D = {given.width}, {given.replications} replications, (): a count that never moves"
    )
    print(f"{'':32s}" + "".join(f"{kind:>21s}" for kind in given.kinds))
    print(f"{'N/D':32s}" + "".join(f"{ratio:7g}" for _ in given.kinds for ratio in given.ratios))
    for name in next(iter(columns.values())):
        cells = [column[name] for column in columns.values()]
        print(f"{name:32s}" + "".join(f"{f'{share:.1f}' if moves else '()':>7s}" for share, moves in cells))
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
