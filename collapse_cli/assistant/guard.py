"""A process that reads within a fence and writes nothing: Python tells of whatever is opened, and the rest is refused here.

It is the second of two walls. The first, `fence.admit`, is asked before a file is opened, and knows the remedy.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import collapse_cli
from collapse_cli.fence import Fence

SYSTEM = ("/proc", "/sys", "/dev/urandom", "/usr", "/lib", "/lib64", "/System", "/Library", "/opt/homebrew")
"""Where libraries read of what the machine is."""

PRIVATE = re.compile(r"/proc/\d+/(?!(cgroup|maps|meminfo|mountinfo|smaps|stat|statm|status)$).*")
"""Of a process: what stands in its environment, on its command line, in its memory, in the files that it has open."""

WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"),
    *("os.chown", "os.utime", "os.setxattr", "os.removexattr", "os.chflags", "os.lchmod", "sqlite3.connect"),
}
LEAVES = {
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"),
    *("pty.spawn", "webbrowser.open", "os.startfile"),
}
LOADER = "/sbin/ldconfig"  # which Python asks where a library of the system is; it writes nothing so
READS = {"open", "os.listdir", "os.scandir"}
SETTINGS = {
    "PATH": "",
    "COLLAPSE_CACHE_DIR": "off",
    "TORCHINDUCTOR_CACHE_DIR": sys.prefix,  # a folder that is there: torch makes its own when a data set is read
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
}


def stand(fence: Fence) -> None:
    """From now on this process opens no file for writing, no connection and no process, and reads only behind the fence.

    What Python itself and its libraries consist of can be read as well.
    """
    os.environ.update(SETTINGS)
    sys.dont_write_bytecode = True
    tempfile.tempdir = os.curdir  # else a folder for temporary files is sought by writing to it
    inside = Fence((*fence.roots, *_of_python()), fence.hint)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in READS:
            _refuse(event, arguments, inside)
        elif event in CHANGES:
            raise OSError(errno.EROFS, "an assistant writes nothing", _path(arguments))
        elif event in LEAVES and _path(arguments) != LOADER:
            raise PermissionError(errno.EPERM, f"{event} is refused: an assistant only reads files")

    sys.addaudithook(hook)


def _refuse(event: str, arguments: tuple[Any, ...], inside: Fence) -> None:
    path = _path(arguments)
    if path is None or path == os.devnull:
        return
    mode, flags = (*arguments[1:3], None, None)[:2] if event == "open" else (None, None)
    if (isinstance(flags, int) and flags & WRITE) or (isinstance(mode, str) and set(mode) & set("wax+")):
        raise OSError(errno.EROFS, "an assistant writes nothing", path)
    if not inside.holds(path) or PRIVATE.fullmatch(os.path.realpath(path)):
        raise PermissionError(errno.EACCES, "it lies beyond the fence of the assistant", path)


def _path(arguments: tuple[Any, ...]) -> str | None:
    """The path that an event is about; None for a file that is open already."""
    first = arguments[0] if arguments else None
    return os.fsdecode(first) if isinstance(first, str | bytes | os.PathLike) else None


def _of_python() -> list[str]:
    """Folders of Python, of its packages and of this one."""
    places = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()]
    places += [place for place in sys.path if os.path.isabs(place)]
    places += [str(Path(collapse_cli.__file__).parent), *SYSTEM]
    return [os.path.realpath(place) for place in dict.fromkeys(places) if place != os.sep]
