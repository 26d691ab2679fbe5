"""A `collapse` for scripts that starts in no time: each command is a process, forked from one that has imported everything.

A script too: the process that is forked from, which listens at a socket until its stdin ends. The command hands over its words,
folder, environment and streams, and ends with the code of the process that did the work. How Python starts, and what is imported
when, is not as in a new process: a test of those starts one.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMAND = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    socket.send_fds(asked, [b"."], [0, 1, 2])
    asked.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    asked.shutdown(socket.SHUT_WR)
    code = asked.recv(16)
sys.exit(int(code) if code else "the process that did the work has died")
"""


@contextmanager
def warmed() -> Iterator[Path]:
    """The path of such a command."""
    with tempfile.TemporaryDirectory() as folder:  # short: the name of a socket has about a hundred letters
        address, command = f"{folder}/at", Path(folder) / "bin" / "collapse"
        command.parent.mkdir()
        command.write_text(COMMAND.format(python=sys.executable, address=address))
        command.chmod(0o755)
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, text=True,
        )  # fmt: skip
        assert process.stdin
        assert process.stdout
        with process, process.stdout, process.stdin:
            assert process.stdout.readline() == "ready\n"
            yield command


def work(asked: socket.socket) -> int:
    """One command in this process, its streams and environment those of who asks; its exit code."""
    from collapse_cli.cli import main

    _, streams, _, _ = socket.recv_fds(asked, 1, 3)
    with asked.makefile("rb") as sent:
        words, folder, environment = json.loads(sent.read())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    encoding = environment.get("PYTHONIOENCODING")
    sys.stdin = os.fdopen(0, encoding=encoding, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding=encoding, closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["collapse", *words]
    with warnings.catch_warnings():  # entering it makes every library warn again, as in a new process
        if environment.get("PYTHONWARNINGS"):
            warnings.resetwarnings()
            warnings.simplefilter(environment["PYTHONWARNINGS"])
        code = main(words)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def serve(listening: socket.socket) -> None:
    """Fork for each who asks, until stdin ends."""
    working: list[int] = []
    while listening in select.select([listening, sys.stdin], [], [])[0]:
        asked, _ = listening.accept()
        with asked:
            working = [process for process in working if not os.waitpid(process, os.WNOHANG)[0]]
            working.append(os.fork())
            if not working[-1]:
                listening.close()
                try:
                    asked.sendall(b"%d" % work(asked))
                except BaseException:  # nothing may leave main, SystemExit included
                    traceback.print_exc(file=sys.stderr)
                    sys.stderr.flush()
                finally:
                    os._exit(0)
    for process in working:
        os.waitpid(process, 0)


def main() -> None:
    import torch

    from collapse_cli import cli
    from tests.hostile.worker import warm

    torch.set_num_threads(1)
    for name in cli.COMMANDS:
        cli.load(name)
    warm()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(sys.argv[1])
        listening.listen()
        print("ready", flush=True)
        serve(listening)


if __name__ == "__main__":
    main()
