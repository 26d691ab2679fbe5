"""Damaged files: a sentence and a remedy, or the numbers of the sound file; no traceback, no hang, no other numbers in silence.

The short form draws some cases of every kind. The long one, 4,000 in eight parts, prints a table of outcomes:

    python -m pytest -m slow -s tests/hostile/test_damage.py
    python -m pytest -m slow -s tests/hostile/test_damage.py -k "part0 or part1"

`HOSTILE_SEED=7` draws other cases. A failed case prints its command and its seed; `HOSTILE_KEEP=FOLDER` keeps its files there.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hostile import damage
from tests.hostile.files import Sound
from tests.hostile.harness import Case, Ended, Worker, faults, outcome, told

Kinds = dict[str, tuple[Path, Sound]]
SEED = int(os.environ.get("HOSTILE_SEED", "0"))
PARTS, EACH = 8, 500
UNHARMED = {"right", "refused", "answered", "unseen"}


def expected(
    worker: Worker, sound: Kinds, kind: str, line: str, memory: dict[str, dict[str, float]]
) -> dict[str, float]:
    """The numbers of the sound file, measured once."""
    if (key := f"{kind}: {line}") not in memory:
        with_copy = sound[kind][0].with_name(f"{sound[kind][0].name}-sound")
        shutil.rmtree(with_copy, ignore_errors=True)
        shutil.copytree(sound[kind][0], with_copy, symlinks=True)
        ended = worker.run(Case(key, tuple(line.split()), with_copy))
        assert ended.code in (0, 3), (key, ended)
        memory[key] = told(ended)
    return memory[key]


def damaged(home: Path, known: Sound, way: str, line: str, seed: str, to: Path) -> Case:
    """A copy of a sound input with one damage, and the command that reads it."""
    shutil.copytree(home, to, symlinks=True)
    path = to / known.files[0]
    damage.inflict(path, way, known.kind, known.text, random.Random(seed))
    names = tuple({*Path(known.files[0]).parts, *line.replace(":", " ").split()[1:]})
    checked = known.checked and way not in damage.UNCHECKED and "results" not in known.files[0]
    codes = (0, 1, 2, 3) if line.startswith("check") else (0, 2, 3)
    return Case(f"{known.kind} | {way} | {line} | {seed}", tuple(line.split()), to, names, {}, checked, codes)


def plan(sound: Kinds, count: int, seed: str) -> Iterable[tuple[str, str, str, str]]:
    """(kind, damage, command line, seed) of so many cases: every kind in turn, its damages and commands drawn."""
    draw = random.Random(seed)
    decks: dict[str, list[str]] = {}
    for place in range(count):
        kind = list(sound)[place % len(sound)]
        known = sound[kind][1]
        if not decks.get(kind):
            decks[kind] = damage.names(kind, known.files[0], known.text)
            draw.shuffle(decks[kind])
        yield kind, decks[kind].pop(), draw.choice(known.lines), f"{seed}.{place}"


def judge(
    worker: Worker, sound: Kinds, cases: Iterable[tuple[str, str, str, str]], folder: Path
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Run them; the outcomes by kind, and a description of each failure."""
    memory: dict[str, dict[str, float]] = {}
    table: Counter[tuple[str, str]] = Counter()
    failures = []
    for place, (kind, way, line, seed) in enumerate(cases):
        home, known = sound[kind]
        case = damaged(home, known, way, line, seed, folder / f"case{place}")
        ended = worker.run(case)
        if told(ended):
            case = replace(case, expected=expected(worker, sound, kind, line, memory))
        table[kind, outcome(case, ended)] += 1
        if wrong := faults(case, ended):
            failures.append(described(case, ended, wrong))
            keep(case)
        shutil.rmtree(case.folder, ignore_errors=True)
    return table, failures


def described(case: Case, ended: Ended, wrong: list[str]) -> str:
    last = ended.err.strip().splitlines()[-1:] or [""]
    name = case.name.encode("utf-8", "backslashreplace").decode()  # which a report has to take
    return f"{name}: {', '.join(wrong)} ({last[0][:160]!r})"


def keep(case: Case) -> None:
    """Save a failed case where HOSTILE_KEEP says."""
    if kept := os.environ.get("HOSTILE_KEEP"):
        to = Path(kept) / case.name.replace("/", "_").replace(" ", "-")[:150]
        shutil.rmtree(to, ignore_errors=True)
        damage.shutil.copytree(case.folder, to, symlinks=True, copy_function=regular)


def regular(source: str, target: str) -> None:
    """Copy a file; nothing of what is no file."""
    if Path(source).is_file() and Path(source).stat().st_size:
        shutil.copy2(source, target)


def shown(table: Counter[tuple[str, str]]) -> str:
    """The outcomes as a table."""
    words = sorted({word for _, word in table}, key=lambda word: (word not in UNHARMED, word))
    lines = [
        f"{kind:24}" + "".join(f"{table[kind, word]:>{max(len(word), 5) + 2}}" for word in words)
        for kind in sorted({kind for kind, _ in table})
    ]
    return "\n".join([" " * 24 + "".join(f"{word:>{max(len(word), 5) + 2}}" for word in words), *lines])


def test_sound_files_are_answered(worker: Worker, sound: Kinds) -> None:
    """Each kind by its first command: what is damaged below is not refused for another reason."""
    for kind, (_, known) in sound.items():
        expected(worker, sound, kind, known.lines[0], {})


def test_a_damage_of_every_kind(worker: Worker, sound: Kinds, tmp_path: Path) -> None:
    _, failures = judge(worker, sound, plan(sound, len(sound), f"short{SEED}"), tmp_path)
    assert not failures, "\n".join(failures)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"part{part}")
def test_many_damages_of_every_kind(worker: Worker, sound: Kinds, tmp_path: Path, part: int) -> None:
    table, failures = judge(worker, sound, plan(sound, EACH, f"long{SEED}.{part}"), tmp_path)
    print(f"\npart {part}\n{shown(table)}")
    assert not failures, "\n".join(failures)
