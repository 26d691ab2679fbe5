"""Files that are not read: what each is, and the lines that make one of it that is."""

from __future__ import annotations

import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from collapse_cli.errors import CollapseError
from collapse_cli.printable import quoted
from collapse_cli.runs import conversions, packed, reader, shell, zips
from collapse_cli.runs.conversions import CODE, OTHERWISE, PYTHON, REPLACE, R

ALIKE = {
    ".pickle": ".pkl", ".tfrecords": ".tfrecord", ".mdb": ".lmdb", ".db": ".sqlite", ".sqlite3": ".sqlite",
    ".xls": ".xlsx", ".xlsm": ".xlsx", ".mpk": ".msgpack", ".rda": ".rdata", ".annoy": ".ann", ".mmap": ".memmap",
    ".dat": ".memmap", ".raw": ".memmap", ".tgz": ".tar", ".wordvectors": ".kv",
    ".ods": ".xlsx", ".index": ".faiss",
}  # fmt: skip

BEGINNINGS = {
    b"\x93NUMPY": "a NumPy file, which is read under a name that ends in .npy",
    b"PAR1": "a parquet file, which is read under a name that ends in .parquet",
    b"ARROW1": "an Arrow file, which is read under a name that ends in .arrow",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, which is read under a name that ends in .h5",
    b"SQLite format 3\0": ".sqlite",
    b"MATLAB 5.0": ".mat",
    b"Ix": ".faiss",
}
"""The first bytes of files that are known by them, and what they are: an ending that is known, or words."""

TENSORFLOW = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # the last bytes of the index of a checkpoint
TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9"  # the first bytes of a file of torch.save before 2020
RENAMED = "rename it: the ending of the name says how a file is read"


FOLDERS = {
    ".zgroup": ".zarr", ".zarray": ".zarr", "zarr.json": ".zarr", "data.mdb": ".lmdb", "saved_model.pb": ".pb",
}  # fmt: skip
"""What lies in a folder that is known by it."""


def refuse(path: Path) -> None:
    """Raises CollapseError that says what a file or a folder is, where it is known and not read; torch's own files pass."""
    ending, start = packed.suffix(path), _start(path)
    ending = ALIKE.get(ending, ending)
    if path.is_dir():
        inside = (kind for name, kind in FOLDERS.items() if (path / name).exists())
        ending = next(inside, ending)
    elif _is_torch(path, start):
        return
    if ".data-" in path.name or (ending in (".faiss", ".ckpt") and _ends_with(path, TENSORFLOW)):
        prefix = str(path).partition(".data-")[0].removesuffix(".index")
        raise CollapseError(
            f"{path} is a TensorFlow checkpoint, which is not read",
            shell.python(
                f"import numpy, tensorflow; c = tensorflow.train.load_checkpoint({prefix!r}); "
                "numpy.savez('weights.npz', **{n: c.get_tensor(n) for n in c.get_variable_to_shape_map()})"
            ),
        )
    if start.startswith(b"\x1f\x8b") and packed.packed(path) and ending != ".tar":
        _refuse_packed(path)
    if path.is_dir() or start:
        _refuse_ending(path, ending)
    if start.startswith(b"\x1f\x8b"):
        _refuse_packed(path)
    first, newline, _ = start.partition(b"\n")
    if ending == ".bin" and newline and len(first.split()) == 2 and all(map(bytes.isdigit, first.split())):
        raise CollapseError(
            f"{path} contains word2vec vectors in binary form, which are not read",
            shell.python(
                "from gensim.models import KeyedVectors; KeyedVectors.load_word2vec_format("
                f"{shell.literal(path)}, binary=True).save_word2vec_format('vectors.txt')"
            ),
        )
    for sign, meaning in BEGINNINGS.items():
        if start.startswith(sign):
            _refuse_ending(path, meaning)
            raise CollapseError(f"{path} is {meaning}", RENAMED)


def _refuse_packed(path: Path) -> NoReturn:
    raise CollapseError(
        f"{path} is compressed, and only compressed text is read",
        f"gunzip --keep {shell.quoted(path)}"
        if packed.packed(path)
        else f"gzip -dc {shell.quoted(path)} > {shell.quoted(path.stem + '.unpacked' + path.suffix)}",
    )


def _refuse_ending(path: Path, ending: str) -> None:
    """Raises CollapseError for an ending that is known."""
    if ending in PYTHON:
        what, code = PYTHON[ending]
        before = shell.TRUST if ending in CODE else REPLACE.get(ending, "")
        if ending == ".sqlite":
            before, query = conversions.query(path)
            code = code.replace("'SELECT COLUMN FROM TABLE'", repr(query))
        hint = before + shell.python(code.replace("PATH", shell.literal(path)))
    elif ending in OTHERWISE:
        what, hint = OTHERWISE[ending]
        script = quoted(R.get(ending, "").replace("PATH", shell.literal(path)))
        hint = hint.replace("PATH", shell.quoted(path)).replace("WRITE", script)
    else:
        return
    raise CollapseError(f"{path} is {what}; it is not read", hint)


def refuse_json(path: Path) -> None:
    """Raises CollapseError for a .json that is none of our answers: embeddings stand in it as a list of objects, perhaps."""
    with suppress(OSError, ValueError, RecursionError):
        reader.refuse_too_large(path, reader.size(path))
        document = json.loads(path.read_text("utf-8"))
        if isinstance(document, dict) and "schema" in document:
            return
        raise CollapseError(
            f"{path} is JSON but not an answer of collapse; embeddings are read from JSON lines (.jsonl)",
            shell.python(
                f"import pandas; pandas.read_json({shell.literal(path)}).to_json('embeddings.jsonl', orient='records', "
                "lines=True, double_precision=15)"
            ),
        )


def _is_torch(path: Path, start: bytes) -> bool:
    """Whether torch.save wrote it, whatever its name: .pth.tar and .pkl among others."""
    if not start.startswith(zips.SIGNATURE):
        return start.startswith(TORCH)
    with suppress(Exception), zipfile.ZipFile(path) as archive:  # a damaged archive may fail in any way
        return any(name.endswith("data.pkl") for name in archive.namelist())
    return False


def _start(path: Path) -> bytes:
    with suppress(OSError, CollapseError):
        reader.size(path)
        with path.open("rb") as file:
            return file.read(32)
    return b""


def _ends_with(path: Path, last: bytes) -> bool:
    with suppress(OSError, CollapseError):
        if reader.size(path) >= len(last):
            with path.open("rb") as file:
                file.seek(-len(last), 2)
                return file.read() == last
    return False
