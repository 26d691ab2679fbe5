"""How a hostile case is run and judged: what no input, however odd, may do to a command."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from tests.hostile import fence

ROOT = Path(__file__).parent.parent.parent
SECONDS = 90  # of waiting, before a case counts as hanging; the machine may be busy
CPU = 20.0  # seconds of a processor, at most
MEMORY = (
    3 << 29
)  # bytes above those before the command, at most: half of what `worker.ROOM` makes it believe to have
MARKS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}  # of direction
BUG = re.compile(r"internal error|this is a bug|Traceback \(most recent", re.IGNORECASE)
NOISE = re.compile(
    r"site-packages|[A-Za-z]Warning:|\[W\d* |libpng|HDF5-DIAG|Exception ignored|terminate called"
)


@dataclass(frozen=True)
class Case:
    """One command, and what is known of it: what a refusal must name, and the numbers of the sound file, where there are any."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    names: tuple[str, ...] = ()  # a refusal has to contain one of these
    expected: dict[str, float] = field(default_factory=dict)  # of the undamaged input
    checked: bool = False  # whether a checksum in the file tells of every damage
    codes: tuple[int, ...] = (0, 2, 3)
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a command ended: with a code, or dead."""

    code: int | str | None
    out: str
    err: str
    cpu: float = 0.0
    memory: int = 0
    died: str = ""


class Worker:
    """Runs cases in another process, one after the other; started by the first. They can change files in `room` alone."""

    def __init__(self, code: Path = ROOT, room: Path | None = None) -> None:
        self.code = code
        self.room = room or Path(tempfile.gettempdir())
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        if fence.needed() and not fence.possible():
            pytest.skip(
                "as root, hostile cases need a fence (Linux's Landlock): they could change this machine"
            )
        home = tempfile.mkdtemp(prefix="home", dir=self.room)
        env = os.environ | {
            "PYTHONPATH": f"{self.code}{os.pathsep}{ROOT}",
            "HOME": home,
            "TMPDIR": home,
            "GITHUB_STEP_SUMMARY": "",
            "XDG_CACHE_HOME": f"{home}/.cache",
            "MPLCONFIGDIR": matplotlib.get_configdir(),  # only read: its list of fonts takes seconds to make
            "OMP_NUM_THREADS": "1",
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }
        return subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("worker.py")), str(self.room)], env=env, cwd="/",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, case: Case) -> Ended:
        """The case's command, in its folder."""
        self.process = self.process or self.start()
        assert self.process.stdin
        assert self.process.stdout
        streams = [case.folder.parent / f"{case.folder.name}.{end}" for end in ("out", "err")]
        asked = {
            "argv": case.argv,
            "cwd": str(case.folder),
            "seconds": SECONDS,
            "cpu": 1.5 * CPU,
            "env": case.env,
        }
        print(
            json.dumps(asked | dict(zip(("out", "err"), map(str, streams), strict=True))),
            file=self.process.stdin,
            flush=True,
        )
        reply = self.process.stdout.readline()
        out, err = (path.read_bytes().decode("utf-8", "surrogateescape") for path in streams)
        if not reply:
            self.process = None
            return Ended(None, out, err, died="the worker itself")
        return Ended(out=out, err=err, **{"code": None} | json.loads(reply))

    def close(self) -> None:
        if self.process and self.process.stdin:
            self.process.stdin.close()
            self.process.wait()


def forbidden(text: str, bells: str = "\n\t") -> list[str]:
    """The characters that may steer a terminal, reorder a line, or start a command of a CI."""
    bad = [c for c in text if c not in bells and (unicodedata.category(c) in ("Cc", "Cs") or ord(c) in MARKS)]
    return sorted({f"U+{ord(c):04X}" for c in bad}) + sorted(
        {line[:12] for line in text.splitlines() if re.match(r"\s*::[a-z]", line)}
    )


def numbers(document: Any) -> dict[str, float]:
    """Every value of an answer, by the place of its result and its name."""
    entries = document.get("results") if isinstance(document, dict) else []
    return {
        f"{place}/{entry.get('kind')}/{entry.get('space')}/{name}": float(metric["value"])
        for place, entry in enumerate(entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        for name, metric in entry.get("metrics", {}).items()
        if isinstance(metric.get("value"), int | float)
    }


def told(ended: Ended) -> dict[str, float]:
    """The numbers on stdout, where it is a document."""
    try:
        return numbers(json.loads(ended.out))
    except ValueError:
        return {}


def differ(these: dict[str, float], those: dict[str, float]) -> list[str]:
    """The names of the numbers that both have and that are not the same."""
    return [
        name
        for name in these.keys() & those.keys()
        if not math.isclose(these[name], those[name], rel_tol=1e-6, abs_tol=1e-9)
    ]


def spoken(case: Case, err: str) -> Iterator[str]:
    """What is wrong with the words of a refusal: one sentence that names the thing, and a remedy below it."""
    lines = [line for line in err.splitlines() if line.strip()]
    at = [place for place, line in enumerate(lines) if line.startswith("collapse: ")]
    if len(at) != 1:
        yield f"{len(at)} sentences"
        return
    if not lines[at[0] + 1 :] or not all(line.startswith("  ") for line in lines[at[0] + 1 :]):
        yield "no remedy below the sentence"
    said = " ".join(lines[at[0] :])
    if case.names and not any(name in said for name in case.names):
        yield "names neither file nor option"
    if len(said) > 1500 + max(map(len, case.argv)):
        yield f"a sentence of {len(said)} characters"


def faults(case: Case, ended: Ended) -> list[str]:
    """Everything that the command did and must not."""
    wrong = []
    if ended.died:
        return ["hangs" if ended.died in ("SIGALRM", "SIGPROF") else f"dies of {ended.died}"]
    if ended.code == 70 or BUG.search(ended.err + ended.out):
        wrong.append("internal error")
    elif ended.code not in case.codes:
        wrong.append(f"ends in {ended.code}")
    if ended.code == 2 and not wrong:
        wrong += spoken(case, ended.err)
    if NOISE.search(ended.err):
        wrong.append("noise of a library")
    if bad := forbidden(ended.out + ended.err):
        wrong.append(f"prints {' '.join(bad)}")
    if ended.cpu > CPU:
        wrong.append(f"takes {ended.cpu:.0f} s")
    if ended.memory > MEMORY:
        wrong.append(f"takes {ended.memory / 2**30:.1f} GiB")
    if litter := [path.name for path in case.folder.rglob("*.part*") if path.is_file()]:
        wrong.append(f"leaves {litter[0]}")
    if case.checked and ended.code in (0, 1, 3) and differ(told(ended), case.expected):
        wrong.append("other numbers in silence")
    return wrong


def outcome(case: Case, ended: Ended) -> str:
    """One word for a table: right, refused, a fault, or other numbers, which no checksum could have told."""
    if wrong := faults(case, ended):
        return wrong[0]
    if ended.code == 2:
        return "refused"
    if differ(told(ended), case.expected):
        return "unseen"
    return "right" if case.expected else "answered"
