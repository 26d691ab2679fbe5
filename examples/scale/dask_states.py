"""One answer for an array of embeddings that Dask holds in blocks, one state for each: python dask_states.py SHARDS STATES"""

import sys
from pathlib import Path

import dask
import dask.array
import numpy

import collapse_cli as collapse


@dask.delayed
def measured(rows, path):
    collapse.spectrum(rows, save_state=path)
    return path


if __name__ == "__main__":
    shards, states = map(Path, sys.argv[1:])
    states.mkdir(exist_ok=True)
    files = [numpy.load(file, mmap_mode="r") for file in sorted(shards.glob("*.npy"))]
    rows = dask.array.concatenate([dask.array.from_array(each, chunks=(100_000, -1)) for each in files])
    blocks = rows.to_delayed().ravel()  # a cluster's workers compute them, with a path that all of them see
    paths = dask.compute(*(measured(block, states / f"{k}.npz") for k, block in enumerate(blocks)))
    print(collapse.merge(paths, save_state=states.with_suffix(".npz")))
