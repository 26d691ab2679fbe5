"""One answer for embeddings that Ray Data reads, one state for each batch: python ray_states.py SHARDS STATES"""

import hashlib
import sys
from pathlib import Path

import ray

import collapse_cli as collapse


def measured(batch, states):
    rows = batch[
        "data"
    ]  # (n, D), as `ray.data.read_numpy` calls it; of parquet numpy.stack(batch["embedding"])
    path = f"{states}/{hashlib.sha256(rows.tobytes()).hexdigest()[:16]}.npz"  # a task that is repeated writes it again
    collapse.spectrum(rows, save_state=path)
    return {"state": [path]}


if __name__ == "__main__":
    shards, states = (Path(each).absolute() for each in sys.argv[1:])
    states.mkdir(exist_ok=True)
    rows = ray.data.read_numpy([str(file) for file in sorted(shards.glob("*.npy"))])
    done = rows.map_batches(measured, batch_size=100_000, fn_kwargs={"states": str(states)}).take_all()
    print(collapse.merge([row["state"] for row in done], save_state=states.with_suffix(".npz")))
