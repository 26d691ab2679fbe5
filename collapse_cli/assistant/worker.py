"""The process that measures: a call on each line of stdin, its progress and its answer on lines of stdout, all of them JSON.

It is another process than the server, which thus answers while it measures, can end it, and outlives it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from collapse_cli import fence
from collapse_cli.assistant import guard
from collapse_cli.assistant.calls import answered
from collapse_cli.data import data_root

HINT = (
    "an assistant reads the folder that `collapse mcp` was started in (or --folder names) and the data folder: "
    "copy the file there, or start it in a folder above"
)
EVERY = 0.25  # seconds between two reports of progress


def main() -> None:
    """Answer calls until stdin ends. Arguments: the data folder, or none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server hears it, and ends this process
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever is printed here is no answer
    data_dir = sys.argv[1] if len(sys.argv) > 1 else ""
    around = fence.Fence(fence.roots([os.getcwd(), data_root(data_dir)]), HINT)

    def write(line: dict[str, Any]) -> None:
        answers.write(json.dumps(line) + "\n")
        answers.flush()

    guard.stand(around)
    with suppress(BrokenPipeError):
        for line in sys.stdin.buffer:
            call = json.loads(line)
            with fence.within(fence.Fence(around.roots, HINT)):  # links are looked at anew
                write(answered(call["tool"], call["arguments"], data_dir, reporting(write)))


def reporting(write: Callable[[dict[str, Any]], None]) -> Callable[..., None]:
    """Progress as lines, not more often than a person reads."""
    last = 0.0

    def report(text: str, done: int = 0, total: int = 0) -> None:
        nonlocal last
        if not total or time.monotonic() - last > EVERY:
            last = time.monotonic()
            write({"progress": text, "done": done, "total": total})

    return report


if __name__ == "__main__":
    main()
