"""Commands that measure a run on many images, beside what anybody would write: import, decode a sample, embed it.

    python tests/benchmarks/images.py train.parquet                      a run is trained first, of 20 steps
    python tests/benchmarks/images.py train.parquet --run RUN --rounds 5 diagnose report
    PYTHONPATH=OTHER/CHECKOUT python tests/benchmarks/images.py …        the same of another checkout

Each command runs where nothing was kept, after a training has looked at all images, and after a command that decoded the same
sample. Rounds alternate. Shown: medians of wall and of processor seconds of the whole process, and their ratio to the peer's.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

COMMANDS = ("alignment", "oracle", "classes", "spectrum", "diagnose", "probe", "report")
STEPS = 20
PEER = """
import io, os, sys, torch, numpy
from concurrent.futures import ThreadPoolExecutor
from PIL import Image
from pyarrow import parquet
file = parquet.ParquetFile(sys.argv[1])
name = next(name for name in file.schema_arrow.names if name in ("img", "image"))
column = file.read(columns=[name])[name]
def one(row):
    return numpy.asarray(Image.open(io.BytesIO(column[row]["bytes"].as_py())).convert("RGB"))
with ThreadPoolExecutor(os.cpu_count()) as threads:
    rows = torch.randperm(len(column))[:10000].sort().values.tolist()
    pixels = torch.from_numpy(numpy.stack(list(threads.map(one, rows))))
from torch import nn
layers = []
for inward, outward, stride in ((3, 16, 1), (16, 32, 2), (32, 64, 1)):
    layers += [nn.Conv2d(inward, outward, 3, stride, 1, bias=False), nn.BatchNorm2d(outward), nn.ReLU()]
network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 128)).eval()
with torch.no_grad():
    print(torch.cat([network(part.permute(0, 3, 1, 2) / 255) for part in pixels.split(256)]).shape)
"""
Cost = tuple[float, float]  # seconds, and processor seconds


def timed(line: Sequence[str], cache: Path) -> Cost:
    """Of one process and its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        line, env={**os.environ, "COLLAPSE_CACHE_DIR": str(cache)}, capture_output=True, text=True
    )
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 3):  # 3: nothing can be concluded of so short a training
        sys.exit(f"{' '.join(line)} ended in {done.returncode}:\n{done.stderr}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def trained(images: Path, folder: Path) -> Path:
    run, python = folder / "run", [sys.executable, "-m", "collapse_cli"]
    data = [
        "--dataset",
        f"parquet:{images}",
        "--steps",
        str(STEPS),
        "--batch",
        "256",
        "--out",
        str(run),
        "-q",
    ]
    timed([*python, "train", "moco", *data], folder / "cache")
    return run


def rounds(
    images: Path, run: Path, commands: Sequence[str], count: int, folder: Path
) -> dict[str, list[Cost]]:
    """By what was measured; the first is the peer."""
    costs, cache, page = defaultdict[str, list[Cost]](list), folder / "cache", str(folder / "page.html")
    for _ in range(count):
        costs["import, decode 10,000, embed"].append(timed([sys.executable, "-c", PEER, str(images)], cache))
        for command in commands:
            line = [sys.executable, "-m", "collapse_cli", command, str(run), "-q"]
            line += ["--out", page] if command == "report" else ["--json"]
            shutil.rmtree(cache, ignore_errors=True)
            costs[f"{command}, nothing kept"].append(timed(line, cache))
            for file in cache.glob("*.pixels"):
                file.unlink()
            costs[f"{command}, after a training"].append(timed(line, cache))
            costs[f"{command}, after another command"].append(timed(line, cache))
    return costs


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("images", type=Path)
    asked.add_argument("commands", nargs="*", default=COMMANDS)
    asked.add_argument("--run", type=Path)
    asked.add_argument("--rounds", type=int, default=3)
    typed = asked.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as place:
        folder, before = Path(place), os.getloadavg()
        run = (
            shutil.copytree(typed.run, folder / "run")
            if typed.run
            else trained(typed.images.resolve(), folder)
        )
        costs = rounds(typed.images.resolve(), run, typed.commands, typed.rounds, folder)
    medians = {
        name: [statistics.median(each) for each in zip(*some, strict=True)] for name, some in costs.items()
    }
    (peer, *_) = medians.values()
    print(
        f"{os.cpu_count()} cores, load {before[0]:.1f} to {os.getloadavg()[0]:.1f}, {typed.rounds} rounds, medians"
    )
    for name, each in medians.items():
        shown = (
            f"{unit} {value:6.2f} s ({value / of:4.2f})"
            for unit, value, of in zip(("wall", "CPU"), each, peer, strict=True)
        )
        print(f"{name:40}", "  ".join(shown))


if __name__ == "__main__":
    main()
