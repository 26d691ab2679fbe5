"""Kill a training at its k-th write, for each k, and see that what is left goes on: python tests/runs/kill_points.py [SAMPLE].

A process that never trained itself forks one that does, with every call that changes a file counted: open, write (before it and
half-way through), replace, unlink, mkdir, rmdir, fsync. The k-th ends the process at once, as a kill does. Then `--resume`, else
`--overwrite`, must be accepted, and weights, optimizer, generator and history must be those of a training that nothing stopped.
Prints one line of JSON for each scenario. SAMPLE: so many points of each, evenly spaced; all without it.
"""

from __future__ import annotations

import builtins
import functools
import io
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch

from collapse_cli import cli
from collapse_cli.cli import main
from collapse_cli.data import digits

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
KILLED = 99
SMALL = ["--encoder", "mlp", "--dim", "8", "--batch", "512", "--queue", "512", "--keep-every", "1", "-q"]
CLOCK = ("seconds", "images_per_second")
Argv = list[str]


class Points:
    """Counts what changes a file; at the `last` such call the process ends."""

    def __init__(self, last: int) -> None:
        self.last, self.passed = last, 0

    def reach(self, partly: Callable[[], Any] = lambda: None) -> None:
        """partly: what of the call is done before the end."""
        self.passed += 1
        if self.passed == self.last:
            partly()
            os._exit(KILLED)

    def watch(self) -> None:
        """From now on, in this process."""
        for name in ("replace", "rename", "unlink", "remove", "rmdir", "mkdir", "ftruncate", "fsync"):
            setattr(os, name, self._counted(getattr(os, name)))
        opened, written, saved, plain = os.open, os.write, torch.save, io.open

        def os_open(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            if flags & WRITING:
                self.reach()
            return opened(path, flags, *rest, **named)

        def os_write(file: int, text: bytes) -> int:
            self.reach()
            self.reach(lambda: written(file, text[: len(text) // 2]))
            return written(file, text)

        def open_file(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
            if not set(mode) & set("wax+"):
                return plain(file, mode, *rest, **named)
            self.reach()
            return Watched(plain(file, mode, *rest, **named), self)

        def save(content: Any, place: Any, *rest: Any, **named: Any) -> None:
            whole = io.BytesIO()
            saved(content, whole, *rest, **named)
            if hasattr(place, "write"):
                place.write(whole.getvalue())
            else:
                with open_file(place, "wb") as file:
                    file.write(whole.getvalue())

        os.open, os.write, torch.save = os_open, os_write, save  # type: ignore[assignment]
        io.open = builtins.open = open_file

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self.reach()
            return call(*given, **named)

        return counted


class Watched:
    """A file that is written to."""

    def __init__(self, file: Any, points: Points) -> None:
        self.file, self.points = file, points

    def write(self, text: Any) -> Any:
        self.points.reach()
        self.points.reach(lambda: (self.file.write(text[: len(text) // 2]), self.file.flush()))
        return self.file.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *error: Any) -> None:
        self.file.close()


def forked(argv: Argv, last: int = 0) -> tuple[int, int]:
    """Run a command in a process of its own, which ends at its `last` point; exit code, and the points it passed."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        points, tell = Points(last), os.write
        points.watch()
        code = main(argv)
        tell(writing, b"%d" % points.passed)
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        passed = int(told.read() or 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), passed


def outcome(folder: Path) -> dict[str, Any]:
    """What a run came to: weights, optimizer, generator, and the history but for the clock."""
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    epochs = sorted(path.name for path in (folder / "epochs").iterdir())
    history = [{key: value for key, value in line.items() if key not in CLOCK} for line in lines]
    return {
        **{part: content[part] for part in ("method", "optimizer", "generator")},
        "history": history,
        "epochs": epochs,
    }


def same(first: Any, second: Any) -> bool:
    """Bit by bit."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def fault(folder: Path, command: Argv, wanted: dict[str, Any], counts: Counter[str]) -> str:
    """What is wrong with the folder of a killed training; empty where it goes on to the end it would have had."""
    if (inspected := forked(["inspect", str(folder)])[0]) not in (0, 2):
        return f"inspect ends in {inspected}"
    codes = {}
    for way, argv in ways(folder, command, wanted).items():
        codes[way] = forked(argv)[0] if argv else 0
        if codes[way] == 0:
            counts[way] += 1
            break
    else:
        return f"wedged: {codes}"
    litter = [path.name for path in folder.rglob("*.part")]
    if status(folder) != "done" or litter:
        return f"{way}: status {status(folder)}, litter {litter}"
    return "" if same(outcome(folder), wanted) else f"{way}: another outcome"


def ways(folder: Path, command: Argv, wanted: dict[str, Any]) -> dict[str, Argv]:
    """What a user would type, in this order. A run killed before it wrote that more is planned has to be told so again."""
    settings = folder / "settings.toml"
    planned = settings.exists() and f"epochs = {len(wanted['history'])}\n" in settings.read_text()
    if status(folder) == "done" and (folder / "checkpoint.pt").exists() and same(outcome(folder), wanted):
        return {"already done": []}
    resume = ["train", "--resume", str(folder), "-q"]
    if "--resume" in command:
        return {"resumed": resume} if planned else {"told its epochs again": command}
    return {
        "resumed": resume,
        "overwritten": [*command, *(["--overwrite"] if "--overwrite" not in command else [])],
    }


def status(folder: Path) -> str:
    file = folder / "run.json"
    return str(json.loads(file.read_text())["status"]) if file.exists() else ""


def examine(name: str, prepared: Path | None, command: Callable[[Path], Argv], sample: int) -> dict[str, Any]:
    """Every point of a command on a copy of a folder, or a sample of them."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"

        def restore() -> None:
            shutil.rmtree(folder, ignore_errors=True)
            if prepared:
                shutil.copytree(prepared, folder)

        restore()
        code, count = forked(command(folder))
        assert code == 0, f"{name} ends in {code}"
        wanted, counts, faults = outcome(folder), Counter[str](), dict[int, str]()
        chosen = sorted(random.Random(0).sample(range(1, count + 1), min(sample or count, count)))
        for point in chosen:
            restore()
            ended = forked(command(folder), point)[0]
            if ended != KILLED:
                faults[point] = f"not killed, but ended in {ended}"
            elif words := fault(folder, command(folder), wanted, counts):
                faults[point] = words
    return {"name": name, "points": count, "tried": len(chosen), "faults": faults, **counts}


def scenarios(place: Path, sample: int) -> None:
    """A training; one in place of another; two that go on further; one that goes on after a kill; one that lacks its end."""
    old, behind, ended = (place / name for name in ("old", "behind", "ended"))
    for folder, seed in ((old, "1"), (behind, "0"), (ended, "0")):
        assert (
            forked(["train", "moco", "--epochs", "2", *SMALL, "--seed", seed, "--out", str(folder)])[0] == 0
        )
    (old / "results" / "spectrum.json").write_text("{}")
    (old / "report.html").write_text("x")
    shutil.copy(behind / "epochs" / "0001.pt", behind / "checkpoint.pt")  # killed after the line of epoch 2
    for folder in (behind, ended):
        facts = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(facts | {"status": "running"}))
        (folder / f".checkpoint.pt.{2**22 + 5}.part").write_text("half")
    fresh = ["train", "moco", "--epochs", "2", *SMALL, "--out"]
    further = ["--epochs", "3", "-q"]
    for name, prepared, command in (
        ("begin", None, lambda folder: [*fresh, str(folder)]),
        ("overwrite", old, lambda folder: [*fresh, str(folder), "--overwrite"]),
        ("further", old, lambda folder: ["train", "--resume", str(folder), *further]),
        ("rewind", behind, lambda folder: ["train", "--resume", str(folder), "-q"]),
        ("rewind further", behind, lambda folder: ["train", "--resume", str(folder), *further]),
        ("within epochs", None, lambda folder: [*fresh, str(folder), "--checkpoint-minutes", "1e-9"]),
        ("finish", ended, lambda folder: ["train", "--resume", str(folder), "-q"]),
    ):
        if not (sample and name in ("further", "rewind")):  # another one has all of their points
            print(json.dumps(examine(name, prepared, command, sample)), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    digits._table = functools.cache(digits._table)  # type: ignore[assignment]
    cli.load = functools.cache(cli.load)  # type: ignore[assignment]
    torch.optim.SGD(
        [torch.nn.Parameter(torch.zeros(1))], 0.1
    )  # with the first, torch loads what takes seconds
    with (
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
    ):  # loads what the forked processes need
        main(["train", "moco", *SMALL, "--dry-run"])
        main(["inspect", "nothing"])
    with tempfile.TemporaryDirectory() as folder:
        scenarios(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 0)
