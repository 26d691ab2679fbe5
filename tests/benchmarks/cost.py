"""What a state costs: bytes, flops and CPU seconds for 10^6 rows on one core, at three sizes; from these, 10^9 rows of 768.

    PYTHONPATH=. OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 python tests/benchmarks/cost.py [ROWS]

Rows of float16 in .npy shards of 10,000, read through the commands' own reader. Seconds are user + system of this process on one
thread, the least of three rounds, so that neighbours on the machine count little. The fixed part is what follows the rows, once
for each answer: eigenvalues, nulls, intervals and pairs of the sample; and `merge` of one more state.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy
import torch

from collapse_cli.analysis import states
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.spectrum import measure
from collapse_cli.metrics.moments import STRIP
from collapse_cli.runs import state_files

WIDTHS, ROUNDS, SHARD = (128, 512, 768), 3, 10_000
GOAL, HOUR = (10**9, 768), 3600


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest of several rounds."""
    spent = []
    for _ in range(ROUNDS):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    return min(spent)


def shards(folder: Path, rows: int, d: int) -> Path:
    """Rows of 100 clusters in .npy files of float16."""
    generator = numpy.random.default_rng(0)
    centres = generator.standard_normal((100, d))
    folder.mkdir()
    for number in range(rows // SHARD):
        some = centres[generator.integers(0, 100, SHARD)] + 0.5 * generator.standard_normal((SHARD, d))
        numpy.save(folder / f"s-{number:04}.npy", some.astype("float16"))
    return folder


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    torch.set_num_threads(1)
    print(f"load {os.getloadavg()[0]:.1f}; {rows:,} rows; for 10^6 rows on one core, and once")
    print(
        f"{'D':>5} {'GB read':>8} {'Tflop':>6} {'CPU s':>7} {'Gflop/s':>8} {'answer s':>9} {'merge s':>8} {'state MB':>9}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        for d in WIDTHS:
            folder = shards(Path(temporary) / str(d), rows, d)
            subject = load(folder, Measuring())
            per_million = seconds(lambda subject=subject: states.state_of(subject)) * 1e6 / rows
            saved, path = states.state_of(subject), Path(temporary) / f"{d}.npz"
            state_files.save(path, saved)
            flops = 2 * d * (d + STRIP) * 1e6  # two symmetric products, a strip of columns at a time
            answer = seconds(
                lambda saved=saved: list(measure(states.subject_of(saved, "x", {"path": "x"}, Measuring())))
            )
            h = saved.spaces["h"]
            merge = seconds(lambda path=path, h=h: h.merged(state_files.load(path).spaces["h"]))
            print(
                f"{d:>5} {2 * d * 1e6 / 1e9:>8.2f} {flops / 1e12:>6.2f} {per_million:>7.1f} {flops / per_million / 1e9:>8.1f}"
                f" {answer:>9.1f} {merge:>8.2f} {path.stat().st_size / 1e6:>9.0f}",
                flush=True,
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    n, d = GOAL
    core_hours = per_million * n / 1e6 / HOUR
    print(
        f"{n:.0e} x {d}: {2 * d * n / 1e12:.2f} TB in float16, {core_hours:.1f} core hours; peak of this process {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
