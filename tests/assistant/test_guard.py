"""The second wall: what a process that stands behind the guard cannot do, whoever asks it to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import collapse_cli
from collapse_cli.cli import main

ROOT = Path(collapse_cli.__file__).parent.parent
REFUSED = (
    "open('e.npy', 'ab')",
    "open('new', 'w')",
    "open('new', 'x')",
    "os.open('new', os.O_CREAT | os.O_WRONLY)",
    "os.mkdir('new')",
    "os.makedirs('new/er')",
    "os.rename('e.npy', 'f.npy')",
    "os.remove('e.npy')",
    "os.truncate('e.npy', 0)",
    "os.utime('e.npy')",
    "os.chmod('e.npy', 0)",
    "os.symlink('e.npy', 'new')",
    "os.link('e.npy', 'new')",
    "tempfile.mkstemp()",
    "tempfile.NamedTemporaryFile()",
    "pathlib.Path('new').write_text('x')",
    "shutil.copy('e.npy', 'new')",
    "open('../outside/secret.npy', 'rb')",
    "open('/etc/passwd')",
    "open('/proc/self/environ')",
    "open('/proc/self/cmdline')",
    "open('/proc/1/environ')",
    "open('/proc/self/fd/0')",
    "open('/proc/self/root/etc/passwd')",
    "open('/dev/fd/0')",
    "open('/dev/stdin')",
    "os.listdir('/proc/self/fd')",
    "os.listdir('..')",
    "os.scandir('/etc')",
    "os.listdir('/')",
    "subprocess.run(['true'])",
    "os.system('true')",
    "os.fork()",
    "os.execv('/bin/true', ['true'])",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "socket.create_connection(('127.0.0.1', 1))",
    "socket.getaddrinfo('localhost', 1)",
    "socket.socket().bind(('127.0.0.1', 0))",
    "sqlite3.connect('new')",
)
SCRIPT = f"""
import os, pathlib, shutil, socket, sqlite3, subprocess, sys, tempfile
from collapse_cli import fence
from collapse_cli.assistant import guard
guard.stand(fence.Fence(fence.roots(["."]), ""))
for line in {REFUSED!r}:
    try:
        eval(line)
    except OSError as error:
        continue
    print("allowed:", line)
assert open("e.npy", "rb").read(6) == b"\\x93NUMPY"
assert "e.npy" in os.listdir(".")
if sys.platform == "linux":
    assert open("/proc/self/status").read() and open("/proc/meminfo").read()  # how much memory there is
import email.mime.text, rich.table  # of Python and of its packages everything can be read
print("ended")
"""


def test_what_is_refused(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("ended\n", "")
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before


def test_without_the_extra_the_remedy_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collapse_cli.commands.mcp.find_spec", lambda name: None)
    assert main(["mcp"]) == 2
    assert "pip install 'collapse-cli[mcp]'" in capsys.readouterr().err
