"""How fast `collapse train moco` goes: images per second and page faults of a step, beside what bounds it and what one would use.

    PYTHONPATH=. python tests/benchmarks/training.py parquet:PATH/TO/cifar10 [--rounds 3] [--steps 20] [--batch 256] [--json]

Without a data set the images are noise of CIFAR-10's shape, which costs the same. Each way runs in a process of its own, in turn,
round after round, with all the threads that torch takes by itself (OMP_NUM_THREADS changes it):

    ours          batches and steps as `collapse train` makes them
    freed         the same, but freed memory goes back to the system, as before
    before        that, and weights without their channels side by side
    bf16          ours with --precision bf16
    bare          the same step on random tensors that are there already: no images, no augmentation
    loader        torchvision's transforms of MoCo v2 in a DataLoader with a worker for each core, and the same step

Ratios are to `ours`, of the processor seconds too: those hardly change where cores are shared. The kind of processor is told:
bf16 is fast only where it has AVX512-BF16 or AMX.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

WAYS = ("ours", "freed", "before", "bf16", "bare", "loader")
WARM_UP = 3  # steps before the clock starts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", nargs="?", default="", help="as --dataset has it; none: noise")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(asked.one, asked)))
        return
    ways = asked.ways.split(",")
    rounds = [{way: in_a_process(way, asked) for way in ways} for _ in range(asked.rounds)]
    answer = {
        "machine": machine(),
        "batch": asked.batch,
        "steps": asked.steps,
        "dataset": asked.dataset or "noise",
    }
    answer["ways"] = {
        way: summary([each[way] for each in rounds], [each[ways[0]] for each in rounds]) for way in ways
    }
    print(json.dumps(answer, indent=2) if asked.json else table(answer))


def in_a_process(way: str, asked: argparse.Namespace) -> dict[str, float]:
    line = [
        sys.executable,
        __file__,
        asked.dataset,
        "--one",
        way,
        f"--steps={asked.steps}",
        f"--batch={asked.batch}",
    ]
    shown = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    result: dict[str, float] = json.loads(shown.splitlines()[-1])
    return result


def measured(way: str, asked: argparse.Namespace) -> dict[str, float]:
    """Images per second of wall time and of processor time, and page faults a step."""
    from collapse_cli.allocator import keep_freed_memory

    if way not in ("freed", "before"):
        keep_freed_memory()
    from collapse_cli import stepping, training
    from collapse_cli.analysis.training import fresh
    from collapse_cli.settings import resolve

    images = images_of(asked.dataset)
    precision = "bf16" if way == "bf16" else "fp32"
    knobs = {
        "batch": asked.batch,
        "queue": 4096,
        "precision": precision,
        "dataset": asked.dataset or "cifar10",
    }
    kept = fresh(resolve("moco", knobs), images)
    kept.method.train()  # type: ignore[attr-defined]
    if way != "before":
        stepping.channels_last(kept.method, kept.state.optimizer)  # type: ignore[arg-type]
    loss_of = stepping.ready(kept.method, kept.run.training, kept.state.optimizer)
    source = {"bare": bare, "loader": loader}.get(way)
    batches = source(images, asked) if source else endless(
        lambda: training.batches(images, kept.normalisation, kept.run.training, kept.state.generator)
    )  # fmt: skip

    def go(steps: int) -> None:
        for _ in range(steps):
            stepping.step(kept.method, next(batches), kept.state.optimizer, loss_of)
            kept.method.after_step(0.5)

    go(WARM_UP)
    before, began = spent(), time.perf_counter()
    go(asked.steps)
    wall, after = time.perf_counter() - began, spent()
    seen = asked.steps * asked.batch
    return {
        "images_per_second": seen / wall,
        "images_per_processor_second": seen / (after[0] - before[0]),
        "system_share": (after[1] - before[1]) / (after[0] - before[0]),
        "faults_per_step": (after[2] - before[2]) / asked.steps,
        "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def spent() -> tuple[float, float, int]:
    """Processor seconds of this process and its workers, those of the system, page faults of this process."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    user, system = own.ru_utime, own.ru_stime
    tick = os.sysconf("SC_CLK_TCK")
    for children in Path("/proc/self/task").glob(
        "*/children"
    ):  # of those that live; elsewhere than on Linux none
        for child in children.read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            user, system = user + int(fields[11]) / tick, system + int(fields[12]) / tick
    return user + system, system, own.ru_minflt


def images_of(dataset: str) -> Any:
    import torch

    from collapse_cli.analysis.training import images
    from collapse_cli.settings import resolve
    from collapse_cli.shapes import Images

    if dataset:
        return images(resolve("moco", {"dataset": dataset}), "cpu")
    noise = torch.randint(
        256, (10_000, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    return Images(noise, torch.arange(10_000) % 10, tuple("0123456789"), "noise")


def endless(one_pass: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    while True:
        yield from one_pass()


def bare(images: Any, asked: argparse.Namespace) -> Iterator[Any]:
    import torch

    from collapse_cli.shapes import Batch

    generator = torch.Generator().manual_seed(0)
    views = torch.randn(2, asked.batch, *images.shape, generator=generator)
    while True:
        yield Batch(views[0], views[1], torch.arange(asked.batch), None, generator)


class TwoViews:
    """A data set as torchvision's own are: an image, decoded, through its transforms, twice."""

    def __init__(self, images: Any) -> None:
        from torchvision import transforms as t

        jitter = t.RandomApply([t.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8)
        blur = t.RandomApply([t.GaussianBlur(3, (0.1, 2.0))], p=0.5)
        crop = t.RandomResizedCrop(images.shape[1], scale=(0.2, 1.0))
        steps = [crop, jitter, t.RandomGrayscale(0.2), blur, t.RandomHorizontalFlip(), t.ToTensor()]
        self.pixels = images.pixels.permute(0, 2, 3, 1).numpy()
        self.transform = t.Compose([*steps, t.Normalize((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))])

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, place: int) -> tuple[Any, Any, int]:
        from PIL import Image

        image = Image.fromarray(self.pixels[place])
        return self.transform(image), self.transform(image), place


def loader(images: Any, asked: argparse.Namespace) -> Iterator[Any]:
    import torch
    from torch.utils.data import DataLoader

    from collapse_cli.shapes import Batch

    loads: Any = DataLoader(
        TwoViews(images), asked.batch, shuffle=True, drop_last=True,  # type: ignore[arg-type]
        num_workers=os.cpu_count() or 1, persistent_workers=True,
    )  # fmt: skip
    for first, second, place in endless(lambda: iter(loads)):
        yield Batch(first, second, place, None, torch.Generator())


def summary(results: list[dict[str, float]], ours: list[dict[str, float]]) -> dict[str, Any]:
    """The median of the rounds, its lowest and highest, and how often as fast ours is, round by round."""
    told: dict[str, Any] = {}
    for name in results[0]:
        values = [each[name] for each in results]
        told[name] = [round(x, 3) for x in (statistics.median(values), min(values), max(values))]
    for name in ("images_per_second", "images_per_processor_second"):
        ratios = [own[name] / each[name] for own, each in zip(ours, results, strict=True)]
        told[f"ours_to_it_{name}"] = round(statistics.median(ratios), 3)
    return told


def machine() -> dict[str, Any]:
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    fast = [name for name in ("avx512_bf16", "amx_bf16") if name in flags]
    threads = os.environ.get("OMP_NUM_THREADS", "as torch takes")
    load = os.getloadavg()[0]
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": threads,
        "bf16 by": fast,
        "load": load,
    }


def table(answer: dict[str, Any]) -> str:
    lines = [f"{answer['dataset']}, batch {answer['batch']}, {answer['steps']} steps, {answer['machine']}"]
    lines.append(
        f"{'way':8} {'images/s':>9} {'per CPU s':>9} {'ours to it':>10} {'by CPU':>7} {'faults/step':>11} {'peak MB':>8}"
    )
    for way, told in answer["ways"].items():
        lines.append(
            f"{way:8} {told['images_per_second'][0]:9.0f} {told['images_per_processor_second'][0]:9.0f} "
            f"{told['ours_to_it_images_per_second']:10.2f} {told['ours_to_it_images_per_processor_second']:7.2f} "
            f"{told['faults_per_step'][0]:11.0f} {told['peak_MB'][0]:8.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
