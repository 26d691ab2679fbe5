"""What a user would write in place of a command, as plain as it comes: python tests/benchmarks/peers.py WORK [ARGUMENT…]

Each function is a whole process in `bench.py`, so that nothing but what it needs is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def shards(folder: str) -> None:
    """float32: normalise, x^T x of each block, summed in float64; its eigenvalues."""
    import numpy
    import torch

    total: Any = 0
    for file in sorted(Path(folder).glob("*.npy")):
        rows = numpy.load(file, mmap_mode="r")
        for start in range(0, len(rows), 50_000):
            block = torch.from_numpy(rows[start : start + 50_000].astype("float32"))
            block = torch.nn.functional.normalize(block, dim=1)
            total = total + (block.T @ block).double()
    print(float(torch.linalg.eigvalsh(total)[-1]))


def array(file: str) -> None:
    """numpy's covariance and its singular values."""
    import numpy
    import torch  # noqa: F401  # whose users these are

    print(float(numpy.linalg.svd(numpy.cov(numpy.load(file), rowvar=False), compute_uv=False)[0]))


def gram(file: str) -> None:
    """Of fewer rows than dimensions: the eigenvalues of the small Gram matrix."""
    import numpy
    import torch

    rows = torch.from_numpy(numpy.load(file)).double()
    rows -= rows.mean(dim=0)
    print(float(torch.linalg.eigvalsh(rows @ rows.T)[-1]))


def nothing() -> None:
    """What every command waits for."""
    import torch  # noqa: F401


def decode(file: str, count: str = "10000") -> None:
    """Import torch, and decode so many images of a parquet on all cores."""
    import io
    import os
    from concurrent.futures import ThreadPoolExecutor

    import numpy
    import torch
    from PIL import Image
    from pyarrow import parquet

    table = parquet.ParquetFile(file)
    column = next(name for name in table.schema_arrow.names if name in ("img", "image"))
    encoded = [cell["bytes"] for cell in table.read(columns=[column])[column][: int(count)].to_pylist()]

    def decoded(content: bytes) -> numpy.ndarray:
        return numpy.asarray(Image.open(io.BytesIO(content)).convert("RGB"))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        print(torch.from_numpy(numpy.stack(list(threads.map(decoded, encoded)))).shape)


WORK: dict[str, Callable[..., None]] = {
    each.__name__: each for each in (shards, array, gram, nothing, decode)
}

if __name__ == "__main__":
    WORK[sys.argv[1]](*sys.argv[2:])
