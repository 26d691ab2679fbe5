"""Our speed beside what a user would pick, and beside the machine's limit: python tests/benchmarks/bench.py [ROW …] [--small]

Ours and the peers take turns, round by round; a ratio is that of one round, and its median is printed with the least and the
most. Where the work is a whole process so is the peer's, whose numpy finds the BLAS that it would find without us
(OPENBLAS_CORETYPE is unset for it). The limit is the time that the row's multiplications and bytes take at the rates of this
machine's BLAS, memory and disk, which are measured first. With --write the table is kept in RESULTS.md, with its conditions.

    bench.py uniformity kNN --rounds 5       some rows
    bench.py --small                         a minute
    bench.py --images train.parquet          also what reads images; --run RUN: of this run, instead of one that is trained first
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.nn.functional import normalize

HERE = Path(__file__).parent
COLLAPSE = (sys.executable, "-m", "collapse_cli")
PEERS = (sys.executable, str(HERE / "peers.py"))
RESULTS = HERE / "RESULTS.md"


@dataclass(frozen=True)
class Sizes:
    """What is measured: rows and dimensions of each piece of work."""

    shards: tuple[int, int] = (2_000_000, 512)
    array: tuple[int, int] = (200_000, 512)
    uniformity: tuple[int, int] = (20_000, 128)
    train: tuple[int, int] = (50_000, 512)
    test: int = 10_000
    wide: tuple[int, int] = (64, 2_000)
    images: int = 50_000
    batch: int = 256
    rounds: int = 3
    flops: int = 4_000  # side of the matrices that the BLAS is timed with
    bytes: int = 1 << 29  # that memory and disk are timed with


SMALL = Sizes(
    (100_000, 512),
    (20_000, 512),
    (8_000, 128),
    (15_000, 256),
    3_000,
    images=1_024,
    flops=1_500,
    bytes=1 << 27,
)
TINY = Sizes((200, 8), (100, 8), (300, 8), (400, 8), 50, (8, 20), 16, 8, 1, 64, 1 << 16)


@dataclass(frozen=True)
class Cost:
    """Seconds of a clock, seconds of the processor, and the most memory that a process held, in bytes (0: within ours)."""

    clock: float
    processor: float
    memory: int = 0


Work = Callable[[], Cost]


@dataclass(frozen=True)
class Limits:
    """Rates of this machine, all threads together."""

    float32: float  # multiplications and additions a second
    float64: float
    memory: float  # bytes a second
    disk: float

    def seconds(self, float32: float = 0, float64: float = 0, memory: float = 0, disk: float = 0) -> float:
        """What takes longest."""
        return max(float32 / self.float32, float64 / self.float64, memory / self.memory, disk / self.disk)


@dataclass(frozen=True)
class Row:
    """A piece of work: goal in words, ours, what else does it, and the seconds that it cannot be faster than."""

    name: str
    goal: str
    ours: Work
    peers: dict[str, Work] = field(default_factory=dict)
    limit: float = 0.0
    unit: str = "s"
    items: int = 0  # what is counted by the second, as images
    warm: bool = False  # whether one round more comes first, which does not count


@dataclass(frozen=True)
class Setting:
    """Where the rows of a table find what they need."""

    sizes: Sizes
    folder: Path
    limits: Limits
    images: Path | None = None
    run: Path | None = None


# --- costs


def within(work: Callable[[], Any]) -> Work:
    """Work in this process."""

    def measured() -> Cost:
        clock, processor = time.perf_counter(), time.process_time()
        work()
        return Cost(time.perf_counter() - clock, time.process_time() - processor)

    return measured


LAUNCHER = """
import os, sys, time
start, silent = time.perf_counter(), [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent)
_, status, spent = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - start, spent.ru_utime + spent.ru_stime, spent.ru_maxrss)
"""
"""A small process that starts another one: Linux counts the memory of whoever starts a process as its own."""


def process(*argv: str, ours: bool = False) -> Work:
    """Work as a process of its own. Peers do not inherit how numpy's BLAS is held to an old kernel."""

    def measured() -> Cost:
        environment = dict(os.environ) | {"PYTHONPATH": str(HERE.parent.parent)}
        if not ours:
            environment.pop("OPENBLAS_CORETYPE", None)
        argument = (sys.executable, "-I", "-S", "-c", LAUNCHER, *argv)
        ended = subprocess.run(argument, capture_output=True, text=True, env=environment)
        if ended.returncode:
            raise SystemExit(f"{' '.join(argv)} could not be started: {ended.stderr[-500:]}")
        code, clock, processor, held = map(float, ended.stdout.split())
        if code not in (0, 3):
            raise SystemExit(f"{' '.join(argv)} ended in {code:g}: {ended.stderr[-500:]}")
        unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
        return Cost(clock, processor, int(held * unit))

    return measured


def collapse(*argv: str | Path) -> Work:
    return process(*COLLAPSE, *map(str, argv), ours=True)


def peer(*argv: str | Path) -> Work:
    return process(*PEERS, *map(str, argv))


def limits(sizes: Sizes, folder: Path) -> Limits:
    """Each the best of three, in this run: what else the machine does counts against all alike."""
    side = sizes.flops

    def flops(dtype: torch.dtype) -> float:
        matrix = torch.ones(side, side, dtype=dtype)
        return 2 * side**3 / min(within(lambda: matrix @ matrix)().clock for _ in range(3))

    here = torch.ones(sizes.bytes, dtype=torch.uint8)
    there = torch.empty_like(here)
    memory = 2 * sizes.bytes / min(within(lambda: there.copy_(here))().clock for _ in range(3))
    return Limits(flops(torch.float32), flops(torch.float64), memory, _disk(here, folder))


def _disk(content: Tensor, folder: Path) -> float:
    """Bytes a second of a file that the system does not hold in memory, where it can be made to forget it."""
    file = folder / "bytes"
    with file.open("wb") as stream:
        stream.write(content.numpy().tobytes())
        os.fsync(stream.fileno())
        if hasattr(os, "posix_fadvise"):  # not on macOS
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    taken = within(file.read_bytes)().clock
    file.unlink()
    return len(content) / taken


# --- rows


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    """Numbers whose column j has variance 1/j."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator) * torch.arange(1, d + 1) ** -0.5


def spectrum_shards(setting: Setting) -> Iterator[Row]:
    n, d = setting.sizes.shards
    folder = setting.folder / "shards"
    folder.mkdir()
    for number in range(20):
        numpy.save(folder / f"rows_{number}.npy", normal(n // 20, d, number).half().numpy())
    yield Row(
        f"spectrum, {n:,} x {d} float16, 20 shards", "<= 1.3 of the loop; <= 200 MB above import torch",
        collapse("spectrum", folder, "--json"),
        {"float32 loop": peer("shards", folder), "import torch": peer("nothing")},
        setting.limits.seconds(float32=n * d * d, disk=2 * n * d),
    )  # fmt: skip


def spectrum_file(setting: Setting) -> Iterator[Row]:
    n, d = setting.sizes.array
    file = setting.folder / "rows.npy"
    numpy.save(file, normal(n, d).numpy())
    yield Row(
        f"spectrum, {n:,} x {d} float32 file", "<= .8 of the better",
        collapse("spectrum", file, "--json"), {"torch, np.cov, svd": peer("array", file)},
        setting.limits.seconds(float64=n * d * d, disk=4 * n * d),
    )  # fmt: skip


def uniformity(setting: Setting) -> Iterator[Row]:
    from collapse_cli.metrics.alignment import uniform

    n, d = setting.sizes.uniformity
    exact = normalize(normal(n, d).double(), dim=1)
    rows = exact.float()

    def tiles() -> float:
        total = 0.0
        for first in range(0, n, 512):
            for second in range(first // 2048 * 2048, n, 2048):
                values = (rows[first : first + 512] @ rows[second : second + 2048].T).mul_(4).sub_(4).exp_()
                total += float(values.sum(dtype=torch.float64))
        return total

    peers = {
        "tiles of 512 x 2048, float32": within(tiles),
        "torch.pdist": within(lambda: torch.pdist(rows).square_().mul_(-2).exp_().mean()),
    }
    yield Row(
        f"uniformity, {n:,} x {d}", "<= 1.2 of the tiles", within(lambda: uniform(exact)), peers,
        setting.limits.seconds(float32=n * n * d), warm=True,
    )  # fmt: skip


def knn(setting: Setting) -> Iterator[Row]:
    from collapse_cli.metrics import probe

    (n, d), m = setting.sizes.train, setting.sizes.test
    labels = torch.arange(n + m) % 10
    rows = normal(n + m, d) + 0.1 * normal(10, d, 1)[labels]
    train, test, k = rows[:n], rows[n:], min(20, n)

    def plain() -> Tensor:
        near, queries = normalize(train, dim=1), normalize(test, dim=1)
        classes = []
        for block in queries.split(1000):
            similarity, places = (block @ near.T).topk(k, dim=1)
            votes = torch.zeros(len(block), 10).scatter_add_(1, labels[places], (similarity / 0.07).exp())
            classes.append(votes.argmax(dim=1))
        return torch.cat(classes)

    yield Row(
        f"kNN, {n:,} / {m:,} x {d}", "<= 1.15", within(lambda: probe.knn(train, labels[:n], test, k, 0.07)),
        {"normalise, matmul, topk": within(plain)}, setting.limits.seconds(float32=2 * n * m * d), warm=True,
    )  # fmt: skip


def few_rows(setting: Setting) -> Iterator[Row]:
    n, d = setting.sizes.wide
    file = setting.folder / "wide.npy"
    numpy.save(file, normal(n, d).numpy())
    yield Row(
        f"N <= D, {n} x {d:,}", "<= 1 s beyond import torch", collapse("spectrum", file, "--json"),
        {"import torch": peer("nothing"), "Gram matrix": peer("gram", file)},
    )  # fmt: skip


def images(setting: Setting) -> Iterator[Row]:
    """The commands of a run on a parquet of images."""
    if setting.images is None:
        print("image commands: left out; give --images train.parquet, as of CIFAR-10")
        return
    run = setting.folder / "run"
    if setting.run is not None:
        shutil.copytree(setting.run, run)
    else:
        data = ("--dataset", f"parquet:{setting.images}")
        collapse("train", "moco", *data, "--epochs", "1", "--out", run, "--quiet")()

    def afresh(command: str) -> Work:
        """Without the answers that the run folder keeps, which a report would take."""

        def measured() -> Cost:
            shutil.rmtree(run / "results", ignore_errors=True)
            (run / "report.html").unlink(missing_ok=True)
            return collapse(command, run, "--quiet")()

        return measured

    for command, goal in (("alignment", 6), ("oracle", 6), ("classes", 6), ("report", 12)):
        yield Row(
            f"{command}, run on {setting.images.name}", f"<= {goal} s", afresh(command),
            {"import, decode 10,000": peer("decode", setting.images)},
        )  # fmt: skip


def training(setting: Setting) -> Iterator[Row]:
    from collapse_cli.analysis.training import fresh
    from collapse_cli.settings import resolve
    from collapse_cli.shapes import Batch, Images
    from collapse_cli.training import train

    batch = setting.sizes.batch
    size = setting.sizes.images // batch * batch
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (size, 3, 32, 32), dtype=torch.uint8, generator=generator)
    classes = tuple("0123456789")
    data = Images(pixels, torch.arange(size) % 10, classes, "noise/train")
    knobs = {"batch": batch, "epochs": 1, "encoder": "convnet", "queue": max(batch, min(4096, size // 2))}

    def ours() -> None:
        begun = fresh(resolve("moco", knobs), data)
        list(train(begun.method, data, begun.normalisation, begun.run.training, begun.state))

    begun = fresh(resolve("moco", knobs), data)
    views = torch.rand(2, batch, 3, 32, 32)
    index = torch.arange(batch)
    steady = Batch(views[0], views[1], index, index % 10, generator)
    optimizer = torch.optim.SGD(begun.method.parameters(), 0.05, momentum=0.9, weight_decay=1e-4)

    def bare() -> None:
        for _ in range(size // batch):
            optimizer.zero_grad()
            begun.method.loss(steady).backward()
            optimizer.step()
            begun.method.after_step(0.5)

    peers = {"the step on resident tensors": within(bare)} | lightly(pixels, batch)
    yield Row(
        f"MoCo, {size:,} images of 32 x 32, convnet, B {batch}", ">= 4,000 images/s; >= 2.5 of lightly",
        within(ours), peers, unit="images/s", items=size,
    )  # fmt: skip


def lightly(pixels: Tensor, batch: int) -> dict[str, Work]:
    """MoCo as lightly's tutorial has it, with a DataLoader of as many workers as cores; nothing where it is not installed."""
    try:
        from lightly.data import LightlyDataset
        from lightly.loss import NTXentLoss
        from lightly.models.utils import update_momentum
        from lightly.transforms import MoCoV2Transform
    except ImportError:
        print("training: lightly is not installed, so it is left out")
        return {}
    import copy

    from torch.utils.data import DataLoader, Dataset
    from torchvision.transforms.functional import to_pil_image

    from collapse_cli.models.encoders import encoder as build

    class Photos(Dataset[Any]):
        def __len__(self) -> int:
            return len(pixels)

        def __getitem__(self, place: int) -> tuple[Any, int]:
            return to_pil_image(pixels[place]), 0

    photos = LightlyDataset.from_torch_dataset(Photos(), transform=MoCoV2Transform(input_size=32))
    loader = DataLoader(photos, batch, shuffle=True, drop_last=True, num_workers=os.cpu_count() or 1)
    encoder, width = build("convnet", (3, 32, 32))
    network = torch.nn.Sequential(encoder, torch.nn.Linear(width, 128))
    slow, loss = copy.deepcopy(network), NTXentLoss(memory_bank_size=(4096, 128))
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)

    def epoch() -> None:
        for (first, second), *_ in loader:
            update_momentum(network, slow, 0.99)
            with torch.no_grad():
                keys = slow(second)
            optimizer.zero_grad()
            loss(network(first), keys).backward()
            optimizer.step()

    return {"lightly": within(epoch)}


def demo(setting: Setting) -> Iterator[Row]:
    """Each round in a folder of its own: one that is there is not replaced."""
    rounds = count()

    def folder(*words: str) -> Work:
        return lambda: collapse("demo", *words, "--quiet", "--out", setting.folder / f"demo-{next(rounds)}")()

    yield Row("demo --quick", "<= 8 s", folder("--quick"))
    if setting.sizes == Sizes():
        yield Row("demo", "<= 20 s", folder())


ROWS: dict[str, Callable[[Setting], Iterator[Row]]] = {
    "shards": spectrum_shards, "file": spectrum_file, "uniformity": uniformity, "kNN": knn, "N<=D": few_rows,
    "images": images, "training": training, "demo": demo,
}  # fmt: skip


# --- the table


def measured(row: Row, rounds: int) -> dict[str, list[Cost]]:
    """Costs by contender, round by round in turn; every other round begins with the last of them."""
    contenders = {"ours": row.ours, **row.peers}
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for turn in range(-row.warm, rounds):
        for name in list(contenders)[:: 1 if turn % 2 == 0 else -1]:
            costs[name].append(contenders[name]())
    return {name: each[row.warm :] for name, each in costs.items()}


def lines(row: Row, costs: dict[str, list[Cost]]) -> list[str]:
    """The row in Markdown, a line for each contender: time, processor, memory, and ours over it."""
    shown = []
    for name, each in costs.items():
        clock = statistics.median(cost.clock for cost in each)
        speed = f"{clock:.3g} s" if row.unit == "s" else f"{row.items / clock:,.0f} {row.unit}"
        processor = f"{statistics.median(cost.processor for cost in each):.3g} s"
        memory = f"{max(cost.memory for cost in each) / 1e6:,.0f} MB" if each[0].memory else ""
        ratios = [ratio(costs["ours"], each, "clock"), ratio(costs["ours"], each, "processor")]
        both = ["", ""] if name == "ours" else ratios
        work, goal = (row.name, row.goal) if name == "ours" else ("", "")
        shown.append(f"| {' | '.join((work, goal, name, speed, processor, memory, *both))} |")
    if row.limit:
        share = statistics.median(cost.clock for cost in costs["ours"]) / row.limit
        shown.append(f"| | | limit | {row.limit:.3g} s | | | {share:.2f} | |")
    return shown


def ratio(ours: list[Cost], theirs: list[Cost], what: str) -> str:
    """`0.97 (0.95–1.02)`: of each round, the median with the least and the most."""
    each = [getattr(a, what) / max(getattr(b, what), 1e-9) for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(each):.2f} ({min(each):.2f}–{max(each):.2f})"


HEADER = (
    "| work | goal | | clock | processor | memory | ours / it | processor, ours / it |",
    "|---|---|---|---|---|---|---|---|",
)


def conditions(sizes: Sizes, rates: Limits, rounds: int) -> str:
    """Machine, load, versions, rounds, and the rates that the limits are made of."""
    blas = f"BLAS {rates.float32 / 1e9:.0f} GFlop/s in float32 and {rates.float64 / 1e9:.0f} in float64"
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"load {_load()}; Python {platform.python_version()}, torch {torch.__version__}, numpy {numpy.__version__}; "
        f"{'full' if sizes == Sizes() else 'small'} sizes, {rounds} rounds. {blas}, memory {rates.memory / 1e9:.1f} GB/s, "
        f"disk {rates.disk / 1e9:.2f} GB/s."
    )


def _load() -> str:
    return ", ".join(f"{each:.1f}" for each in os.getloadavg())


def _processor() -> str:
    try:
        described = Path("/proc/cpuinfo").read_text()
        return next(
            line.partition(": ")[2] for line in described.splitlines() if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def table(chosen: list[str], setting: Setting, rounds: int) -> list[str]:
    """The whole table, printed as it grows."""
    every = [*HEADER]
    print(*HEADER, sep="\n")
    for name in chosen:
        for row in ROWS[name](setting):
            new = lines(row, measured(row, rounds))
            print(*new, sep="\n", flush=True)
            every += new
    return every


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; without one, all")
    parser.add_argument("--small", action="store_true", help="sizes of a minute")
    parser.add_argument("--tiny", action="store_true", help="sizes that show only that it runs")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument(
        "--images", type=Path, help="a parquet of images, such as the training set of CIFAR-10"
    )
    parser.add_argument("--run", type=Path, help="a run that was trained on it")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    typed = parser.parse_args(argv)
    if unknown := set(typed.rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    sizes = TINY if typed.tiny else SMALL if typed.small else Sizes()
    rounds = typed.rounds or sizes.rounds
    with tempfile.TemporaryDirectory() as place:
        rates = limits(sizes, Path(place))
        said = conditions(sizes, rates, rounds)
        print(said, end="\n\n")
        shown = table(
            typed.rows or list(ROWS), Setting(sizes, Path(place), rates, typed.images, typed.run), rounds
        )
    print(f"\nload at the end: {_load()}")
    if typed.write:
        about = "What `make bench` measured last. Ratios are ours over theirs: the median of the rounds, the least and the most."
        text = ["# Results", "", about, "", f"{said} Load at the end {_load()}.", "", *shown, ""]
        RESULTS.write_text("\n".join(text))


if __name__ == "__main__":
    main()
