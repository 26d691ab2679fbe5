"""Extreme numbers: a finite number or a sentence; and rows that are only scaled have the numbers of those that are not.

The long form tries every array, tensor and labelling with every command, 2,300 cases in four parts:

    python -m pytest -m slow -s tests/hostile/test_numbers.py -k "part0 or part1"
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy
import pytest

from tests.hostile import arrays
from tests.hostile.harness import Case, Ended, Worker, faults, spoken, told
from tests.hostile.test_damage import SEED, described

PARTS = 4
FREE = (
    "effective_rank",
    "active",
    "mean_cosine",
    "std_sqrt_d",
    "total_variance",
    "dimensions_90",
)  # of the rows' lengths


def refuse(word: str) -> float:
    raise ValueError(word)


def document(ended: Ended) -> Any:
    """The answer; NaN and Infinity are no JSON."""
    return json.loads(ended.out, parse_constant=refuse)


def tried(
    worker: Worker, folder: Path, kind: str, labelling: str, line: str
) -> tuple[Case, Ended, list[str]]:
    """One command on one array; what is wrong with its end."""
    file = arrays.write(folder, kind, labelling)
    codes = (0, 1, 2, 3) if line.startswith("check") else (0, 2, 3)
    argv = (*line.replace("{}", file).split(), "--json")
    case = Case(f"{kind} | labels {labelling} | {line}", argv, folder, (file, *argv), codes=codes)
    ended = worker.run(case)
    wrong = faults(case, ended)
    if ended.code == 3 and not ended.out:
        wrong += spoken(case, ended.err)  # too little to conclude anything from: a sentence
    elif ended.code != 2 and not wrong:
        try:
            document(ended)
        except ValueError as error:
            wrong.append(f"no JSON: {error}")
    shutil.rmtree(folder)
    return case, ended, wrong


def try_all(worker: Worker, folder: Path, cases: list[tuple[str, str, str]]) -> None:
    table: Counter[str] = Counter()
    failures = []
    for place, (kind, labelling, line) in enumerate(cases):
        case, ended, wrong = tried(worker, folder / str(place), kind, labelling, line)
        table[wrong[0] if wrong else f"ends in {ended.code}"] += 1
        if wrong:
            failures.append(described(case, ended, wrong))
    print(f"\n{len(cases)} cases: {dict(table)}")
    assert not failures, "\n".join(failures)


def test_some_arrays_and_commands(worker: Worker, tmp_path: Path) -> None:
    cases = list(arrays.combinations())
    try_all(worker, tmp_path, random.Random(f"short{SEED}").sample(cases, 40))


@pytest.mark.parametrize("power", [-500, -160, 160, 500])
def test_scaled_rows_have_the_same_numbers(worker: Worker, tmp_path: Path, power: int) -> None:
    """A power of two changes no direction, so nothing that is measured on unit rows."""
    answers = []
    for place, factor in enumerate((1.0, 2.0**power)):
        folder = tmp_path / str(place)
        folder.mkdir()
        numpy.save(folder / "e.npy", arrays.drawn() * factor)
        ended = worker.run(Case("scaled", ("spectrum", "e.npy", "--json"), folder))
        assert ended.code == 0, ended
        answers.append({name.rsplit("/", 1)[1]: value for name, value in told(ended).items()})
    for name in FREE:
        assert math.isclose(answers[0][name], answers[1][name], rel_tol=1e-9, abs_tol=1e-12), name


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"part{part}")
def test_every_array_by_every_command(worker: Worker, tmp_path: Path, part: int) -> None:
    try_all(worker, tmp_path, list(arrays.combinations())[part::PARTS])
