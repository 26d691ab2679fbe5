"""A monitor.jsonl that another process writes, read in every state in which it may be met."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from collapse_cli.runs.monitor_file import LONGEST, Event, MonitorFile


def line(event: str, step: int, **fields: Any) -> bytes:
    return json.dumps({"schema": 1, "event": event, "step": step, **fields}).encode() + b"\n"


def look(step: int, **fields: Any) -> bytes:
    return line("look", step, **{"loss": 5.5, "variance": 0.5, "chance_level": None, **fields})


BEGIN = line("begin", 0, every=10, world=1, chance={"ln B": 5.545})
WARNING = line("warning", 20, kind="complete collapse", message="All embeddings are equal – 5 σ.")
END = line("end", 30, status="complete")
WHOLE = BEGIN + look(1) + look(10) + look(20) + WARNING + look(30) + END


def steps(file: MonitorFile) -> list[int]:
    return [each.step for each in file.course.looks]


def told(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.name, event.step) for event in events]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "monitor.jsonl"


def test_a_file_cut_at_any_byte_gives_each_whole_line_once(path: Path) -> None:
    """Written in two parts, cut at every byte: after the first only whole lines are there, after the second all, none twice."""
    every = told(_read(path, WHOLE)[0])
    assert every == [
        ("begin", 0),
        ("look", 1),
        ("look", 10),
        ("look", 20),
        ("warning", 20),
        ("look", 30),
        ("end", 30),
    ]
    for cut in range(len(WHOLE) + 1):
        path.write_bytes(WHOLE[:cut])
        file = MonitorFile(path)
        before = told(file.read())
        assert before == every[: WHOLE[:cut].count(b"\n")]
        with path.open("ab") as more:
            more.write(WHOLE[cut:])
        assert before + told(file.read()) == every
        assert (file.read(), file.damaged, file.course.ended) == ([], 0, "complete")


def _read(path: Path, content: bytes) -> tuple[list[Event], MonitorFile]:
    path.write_bytes(content)
    file = MonitorFile(path)
    return file.read(), file


def test_random_bytes_in_random_pieces_never_raise_and_lose_no_sound_line(path: Path) -> None:
    """Lines of noise between sound ones, appended in pieces of any length: the sound ones are read, the others counted."""
    chance = random.Random(0)
    for _ in range(60):
        noise = [
            bytes(chance.choices([*range(1, 10), *range(11, 256)], k=chance.randrange(1, 40)))
            for _ in range(4)
        ]
        noise = [part for part in noise if part.strip()]
        parts = [BEGIN, look(1), look(10), *(part + b"\n" for part in noise)]
        chance.shuffle(parts)
        content, events = b"".join(parts), []
        path.write_bytes(b"")
        file = MonitorFile(path)
        while content:
            length = chance.randrange(1, 60)
            with path.open("ab") as more:
                more.write(content[:length])
            content = content[length:]
            events += told(file.read())
        assert sorted(events) == [("begin", 0), ("look", 1), ("look", 10)]
        assert file.damaged == len(noise)


def test_a_replaced_file_is_reopened_and_only_what_is_new_in_it_is_new(path: Path) -> None:
    """A resumed run cuts its file back to a checkpoint by replacing it; the looks before that are not told again."""
    _, file = _read(path, BEGIN + look(1) + look(10) + look(20))
    fresh = path.with_name("draft")
    fresh.write_bytes(BEGIN + look(1) + look(10) + line("begin", 10) + look(20, loss=4.0))
    fresh.replace(path)
    assert told(file.read()) == [("begin", 10), ("look", 20)]
    assert steps(file) == [1, 10, 20]
    assert file.course.looks[-1].fields["loss"] == 4.0
    path.unlink()
    assert (file.read(), steps(file)) == ([], [1, 10, 20])
    path.write_bytes(BEGIN + look(1, loss=6.0))
    assert told(file.read()) == [("look", 1)]
    assert steps(file) == [1]


def test_a_file_truncated_and_written_again_to_a_greater_length_is_seen(path: Path) -> None:
    """The same inode and more bytes than before: the bytes that were read last no longer stand where they stood."""
    _, file = _read(path, BEGIN + look(1) + look(10))
    number = path.stat().st_ino
    with path.open("r+b") as opened:
        opened.truncate(0)
        opened.write(BEGIN + b"".join(look(step, loss=3.0) for step in range(1, 9)))
    assert path.stat().st_ino == number
    assert [step for name, step in told(file.read())] == list(range(1, 9))
    assert steps(file) == list(range(1, 9))
    with path.open("r+b") as opened:
        opened.truncate(len(BEGIN) + 7)
    assert (file.read(), steps(file)) == ([], [])


def test_a_training_that_begins_again_replaces_what_comes_after(path: Path) -> None:
    """Resumed at step 10, the look and the warning of step 20 are made again; begun anew, nothing of the one before is left."""
    _, file = _read(path, WHOLE + line("begin", 10, every=5) + look(15))
    assert (steps(file), file.course.warnings, file.course.ended, file.course.every) == (
        [1, 10, 15],
        [],
        "",
        5,
    )
    assert file.course.chance_levels == {"ln B": 5.545}
    with path.open("ab") as more:
        more.write(line("begin", 0, chance={"ln B": 3.0}) + look(1))
    file.read()
    assert (steps(file), file.course.chance_levels) == ([1], {"ln B": 3.0})


def test_looks_of_earlier_steps_without_a_begin_replace_the_later_ones(path: Path) -> None:
    _, file = _read(path, BEGIN + look(1) + look(10) + look(20) + WARNING + look(10) + look(15))
    assert (steps(file), file.course.warnings) == ([1, 10, 15], [])


@pytest.mark.parametrize(
    "damage",
    [
        b"{}", b"[]", b"7", b'"look"', b"null", b"\xff\xfe", b"{" * 5000, b'{"a":' * 2000, b"1" * 9000,
        look(-1)[:-1], look(True)[:-1], line("look", 10**16)[:-1], b'{"schema":1,"event":"look"}',
        b'{"schema":1,"event":"look","step":1.5}', b'{"schema":1,"event":["look"],"step":1}',
        look(5, loss="low")[:-1], look(5, variance=[1])[:-1], look(5, chance_level=3)[:-1], look(5, scale=10**400)[:-1],
        line("begin", 0, chance=[1])[:-1], line("begin", 0, chance={"ln B": "5"})[:-1], line("begin", 0, every="ten")[:-1],
        line("warning", 3, kind="x")[:-1], line("end", 3)[:-1], line("end", 3, status=None)[:-1],
    ],
)  # fmt: skip
def test_a_damaged_line_is_counted_and_the_others_are_read(path: Path, damage: bytes) -> None:
    _, file = _read(path, BEGIN + damage + b"\n" + look(10))
    assert (steps(file), file.damaged, file.other_schema) == ([10], 1, 0)


def test_lines_of_another_schema_and_events_of_a_later_version_do_no_harm(path: Path) -> None:
    other = json.dumps({"schema": 2, "event": "look", "step": [1]}).encode() + b"\n"
    _, file = _read(
        path, BEGIN + other + line("codebook", 5, dead=[1, 2]) + b"\n \n" + look(10, new={"a": 1})
    )
    assert (steps(file), file.damaged, file.other_schema) == ([10], 0, 1)


def test_numbers_that_are_not_finite_are_read_as_they_are(path: Path) -> None:
    """As Python writes them, and as null."""
    _, file = _read(
        path, BEGIN + look(10, loss=float("nan"), scale=float("inf"), finite=False) + look(20, loss=None)
    )
    first, second = (each.fields for each in file.course.looks)
    assert first["loss"] != first["loss"]
    assert (first["scale"], second["loss"], file.damaged) == (float("inf"), None, 0)


def test_a_line_without_end_takes_no_memory_and_is_one_damaged_line(path: Path) -> None:
    _, file = _read(path, BEGIN + b"x" * (3 * LONGEST))
    assert len(file._rest) <= LONGEST
    with path.open("ab") as more:
        more.write(b"y" * 100 + b"\n" + look(10))
    assert told(file.read()) == [("look", 10)]
    assert file.damaged == 1


def test_what_is_no_regular_file_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    assert MonitorFile(path).read() == []
    path.unlink()
    path.mkdir()
    assert MonitorFile(path).read() == []
