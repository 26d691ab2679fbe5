"""Files that are never half-written, also where the disk is full or the power fails."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from collapse_cli.errors import CollapseError
from collapse_cli.interrupts import cleaning
from collapse_cli.ranks import first

FULL = {
    errno.ENOSPC,
    errno.EFBIG,
    errno.EDQUOT,
    errno.EIO,
    errno.EROFS,
}  # what a library may wrap in an error of its own
NEVER_SYNCED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.ENOSYS}  # file systems that know no fsync
NAME = 48  # letters of a name that its temporary neighbour repeats, so that its own is not too long
REMEDIES = {
    errno.EDQUOT: "free some of your quota, or choose another place",
    errno.EFBIG: "files here may not be that large: see `ulimit -f`, or choose another place",
    errno.EROFS: "choose another place, which can be written to",
    errno.EACCES: "choose another place, which can be written to",
    errno.EPERM: "choose another place, which can be written to",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "the disk or the network behind it fails; choose another place",
}


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary neighbour of `path` that takes its name only when all went well, and is on the disk by then.

    Raises CollapseError for a pipe, a socket or a device, also behind a link: the new file would take its place.
    """
    with cleaning(), writing(path):
        path = Path(os.path.realpath(path))
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise CollapseError(
                f"cannot write {path}: it is a pipe, a socket or a device", "name an ordinary file"
            )
        if not first():  # of several processes one writes
            with tempfile.TemporaryDirectory() as folder:
                yield Path(folder) / path.name
            return
        part = path.with_name(f".{path.name[:NAME]}.{os.getpid()}.part")
        try:
            yield part
            _sync(part)
            part.replace(path)
            with suppress(OSError):  # not every file system can; the name is taken anyway
                _sync(path.parent)
        finally:
            with suppress(OSError):  # what went wrong before is what is told
                part.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within it a file or folder is written: raises CollapseError for what the system refuses, and why."""
    try:
        yield
    except CollapseError:
        raise
    except Exception as error:
        refused = error if isinstance(error, OSError) else _behind(error)
        if refused is None:
            raise
        raise CollapseError(
            f"cannot write {path}: {_reason(refused, path)}",
            REMEDIES.get(refused.errno or 0, "free some space, or choose another place"),
        ) from None


def append(path: Path, line: str, on_disk: bool = True) -> None:
    """One more line at the end of a file, whole or not at all, on the disk by the end. A torn last line is ended before it.

    on_disk: False leaves it to the system when it is on the disk: for what many lines a minute tell, and a crash may take.
    """
    with writing(path), path.open("ab+", buffering=0) as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(max(0, length - 1))
        text = (b"\n" if file.read() not in (b"", b"\n") else b"") + line.encode() + b"\n"
        try:
            if file.write(text) != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if on_disk:
                _synced(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(length)
            raise


def temporary_folder() -> None:
    """Where no folder for temporary files can be written to, the current one stands for it.

    torch asks for one when it is imported, and writes none.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = os.curdir


def refuse_unmakable(folder: Path, option: str) -> None:
    """Raises CollapseError where a folder, and those above it that are missing, cannot be made or written to."""
    there = next(above for above in (folder, *folder.absolute().parents) if above.exists())
    if not there.is_dir():
        raise CollapseError(f"{option} {folder} cannot be made: {there} is a file", "name another folder")
    if not os.access(there, os.W_OK):
        raise CollapseError(f"{option} {folder} cannot be made: {there} is read-only", "name another folder")


def _behind(error: BaseException) -> OSError | None:
    """The system's refusal that a library, as torch and zipfile do, has answered with an error of its own."""
    before = error.__cause__ or error.__context__
    while before is not None:
        if isinstance(before, OSError) and before.errno in FULL:
            return before
        before = before.__cause__ or before.__context__
    return None


def _reason(refused: OSError, path: Path) -> str:
    if isinstance(refused, FileNotFoundError | NotADirectoryError) and not path.parent.is_dir():
        return f"the folder {path.parent} is not there"
    return refused.strerror or str(refused)


def _sync(path: Path) -> None:
    """Have the system put a file or folder on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        _synced(opened)
    finally:
        os.close(opened)


def _synced(opened: int) -> None:
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in NEVER_SYNCED:
            raise
