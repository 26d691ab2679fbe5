"""Extreme values of every option of every command: a sentence that names the option, within seconds, in little memory.

The options are read from the commands themselves, so that a new one is tried without a word here. There are 15,000 pairs of an
option and a value; the long form draws 2,400 of them, in eight parts, others with another HOSTILE_SEED:

    python -m pytest -m slow -s tests/hostile/test_options.py -k "part0 or part1"
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest
import typer

from collapse_cli import cli
from collapse_cli.printable import printable
from tests.hostile import damage, files
from tests.hostile.harness import Case, Worker, faults
from tests.hostile.test_damage import SEED, described

PARTS, EACH = 8, 300
LINES = {
    "train": "train moco --dry-run --encoder mlp",
    "probe": "probe e.npz",
    "classes": "classes e.npz",
    "clusters": "clusters e.npz",
    "oracle": "oracle e.npz",
    "lidar": "lidar e.npz",
    "coverage": "coverage e.npz f.npz",
    "compare": "compare e.npz f.npz",
    "linear": "linear --width 4 --steps 2 --seeds 1 --points 20 --batch 8 --noise 0.5",
    "gan": "gan --steps 2 --seeds 1 --frames 2 --batch 8 --latent 2 --g-width 4 --d-width 4 --layers 1",
    "weights": "weights w.pt",
    "codes": "codes codes.npy --size 9 --levels",
    "embed": "embed pixels:folder:images --out h.npz",
    "inspect": "inspect e.npz",
    "env": "env",
    "methods": "methods",
    "datasets": "datasets",
    **{name: f"{name} e.npz" for name in ("spectrum", "diagnose", "alignment", "check")},
}
# A large value of these is what was asked for, and takes its time.
TOO_LONG = {
    ("linear", "steps"),
    ("linear", "seeds"),
    ("gan", "steps"),
    ("gan", "seeds"),
    ("gan", "frames"),
    ("gan", "d-steps"),
    ("gan", "unroll"),
    ("probe", "replications"),
    ("linear", "layers"),
}
NUMBERS = (
    "-1",
    "0",
    "1",
    "3000000000",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "1e11",
    "100000000000",
    "1e-320",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "0x10",
    "1_0",
    "\u0663",
    "9" * 400,
    " 5",
    "",
    "1e308",
    "0.1",
)
WORDS = (
    "",
    " ",
    "\x1b[31m",
    "\u202e",
    "::error::x",
    "x" * 5000,
    "-",
    "--",
    ",",
    "+",
    "*",
    "../../..",
    "/",
    "~",
    *damage.DEVICES,
    "fifo",
    "%s{0}",
    "e.npz",
    "images",
    "nan",
    "1,2,3",
    "=",
    "a=b=c",
    "http://x/y",
    "file:///etc/passwd",
    "text:",
    "folder:",
    "parquet:",
    "pixels:",
    "folder:/dev",
    "\udcff",
)
MEMORY = (
    *(
        f"train moco --encoder mlp --dataset folder:images --size 8 --epochs 1 --out r {more}"
        for more in (
            "--queue 100000000000",
            "--queue 3000000000",
            "--dim 100000000",
            "--dim 3000000000000",
            "--head-hidden 1000000000",
            "--batch 1000000000000",
            "--head-layers 1000000",
            "--bn-splits 1000000000",
            "--size 1000000",
        )
    ),
    "linear --width 100000000 --steps 2 --seeds 1",
    "linear --width 4 --points 1000000000000 --steps 2 --seeds 1",
    "linear --width 4 --points 20 --batch 1000000000000 --steps 2 --seeds 1",
    "gan --g-width 100000000 --steps 2 --seeds 1 --frames 2",
    "gan --batch 100000000000 --steps 2 --seeds 1 --frames 2",
    "gan --latent 100000000000 --steps 2 --seeds 1 --frames 2",
    "gan --seeds 1000000000 --steps 2 --frames 2",
    "oracle --dataset digits --queue 100000000000",
    "calibration --dimensions 100000000",
    "calibration --dimensions 0",
    "spectrum pixels:folder:images --samples 99999999999999999999",
    "probe e.npz --k 99999999999999999999",
    "coverage e.npz f.npz --k 99999999999999999999",
    "classes e.npz --seed 99999999999999999999999",
    "spectrum pixels:folder:images --size 1000000",
)


@dataclass(frozen=True)
class Option:
    command: str
    flag: str
    kind: str


def parameters(command: str) -> list[Any]:
    """Those of a command; of `train`, those of MoCo."""
    loaded = cli.load(command)
    return list(
        loaded.get_command(typer.Context(loaded), "moco").params if command == "train" else loaded.params
    )


def options() -> list[Option]:
    """Every option that takes a value, of the commands that have a line."""
    found = []
    for command in LINES:
        for parameter in parameters(command):
            flags = [flag for flag in parameter.opts if flag.startswith("--")]
            if flags and not parameter.is_flag and flags[0] not in ("--help", "--jobs"):
                found.append(Option(command, flags[0], str(parameter.type_descriptor.annotation)))
    return found


def everything() -> list[tuple[Option, str]]:
    """(option, value): numbers and words for every option, but for those that only ask for more work."""
    pairs = []
    for option in options():
        number = option.kind in ("<class 'int'>", "<class 'float'>")
        large = (option.command, option.flag[2:]) in TOO_LONG
        pairs += (
            [
                (option, value)
                for value in NUMBERS + WORDS[:6] * number
                if not (large and value[:1] in "1239\u0663 ")
            ]
            if number
            else []
        )
        pairs += [(option, value) for value in WORDS + NUMBERS[:3]] if not number else []
    return pairs


def line_of(option: Option, value: str) -> tuple[str, ...]:
    """The command; an option that its line has already is replaced."""
    words = LINES[option.command].split()
    if option.flag in words:
        at = words.index(option.flag)
        del words[at : at + 2]
    return (*words, option.flag, value) if not value.startswith("-") else (*words, f"{option.flag}={value}")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with embeddings, weights and images."""
    import torch

    folder = tmp_path_factory.mktemp("options")
    files.npz(folder)
    numpy.savez(folder / "f.npz", embeddings=files.rows(1), labels=files.labels())
    files.image_folder(folder, count=12)
    numpy.save(folder / "codes.npy", numpy.arange(200).reshape(100, 2) % 9)
    torch.save({"a.weight": torch.eye(8), "b.weight": torch.eye(8)}, folder / "w.pt")
    return folder


def try_all(
    worker: Worker, prepared: Path, folder: Path, lines: list[tuple[tuple[str, ...], tuple[str, ...]]]
) -> None:
    """Each line in a copy of the folder; with the words that a refusal may name."""
    failures = []
    table: Counter[str] = Counter()
    for place, (argv, allowed) in enumerate(lines):
        here = folder / str(place) / "a" / "b" / "c"  # so deep that ../../.. is still its own
        shutil.copytree(prepared, here)
        os.mkfifo(here / "fifo")
        case = Case(
            " ".join(argv)[:200], argv, here, allowed, codes=(0, 1, 2, 3) if argv[0] == "check" else (0, 2, 3)
        )
        ended = worker.run(case)
        wrong = faults(case, ended)
        table[wrong[0] if wrong else f"ends in {ended.code}"] += 1
        if wrong:
            failures.append(described(case, ended, wrong))
        shutil.rmtree(folder / str(place))
    print(f"\n{len(lines)} cases: {dict(table)}")
    assert not failures, "\n".join(failures)


def forms(value: str) -> tuple[str, ...]:
    """How a sentence may name a value: as it was typed, made printable, as a path, or as the data set after `pixels:`."""
    of_pixels = f"'{value.removeprefix('pixels:')}'" if value.startswith("pixels:") else value
    return value, printable(value), str(Path(value)), of_pixels


def asked(pairs: list[tuple[Option, str]]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [
        (
            line_of(option, value),
            (
                option.flag,
                option.flag[2:],
                option.flag[2:].replace("-", "_"),
                *([form[:20] for form in forms(value.strip())] if value.strip() else []),
            ),
        )
        for option, value in pairs
    ]


def test_some_values_of_every_command(worker: Worker, prepared: Path, tmp_path: Path) -> None:
    pairs = [pair for pair in everything() if pair[0].command not in ("gan", "linear")]
    try_all(worker, prepared, tmp_path, asked(random.Random(f"short{SEED}").sample(pairs, 30)))


def test_what_would_not_fit_is_refused_before_it_is_made(
    worker: Worker, prepared: Path, tmp_path: Path
) -> None:
    """The child may map 3 GiB: a refusal names the option, and nothing near that is taken."""
    draw = random.Random(f"memory{SEED}")
    lines = [
        (tuple(line.split()), tuple(word for word in line.split() if word.startswith("--")))
        for line in draw.sample(MEMORY, 5)
    ]
    try_all(worker, prepared, tmp_path, lines)


@pytest.mark.slow
def test_everything_that_would_not_fit(worker: Worker, prepared: Path, tmp_path: Path) -> None:
    lines = [
        (tuple(line.split()), tuple(word for word in line.split() if word.startswith("--")))
        for line in MEMORY
    ]
    try_all(worker, prepared, tmp_path, lines)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"part{part}")
def test_many_values_of_every_option(worker: Worker, prepared: Path, tmp_path: Path, part: int) -> None:
    pairs = everything()[part::PARTS]
    try_all(worker, prepared, tmp_path, asked(random.Random(f"long{SEED}").sample(pairs, EACH)))
