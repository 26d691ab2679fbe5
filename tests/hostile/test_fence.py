"""What keeps hostile cases from changing the machine that they run on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hostile import fence
from tests.hostile.harness import Case, Worker


@pytest.mark.skipif(not fence.possible(), reason="no Landlock of version 2 here")
def test_nothing_outside_the_room_can_be_changed(tmp_path: Path) -> None:
    """A process that is fenced in makes, writes, moves and removes files in the room, and nowhere else."""
    room, outside = tmp_path / "room", tmp_path / "outside"
    room.mkdir()
    outside.mkdir()
    (outside / "old").write_text("whole")
    pid = os.fork()
    if not pid:
        os._exit(sum(allowed << place for place, allowed in enumerate(attempts(room, outside))))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0b111
    assert [path.name for path in outside.iterdir()] == ["old"]
    assert (outside / "old").read_text() == "whole"


def attempts(room: Path, outside: Path) -> list[bool]:
    """Three that should succeed, then those that should not."""
    fence.put_around(room)
    (room / "folder").mkdir()
    return [
        tried(lambda: (room / "new").write_text("x")),
        tried(lambda: (room / "new").rename(room / "folder" / "moved")),
        tried(lambda: Path(os.devnull).write_text("x")),
        tried(lambda: (outside / "new").write_text("x")),
        tried(lambda: (outside / "old").write_text("x")),
        tried(lambda: (outside / "old").unlink()),
        tried(lambda: (outside / "old").rename(room / "old")),
        tried(lambda: (room / "folder" / "moved").rename(outside / "old")),
    ]


def tried(attempt: object) -> bool:
    try:
        attempt()  # type: ignore[operator]
    except OSError:
        return False
    return True


@pytest.mark.skipif(not fence.possible(), reason="no Landlock of version 2 here")
def test_a_command_writes_in_the_room_alone(worker: Worker, tmp_path: Path) -> None:
    """A plot above the room is refused."""
    (tmp_path / "e.csv").write_text("e0,e1\n" + "".join(f"{i % 7},{i % 5}\n" for i in range(40)))
    outside = Path(__file__).with_name("plot.svg")
    ended = worker.run(Case("outside", ("spectrum", "e.csv", "--plot", str(outside)), tmp_path))
    assert ended.code == 2
    assert not outside.exists()
    assert "Permission denied" in ended.err
