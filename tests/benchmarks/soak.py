"""Does anything grow? Trainings, measurements and reports in a loop, in one process: memory, open files, threads, litter.

    python tests/benchmarks/soak.py --minutes 30

A table of every round on stdout. It ends in 1 where something grows over the second half, by the least squares' line through it:
memory by more than 3 % of what it is in the middle, open files or threads by one half or more, or where a temporary file or a
draft (`*.part`) is left. The first half is for caches to fill. Of Linux alone, for it reads /proc. Threads of torch are held at
one; set OMP_NUM_THREADS for others.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy
from PIL import Image

MEMORY = 0.03  # of the memory in the middle, that it may grow by over the second half
ONE = 0.5  # of a file or thread, over the second half
IMAGES = 60
ROUND = (
    "train moco --dataset folder:images --epochs 1 --batch 20 --queue 20 --out runs/moco --overwrite --quiet",
    "train moco --resume runs/moco --epochs 2 --quiet",
    "embed runs/moco --out embedded.npz --overwrite",
    "diagnose runs/moco --html diagnose.html --plot diagnose.svg",
    "causes runs/moco",
    "spectrum rows.npy --plot spectrum.png --json",
    "probe rows.npy --labels labels.npy",
    "clusters rows.npy --labels labels.npy --json",
    "classes rows.npy --labels labels.npy --html classes.html",
    "lidar embedded.npz",
    "coverage rows.npy rows.npy",
    "weights runs/moco",
    "compare runs/moco rows.npy",
    "check rows.npy --require effective_rank>1",
    "report runs/moco",
    "inspect runs/moco --json",
    "spectrum nothing.npy",
)


@dataclass(frozen=True)
class Held:
    """What the process holds after a round. minutes since the start; memory in MB; drafts: files that end in .part."""

    minutes: float
    memory: float
    files: int
    threads: int
    temporary: int
    drafts: int


def now(began: float, temporary: Path) -> Held:
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return Held(
        (time.monotonic() - began) / 60,
        int(status["VmRSS"].split()[0]) / 1024,
        len(os.listdir("/proc/self/fd")) - 1,  # without that of the listing
        int(status["Threads"]),
        sum(1 for path in temporary.rglob("*") if path.is_file()),
        sum(1 for _ in Path().rglob("*.part")),
    )


def inputs(number: int) -> None:
    """New ones each round: what is remembered of the old ones must go."""
    drawn = numpy.random.default_rng(number)
    numpy.save("rows.npy", drawn.standard_normal((400, 32)))
    numpy.save("labels.npy", numpy.arange(400) % 4)
    shutil.rmtree("images", ignore_errors=True)
    for index in range(IMAGES):
        folder = Path("images") / f"class-{index % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = drawn.integers(0, 256, (8, 8, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")


def one_round(number: int) -> None:
    """Every command line, then the same from Python."""
    import collapse_cli as collapse
    from collapse_cli.cli import main

    inputs(number)
    for line in ROUND:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            code = main(line.split())
        if code not in (0, 3) and line != "spectrum nothing.npy":
            raise SystemExit(f"{line} ended in {code}: {shown.getvalue()}")
    rows = numpy.load("rows.npy")
    with contextlib.redirect_stderr(io.StringIO()):
        result = collapse.diagnose(rows)
        result.table()
        result.plot()
        collapse.spectrum("runs/moco", rows).to_dict()
        collapse.probe(rows, labels=numpy.load("labels.npy"))._repr_html_()
        collapse.weights(collapse.load("runs/moco"))


def growth(times: Sequence[float], values: Sequence[float]) -> float:
    """How much the least squares' line through the second half rises over it."""
    half = len(times) // 2
    x, y = numpy.array(times[half:]), numpy.array(values[half:], dtype=float)
    if len(x) < 3:
        return 0.0
    slope = numpy.polyfit(x, y, 1)[0]
    return float(slope * (x[-1] - x[0]))


def faults(held: Sequence[Held]) -> Iterator[str]:
    """A sentence for each thing that grows, or is left."""
    times, middle, last = [each.minutes for each in held], held[len(held) // 2], held[-1]
    bounds = {"memory": MEMORY * middle.memory, "files": ONE, "threads": ONE}
    for name, bound in bounds.items():
        more = growth(times, [getattr(each, name) for each in held])
        print(f"{name}: {more:+.2f} over the second half, at most {bound:.2f}")
        if more > bound:
            yield f"{name} grows by {more:.2f} over the second half, {bound:.2f} at most"
    for name in ("temporary", "drafts"):
        if getattr(last, name):
            yield f"{getattr(last, name)} {name} files are left"


def soak(minutes: float, turn: Callable[[int], None] = one_round) -> list[str]:
    """Rounds for this long, three at least, in a folder that is removed; what grows, a sentence each."""
    began, held, before = time.monotonic(), [], (Path.cwd(), tempfile.tempdir)
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        temporary = Path(place) / "temporary"
        (Path(place) / "work").mkdir()
        temporary.mkdir()
        os.chdir(Path(place) / "work")
        tempfile.tempdir = str(temporary)
        print("round  " + "  ".join(f"{field.name:>9}" for field in fields(Held)), flush=True)
        try:
            while len(held) < 3 or held[-1].minutes < minutes:
                turn(len(held))
                held.append(now(began, temporary))
                print(
                    f"{len(held):>5}  " + "  ".join(f"{value:>9.5g}" for value in astuple(held[-1])),
                    flush=True,
                )
            return list(faults(held))
        finally:
            os.chdir(before[0])
            tempfile.tempdir = before[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    grown = soak(parser.parse_args().minutes)
    for sentence in grown:
        print(f"soak: {sentence}")
    print("soak: nothing grows" if not grown else f"soak: {len(grown)} faults")
    return 1 if grown else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
