"""The process in which hostile cases run: it forks a child for each batch, so that a crash of the interpreter costs one case.

A script, started by `harness.Worker` with the only folder in which the cases may change anything. It reads one case on each line
of stdin, as JSON, and answers each with a line.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, TextIO

from tests.hostile import fence

BATCH = 60  # cases of a child; the next fork gives their memory back
ROOM = (
    3 << 30
)  # bytes that a child may map beyond what the parent had: the machine that the command believes to have


def peak() -> int:
    """The largest resident size since `forget_peak`, in bytes."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak() -> int:
    """Start counting the largest resident size anew, where the system can; the size now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def run(case: dict[str, Any]) -> dict[str, Any]:
    """One command in this process, its streams in files, libraries of C included."""
    from collapse_cli.cli import main

    os.chdir(case["cwd"])
    added = dict(case.get("env", {}))
    os.environ.update(added)
    with open(case["out"], "wb") as out, open(case["err"], "wb") as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    before, start = forget_peak(), time.process_time()
    code: int | str
    try:
        with warnings.catch_warnings():  # entering it makes every library warn again, as in a new process
            code = main(case["argv"])
    except BaseException as error:  # nothing may leave main, SystemExit included
        code = f"{type(error).__name__}: {error}"
    sys.stdout.flush()
    sys.stderr.flush()
    for name in added:
        del os.environ[name]
    return {"code": code, "cpu": time.process_time() - start, "memory": max(peak() - before, 0)}


def serve(replies: TextIO) -> None:
    """Run cases until the batch is full or stdin ends; the exit code of this child tells which."""
    for _ in range(BATCH):
        line = sys.stdin.buffer.readline()
        if not line:
            os._exit(0)
        case = json.loads(line)
        for sent in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(sent, signal.SIG_DFL)  # kills the child wherever it hangs, in C as well
        signal.setitimer(signal.ITIMER_REAL, case["seconds"])
        signal.setitimer(signal.ITIMER_PROF, case["cpu"])
        ended = run(case)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(ended), file=replies, flush=True)
    os._exit(3)


def warm() -> None:
    """Measure once, so that what is imported late is imported before the first fork."""
    from collapse_cli.cli import main

    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        path = Path(folder) / "e.csv"
        path.write_text("e0,e1,label\n" + "".join(f"{i % 7},{i % 5},{i % 2}\n" for i in range(40)))
        for line in ("spectrum {} --json", "probe {} --json", "check {}"):
            main(line.replace("{}", str(path)).split())


def main() -> None:
    """Import what every command needs, then fork child after child."""
    import torch

    from collapse_cli import cli

    room = Path(sys.argv[1])
    torch.set_num_threads(1)
    for name in cli.COMMANDS:
        cli.load(name)
    replies = os.fdopen(os.dup(1), "w")
    warm()
    mapped = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        if Path("/proc").is_dir()
        else 0
    )
    while True:
        pid = os.fork()
        if not pid:
            if fence.possible():
                fence.put_around(room)
            if mapped:
                resource.setrlimit(resource.RLIMIT_AS, (mapped + ROOM, mapped + ROOM))
            serve(replies)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            died = signal.Signals(os.WTERMSIG(status)).name
        elif os.WEXITSTATUS(status) == 0:
            return
        elif os.WEXITSTATUS(status) == 3:
            continue
        else:
            died = f"os._exit({os.WEXITSTATUS(status)})"
        print(json.dumps({"died": died}), file=replies, flush=True)


if __name__ == "__main__":
    main()
