"""The alarm, measured on trainings whose collapse is known. Two steps:

    PYTHONPATH=. python tests/benchmarks/alarm.py record tune /tmp/alarm     trains, and keeps one look per step
    PYTHONPATH=. python tests/benchmarks/alarm_judge.py /tmp/alarm/tune     which of them the rule warns of, and when

`tune` is what the constants were chosen on, `test` what they were then held against: other seeds, other settings, methods and
a network that `tune` does not have (alarm_scenes.py). About 6 s of one core a training. The truth of a training is decided
without the rule, by what its network makes of held-out images in eval mode (alarm_truth.py).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Any, cast

import numpy
import torch
from torch import Tensor, nn

from collapse_cli import data, methods
from collapse_cli.data import statistics
from collapse_cli.metrics.looks import Look, looked, origin_of
from collapse_cli.models.batch_norm import settle
from collapse_cli.optimizers import optimizer
from collapse_cli.settings import resolve
from collapse_cli.shapes import Batch, Images, Normalisation
from collapse_cli.training import batches
from tests.benchmarks.alarm_scenes import CHANGES, Loop, Scene
from tests.benchmarks.alarm_table import scenes
from tests.benchmarks.alarm_truth import Evaluation, evaluate

FIELDS = [field.name for field in fields(Look)]
OFFSET = 5.0  # of the offset that is added to every z of the second trace, in units of their root mean square


def endless(loop: Loop, images: Images, normalisation: Normalisation) -> Iterator[Batch]:
    while True:
        settings = loop.training
        for batch in batches(images, normalisation, settings, loop.generator):
            yield batch
            if loop.training is not settings:
                break


def begin(scene: Scene, images: Images) -> Loop:
    run = resolve(
        scene.method, scene.settings, {"seed": scene.seed, "steps": scene.steps, "recipe": "digits"}
    )
    method = methods.build(run, images.data_shape)
    network = cast(nn.Module, method).train()
    generator = torch.Generator().manual_seed(scene.seed)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    made = optimizer(parameters, run.training)
    loop = Loop(method, made, run.training, method.loss, run.training.lr, generator, [])

    def keep(module: nn.Module, given: Any, z: Tensor) -> None:
        if torch.is_grad_enabled():
            loop.z.append(z)

    method.projector.register_forward_hook(keep)
    return loop


def rate_at(loop: Loop, scene: Scene, step: int, warmup: int) -> float:
    """Linear warm-up, then constant or half a cosine, times what a change made of it."""
    rise = min(step / warmup, 1.0) if warmup else 1.0
    cosine = (
        (1 + math.cos(math.pi * (step - 1) / scene.steps)) / 2 if loop.training.schedule == "cosine" else 1
    )
    return loop.rate * rise * cosine


def row(look: Look) -> list[float]:
    return [math.nan if value is None else float(value) for value in astuple(look)]


def recorded(
    scene: Scene, images: Images, held_out: Images, offset: bool
) -> tuple[dict[str, Any], list[Evaluation]]:
    """Its traces, (steps, fields of Look) each, and its evaluations."""
    normalisation = statistics.normalisation(images)
    loop = begin(scene, images)
    source, warmup = endless(loop, images, normalisation), int(loop.training.warmup * 20)
    origins: dict[str, Tensor] = {}
    traces: dict[str, list[list[float]]] = {"plain": [], "offset": [], "late": []}
    late = max(scene.switch - 50, 1) if scene.switch else scene.steps // 2
    few = (next(source).first for _ in range(10))
    settle(
        nn.Sequential(loop.method.encoder, loop.method.projector), few
    )  # as training.train does, that eval mode means something
    loop.generator.manual_seed(scene.seed)
    loop.z.clear()
    source = endless(loop, images, normalisation)
    evaluations = [evaluate(loop.method, images, held_out, normalisation, 0)]
    for step in range(1, scene.steps + 1):
        if step == scene.switch + 1 and scene.change:
            CHANGES[scene.change](loop, scene.amount)
        for group in loop.optimizer.param_groups:
            group["lr"] = rate_at(loop, scene, step, warmup)
        batch = next(source)
        loop.z.clear()
        loop.optimizer.zero_grad(set_to_none=True)
        loss = loop.loss(batch)
        z = [rows.detach() for rows in loop.z]
        if torch.isfinite(loss):
            loss.backward()
            loop.optimizer.step()
            loop.method.after_step(step / scene.steps)
        origins.setdefault("plain", origin_of(z[0]))
        views = z[1] if len(z) > 1 else None
        look = looked(z[0], origins["plain"], z2=views, loss=loss).read(step)
        traces["plain"].append(row(look))
        if offset:
            if "constant" not in origins:
                size = float(z[0].float().square().mean().sqrt())
                origins["constant"] = torch.full((z[0].shape[1],), OFFSET * size)
                origins["offset"] = origin_of(z[0] + origins["constant"])
            moved = z[0] + origins["constant"]
            traces["offset"].append(row(looked(moved, origins["offset"], loss=loss).read(step)))
            if step >= late:
                origins.setdefault("late", origin_of(z[0]))
                traces["late"].append(row(looked(z[0], origins["late"], z2=views, loss=loss).read(step)))
        if not look.finite:
            evaluations.append(evaluate(loop.method, images, held_out, normalisation, step))
            break
        since = step - scene.switch
        due = (
            (0 < since <= 200 and since % 25 == 0)
            if scene.change or scene.group == "start"
            else step % 100 == 0
        )
        vote = step in (scene.switch, scene.steps)
        if due or vote:
            evaluations.append(evaluate(loop.method, images, held_out, normalisation, step, vote))
    return {name: numpy.array(rows) for name, rows in traces.items()}, evaluations


def record(part: str, folder: Path, every_offset: int, share: str) -> None:
    torch.set_num_threads(1)
    number, of = (int(text) for text in share.split("/"))
    images, held_out = (data.load("digits", split) for split in ("train", "test"))
    (folder / part).mkdir(parents=True, exist_ok=True)
    for at, scene in enumerate(scenes(part)):
        path = folder / part / f"{at:03d}.npz"
        if at % of != number or path.exists():
            continue
        began = time.process_time()
        traces, evaluations = recorded(scene, images, held_out, at % every_offset == 0)
        kept = {"scene": asdict(scene), "evaluations": [asdict(each) for each in evaluations]}
        temporary = path.with_suffix(".tmp.npz")
        numpy.savez_compressed(temporary, about=json.dumps(kept), **traces)
        os.replace(temporary, path)
        print(f"{at:3d} {time.process_time() - began:5.1f} s {scene.name}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("part", choices=("tune", "test", "fresh", "last"))
    recording.add_argument("folder", type=Path)
    recording.add_argument(
        "--offset-every", type=int, default=4, help="every so many trainings get the further traces"
    )
    recording.add_argument(
        "--share", default="0/1", help="0/2 and 1/2: two processes, half of the trainings each"
    )
    given = parser.parse_args()
    if given.command:
        record(given.part, given.folder, given.offset_every, given.share)


if __name__ == "__main__":
    main()
