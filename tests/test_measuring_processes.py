"""Two processes measure as one does: the same answer to 1e-9, of the first alone; and none where the other one ends."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from collapse_cli import distributed
from collapse_cli.analysis import divided, states
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.metrics import passes
from collapse_cli.runs.states import Part
from tests.processes import two
from tests.test_distributed import free_port

LINES = {
    "spectrum": "spectrum shards --json",
    "state": "spectrum shards --save-state state.npz --json --plot spectrum.svg",
    "merged": "merge state.npz --json",
    "embedded": "embed RUN --out embedded.npz",
    "diagnose": "diagnose RUN --json",
    "alignment": "alignment RUN --json",
    "classes": "classes shards/s-1.npy --labels labels.npy --json",
    "check": "check few.npy --require effective_rank>2 --json",
    "missing": "spectrum nothing.npy",
    "facts": "methods --json",
}
ENDS = {"died": "spectrum shards", "refused": "spectrum shards"}
Shown = dict[str, tuple[int, str, str]]


def prepared(folder: Path) -> None:
    """1400 rows of 24 numbers, nine blocks of a pass, in three files; 500 rows of 9; labels."""
    rows = numpy.random.default_rng(0).standard_normal((1400, 24)).astype("float32")
    (folder / "shards").mkdir()
    for number, part in enumerate(numpy.split(rows, [700, 1000])):
        numpy.save(folder / "shards" / f"s-{number}.npy", part)
    numpy.save(folder / "few.npy", rows[:500, :9].astype("float64"))
    numpy.save(folder / "labels.npy", numpy.arange(300) % 3)


def walk(lines: dict[str, str], run: str, port: int = 0) -> Shown:
    """Exit code, stdout and stderr of each line."""
    shown = {}
    for number, (name, line) in enumerate(lines.items()):
        os.environ["MASTER_PORT"] = str(port + number)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(line.replace("RUN", run).split())
        shown[name] = (code, out.getvalue(), err.getvalue())
    return shown


def one_of_two(rank: int, port: int, folder: str, run: str) -> None:
    torch.set_num_threads(1)
    passes.BLOCK = 2**12  # type: ignore[attr-defined]
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    home = Path(folder) if rank == 0 else Path(folder) / "other"  # as on another machine
    os.chdir(home)
    shown = walk(LINES, run, port)
    if rank == 1:
        divided.pass_over = refusing  # type: ignore[attr-defined]
    shown |= walk({"refused": ENDS["refused"]}, run, port + len(LINES))
    Path(folder, f"{rank}.json").write_text(json.dumps(shown))
    if rank == 1:
        divided.pass_over = dying  # type: ignore[attr-defined]
    shown |= walk({"died": ENDS["died"]}, run, port + len(LINES) + 1)
    Path(folder, f"{rank}.json").write_text(json.dumps(shown))


def refusing(*_: Any, **__: Any) -> None:
    raise CollapseError("s-2.npy cannot be read here", "look at this machine")


def dying(*_: Any, **__: Any) -> None:
    os._exit(0)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, run: Path) -> tuple[Path, Shown, Shown]:
    """What each of two processes showed, and where the first one wrote."""
    folder = tmp_path_factory.mktemp("both")
    prepared(folder)
    (folder / "other").mkdir()
    for name in ("shards", "few.npy", "labels.npy"):
        (folder / "other" / name).symlink_to(folder / name)
    two(one_of_two, free_port(), str(folder), str(run))
    first, second = (json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1))
    return folder, first, second


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, run: Path) -> tuple[Path, Shown]:
    folder = tmp_path_factory.mktemp("alone")
    prepared(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MASTER_PORT", "0")
        return folder, walk(LINES, str(run))


def same(first: Any, second: Any, path: str = "") -> None:
    if isinstance(first, dict):
        assert first.keys() == second.keys(), path
        for key in first.keys() - {"argv", "rounding", "sha256", "path"}:
            same(first[key], second[key], f"{path}.{key}")
    elif isinstance(first, list):
        assert len(first) == len(second), path
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            same(one, other, f"{path}[{number}]")
    elif isinstance(first, float):
        assert second == pytest.approx(first, rel=1e-9, abs=1e-12), path
    else:
        assert first == second, path


@pytest.mark.parametrize("name", LINES)
def test_two_processes_answer_as_one_does(
    name: str, both: tuple[Path, Shown, Shown], alone: tuple[Path, Shown]
) -> None:
    """And the second prints nothing at all."""
    (_, first, second), (_, one) = both, alone
    assert second[name][1:] == ["", ""]
    assert first[name][0] == second[name][0] == one[name][0] == {"missing": 2}.get(name, 0)
    if "--json" in LINES[name]:
        same(json.loads(one[name][1]), json.loads(first[name][1]))
    assert first[name][2].count("\n") == one[name][2].count("\n")


def test_the_first_alone_writes(both: tuple[Path, Shown, Shown], alone: tuple[Path, Shown]) -> None:
    """The same embeddings, bit by bit; what the other wrote nowhere is to be seen."""
    (folder, _, _), (other, _) = both, alone
    with numpy.load(folder / "embedded.npz") as two, numpy.load(other / "embedded.npz") as one:
        assert all(numpy.array_equal(two[name], one[name]) for name in one.files)
    assert (folder / "spectrum.svg").stat().st_size > 1000
    assert {path.name for path in (folder / "other").iterdir()} == {"shards", "few.npy", "labels.npy"}


def test_what_one_refuses_all_refuse(both: tuple[Path, Shown, Shown]) -> None:
    """The second process cannot read its shards: the first one says what it said."""
    _, first, second = both
    code, out, err = first["refused"]
    assert (code, out) == (2, "")
    assert "s-2.npy cannot be read here" in err
    assert second["refused"][:2] == [2, ""]


def test_a_process_that_dies_ends_the_other(both: tuple[Path, Shown, Shown]) -> None:
    """With a sentence, 2, and no answer."""
    code, out, err = both[1]["died"]
    assert (code, out) == (2, "")
    assert (
        "another of the 2 processes has ended\n  its own message, if any, says why; then start it again"
        in err
    )


def test_shares_are_whole_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 25 things in blocks of 4, seven blocks, three processes have 2, 2 and 3: each thing once."""
    assert distributed.share(25, 4) is None
    token = distributed._measuring.set(True)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    shares = []
    for rank in range(3):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        shares.append(distributed.share(25, 4))
    distributed._measuring.reset(token)
    assert shares == [range(8), range(8, 16), range(16, 25)]


def test_parts_within_a_range() -> None:
    """Rows 3 to 12 of files of 5, 2 and 9 rows: two of the first, both of the second, five of the third."""
    parts = [Part(name, "", 0, count) for name, count in (("a", 5), ("b", 2), ("c", 9))]
    inside = states.parts_within(parts, range(3, 12))
    assert [(part.name, part.first, part.count) for part in inside] == [("a", 3, 2), ("b", 0, 2), ("c", 0, 5)]
