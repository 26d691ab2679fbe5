"""Extreme arrays: what embeddings may hold and no one draws in a test."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy
import torch

N, D = 60, 6
SCALES = (
    -500,
    -300,
    -160,
    -60,
    60,
    160,
    300,
    500,
)  # powers of two: the scaled rows have the very same directions


def drawn(seed: int = 0, rows: int = N, width: int = D) -> numpy.ndarray:
    return numpy.random.default_rng(seed).standard_normal((rows, width))


def two_classes(spread: float = 0.0) -> numpy.ndarray:
    """Rows of two classes, identical within each."""
    return drawn(1, 2)[numpy.arange(N) % 2] + spread * drawn()


def with_value(value: float, place: tuple[int, int] = (3, 2)) -> numpy.ndarray:
    rows = drawn()
    rows[place] = value
    return rows


@functools.cache
def odd_arrays() -> dict[str, numpy.ndarray]:
    """Embeddings by what is extreme in them."""
    with numpy.errstate(all="ignore"):
        return extremes()


def extremes() -> dict[str, numpy.ndarray]:
    half = numpy.float16
    return {
        **{f"2^{power}": drawn() * 2.0**power for power in SCALES},
        **{f"1e{power}": drawn() * 10.0**power for power in (-310, -300, -160, 160, 300, 308)},
        **{
            f"float32 1e{power}": (drawn() * 10.0**power).astype("f4")
            for power in (-44, -38, -30, 19, 30, 38)
        },
        **{
            f"one {value}": with_value(value)
            for value in (numpy.nan, numpy.inf, -numpy.inf, 1e300, 1e-300, 1e160)
        },
        **{
            f"{rows} x {width}": drawn(0, rows, width)
            for rows, width in ((1, 6), (2, 6), (3, 6), (60, 1), (60, 2), (1, 1), (2, 1), (4, 100))
        },
        **{
            f"all {value}": numpy.full((N, D), value)
            for value in (0.0, 1.0, -1e-320, 1e308, numpy.nan, numpy.inf)
        },
        "constant but 1": numpy.where(numpy.arange(N)[:, None] == 7, 2.0, 1.0) * numpy.ones((N, D)),
        "zero but 1": numpy.where(numpy.arange(N)[:, None] == 7, 1.0, 0.0) * numpy.ones((N, D)),
        "two classes": two_classes(),
        "two classes 1e160": two_classes() * 1e160,
        "two classes 1e-160": two_classes() * 1e-160,
        "two classes, nearly": two_classes(1e-16),
        "identical": numpy.repeat(drawn(0, 1), N, 0),
        "identical, nearly": numpy.repeat(drawn(0, 1), N, 0) * (1 + 1e-15 * drawn()),
        "a line": numpy.outer(numpy.linspace(-1, 1, N), numpy.ones(D)),
        "opposite": numpy.outer(numpy.where(numpy.arange(N) % 2, 1.0, -1.0), numpy.ones(D)),
        "columns of many scales": drawn() * 10.0 ** numpy.linspace(-150, 150, D),
        "rows of many scales": drawn() * 10.0 ** numpy.linspace(-150, 150, N)[:, None],
        "rows 1e±300": drawn() * 10.0 ** numpy.where(numpy.arange(N) % 2, 300.0, -300.0)[:, None],
        "far from 0": drawn() + 1e15,
        "half": drawn().astype(half),
        "half, overflowing": (drawn() * 3e4).astype(half),
        "half, tiny": (drawn() * 1e-7).astype(half),
        "int8": (drawn() * 40).astype("i1"),
        "uint8": (drawn() * 40 + 128).astype("u1"),
        "int64, huge": (drawn() * 2.0**61).astype("i8"),
        "uint64, huge": (numpy.abs(drawn()) * 2.0**61).astype("u8"),
        "bool": drawn() > 0,
        "complex": drawn() + 1j * drawn(1),
        "big endian": drawn().astype(">f8"),
        "fortran order": numpy.asfortranarray(drawn()),
        "no rows": numpy.zeros((0, D)),
        "no columns": numpy.zeros((N, 0)),
        "three axes": drawn().reshape(N, 3, 2),
        "one axis": drawn().ravel(),
        "a number": numpy.float64(3),
        "text": numpy.array(["a", "b"]),
        "dates": numpy.arange(N * D).reshape(N, D).astype("M8[s]"),
        "structured": numpy.zeros(N, [("a", "f4"), ("b", "f4")]),
        "objects": numpy.array([[1, "a"], [None, 2]], dtype=object),
        "long double": drawn().astype(numpy.longdouble),
    }


@functools.cache
def tensors() -> dict[str, object]:
    """What torch saves and numpy has no word for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # quantised, nested and sparse tensors are said to be old or new
        return odd_tensors()


def odd_tensors() -> dict[str, object]:
    rows = torch.from_numpy(drawn()).float()
    coded = torch.quantize_per_tensor(rows, 0.1, 0, torch.qint8)
    return {
        "bfloat16": rows.bfloat16(),
        "float8": rows.to(torch.float8_e4m3fn),
        "sparse": rows.relu().to_sparse(),
        "sparse CSR": rows.relu().to_sparse_csr(),
        "quantised": coded,
        "meta": torch.empty(N, D, device="meta"),
        "expanded": torch.zeros(1, 1).expand(200_000_000, 64),
        "transposed": torch.from_numpy(drawn(0, D, N)).float().T,
        "conjugate": torch.complex(rows, rows).conj(),
        "negative view": torch.complex(rows, rows).imag,
        "parameter": torch.nn.Parameter(rows),
        "requires grad": rows.clone().requires_grad_(),
        "nested": torch.nested.nested_tensor([rows[:3], rows[:4]]),
        "scalar": torch.tensor(1.0),
        "list of rows": list(rows),
        "list of numbers": rows.tolist(),
        "dict of dicts": {"a": {"b": {"c": rows}}},
        "two of one size": {"first": rows, "second": rows + 1},
        "dict by numbers": {0: rows, 1: rows},
        "nothing": None,
        "empty dict": {},
        "a cycle": cycle(rows),
    }


def cycle(rows: torch.Tensor) -> dict[str, object]:
    """A dict that contains itself."""
    made: dict[str, object] = {"rows": rows}
    made["self"] = made
    return made


def labellings() -> dict[str, numpy.ndarray]:
    """Labels by what is extreme in them."""
    return {
        "three": numpy.arange(N) % 3,
        "two": numpy.arange(N) % 2,
        "one class": numpy.zeros(N, "i8"),
        "all distinct": numpy.arange(N),
        "one alone": (numpy.arange(N) == 7).astype("i8"),
        "huge": (numpy.arange(N) % 3) * 2**61,
        "negative": numpy.arange(N) % 3 - 1,
        "fractions": (numpy.arange(N) % 3) + 0.5,
        "whole fractions": (numpy.arange(N) % 3).astype("f8"),
        "nan": numpy.where(numpy.arange(N) == 5, numpy.nan, numpy.arange(N) % 3),
        "1e300": (numpy.arange(N) % 3) * 1e300,
        "uint64": (numpy.arange(N) % 3).astype("u8") + 2**63,
        "bool": numpy.arange(N) % 2 == 0,
        "text": numpy.array(["a", "b", "\x1b[31m"])[numpy.arange(N) % 3],
        "bytes": numpy.array([b"a", b"\xff"])[numpy.arange(N) % 2],
        "empty text": numpy.array(["", "b"])[numpy.arange(N) % 2],
        "too few": numpy.arange(N - 1) % 3,
        "one-hot": numpy.eye(3)[numpy.arange(N) % 3],
        "complex": (numpy.arange(N) % 3) + 0j,
        "dates": (numpy.arange(N) % 3).astype("M8[D]"),
    }


MEASURES = ("spectrum", "diagnose", "check", "alignment", "lidar")
WITH_LABELS = ("probe", "classes", "clusters", "oracle")
MORE = (
    "spectrum {} --centre",
    "spectrum {} --second f.npy",
    "spectrum {} --groups l.npy",
    "lidar {} --views-of l.npy",
    "coverage {} f.npy",
    "compare {} f.npy",
    "alignment {} f.npy --pair",
    "spectrum {} --unpack scale",
    "spectrum {} --unpack bits",
    "diagnose {} --labels l.npy",
    "coverage {} f.npy --width 1",
)
LINES = (
    *(f"{name} {{}}" for name in MEASURES),
    *(f"{name} {{}} --labels l.npy" for name in WITH_LABELS),
    *MORE,
)


def write(folder: Path, kind: str, labelling: str = "three") -> str:
    """The embeddings e, other ones f, and labels l; the name of the first file."""
    folder.mkdir(parents=True)
    numpy.save(folder / "f.npy", drawn(9))
    numpy.save(folder / "l.npy", labellings()[labelling])
    if kind in (made := odd_arrays()):
        numpy.save(folder / "e.npy", made[kind], allow_pickle=True)
        return "e.npy"
    torch.save(tensors()[kind], folder / "e.pt")
    return "e.pt"


def combinations() -> Iterator[tuple[str, str, str]]:
    """(embeddings, labels, command line): every array by every command, every labelling by those that read one."""
    for kind in (*odd_arrays(), *tensors()):
        for line in LINES:
            yield kind, "three", line
    for labelling in labellings():
        for line in LINES:
            if "l.npy" in line:
                yield "1e-160", labelling, line
                yield "two classes", labelling, line
                yield "half", labelling, line
