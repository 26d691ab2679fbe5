"""What a monitor costs in a training: one look, and a step without one, beside a step of ResNet-18 (CIFAR stem, B = 256, CPU).

    PYTHONPATH=. OMP_NUM_THREADS=1 python tests/benchmarks/monitor.py [--steps 3] [--rounds 5] [--batch 256] [--json]

Steps and looks take turns, round after round, in one process: a step of forward, backward and SGD on random images; then looks as
`update` makes them, with z2, h and labels, a sink and a monitor.jsonl. Seconds are user + system of this process, the median of
the rounds, and beside them those of the wall clock, in which neighbours count. The goals are shares of what so many
steps take: one look / (every x step) <= .1 % at every=50, and <= .2 % at every=10.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from collapse_cli.analysis.monitor import CollapseMonitor
from collapse_cli.models import encoders

GOALS = {50: 0.001, 10: 0.002}
SHAPES = {"z 128": (128, 0), "z 128, h 512": (128, 512), "z 256, h 2048": (256, 2048), "z 2048": (2048, 0)}
LOOKS, PLAIN = 5, 20_000  # in a round
Seconds = tuple[float, float]


def seconds(work: Callable[[], object], times: int = 1) -> Seconds:
    """CPU and wall seconds of one of so many."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        work()
    return (time.process_time() - cpu) / times, (time.perf_counter() - wall) / times


def step_of(batch: int) -> Callable[[], object]:
    """A step of training."""
    torch.manual_seed(0)
    encoder, width = encoders.encoder("resnet18", (3, 32, 32))
    model = nn.Sequential(encoder, nn.Linear(width, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images, labels = torch.randn(batch, 3, 32, 32), torch.randint(10, (batch,))

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def look_of(batch: int, d: int, width: int, folder: str) -> tuple[CollapseMonitor, Callable[[], object]]:
    """An update that looks; width: of h, 0 for none."""
    monitor = CollapseMonitor(every=1, folder=folder, sink=lambda look: None, on_collapse=lambda warned: None)
    given: dict[str, Any] = {
        "z2": torch.randn(batch, d),
        "labels": torch.arange(batch) % 10,
        "loss": torch.tensor(1.0),
    }
    given |= {"h": torch.randn(batch, width)} if width else {}
    z = torch.randn(batch, d)
    return monitor, lambda: monitor.update(z, **given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="steps of ResNet-18 in all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    answer = measured(asked.steps, asked.rounds, asked.batch)
    print(json.dumps(answer) if asked.json else table(answer))


def measured(steps: int, rounds: int, batch: int) -> dict[str, Any]:
    step, spent = step_of(batch), {"step": [], **{name: [] for name in SHAPES}, "plain": []}  # type: dict[str, list[Seconds]]
    with tempfile.TemporaryDirectory() as folder:
        looks = {name: look_of(batch, *shape, folder) for name, shape in SHAPES.items()}
        idle = CollapseMonitor(every=10**9)
        idle.update(torch.randn(batch, 8))
        z = torch.randn(batch, 128)
        step()
        for number in range(max(rounds, steps)):
            if number < steps:
                spent["step"].append(seconds(step))
            for name, (_, look) in looks.items():
                spent[name].append(seconds(look, LOOKS))
            spent["plain"].append(seconds(lambda: idle.update(z, z2=z, h=z), PLAIN))
        verdict = seconds(looks["z 256, h 2048"][0].compute)
        held = {name: monitor._course.rows.nbytes / 1e6 for name, (monitor, _) in looks.items()}
    medians = {
        name: [statistics.median(each) for each in zip(*times, strict=True)] for name, times in spent.items()
    }
    cpu = medians["step"][0]
    shares = {name: {every: medians[name][0] / (every * cpu) for every in GOALS} for name in SHAPES}
    return {
        "load": os.getloadavg()[0], "threads": torch.get_num_threads(), "batch": batch, "steps": steps, "rounds": rounds,
        "seconds": medians, "shares": shares, "MB held": held, "verdict": verdict,
    }  # fmt: skip


def table(answer: dict[str, Any]) -> str:
    cpu, wall = answer["seconds"]["step"]
    lines = [
        f"load {answer['load']:.1f}, {answer['threads']} threads, B = {answer['batch']}, {answer['steps']} steps, "
        f"{answer['rounds']} rounds of {LOOKS} looks",
        f"{'a step of ResNet-18':<22} {cpu:>9.3f} s CPU {wall:>9.3f} s",
    ]
    for name in SHAPES:
        cpu, wall = answer["seconds"][name]
        shares = (
            f"every={every}: {share:.4%} ({'met' if share <= GOALS[every] else 'MISSED'}, goal {GOALS[every]:.1%})"
            for every, share in answer["shares"][name].items()
        )
        held = answer["MB held"][name]
        lines.append(
            f"look, {name:<16} {1e3 * cpu:>8.2f} ms CPU {1e3 * wall:>8.2f} ms  {'  '.join(shares)}  {held:.0f} MB"
        )
    plain = answer["seconds"]["plain"]
    lines.append(f"{'a step without a look':<22} {1e6 * plain[0]:>8.2f} µs CPU {1e6 * plain[1]:>8.2f} µs")
    verdict = answer["verdict"]
    lines.append(f"{'compute(), h 2048':<22} {verdict[0]:>9.2f} s CPU {verdict[1]:>9.2f} s")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
