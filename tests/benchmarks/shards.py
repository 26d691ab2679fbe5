"""A folder of shards larger than memory should need, measured: python tests/benchmarks/shards.py [N D [FOLDER]].

1,000,000 x 512 float16 rows (1 GB) of normal numbers, whose column j has variance 1/j, are written as 20 shards into a
temporary folder. `collapse spectrum FOLDER --json` then runs as a process of its own; its time and the most memory it held
are printed. The effective rank of raw rows is exp(H), H the entropy of p_j = (1/j) / sum 1/j, give or take what a sample of
N rows is off: with variances of 2/N of each log lambda_j, the share sqrt(2/N sum p_j^2 (log p_j + H)^2) of it.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy

SHARDS, LIMIT = 20, 1.5  # GB


def write(folder: Path, n: int, d: int) -> None:
    """Shard by shard, so that no more than one is ever held."""
    deviation = numpy.arange(1, d + 1, dtype="float32") ** -0.5
    draw = numpy.random.default_rng(0)
    for shard in range(SHARDS):
        rows = draw.standard_normal((n // SHARDS, d), dtype="float32") * deviation
        numpy.save(folder / f"rows_{shard}.npy", rows.astype("float16"))


def closed_form(n: int, d: int) -> tuple[float, float]:
    """exp of the entropy of p_j = (1/j) / sum 1/j, j = 1 … d, and its standard error as a share of it."""
    weights = numpy.arange(1, d + 1) ** -1.0
    p = weights / weights.sum()
    entropy = -float(p @ numpy.log(p))
    return math.exp(entropy), math.sqrt(2 / n) * float(numpy.linalg.norm(p * (numpy.log(p) + entropy)))


def spent(argv: list[str]) -> tuple[float, float, str]:
    """Seconds on the clock and of the processor, and what a process of its own printed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, processor, shown


def measure(folder: Path) -> tuple[float, str, float]:
    """Effective rank of raw rows, seconds on the clock and of the processor, and GB held at most."""
    seconds, processor, shown = spent(
        [sys.executable, "-m", "collapse_cli", "spectrum", str(folder), "--json"]
    )
    held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    metrics = json.loads(shown)["results"][0]["metrics"]
    peer = spent([sys.executable, str(Path(__file__).parent / "peers.py"), "shards", str(folder)])
    error = metrics["product_error"]["value"]
    taken = (
        f"{seconds:.1f} s, of the processor {processor:.1f} s; a float32 loop {peer[0]:.1f} s and {peer[1]:.1f} s: "
        f"{seconds / peer[0]:.2f} and {processor / peer[1]:.2f} of it; products "
        + ("float64" if error is None else f"float32, off by {error:.0e} at most")
    )
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
    return metrics["effective_rank_raw"]["value"], taken, held * unit / 1e9


def main() -> None:
    n, d = (int(argument) for argument in (sys.argv[1:3] or (1_000_000, 512)))
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as place:
        write(Path(place), n, d)
        size = sum(file.stat().st_size for file in Path(place).iterdir()) / 1e9
        found, taken, held = measure(Path(place))
    expected, error = closed_form(n, d)
    print(f"{n:,} x {d} float16 in {SHARDS} shards, {size:.2f} GB")
    print(f"{taken}; at most {held:.2f} GB held (limit {LIMIT})")
    off = found / expected - 1
    print(f"effective rank of raw rows {found:.3f}, closed form {expected:.3f} ({off:+.3%} ± {error:.3%})")
    assert held < LIMIT, "more memory than promised"
    assert abs(off) < 4 * error, "another rank than the closed form"


if __name__ == "__main__":
    main()
