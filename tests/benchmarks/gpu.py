"""Everything that is worth knowing of a GPU, in one run of at most eight minutes: python tests/benchmarks/gpu.py [--images PATH]

ResNet-18 with CIFAR's stem, MoCo and MoCHi in bf16: images a second, memory, the share of bare forward and backward on random
tensors, and the same training fed by a DataLoader with torchvision's transforms; kNN after a fixed time; spectrum, uniformity,
oracle and kNN on the device beside two CPU cores; a roofline, whose ceilings are measured; and whether CPU and GPU agree.
It writes gpu.json and gpu.md. --images: a folder or parquet file of CIFAR-10, or a data set's name; digits where none is given.
--small runs all of it in seconds, on a CPU too, where the figures say nothing but that it runs.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import os
import platform
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from collapse_cli import stepping
from collapse_cli.analysis import image_sets
from collapse_cli.analysis.training import fresh
from collapse_cli.augment.recipes import augment
from collapse_cli.embedding import embed
from collapse_cli.metrics.alignment import uniform
from collapse_cli.metrics.oracle import oracle
from collapse_cli.metrics.probe import knn
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.settings import Training, resolve
from collapse_cli.shapes import Batch, Framing, Images
from collapse_cli.training import train

PUBLISHED = "lightly's benchmark, 200 epochs of B 512: .847 in 112 minutes on an A6000"
GOALS = {
    "share of bare forward and backward": (">=", 0.85),
    "times a DataLoader with torchvision": (">=", 5.0),
    "kNN accuracy": (">=", 0.847),
    "times two CPU cores": (">=", 20.0),
    "one step, largest relative difference": ("<=", 1e-4),
    "metric, largest difference": ("<=", 1e-9),
}


@dataclasses.dataclass(frozen=True)
class Size:
    """How much of everything; of --small little enough for a test."""

    encoder: str = "resnet18"
    batch: int = 512
    queue: int = 4096
    warm: int = 12
    steps: int = 60
    loader_steps: int = 24
    rows: int = 200_000
    width: int = 512
    pairs: int = 20_000
    bank: int = 50_000
    queries: int = 10_000
    oracle: tuple[int, int] = (2_000, 65_536)
    matrix: int = 8192
    copied: int = 2**30  # bytes
    images: int = 2**31  # of a data set at most
    neighbours: int = 200


SMALL = Size("convnet", 16, 32, 1, 2, 1, 300, 16, 300, 300, 100, (50, 200), 64, 2**16, 96, 20)


class Enough(Exception):
    """So many steps were measured."""


class Report:
    """Figures as they come; each part that fails leaves its error, and the others go on."""

    def __init__(self, deadline: float) -> None:
        self.figures: list[dict[str, Any]] = []
        self.errors: dict[str, str] = {}
        self.deadline = deadline

    def add(self, part: str, name: str, value: float, unit: str, goal: str = "") -> float:
        met = None
        if goal:
            sign, bound = GOALS[goal]
            met = value >= bound if sign == ">=" else value <= bound
        words = " ".join(map(str, GOALS[goal])) if goal else ""
        self.figures.append(
            {"part": part, "name": name, "value": value, "unit": unit, "goal": words, "met": met}
        )
        print(f"{part:24s} {name:52s} {value:12.5g} {unit:18s} {words}", flush=True)
        return value

    def run(self, part: str, work: Callable[[], object]) -> None:
        if time.monotonic() > self.deadline:
            self.errors[part] = "left out, for the time is over"
            return
        try:
            work()
        except Exception:
            self.errors[part] = traceback.format_exc()
            print(f"{part}: {self.errors[part].splitlines()[-1]}", file=sys.stderr, flush=True)


def waited(device: torch.device) -> float:
    """The time when everything that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def seconds(work: Callable[[], object], device: torch.device, rounds: int = 3) -> float:
    """Wall-clock seconds, the median of some rounds after one to warm up."""
    work()
    spent = []
    for _ in range(rounds):
        start = waited(device)
        work()
        spent.append(waited(device) - start)
    return statistics.median(spent)


# Training


def begun(images: Images, size: Size, device: torch.device, method: str, **given: Any) -> Checkpoint:
    """As MoCo's demo and lightly train on CIFAR-10: T .1, m .99, weight decay 5e-4, a cosine from .06 for each 256 images."""
    settings: dict[str, Any] = {
        "encoder": size.encoder, "stem": "cifar", "dim": 128, "head_hidden": 512, "batch": size.batch, "queue": size.queue,
        "temperature": 0.1, "lr": 0.06 * size.batch / 256, "weight_decay": 5e-4, "epochs": 200,
        "precision": "bf16" if device.type == "cuda" else "fp32",
    }  # fmt: skip
    if method == "mochi":
        settings |= {
            "hardest": min(1024, size.queue),
            "pair_mixes": size.queue // 32,
            "query_mixes": size.queue // 64,
        }
        settings |= {"mix_after": 0.0}
    return fresh(resolve(method, settings | given), images, device)


def measured(ready: Checkpoint, images: Images, size: Size, device: torch.device) -> tuple[float, float]:
    """Images a second of `training.train` itself, and the seconds until its first steps were warm."""
    done, times, start = 0, [0.0, 0.0], waited(device)

    def between() -> None:
        nonlocal done
        done += 1
        if done == size.warm:
            times[0] = waited(device)
        if done == size.warm + size.steps:
            times[1] = waited(device)
            raise Enough

    try:
        list(train(ready.method, images, ready.normalisation, ready.run.training, ready.state, between))
    except Enough:
        return size.steps * size.batch / (times[1] - times[0]), times[0] - start
    raise RuntimeError("the data set has too few images for so many steps")


def random_batch(images: Images, size: Size, device: torch.device) -> Batch:
    generator = Generator(device).manual_seed(0)
    views = torch.randn(2, size.batch, *images.shape, generator=generator, device=device)
    index = torch.arange(size.batch, device=device)
    return Batch(views[0], views[1], index, torch.zeros_like(index), generator)


def bare(ready: Checkpoint, images: Images, size: Size, device: torch.device) -> float:
    """Images a second of the loss and its gradients on random tensors: no views, no optimizer, no slow copy, no queue."""
    batch, settings = random_batch(images, size, device), ready.run.training
    loss_of = stepping.ready(ready.method, settings, ready.state.optimizer)

    def steps() -> None:
        for _ in range(size.steps):
            ready.state.optimizer.zero_grad(set_to_none=True)
            stepping.gradients(batch, loss_of)

    return size.steps * size.batch / seconds(steps, device, rounds=1)


def throughput(
    report: Report, images: Images, size: Size, device: torch.device
) -> dict[tuple[str, bool], float]:
    """Of both methods, plain and compiled; a part that is refused leaves its error."""
    speeds = {}
    arms = [("moco", False), ("mochi", False), *([("moco", True)] if device.type == "cuda" else [])]
    for method, compiled in arms:
        part = f"{method}{', compiled' if compiled else ''}"

        def both(method: str = method, compiled: bool = compiled, part: str = part) -> None:
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            ready = begun(images, size, device, method, compile=compiled)
            whole, warm = measured(ready, images, size, device)
            speeds[method, compiled] = report.add(part, "training", whole, "images/s")
            report.add(part, "until the first steps are warm", warm, "s")
            if device.type == "cuda":
                report.add(part, "peak memory", torch.cuda.max_memory_allocated(device) / 1e6, "MB")
            alone = bare(ready, images, size, device)
            report.add(part, "bare forward and backward, random tensors", alone, "images/s")
            goal = "share of bare forward and backward"
            report.add(part, goal, whole / alone, "", goal if device.type == "cuda" else "")

        report.run(part, both)
    return speeds


class TwoViews(torch.utils.data.Dataset[tuple[Tensor, Tensor, int]]):
    """As lightly and most scripts have it: an image of Pillow, torchvision's transforms twice, in a worker."""

    def __init__(self, images: Images, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        from torchvision import transforms as t

        side = images.shape[-1]
        self.pixels = cast(Tensor, images.pixels).permute(0, 2, 3, 1).contiguous().numpy()
        shaking = t.RandomApply([t.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8)
        blur = t.RandomApply([t.GaussianBlur(3, (0.1, 2.0))], 0.5)
        self.transform = t.Compose(
            [
                t.RandomResizedCrop(side, (0.2, 1)), t.RandomHorizontalFlip(), shaking, t.RandomGrayscale(0.2), blur,
                t.ToTensor(), t.Normalize(mean, std),
            ]
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        from PIL import Image

        photo = Image.fromarray(self.pixels[index].squeeze())
        return self.transform(photo), self.transform(photo), index


def peer(ready: Checkpoint, images: Images, size: Size, device: torch.device, workers: int) -> float:
    """Images a second of the same steps, fed by a DataLoader."""
    views = TwoViews(images, ready.normalisation.mean, ready.normalisation.std)
    loader = torch.utils.data.DataLoader(
        views, size.batch, shuffle=True, drop_last=True, num_workers=workers, pin_memory=device.type == "cuda",
        generator=Generator().manual_seed(0),
    )  # fmt: skip
    loss_of = stepping.ready(ready.method, ready.run.training, ready.state.optimizer)
    cast(nn.Module, ready.method).train()
    start, done, warm = 0.0, 0, max(size.loader_steps // 4, 1)
    for first, second, index in loader:
        moved = (part.to(device, non_blocking=True) for part in (first, second, index))
        batch = Batch(*moved, None, ready.state.generator)
        stepping.step(ready.method, batch, ready.state.optimizer, loss_of)
        ready.method.after_step(0.5)
        done += 1
        if done == warm:
            start = waited(device)
        if done == warm + size.loader_steps:
            break
    return (done - warm) * size.batch / (waited(device) - start)


def beside_a_loader(report: Report, here: Images, size: Size, device: torch.device, speed: float) -> None:
    workers = 0 if size == SMALL else os.cpu_count() or 1
    on_cpu = here.to("cpu")
    theirs = peer(begun(here, size, device, "moco"), on_cpu, size, device, workers)
    report.add(
        "DataLoader", f"the same steps, {workers} workers, torchvision's transforms", theirs, "images/s"
    )
    goal = "times a DataLoader with torchvision"
    report.add("DataLoader", goal, speed / theirs, "x", goal if device.type == "cuda" else "")


def learned(
    report: Report,
    here: Images,
    test: Images,
    size: Size,
    device: torch.device,
    speed: float,
    minutes: float,
    compiled: bool,
) -> None:
    """kNN (k 200, T .1, of h, as lightly has it) after as many epochs as fit into the time, the learning rate falling to 0."""
    minutes = min(minutes, (report.deadline - time.monotonic()) / 60 - 0.5)
    epochs = max(int(60 * minutes * speed / len(here)), 1)
    ready = begun(here, size, device, "moco", epochs=epochs, compile=compiled)
    start = waited(device)
    for epoch in train(ready.method, here, ready.normalisation, ready.run.training, ready.state):
        last = epoch
    spent = waited(device) - start
    sets = [embed(ready.method, part, ready.normalisation, torch.arange(len(part))) for part in (here, test)]
    rows = [part.representations.to(device) for part in sets]
    labels = [cast(Tensor, part.labels).to(device) for part in sets]
    said = knn(rows[0], labels[0], rows[1], size.neighbours, 0.1)
    report.add("kNN", "minutes of training", spent / 60, "min")
    report.add("kNN", "epochs", epochs, "")
    report.add("kNN", "loss of the last epoch", last.loss, "nats")
    goal = "kNN accuracy" if size != SMALL else ""
    report.add("kNN", "kNN accuracy", float((said == labels[1]).double().mean()), "", goal)


# Metrics


def plain(result: Any) -> Iterator[float]:
    """Every number of a result, in order; nan as 0."""
    if isinstance(result, Tensor):
        yield from plain(result.cpu().flatten().tolist())
    elif dataclasses.is_dataclass(result) and not isinstance(result, type):
        yield from plain([getattr(result, field.name) for field in dataclasses.fields(result)])
    elif isinstance(result, list | tuple):
        for part in result:
            yield from plain(part)
    elif isinstance(result, bool | int | float):
        yield float(result) if float(result) == float(result) else 0.0


def metrics(size: Size, generator: Generator) -> dict[str, tuple[list[Tensor], Callable[..., Any]]]:
    """Name -> tensors of the CPU, and what is measured of them wherever they lie. Spectra fall off, as those of networks do."""

    def rows(count: int, width: int) -> Tensor:
        return torch.randn(count, width, generator=generator) * torch.logspace(0, -2, width)

    queries, keys = (normalize(rows(count, 128), dim=1) for count in size.oracle)
    labels = [torch.randint(10, (count,), generator=generator) for count in (*size.oracle, size.bank)]
    places = [torch.arange(count) for count in size.oracle]
    bank = rows(size.bank, size.width)

    def seeded() -> Generator:
        return Generator().manual_seed(0)

    return {
        f"spectrum {size.rows:,} x {size.width}": (
            [rows(size.rows, size.width)], lambda rows: spectrum(rows, seeded()),
        ),
        f"uniformity {size.pairs:,} x 128": ([normalize(rows(size.pairs, 128), dim=1)], uniform),
        f"oracle {size.oracle[0]:,} x {size.oracle[1]:,} x 128": (
            [queries, keys, *labels[:2], *places], lambda *given: oracle(*given, 0.2),
        ),
        f"kNN {size.queries:,} x {size.bank:,} x {size.width}": (
            [bank, labels[2], rows(size.queries, size.width)], lambda *given: knn(*given, 20, 0.07),
        ),
    }  # fmt: skip


def measuring(report: Report, size: Size, device: torch.device) -> None:
    """Each metric on the device beside two CPU cores, and the largest difference of a number, relative where it is above 1."""
    before = torch.get_num_threads()
    for name, (tensors, measure) in metrics(size, Generator().manual_seed(0)).items():

        def both(
            name: str = name, tensors: list[Tensor] = tensors, measure: Callable[..., Any] = measure
        ) -> None:
            torch.set_num_threads(2)
            start = time.perf_counter()
            here = list(plain(measure(*tensors)))
            on_cpu = time.perf_counter() - start
            torch.set_num_threads(before)
            moved = [part.to(device) for part in tensors]
            there = list(plain(measure(*moved)))
            on_device = seconds(lambda: measure(*moved), device, rounds=1)
            report.add(name, "two CPU cores", on_cpu, "s")
            report.add(name, "device", on_device, "s")
            goal = "times two CPU cores"
            report.add(name, goal, on_cpu / on_device, "x", goal if device.type == "cuda" else "")
            apart = [abs(a - b) / max(abs(a), 1.0) for a, b in zip(here, there, strict=True)]
            report.add(name, "metric, largest difference", max(apart), "", "metric, largest difference")

        report.run(name, both)
    torch.set_num_threads(before)


# Whether both agree, and what bounds a step


def agreement(report: Report, here: Images, size: Size, device: torch.device) -> None:
    """One step of MoCo in float32 (no TF32) from the same weights and views; and the recipe's two ways of colour and blur."""
    on_cpu = here.to("cpu")
    small = dataclasses.replace(size, batch=min(size.batch, 64))
    given: dict[str, Any] = {"precision": "fp32", "head_norm": False}
    cpu = torch.device("cpu")
    batch = random_batch(on_cpu, small, cpu)
    weights = []
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        for where, images in ((cpu, on_cpu), (device, here)):
            ready = begun(images, small, where, "moco", **given)
            moved = Batch(
                batch.first.to(where),
                batch.second.to(where),
                batch.index.to(where),
                None,
                ready.state.generator,
            )
            network = cast(nn.Module, ready.method).train()
            before = copy.deepcopy(network.state_dict())
            loss_of = stepping.ready(ready.method, ready.run.training, ready.state.optimizer)
            loss = stepping.step(ready.method, moved, ready.state.optimizer, loss_of)
            ready.method.after_step(0.5)
            learned = [name for name, _ in network.named_parameters()]
            moves = [(network.state_dict()[name] - before[name]).flatten().cpu().double() for name in learned]
            weights.append((float(loss), torch.cat(moves)))
    (loss, ours), (other, theirs) = weights
    report.add("agreement", "loss, relative difference", abs(loss - other) / abs(loss), "")
    goal = "one step, largest relative difference"
    report.add("agreement", goal, float((ours - theirs).abs().max() / ours.abs().max()), "", goal)


class Traffic(TorchDispatchMode):
    """Bytes that operations read and write, were none of them fused and nothing held in a cache; views are free."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        aliased = any(
            value.alias_info is not None and not value.alias_info.is_write
            for value in function._schema.returns
        )
        if not aliased:
            leaves = tree_leaves((args, kwargs, result))
            self.bytes += sum(
                leaf.numel() * leaf.element_size() for leaf in leaves if isinstance(leaf, Tensor)
            )
        return result


def ceilings(report: Report, size: Size, device: torch.device) -> dict[str, float]:
    """FLOP/s of products and bytes/s of a copy, as the device gives them today."""
    found = {}
    for name, kind in (("bf16", torch.bfloat16), ("fp32", torch.float32), ("fp64", torch.float64)):
        side = size.matrix // (1 if name == "bf16" else 2)
        a = torch.randn(side, side, device=device).to(kind)
        spent = seconds(lambda a=a: [a @ a for _ in range(4)], device) / 4  # type: ignore[misc]
        found[name] = report.add(
            "ceiling", f"product of {side} x {side}, {name}", 2 * side**3 / spent / 1e12, "TFLOP/s"
        )
    source = torch.zeros(size.copied, dtype=torch.uint8, device=device)
    goal = torch.empty_like(source)
    spent = seconds(lambda: [goal.copy_(source) for _ in range(4)], device) / 4
    found["copy"] = report.add("ceiling", "copy, read and written", 2 * size.copied / spent / 1e9, "GB/s")
    return found


def roofline(report: Report, here: Images, size: Size, device: torch.device, speed: float) -> None:
    """Of a step of MoCo: what it must compute and, unfused, move; the least time that allows, and what share of it is reached."""
    found = ceilings(report, size, device)
    ready = begun(here, size, device, "moco")
    batch = random_batch(here, size, device)
    loss_of = stepping.ready(ready.method, ready.run.training, ready.state.optimizer)
    with FlopCounterMode(display=False) as flops:
        stepping.gradients(batch, loss_of)
    with Traffic() as traffic:
        stepping.step(ready.method, batch, ready.state.optimizer, loss_of)
    pixels = cast(Tensor, here.pixels)[: size.batch].to(device)
    with Traffic() as views:
        augment(pixels, ready.run.training.recipe, 1.0, ready.state.generator)
    computed, moved = flops.get_total_flops(), traffic.bytes
    report.add("roofline", "products of a step, for each image", computed / size.batch / 1e9, "GFLOP")
    report.add("roofline", "traffic of a step, unfused, for each image", moved / size.batch / 1e6, "MB")
    report.add(
        "roofline", "traffic of two views, unfused, for each image", 2 * views.bytes / size.batch / 1e6, "MB"
    )
    report.add("roofline", "intensity", computed / moved, "FLOP/byte")
    by_products, by_traffic = computed / found["bf16"] / 1e12, moved / found["copy"] / 1e9
    bound = size.batch / max(by_products, by_traffic)
    report.add("roofline", "bound by products", size.batch / by_products, "images/s")
    report.add("roofline", "bound by unfused traffic", size.batch / by_traffic, "images/s")
    report.add("roofline", "share of the lower bound that training reaches", speed / bound, "")


# The run


def load(name: str, split: str) -> Images:
    """A data set's name, `folder:PATH` or `parquet:PATH`; a bare path is a folder with parquet files in it, or of images."""
    path = Path(name)
    if path.exists():
        parquet = path.suffix == ".parquet" or any(path.glob("*.parquet"))
        name = f"{'parquet' if parquet else 'folder'}:{path}"
    return image_sets.load(name, split, Training(dataset=name), None, False, Framing())


def first(images: Images, count: int) -> Images:
    """So many of them at most."""
    labels = None if images.labels is None else images.labels[:count]
    everything = torch.arange(min(count, len(images)))
    return (
        images
        if count >= len(images)
        else dataclasses.replace(images, pixels=images.pixels[everything], labels=labels)
    )


def conditions(device: torch.device, images: Images, size: Size) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "device": str(device), "torch": torch.__version__, "python": platform.python_version(), "cpus": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None, "images": images.name, "count": len(images),
        "shape": images.shape, "size": dataclasses.asdict(size), "published": PUBLISHED,
        "when": time.strftime("%Y-%m-%d %H:%M"),
    }  # fmt: skip
    if device.type == "cuda":
        seen = torch.cuda.get_device_properties(device)
        facts |= {
            "gpu": seen.name,
            "memory GB": round(seen.total_memory / 1e9, 1),
            "cuda": torch.version.cuda,
        }
    return facts


def page(document: dict[str, Any]) -> str:
    """Markdown: conditions, figures with goals, and what failed."""
    lines = ["# One run on a GPU", "", "`python tests/benchmarks/gpu.py` measured this.", ""]
    lines += [f"- {name}: {value}" for name, value in document["conditions"].items()]
    lines += ["", "| part | figure | value | unit | goal | met |", "|---|---|---|---|---|---|"]
    for figure in document["figures"]:
        met = {True: "yes", False: "no", None: ""}[figure["met"]]
        cells = (
            figure["part"],
            figure["name"],
            f"{figure['value']:.5g}",
            figure["unit"],
            figure["goal"],
            met,
        )
        lines.append("| " + " | ".join(cells) + " |")
    for part, error in document["errors"].items():
        lines += ["", f"## Not measured: {part}", "", "```", error.strip(), "```"]
    return "\n".join(lines) + "\n"


def everything(
    report: Report, here: Images, test: Images, size: Size, device: torch.device, minutes: float
) -> None:
    report.run("agreement", lambda: agreement(report, here, size, device))
    speeds = throughput(report, here, size, device)
    plain_speed = speeds.get(("moco", False), 0.0)
    compiled = speeds.get(("moco", True), 0.0) > plain_speed
    report.run("roofline", lambda: roofline(report, here, size, device, plain_speed))
    measuring(report, size, device)
    report.run("DataLoader", lambda: beside_a_loader(report, here, size, device, max(speeds.values())))
    report.run(
        "kNN", lambda: learned(report, here, test, size, device, speeds["moco", compiled], minutes, compiled)
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", default="digits", help="folder, parquet file, or the name of a data set")
    parser.add_argument("--out", type=Path, default=Path("gpu-results"), help="folder of gpu.json and gpu.md")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--minutes", type=float, default=4.0, help="of training before kNN, or what is left of eight"
    )
    parser.add_argument("--small", action="store_true", help="seconds instead of minutes, also on a CPU")
    typed = parser.parse_args(argv)
    device = torch.device(typed.device)
    if device.type == "cpu" and not typed.small:
        print(
            "This machine has no GPU that torch can use; --small measures small sizes on the CPU.",
            file=sys.stderr,
        )
        return 2
    if device.type == "cuda":
        torch.cuda.set_device(device)
    size = SMALL if typed.small else Size()
    report = Report(time.monotonic() + 7.5 * 60)
    images, test = (first(load(typed.images, split), size.images) for split in ("train", "test"))
    here = images.to(device)
    minutes = 1e-3 if typed.small else typed.minutes
    start = time.perf_counter()
    everything(report, here, test, size, device, minutes)
    document = {
        "conditions": conditions(device, images, size) | {"seconds": round(time.perf_counter() - start, 1)},
        "figures": report.figures,
        "errors": report.errors,
    }
    typed.out.mkdir(parents=True, exist_ok=True)
    (typed.out / "gpu.json").write_text(json.dumps(document, indent=1) + "\n")
    (typed.out / "gpu.md").write_text(page(document))
    print(f"{typed.out / 'gpu.json'}, {typed.out / 'gpu.md'}: {len(report.errors)} parts were not measured")
    return 0 if not report.errors else 1


if __name__ == "__main__":
    sys.exit(main())
