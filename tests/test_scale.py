"""examples/scale: what each engine's script prints is the answer of the whole. Those whose engine is installed run."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy
import pytest

import collapse_cli as collapse

SCALE = Path(__file__).parent.parent / "examples" / "scale"
COUNT, D = 3000, 12


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """3000 rows in three files of .npy, and in a parquet of three groups beside them."""
    rows = numpy.random.default_rng(0).standard_normal((COUNT, D)).astype("float32")
    (tmp_path / "shards").mkdir()
    for number, part in enumerate(numpy.split(rows, [500, 1800])):
        numpy.save(tmp_path / "shards" / f"s-{number}.npy", part)
    if find_spec("pyarrow"):
        from pyarrow import FixedSizeListArray, array, parquet, table

        lists = FixedSizeListArray.from_arrays(array(rows.ravel()), D)
        parquet.write_table(table({"embedding": lists}), tmp_path / "rows.parquet", row_group_size=1000)
    return tmp_path / "shards"


@pytest.mark.libraries
@pytest.mark.parametrize(
    ("script", "engine", "data"),
    [("dask_states", "dask", "shards"), ("ray_states", "ray", "shards"), ("spark_states", "pyspark", "rows.parquet")],
)  # fmt: skip
def test_an_engine_gives_the_answer_of_the_whole(script: str, engine: str, data: str, shards: Path) -> None:
    if not find_spec(engine):
        pytest.skip(f"{engine} is not installed")
    argv = [
        sys.executable,
        str(SCALE / f"{script}.py"),
        str(shards.parent / data),
        str(shards.parent / "states"),
    ]
    path = f"{SCALE.parents[1]}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = os.environ | {"PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=500)
    assert ended.returncode == 0, ended.stderr
    assert f"{COUNT:,} embeddings of {D} dimensions" in ended.stdout
    whole = collapse.spectrum(numpy.concatenate([numpy.load(file) for file in sorted(shards.iterdir())]))
    merged = collapse.spectrum(shards.parent / "states.npz")
    assert float(merged.effective_rank) == pytest.approx(float(whole.effective_rank), rel=1e-9)


def test_the_scripts_are_python(shards: Path) -> None:
    """What runs only where an engine is installed can at least be read."""
    scripts = sorted(SCALE.glob("*.py"))
    assert len(scripts) == 3
    for script in scripts:
        compile(script.read_text(), str(script), "exec")
