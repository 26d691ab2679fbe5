"""What each command costs: CPU seconds on one core as a formula of N, D, K and of the images, fitted to measurements.

    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
    ROUNDS=3 PYTHONPATH=. python tests/benchmarks/cost_model.py [COMMAND …]

A command is called in this process, which has loaded everything before, on files of float16; what loading costs is told apart.
Of each command and size the least of ROUNDS rounds counts (2 unless it says otherwise), so that neighbours on the machine count
little. The formula is a sum of terms whose coefficients are not negative, fitted by least squares of relative errors; the worst
relative error is printed with it.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from PIL import Image
from scipy.optimize import nnls

from collapse_cli.cli import main as collapse

CLASSES, KEYS = 100, 4096
ROUNDS = int(os.environ.get("ROUNDS", "2"))
SAMPLED = [(2_500, 256), (10_000, 64), (10_000, 256), (10_000, 768)]
FEW, MANY = 16, 48  # images
MANY_ROWS = [(20_000, 768), (100_000, 768)]
VERY_MANY = [(200_000, 768), (400_000, 768)]  # N·D² above 10¹¹, where products are float32
EVERY_ROW = [(20_000, 64), (100_000, 64), (20_000, 768), (100_000, 256), (100_000, 768)]

Sizes = tuple[int, int]


@dataclass(frozen=True)
class Command:
    """words: what is typed, where X, S and Y stand for the embeddings, a second view of them and their labels."""

    words: str
    terms: dict[str, Callable[[int, int], float]]
    sizes: list[Sizes]


ND2, ND, N2D, D3, ONE = (
    ("N·D²/10⁹", lambda n, d: n * d**2 / 1e9),
    ("N·D/10⁶", lambda n, d: n * d / 1e6),
    ("N²·D/10⁹", lambda n, d: n**2 * d / 1e9),
    ("D³/10⁹", lambda n, d: d**3 / 1e9),
    ("once", lambda n, d: 1.0),
)
NKD = ("N·K·D/10⁹", lambda n, d: n * KEYS * d / 1e9)
NK = ("N·K/10⁶", lambda n, d: n * KEYS / 1e6)
NDC = ("N·D·C/10⁹", lambda n, d: n * d * CLASSES / 1e9)
NN = ("N²/10⁶", lambda n, d: n**2 / 1e6)
COMMANDS = {
    "spectrum": Command("spectrum X", dict([ND2, ND, D3, ONE]), EVERY_ROW),
    "spectrum of very many": Command("spectrum X", dict([ND2, ONE]), VERY_MANY),
    "diagnose": Command("diagnose X", dict([ND2, ND, D3, ONE]), EVERY_ROW),
    "alignment": Command("alignment X", dict([N2D, NN, ONE]), SAMPLED),
    "hubness of all": Command("alignment X", dict([ND, ONE]), EVERY_ROW[:4]),
    "oracle": Command("oracle X --labels Y", dict([NKD, NK, ONE]), SAMPLED),
    "probe": Command("probe X --labels Y", dict([N2D, NDC, ONE]), SAMPLED),
    "clusters": Command("clusters X --labels Y", dict([NDC, ND, ONE]), SAMPLED),
    "classes": Command("classes X --labels Y", dict([ND2, ND, D3, ONE]), SAMPLED),
    "lidar": Command("lidar X --second S", dict([ND2, ND, D3, ONE]), SAMPLED),
    "coverage": Command("coverage X S", dict([N2D, NN, ONE]), SAMPLED),
    "check": Command("check X --require effective_rank>=2", dict([ND2, N2D, D3, ONE]), SAMPLED),
    "check of many": Command("check X --require effective_rank>=2", dict([ND2, ONE]), MANY_ROWS),
    "report of many": Command("report X --out R", dict([ND2, ONE]), MANY_ROWS),
    "compare": Command("compare X S", dict([ND2, N2D, D3, ONE]), SAMPLED),
    "report": Command("report X --out R", dict([ND2, N2D, D3, ONE]), SAMPLED),
}


class Files:
    """Rows of 100 clusters, a second view of each and its class, as files, made when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, n: int, d: int) -> dict[str, str]:
        names = {letter: str(self.folder / f"{letter}-{n}-{d}.npy") for letter in "XSY"}
        if not Path(names["X"]).exists():
            generator = numpy.random.default_rng(0)
            classes = generator.integers(0, CLASSES, n)
            rows = generator.standard_normal((CLASSES, d), "float32")[classes]
            rows += 0.7 * generator.standard_normal((n, d), "float32")
            numpy.save(names["X"], rows.astype("float16"))
            numpy.save(
                names["S"], (rows + 0.2 * generator.standard_normal((n, d), "float32")).astype("float16")
            )
            numpy.save(names["Y"], classes)
        return names | {"R": str(self.folder / f"{time.monotonic_ns()}.html")}


def spent(words: list[str]) -> float:
    """CPU seconds of a command that ends well."""
    silent = io.StringIO()
    before = time.process_time()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        code = collapse(words)
    seconds = time.process_time() - before
    assert code in (0, 3), silent.getvalue()
    return seconds


def measured(files: Files, command: Command) -> Iterator[tuple[Sizes, float]]:
    for n, d in command.sizes:
        rounds = []
        for _ in range(ROUNDS):
            names = files.of(n, d)
            rounds.append(spent([names.get(word, word) for word in command.words.split()]))
        print(f"   {n:,} x {d}: {min(rounds):.2f} s", flush=True)
        yield (n, d), min(rounds)


def fitted(command: Command, points: list[tuple[Sizes, float]]) -> tuple[dict[str, float], float]:
    """Coefficients by term, and the largest relative error."""
    seconds = numpy.array([second for _, second in points])
    table = numpy.array([[term(*sizes) for term in command.terms.values()] for sizes, _ in points])
    coefficients, _ = nnls(table / seconds[:, None], numpy.ones(len(seconds)))
    worst = float(abs(table @ coefficients / seconds - 1).max())
    return dict(zip(command.terms, coefficients, strict=True)), worst


LAUNCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def alone(words: list[str]) -> tuple[float, float]:
    """CPU seconds and the most memory in MB of a command in a process of its own, which a small one starts: the memory of
    the process that starts it would count, too."""
    launched = [sys.executable, "-c", LAUNCH, sys.executable, "-m", "collapse_cli", *words]
    seconds, memory = subprocess.run(launched, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(memory)


def loading(files: Files) -> None:
    """What a command spends before it measures anything: Python, torch, and the modules of this package."""
    seconds, most = alone(["spectrum", files.of(200, 8)["X"]])
    print(f"loading: {seconds:.1f} s, {most:.0f} MB", flush=True)


def images(folder: Path, files: Files) -> None:
    """What an image costs: decoding, and a ResNet-18, ResNet-50 and ViT-B/16 at 224 pixels, each of random weights."""
    from torchvision import models

    places = {}
    for count in (FEW, MANY):
        places[count] = folder / f"images-{count}"
        places[count].mkdir()
        for number in range(count):
            noise = numpy.random.default_rng(number).integers(0, 256, (16, 20, 3), dtype="uint8")
            Image.fromarray(noise).resize((500, 400), Image.Resampling.BICUBIC).save(
                places[count] / f"{number}.jpg"
            )
    for name in ("resnet18", "resnet50", "vit_b_16"):
        path = str(folder / f"{name}.pth")
        torch.save(getattr(models, name)().state_dict(), path)
        seconds = {}
        for count, place in places.items():
            words = ["embed", path, "--dataset", f"folder:{place}", "--device", "cpu", "--out"]
            os.environ["COLLAPSE_CACHE_DIR"] = "off"
            seconds[count] = min(
                spent([*words, str(folder / f"{time.monotonic_ns()}.npz")]) for _ in range(ROUNDS)
            )
        each = (seconds[MANY] - seconds[FEW]) / (MANY - FEW)
        print(f"{name}: {each:.3f} s an image of 500 x 400 at 224 px, two views of each included", flush=True)


def codes(folder: Path) -> None:
    for count, size in ((10**6, 1024), (10**7, 1024), (10**7, 65_536)):
        path = folder / f"codes-{count}-{size}.npy"
        numpy.save(path, numpy.random.default_rng(0).integers(0, size, count).astype("int32"))
        seconds = min(spent(["codes", str(path), "--size", str(size)]) for _ in range(ROUNDS))
        print(f"codes: {seconds:.2f} s for {count:,} codes of {size:,}", flush=True)


def memory(files: Files) -> None:
    """The most memory that a process of its own takes, pages of mapped files included."""
    for name, (n, d) in {name: command.sizes[-1] for name, command in COMMANDS.items()}.items():
        names = files.of(n, d)
        _, most = alone([names.get(word, word) for word in COMMANDS[name].words.split()])
        print(f"memory of {name}, {n:,} x {d}: {most:.0f} MB", flush=True)


def main() -> None:
    chosen = sys.argv[1:] or [*COMMANDS, "images", "codes", "loading", "memory"]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = Files(folder)
        print(
            f"load {os.getloadavg()[0]:.1f}; torch {torch.__version__}; K {KEYS}, {CLASSES} classes",
            flush=True,
        )
        spent(
            [
                "report",
                files.of(500, 8)["X"],
                "--out",
                str(folder / "first.html"),
                "--labels",
                files.of(500, 8)["Y"],
            ]
        )
        for name in (name for name in chosen if name in COMMANDS):
            command = COMMANDS[name]
            points = list(measured(files, command))
            coefficients, worst = fitted(command, points)
            formula = " + ".join(f"{value:.3g} × {term}" for term, value in coefficients.items() if value > 0)
            print(f"{name}: {formula}   (worst {worst:.0%})", flush=True)
        if "images" in chosen:
            images(folder, files)
        if "codes" in chosen:
            codes(folder)
        if "loading" in chosen:
            loading(files)
        if "memory" in chosen:
            memory(files)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"load {os.getloadavg()[0]:.1f} at the end; the most memory of this process {peak:.0f} MB")


if __name__ == "__main__":
    main()
