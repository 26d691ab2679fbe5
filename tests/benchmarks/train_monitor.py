"""The share of a training's CPU time that its monitor takes, on digits: python tests/benchmarks/train_monitor.py [METHOD…].

Measured within one run each, so that neighbours do not matter: the seconds within `update`, which are those of the looks, and
all of the training's. One thread. METHOD…: others than moco, vicreg and end-to-end.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from collapse_cli.analysis import training
from collapse_cli.analysis.run_monitor import monitored
from collapse_cli.runs import lifecycle
from collapse_cli.runs.record import Record
from collapse_cli.settings import resolve

EVERY = 10  # as collapse train has it
LOOK = 2e-4  # seconds; a step without a look takes less


def measured(method: str, folder: Path) -> str:
    """Ten epochs, in a line."""
    run = resolve(method, {"epochs": 10})
    images = training.images(run, torch.device("cpu"))
    checkpoint, record = training.fresh(run, images), Record(folder)
    lifecycle.begin(record, checkpoint)
    checkpoint = monitored(checkpoint, record, EVERY, print)
    observer: Any = checkpoint.observer
    spent, update = [], observer.update

    def timed(*arguments: Any, **named: Any) -> None:
        began = time.process_time()
        update(*arguments, **named)
        spent.append(time.process_time() - began)

    observer.update = timed
    began = time.process_time()
    list(lifecycle.epochs(checkpoint, images, record))
    whole, looks = time.process_time() - began, sorted(each for each in spent if each > LOOK)
    share, look = sum(spent) / whole, looks[len(looks) // 2]
    return f"{method}: {whole:.2f} s, of which the monitor {share:.2%}; a look {1000 * look:.2f} ms (median of {len(looks)})"


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or ("moco", "vicreg", "end-to-end"):
        with tempfile.TemporaryDirectory() as folder:
            print(measured(name, Path(folder) / "run"), flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")
