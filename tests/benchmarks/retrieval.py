"""What hubness costs, and whether its intervals hold: python tests/benchmarks/retrieval.py [N D] [--exact] [--coverage]

Of a .npy of N rows of D float32 that is mapped into memory: processor seconds (user and system), wall-clock seconds, and by how
much the peak of resident memory grew, pages of the file included. 4,000 queries; --exact: beside that all rows as queries,
and a plain loop over blocks of queries, float32 products and `topk`, which is what a user would write. --coverage: how often 95 %
intervals of the skewness hold its expectation, on planted sets.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy
import torch
from torch import Tensor

from collapse_cli.metrics.hubness import QUERIES, K, hubness, skewness
from collapse_cli.metrics.occurrences import occurrences

BLOCK = 10_000  # rows that are written at once


def written(folder: Path, n: int, d: int) -> Tensor:
    """Rows with an offset, which makes hubs, in a file that is mapped."""
    random, path = numpy.random.default_rng(0), folder / "rows.npy"
    file = numpy.lib.format.open_memmap(path, "w+", numpy.float32, (n, d))
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        file[start : start + size] = random.standard_normal((size, d), dtype=numpy.float32) + 0.3
    file.flush()
    del file
    return torch.from_numpy(numpy.load(path, mmap_mode="r+"))


def measured(name: str, work: Callable[[], object]) -> None:
    before, wall, processor = peak(), time.perf_counter(), time.process_time()
    work()
    print(
        f"{name:28s} {time.process_time() - processor:7.1f} s of processors, {time.perf_counter() - wall:7.1f} s, "
        f"peak + {peak() - before:,.0f} MB",
        flush=True,
    )


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def plain_loop(rows: Tensor) -> Tensor:
    """Cosines of 256 queries at a time with all rows."""
    unit = torch.nn.functional.normalize(rows, dim=1)
    counts = torch.zeros(len(rows))
    for start in range(0, len(rows), 256):
        cosine = unit[start : start + 256] @ unit.T
        cosine[range(len(cosine)), range(start, start + len(cosine))] = -2
        counts += torch.bincount(cosine.topk(K, dim=1).indices.flatten(), minlength=len(rows))
    return counts


def scene(n: int, seed: int, offset: float, power: float) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, 80, generator=generator, dtype=torch.float64)
    return rows * torch.arange(1, 81) ** -power + offset


def coverage(sets: int = 200, n: int = 2000) -> None:
    for queries in (500, n):
        for offset, power in ((0.0, 0.0), (0.7, 0.0), (0.3, 0.5), (2.0, 0.2), (0.0, 0.8)):
            values = []
            for seed in range(sets):
                some = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:queries]
                value = skewness(occurrences(scene(n, seed, offset, power), some, K))
                values += [] if value is None else [value]
            mean = statistics.fmean(values)
            inside = statistics.fmean(v.interval[0] <= mean <= v.interval[1] for v in values if v.interval)
            print(
                f"{queries} of {n:,} queries, offset {offset}, columns k^-{power}: skewness {mean:.2f}, spread over sets "
                f"{statistics.stdev(values):.2f}, covered {inside:.1%} of {len(values)} (of {sets})",
                flush=True,
            )


def main(words: list[str]) -> None:
    sizes = [int(word) for word in words if not word.startswith("-")]
    if "--coverage" in words:
        coverage()
        return
    n, d = sizes or (100_000, 768)
    print(f"{n:,} x {d:,}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        rows = written(Path(folder), n, d)
        measured(f"{QUERIES:,} queries", lambda: hubness(rows, torch.Generator().manual_seed(0)))
        if "--exact" in words:
            measured("all queries", lambda: hubness(rows, torch.Generator().manual_seed(0), exact=True))
            measured("a plain loop, all queries", lambda: plain_loop(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
