"""Inputs that lie elsewhere, as s3://bucket/rows.npy: each has a local stand-in of the same name, which everything else reads.

Files are opened with fsspec. Large .npy and .parquet files are there at once and filled as their parts are asked for
(`parts`); all else is fetched as a whole. Whatever is shown, an error or an answer, has the address in place of the
stand-in, without the password and the signature that an address may hold.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from collapse_cli import fence
from collapse_cli.errors import CollapseError
from collapse_cli.memory import budget, in_words
from collapse_cli.printable import show_as
from collapse_cli.progress import say
from collapse_cli.remote import addresses
from collapse_cli.remote.addresses import reading, shown
from collapse_cli.remote.parts import Parts, filled_in_parts, opened

SMALL = 8 << 20  # bytes of a file that is fetched as a whole
BESIDE = 1 << 20  # bytes of other files that are fetched with arrays: labels, configs
LONG = 100 << 20  # bytes of which it is told that they are fetched
ROOM = 0.9  # of the free disk that stand-ins may take


@dataclass(frozen=True)
class RemoteFile:
    """A file elsewhere: its size, None where that is not told, and the tag by which its server knows this version of it."""

    size: int | None
    etag: str


@dataclass(frozen=True)
class StandIn:
    """The local path that stands for an address; files: by local path."""

    path: Path
    address: str
    files: Mapping[Path, RemoteFile]

    def facts(self) -> dict[str, Any]:
        """What identifies it, beside its address."""
        sizes, etags = (
            [file.size for file in self.files.values()],
            [file.etag for file in self.files.values()],
        )
        facts: dict[str, Any] = {} if None in sizes else {"size": sum(size or 0 for size in sizes)}
        if len(etags) == 1 and etags[0]:
            facts["etag"] = etags[0]
        elif all(etags):
            facts["etag"] = hashlib.sha256("\n".join(etags).encode()).hexdigest()
        return facts

    def identity(self) -> str:
        """Hex digest of all that is known without its content."""
        return hashlib.sha256(f"{self.address}\n{self.facts()}".encode()).hexdigest()


_stand_ins: dict[str, StandIn] = {}  # by address, as it was given
_folders: list[tempfile.TemporaryDirectory[str]] = []  # removed at the end


def local_path(path: Path, whole: bool = False) -> Path:
    """A path that can be read: of an address its stand-in, of all else the same. whole: nothing of it is left to be filled.

    Raises CollapseError, with the remedy, for an address that cannot be read, or has more than there is room for.
    """
    address = addresses.of(path)
    if not address:
        fence.admit(path)
        return path
    if fence.is_up():
        raise CollapseError(
            f"{shown(address)} lies elsewhere, and nothing is fetched here", "type the command in a terminal"
        )
    known = _stand_ins.get(address)
    if known is None:
        known = _stand_ins[address] = _made(address, str(path), whole)
    if whole:
        for file in known.files:
            filled_in_parts(file)
    return known.path


def origin(path: Path) -> StandIn | None:
    """What a path stands for, or what a file of it is in; None where nothing lies elsewhere."""
    return next((each for each in _stand_ins.values() if path.is_relative_to(each.path)), None)


def _made(address: str, typed: str, whole: bool) -> StandIn:
    name = shown(address)
    for secret in (address, typed):
        show_as(secret, name)
    with reading(name, address):
        system, key = _system(address)
        listed = _listed(system, key)
        chosen = listed if whole else _needed(listed)
        folder = _folder(name, sum(file.size or 0 for file in chosen.values()))
        place = PurePosixPath(key.rstrip("/").partition("?")[0])
        root = folder / _plain(place.parent.name) / _plain(place.name)  # both name what lies there
        show_as(str(root), name.rstrip("/"))
        files = {root.joinpath(*PurePosixPath(part).parts): file for part, file in chosen.items()}
        for (part, file), local in zip(chosen.items(), files, strict=True):
            where = f"{key.rstrip('/')}/{part}" if part else key
            _place(system, where, file, local, f"{name.rstrip('/')}/{part}" if part else name)
    return StandIn(root, name, files)


def _plain(name: str) -> str:
    """A name that leads nowhere else."""
    return "data" if name in ("", ".", "..") else name


def _system(address: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    system, key = url_to_fs(address)
    return system, str(key)


def _listed(system: Any, key: str) -> dict[str, RemoteFile]:
    """The files of a folder, by their path within it, as deep as its folders of data; of a file itself, by an empty path."""
    described = system.info(key)
    if described["type"] != "directory":
        return {"": _remote_file(described)}
    entries = system.find(key, detail=True)
    start = len(str(described["name"]).strip("/")) + 1
    names = {str(path).strip("/")[start:]: _remote_file(entry) for path, entry in sorted(entries.items())}
    files = {
        name: entry
        for name, entry in names.items()
        if all(part and not part.startswith(".") for part in name.split("/"))
    }
    if not files:
        raise FileNotFoundError(key)
    return files


def _remote_file(entry: Mapping[str, Any]) -> RemoteFile:
    etag = next((str(entry[name]) for name in ("ETag", "etag", "md5Hash", "blob_id") if entry.get(name)), "")
    return RemoteFile(entry.get("size"), etag.strip('"'))


def _needed(files: Mapping[str, RemoteFile]) -> dict[str, RemoteFile]:
    """Of a folder of arrays or tables these and small files beside them; of all else everything."""
    if not any(_in_parts(name) for name in files):
        return dict(files)
    return {name: file for name, file in files.items() if _in_parts(name) or (file.size or LONG) <= BESIDE}


def _in_parts(name: str) -> bool:
    return name.endswith((".npy", ".parquet", ".pq"))


def _folder(name: str, size: int) -> Path:
    """A new temporary folder. Raises CollapseError where its disk has no room for so many bytes."""
    folder = tempfile.TemporaryDirectory(prefix="collapse-", ignore_cleanup_errors=True)
    _folders.append(folder)
    room = int(ROOM * shutil.disk_usage(folder.name).free)
    if size > room:
        raise CollapseError(
            f"{name} has {in_words(size)}, but the temporary folder has room for {in_words(room)}",
            "let TMPDIR name a folder on a larger disk, or measure where the data lie",
        )
    return Path(folder.name)


def _place(system: Any, key: str, file: RemoteFile, local: Path, name: str) -> None:
    """The local file: to be filled where it is large and of a kind that is read in parts, else fetched now."""
    local.parent.mkdir(parents=True, exist_ok=True)
    if (file.size or 0) > SMALL and _in_parts(local.name) and _has_ranges(system, key, file, local):
        opened(
            local, Parts(lambda start, stop: _range(system, key, name, start, stop), local, file.size or 0)
        )
        return
    if local.exists():
        return
    if (file.size or 0) > LONG:
        say(f"reading {name}: {in_words(file.size or 0)}")
    system.get_file(key, str(local))


def _has_ranges(system: Any, key: str, file: RemoteFile, local: Path) -> bool:
    """Whether parts can be had. A web server that knows none gives all of the file, which is then kept."""
    if not key.startswith("http"):
        return True
    if (file.size or 0) > budget():
        return False
    content = bytes(system.cat_file(key, start=0, end=1))
    if len(content) > 1:
        local.write_bytes(content)
    return len(content) == 1


def _range(system: Any, key: str, name: str, start: int, stop: int) -> bytes:
    with reading(name, key):
        content = bytes(system.cat_file(key, start=start, end=stop))
    if len(content) != stop - start:
        raise CollapseError(
            f"{name} gave {len(content):,} bytes of {stop - start:,}",
            "it has changed, or the server has no ranges",
        )
    return content
