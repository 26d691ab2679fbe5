"""What stands in for the classes that a pickle of torch.save may name beside tensors: none of them runs code of the file.

Each takes what the pickle hands over, holds it against what is really there, and gives a plain value. A pickle that calls
one of them with a shape of its own choice gets an empty array: nothing is allocated before its bytes have been read.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy

from collapse_cli.runs.inert import Inert
from collapse_cli.runs.unpickled import Unfit

CODE = re.compile(r"[biufc]\d{1,2}|[SU]\d{1,9}|O8?")
"""Kinds and sizes of numbers and words; no structures, and nothing of another package."""


class Kind:
    """numpy.dtype: a letter and a size, then the byte order."""

    def __init__(self, code: str, *_: Any) -> None:
        if not isinstance(code, str) or not CODE.fullmatch(code):
            raise Unfit(f"it contains numbers of the unknown kind {code!r}")
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "="

    @property
    def dtype(self) -> numpy.dtype:
        return numpy.dtype(self.order + self.code)


class Array(numpy.ndarray):
    """numpy.ndarray: empty until its bytes are there, and then as large as these are."""

    def __new__(cls, *_: Any) -> Array:
        return super().__new__(cls, (0,), "b")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, content = state
        if isinstance(kind, Inert):  # of dates, of structures
            raise Unfit("numpy.ndarray")
        there = len(content) if kind.dtype.hasobject else len(content) // (kind.dtype.itemsize or 1)
        if math.prod(shape) != there:
            raise ValueError(f"an array of shape {shape} comes with {there:,} values")
        super().__setstate__((1, shape, kind.dtype, by_columns, content))


def empty(*_: Any) -> Array:
    """numpy's _reconstruct, whatever shape it is asked for."""
    return Array()


def buffered(content: bytes, kind: Kind, shape: tuple[int, ...], order: str) -> Array:
    """numpy's _frombuffer, which protocol 5 names."""
    array = Array()
    array.__setstate__((1, shape, kind, order == "F", bytes(content)))
    return array


def scalar(kind: Kind, content: bytes = b"") -> Any:
    """One number or word, as Python's own."""
    if isinstance(kind, Inert):
        raise Unfit("numpy.generic")
    return numpy.frombuffer(content, kind.dtype, 1)[0].item()


def path(*parts: str) -> str:
    """A pathlib.Path, as text."""
    return str(PurePosixPath(*parts))


def mapping(*_: Any) -> dict[Any, Any]:
    """A collections.defaultdict, without what it makes of names that are not there."""
    return {}


def nothing(*_: Any) -> None:
    """What a defaultdict would fill its gaps with."""


def no_bytes(*_: Any) -> bytes:
    """bytes(), as an empty array has them."""
    return b""


def allowed() -> list[tuple[Callable[..., Any], str]]:
    """The stand-ins, each with the name that it answers to, as torch.serialization.safe_globals takes them."""
    cores = ("numpy.core.multiarray", "numpy._core.multiarray")
    paths = [f"{module}.{name}Path" for module in ("pathlib", "pathlib._local")
             for name in ("", "Posix", "Windows", "Pure", "PurePosix", "PureWindows")]  # fmt: skip
    return [
        (argparse.Namespace, "argparse.Namespace"),
        (Kind, "numpy.dtype"),
        *((Array, f"numpy.{name}") for name in ("ndarray", "memmap")),
        *((empty, f"{core}._reconstruct") for core in cores),
        *((scalar, f"{core}.scalar") for core in cores),
        *((buffered, f"{core}._frombuffer") for core in ("numpy.core.numeric", "numpy._core.numeric")),
        *((path, name) for name in paths),
        (no_bytes, "builtins.bytes"),
        (mapping, "collections.defaultdict"),
        *((nothing, f"builtins.{name}") for name in ("list", "dict", "int", "float", "str")),
    ]
