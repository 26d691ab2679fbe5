"""What a spectrum costs, part by part: python tests/benchmarks/spectrum.py [N D] …

One thread, processor seconds, so that neighbours on the machine matter little; medians of a few rounds where one takes less
than a second. Rows are float16, as they lie in files. "products" are the two products X^T X of all rows in float64 that no
method can do without, the whole square; the pass over the rows multiplies what is on and above the diagonal only. "a float32
loop" is what a user would write: rows of length 1, X^T X in float32, added up in float64; it has one product, a spectrum has two.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from collapse_cli.metrics.eigenvalues import basis, eigenvalues, matrices
from collapse_cli.metrics.intervals import RAW, UNIT, intervals, sampled
from collapse_cli.metrics.moments import Gathering, blocks
from collapse_cli.metrics.nulls import isotropic, shuffled
from collapse_cli.metrics.passes import Pass, Products, gather
from collapse_cli.metrics.ranks import fit_range
from collapse_cli.metrics.rows import directions
from collapse_cli.metrics.spectral_bands import band
from collapse_cli.metrics.spectrum import spectrum

SIZES = ((1_000_000, 512), (10_000, 128))


def seconds(work: Callable[[], Any]) -> float:
    """Processor seconds, the median of 5 after one to warm up; of one alone where that takes long."""

    def once() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    first = once()
    return first if first > 1 else statistics.median(once() for _ in range(5))


def products(rows: Tensor) -> None:
    """X^T X twice, block by block, with the rows already float64 (the same ones each time)."""
    block = next(blocks(rows))
    total = block.new_zeros(block.shape[1], block.shape[1])
    for _ in range(2 * (len(rows) // len(block))):
        total.addmm_(block.T, block)


def loop(rows: Tensor) -> Tensor:
    """The peer: unit rows alone, and no error that is known."""
    total = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64)
    for part in rows.split(8192):
        unit = torch.nn.functional.normalize(part.float(), dim=1)
        total += (unit.T @ unit).double()
    return total


def states(rows: Tensor, way: Products) -> None:
    """A pass that counts copies, as a worker does it."""
    state = Pass(rows.shape[1], rows.device, counted=True, products=way)
    for part in rows.split(2**20 // rows.shape[1]):
        state.add(part)
    state.settle()


def accumulated(rows: Tensor, turn: Callable[[Tensor], Tensor]) -> None:
    gathering = Gathering(rows.shape[1], rows.device)
    for block in blocks(rows):
        gathering.add(turn(block))


def table(n: int, d: int) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.empty(n, d, dtype=torch.float16)
    for part in rows.split(50_000):
        part.copy_(torch.randn(part.shape, generator=generator) * torch.arange(1, d + 1) ** -0.5)
    seen = gather(rows)
    covariances = matrices(seen.raw, seen.on_sphere)
    bases = {name: basis(matrix) for name, matrix in covariances.items()}
    fit = fit_range(int((bases[RAW][0] > 0).sum()))

    def nulls() -> None:
        for matrix in matrices(*isotropic(n, d, generator)).values():
            eigenvalues(matrix)
        eigenvalues(shuffled(rows, seen.on_sphere, generator))

    spent = {
        "products": seconds(lambda: products(rows)),
        "to float64": seconds(lambda: [None for _ in blocks(rows)]),
        "raw rows alone": seconds(lambda: accumulated(rows, lambda block: block)),
        "unit rows alone": seconds(lambda: accumulated(rows, directions)),
        "brought to unit length": seconds(lambda: [directions(block) for block in blocks(rows)]),
        "both in one pass, checked": seconds(lambda: gather(rows)),
        "a pass, as of few rows": seconds(lambda: states(rows, "blocks")),
        "a pass, float64 products": seconds(lambda: states(rows, "float64")),
        "a pass, float32 products": seconds(lambda: states(rows, "float32")),
        "a float32 loop": seconds(lambda: loop(rows)),
        "eigenvalues": seconds(lambda: [eigenvalues(matrix) for matrix in covariances.values()]),
        "nulls": seconds(nulls),
    }
    ratio = spent["a pass, float32 products"] / spent["a float32 loop"]
    vectors = seconds(lambda: [basis(matrix) for matrix in covariances.values()]) - spent["eigenvalues"]

    def ends() -> None:
        sample = sampled(rows, seen, bases, generator)
        if sample:
            intervals(sample, seen, bases, fit)
            band(sample, seen.on_sphere.mean, *bases[UNIT])

    drawn = seconds(ends)
    metric = spent["both in one pass, checked"] + spent["eigenvalues"] + spent["nulls"]
    print(f"\n{n:,} x {d}, float16\n{'':28s}{'seconds':>9s}{'of products':>13s}")
    for name, taken in spent.items():
        print(f"{name:28s}{taken:9.3f}{taken / spent['products']:13.2f}")
    print(f"a pass with float32 products beside a float32 loop: {ratio:.2f}")
    print(
        f"intervals: eigenvectors {vectors:.3f} s, the rest {drawn:.3f} s: {(vectors + drawn) / metric:.2f} of the metric"
    )
    print(f"spectrum(), all of it: {seconds(lambda: spectrum(rows, generator)):.3f} s")


def main() -> None:
    torch.set_num_threads(1)
    threadpool_limits(1)
    given = [int(argument) for argument in sys.argv[1:]]
    print(f"torch {torch.__version__}, 1 thread")
    for n, d in list(zip(given[::2], given[1::2], strict=True)) or SIZES:
        table(n, d)


if __name__ == "__main__":
    main()
