"""Seeded damage: of bytes, of what lies at a path, of the nodes of a JSON text, of headers, and of members behind a checksum."""

from __future__ import annotations

import io
import json
import os
import random
import re
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Bytes = Callable[[bytes, random.Random], bytes]

DEVICES = (
    ("/proc/self/mem",) if os.geteuid() == 0 else ("/dev/zero", "/dev/full", "/dev/null", "/proc/self/mem")
)


def flip(count: int) -> Bytes:
    """So many bits, anywhere."""

    def damage(data: bytes, draw: random.Random) -> bytes:
        changed = bytearray(data)
        for _ in range(count if data else 0):
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        return bytes(changed)

    return damage


def head(data: bytes, draw: random.Random) -> bytes:
    """One byte of the first 200 becomes another: the header of most formats."""
    at = draw.randrange(min(200, len(data)))
    return data[:at] + bytes([draw.choice([0, 255, 127, 128, draw.randrange(256)])]) + data[at + 1 :]


def tail(data: bytes, draw: random.Random) -> bytes:
    """One byte of the last 200 becomes another: the directory of zip files, the footer of parquet and arrow."""
    at = len(data) - 1 - draw.randrange(min(200, len(data)))
    return data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]


def cut(data: bytes, draw: random.Random) -> bytes:
    """The end is missing, from any byte on."""
    return data[: draw.randrange(len(data))]


def cut_front(data: bytes, draw: random.Random) -> bytes:
    """The beginning is missing."""
    return data[draw.randrange(1, len(data)) :]


def insert(data: bytes, draw: random.Random) -> bytes:
    """Some random bytes stand in the middle."""
    at = draw.randrange(len(data))
    return data[:at] + draw.randbytes(draw.choice([1, 7, 64, 4096])) + data[at:]


def append(data: bytes, draw: random.Random) -> bytes:
    """Random bytes follow the end."""
    return data + draw.randbytes(draw.choice([1, 22, 300]))


def zero_page(data: bytes, draw: random.Random) -> bytes:
    """A page of the disk was never written."""
    at = draw.randrange(len(data))
    size = min(draw.choice([64, 512, 4096]), len(data) - at)
    return data[:at] + bytes(size) + data[at + size :]


def repeat(data: bytes, draw: random.Random) -> bytes:
    """A chunk stands twice."""
    at, size = draw.randrange(len(data)), draw.choice([16, 512, 4096])
    return data[: at + size] + data[at : at + size] + data[at + size :]


def swap(data: bytes, draw: random.Random) -> bytes:
    """The halves have changed places."""
    middle = len(data) // 2
    return data[middle:] + data[:middle]


def other(data: bytes, draw: random.Random) -> bytes:
    """Random bytes of the same size."""
    return draw.randbytes(len(data))


def empty(data: bytes, draw: random.Random) -> bytes:
    return b""


def zeros(data: bytes, draw: random.Random) -> bytes:
    """As after a power loss: the size is right, the content was never written."""
    return bytes(len(data))


def text(data: bytes, draw: random.Random) -> bytes:
    """A page of a server in place of a download, or other text."""
    return draw.choice(
        [
            b"<!DOCTYPE html><html><body>404</body></html>",
            b"version https://git-lfs.github.com/spec/v1\n",
            b"\n",
            b"{}",
            b"[]",
            b"null",
        ]
    )


def wide_text(data: bytes, draw: random.Random) -> bytes:
    """The bytes as UTF-16, as some editors save a text."""
    return data.decode("latin-1").encode("utf-16")


ANY: dict[str, Bytes] = {
    "1 bit": flip(1),
    "8 bits": flip(8),
    "64 bits": flip(64),
    "head": head,
    "tail": tail,
    "cut": cut,
    "cut front": cut_front,
    "insert": insert,
    "append": append,
    "zero page": zero_page,
    "repeat": repeat,
    "swap": swap,
    "other": other,
    "empty": empty,
    "zeros": zeros,
    "text": text,
    "UTF-16": wide_text,
}


def folder(path: Path, draw: random.Random) -> None:
    path.mkdir()


def pipe(path: Path, draw: random.Random) -> None:
    os.mkfifo(path)


def loop(path: Path, draw: random.Random) -> None:
    path.symlink_to(path.name)


def dangling(path: Path, draw: random.Random) -> None:
    path.symlink_to("nowhere")


def device(path: Path, draw: random.Random) -> None:
    """To one that no fault can replace by a file: whoever is root could lose a device."""
    path.symlink_to(draw.choice(DEVICES))


def socket(path: Path, draw: random.Random) -> None:
    import socket as sockets

    with sockets.socket(sockets.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket may have 107 characters
        made.bind(path.name)
        os.chdir(here)


PLACES = {
    "folder": folder,
    "pipe": pipe,
    "loop": loop,
    "dangling": dangling,
    "device": device,
    "socket": socket,
}

HUGE = "9" * 400
ODD: tuple[str, ...] = (
    *(
        "null",
        "[]",
        "{}",
        "true",
        '""',
        "0",
        "-1",
        "-0.0",
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        HUGE,
        "1" + "0" * 40,
    ),
    *(
        '"\\u0000"',
        '"\\ud800"',
        '"\\u001b[31m"',
        '"\\u202e"',
        '"NaN"',
        "1.5",
        "[null]",
        '{"a": {"a": [1]}}',
        "9223372036854775808",
    ),
    *(
        '"' + "x" * 3000 + '"',
        "[" * 3000 + "]" * 3000,
        "[" * 60 + "]" * 60,
        '"../../etc/passwd"',
        "1e-320",
        '"::error::x"',
    ),
)


def nodes(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value."""
    yield path
    pairs = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in pairs:
        yield from nodes(value, (*path, key))


MARK = "\u0001here\u0001"


def replaced(document: Any, path: tuple[Any, ...], value: str) -> str:
    """The document as JSON, with the raw text `value` at `path`."""
    if not path:
        return value
    copied = json.loads(json.dumps(document))
    node = copied
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = MARK
    return json.dumps(copied).replace(json.dumps(MARK), value)


def node(data: bytes, draw: random.Random) -> bytes:
    """One value of a JSON text is of another type, or extreme."""
    document = json.loads(data)
    return replaced(document, draw.choice(list(nodes(document))), draw.choice(ODD)).encode()


def shallow_node(data: bytes, draw: random.Random) -> bytes:
    """The same, not deeper than two steps: where decisions are read."""
    document = json.loads(data)
    return replaced(
        document, draw.choice([path for path in nodes(document) if len(path) < 3]), draw.choice(ODD)
    ).encode()


def lost_key(data: bytes, draw: random.Random) -> bytes:
    """One key is missing, or another name has its value."""
    document = json.loads(data)
    paths = [path for path in nodes(document) if path and isinstance(path[-1], str)]
    inner = document
    for key in (path := draw.choice(paths))[:-1]:
        inner = inner[key]
    value = inner.pop(path[-1])
    if draw.random() < 0.5:
        inner[draw.choice(["", "\u202e", path[-1] + "x", "\x1b[31m"])] = value
    return json.dumps(document).encode()


def line(damage: Bytes) -> Bytes:
    """A damage of one line of a JSON-lines text."""

    def damaged(data: bytes, draw: random.Random) -> bytes:
        lines = data.splitlines(keepends=True)
        at = draw.randrange(len(lines))
        return b"".join([*lines[:at], damage(lines[at].strip(), draw) + b"\n", *lines[at + 1 :]])

    return damaged


def not_text(data: bytes, draw: random.Random) -> bytes:
    """Bytes within a string that are not UTF-8."""
    at = draw.choice([match.end() for match in re.finditer(rb'"', data)] or [0])
    return data[:at] + draw.choice([b"\xff\xfe", b"\xc3", b"\xed\xa0\x80"]) + data[at:]


NODES: dict[str, Bytes] = {
    "node": node,
    "shallow node": shallow_node,
    "lost key": lost_key,
    "not UTF-8": not_text,
}
LINES: dict[str, Bytes] = {
    "node": line(node),
    "shallow node": line(shallow_node),
    "lost key": line(lost_key),
    "not UTF-8": not_text,
}

SHAPES = (
    *(
        "(1000000000000, 6)",
        "(60, 1000000000000)",
        "(-1, 6)",
        "(60, -6)",
        "(0, 6)",
        "(60, 0)",
        "()",
        "(60,)",
        "(1, 1, 1, 6)",
    ),
    *(
        "(60.5, 6)",
        "('a',)",
        "None",
        "(4611686018427387904, 4)",
        "(" + HUGE + ", 6)",
        "(1,) * 70",
        "(" + "1, " * 70 + ")",
        "(True, 6)",
    ),
)
TYPES = (
    *(
        "<f8",
        "<f2",
        ">f4",
        "<i4",
        "<u8",
        "|b1",
        "<c8",
        "<c16",
        "|O",
        "<U9",
        "|S4",
        "<M8[s]",
        "<m8[ns]",
        "|V4",
        "<f16",
        "x",
        "",
        "<f999",
    ),
    "[('a', '<f4')]",
)


def npy_header(data: bytes, draw: random.Random) -> bytes:
    """Another shape, type, order, version, or length of the header of an .npy."""
    size = struct.unpack("<H", data[8:10])[0]
    header = data[10 : 10 + size].decode("latin-1")
    way = draw.randrange(6)
    if way < 2:
        header = re.sub(r"'shape': \([^)]*\)", lambda _: f"'shape': {draw.choice(SHAPES)}", header)
    elif way < 4:
        kind = draw.choice(TYPES)
        header = re.sub(
            r"'descr': '[^']*'", lambda _: f"'descr': {kind if kind.startswith('[') else repr(kind)}", header
        )
    elif way == 4:
        header = draw.choice(
            [
                "",
                "{",
                "{}",
                "{'descr': '<f4'}",
                "__import__('os')",
                "(" * 300,
                "1",
                "{'shape': {}, " + header[1:],
                "\x00" * 50,
            ]
        )
    else:
        return (
            data[:6]
            + bytes([draw.choice([0, 2, 3, 9]), 0])
            + struct.pack("<H", draw.choice([0, 5, 65535]))
            + data[10:]
        )
    coded = header.strip().encode("latin-1").ljust(118) + b"\n"
    return data[:8] + struct.pack("<H", len(coded)) + coded + data[10 + size :]


def safetensors_header(data: bytes, draw: random.Random) -> bytes:
    """Another length of the header, or another value in it."""
    size = struct.unpack("<Q", data[:8])[0]
    document, content = json.loads(data[8 : 8 + size]), data[8 + size :]
    if draw.random() < 0.2:
        return struct.pack("<Q", draw.choice([0, 1, size - 1, size + 1, 10**12, 2**64 - 1])) + data[8:]
    name = draw.choice([name for name in document if name != "__metadata__"])
    entry = document[name]
    entry[draw.choice(list(entry))] = draw.choice(
        [
            None,
            [],
            [10**12, 6],
            [-1, 6],
            [0, 10**12],
            [5, 1],
            "F32",
            "F64",
            "BF16",
            "F8_E4M3",
            "X",
            [60, 6, 1],
            [HUGE],
            [2**63, 2],
        ]
    )
    coded = json.dumps(document).encode()
    return struct.pack("<Q", len(coded)) + coded + content


def members(data: bytes) -> dict[str, bytes]:
    """What a zip file contains."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sealed(contents: dict[str, bytes]) -> bytes:
    """A zip file of these, with right checksums."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return stream.getvalue()


def resealed(damage: Bytes, choose: str = "") -> Bytes:
    """A damage of one member of a zip file, after which the checksums are right again."""

    def damaged(data: bytes, draw: random.Random) -> bytes:
        contents = members(data)
        name = draw.choice([name for name, content in contents.items() if content and choose in name])
        return sealed(contents | {name: damage(contents[name], draw)})

    return damaged


def lost_member(data: bytes, draw: random.Random) -> bytes:
    """A zip file without one of its members, or with one by another name."""
    contents = members(data)
    name = draw.choice(list(contents))
    content = contents.pop(name)
    if draw.random() < 0.5:
        contents[
            draw.choice(["\x1b[31m.npy", "../up.npy", "/top.npy", name + "x", "\u202e.npy", "a/b/c"])
        ] = content
    return sealed(contents)


def doubled_member(data: bytes, draw: random.Random) -> bytes:
    """A zip file with two members of one name."""
    contents = members(data)
    stream = io.BytesIO(data)
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(stream, "a") as archive:
        warnings.simplefilter("ignore")
        name = draw.choice(list(contents))
        archive.writestr(name, flip(8)(contents[name], draw))
    return stream.getvalue()


def lying_size(data: bytes, draw: random.Random) -> bytes:
    """The directory of a zip file declares sizes that are not so."""
    at = draw.choice([match.start() for match in re.finditer(rb"PK\x01\x02", data)])
    field = at + draw.choice([20, 24, 42])  # packed, unpacked, offset
    return data[:field] + struct.pack("<I", draw.choice([0, 1, 2**31, 2**32 - 1])) + data[field + 4 :]


def cells(data: bytes, draw: random.Random) -> bytes:
    """One cell of a text table is odd."""
    parts = re.split(rb"([,\t \n])", data)
    at = 2 * draw.randrange(len(parts) // 2)
    odd = [
        "",
        "nan",
        "inf",
        "-inf",
        "1e400",
        HUGE,
        "abc",
        '"',
        "'",
        "\x00",
        "\x1b[31m",
        "1,5",
        "0x1p3",
        "\u0663",
        "\u202e",
        "1_0",
        "=1+1",
        "x" * 200_000,
    ]
    return b"".join([*parts[:at], draw.choice(odd).encode(), *parts[at + 1 :]])


ZIP: dict[str, Bytes] = {
    "member, 1 bit": resealed(flip(1)),
    "member, 8 bits": resealed(flip(8)),
    "member, cut": resealed(cut),
    "lost member": lost_member,
    "doubled member": doubled_member,
    "lying size": lying_size,
}
PICKLE: dict[str, Bytes] = {
    "pickle, 1 bit": resealed(flip(1), "data.pkl"),
    "pickle, cut": resealed(cut, "data.pkl"),
    "pickle, head": resealed(head, "data.pkl"),
}
UNCHECKED = {
    *ZIP,
    *PICKLE,
    "npy header",
    "append",
}  # after which the checksums are right: other numbers are what the file says


def suited(kind: str, file: str, text: str) -> dict[str, Bytes]:
    """The damages of bytes that make sense for a file."""
    chosen = dict(ANY)
    if text:
        chosen |= LINES if text == "jsonl" else NODES
    if file.endswith((".npz", ".pt", ".pth")) and not kind.endswith("legacy"):
        chosen |= ZIP
    if file.endswith((".pt", ".pth")) and not kind.endswith("legacy"):
        chosen |= PICKLE
    if file.endswith(".npy"):
        chosen["npy header"] = npy_header
    if file.endswith(".npz"):
        chosen["npy header"] = resealed(npy_header)
    if file.endswith(".safetensors"):
        chosen["safetensors header"] = safetensors_header
    if file.endswith((".csv", ".tsv", ".txt", ".vec", ".toml", ".jsonl")):
        chosen["cells"] = cells
    return chosen


def inflict(path: Path, name: str, kind: str, text: str, draw: random.Random) -> None:
    """Do the damage `name` to the file at `path`."""
    if name in PLACES:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        PLACES[name](path, draw)
    else:
        path.write_bytes(suited(kind, path.name, text)[name](path.read_bytes(), draw))


def names(kind: str, file: str, text: str) -> list[str]:
    """Every damage that a file can take."""
    return [*suited(kind, file, text), *PLACES]
