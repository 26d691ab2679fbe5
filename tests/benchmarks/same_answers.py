"""Do two checkouts give the same answers? Every command's `--json`, recorded in each and compared, value by value.

    python tests/benchmarks/same_answers.py record FOLDER            # the answers of the collapse_cli that is imported
    python tests/benchmarks/same_answers.py compare BEFORE AFTER     # the differences of two recordings
    python tests/benchmarks/same_answers.py values BEFORE AFTER      # of their numbers alone, by today's names

Record one checkout with `PYTHONPATH=CHECKOUT`, so that the package is imported from there. Both recordings take some three
minutes on one core, and need no data but what they make.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image

PASSING = ("seconds", "images_per_second")  # of a clock
COMMANDS = {
    "spectrum": "spectrum runs/moco-0 --seed 3",
    "spectrum-rows": "spectrum rows.npy runs/positive",
    "spectrum-foreign": "spectrum theirs.pt --dataset folder:images --size 32 --seed 1",
    "diagnose": "diagnose runs/moco-0 runs/positive",
    "diagnose-rows": "diagnose rows.npy --seed 2",
    "diagnose-foreign": "diagnose theirs.pt --dataset folder:images --size 32",
    "alignment": "alignment runs/moco-0 rows.npy",
    "alignment-pair": "alignment rows.npy others.npy --pair",
    "alignment-npz": "alignment moco.npz",
    "oracle": "oracle runs/moco-0 runs/positive --queue 200",
    "oracle-queue": "oracle runs/moco-0",
    "oracle-labels": "oracle --dataset cifar10 --queue 65536",
    "oracle-csv": "oracle table.csv --queue 50",
    "probe": "probe runs/moco-0 pixels:digits --replications 2",
    "clusters": "clusters runs/moco-0 runs/clusters",
    "classes": "classes runs/moco-0 runs/supervised",
    "lidar": "lidar runs/moco-0 --views 4 --images 200",
    "lidar-npz": "lidar moco.npz",
    "coverage": "coverage rows.npy others.npy",
    "weights": "weights runs/kept",
    "layers": "layers runs/moco-0 --images 400",
    "weights-foreign": "weights theirs.pt --seed 4",
    "causes": "causes runs/positive runs/moco-0",
    "causes-linear": "causes runs/kept --try 1",
    "compare": "compare runs/moco-0 runs/moco-1 runs/positive",
    "compare-rows": "compare rows.npy others.npy spectrum.json",
    "check": "check runs/moco-0 --require effective_rank.h>=2 --require active.h>=10%_of_null --baseline runs/moco-1",
    "check-rows": "check rows.npy spectrum.json --require effective_rank>=3",
    "calibration": "calibration --dimensions 8",
    "claims": "claims positive-only --seeds 1 --jobs 1",
    "gan": "gan --cure none,r1 --seeds 2 --steps 60 --frames 3",
    "gan-map": "gan --sweep --seeds 1 --steps 10",
    "codes": "codes codes.npy --size 40 --tokens",
    "linear": "linear --seeds 1 --steps 200",
    "linear-phases": "linear --layers 1,2 --noise 0,1 --seeds 1 --steps 100",
    "inspect-run": "inspect runs/moco-0",
    "inspect-rows": "inspect moco.npz",
    "inspect-foreign": "inspect theirs.pt",
    "methods": "methods",
    "datasets": "datasets",
    "demo": "demo --quick --out demo",
    "report": "report runs/moco-0",
    "watch": "watch runs/moco-0",
}


def record(folder: Path) -> None:
    """Make the inputs in `folder`, and write what each command answers to folder/answers."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True)
    os.chdir(folder)
    (answers := Path("answers")).mkdir()
    _inputs()
    for name, line in COMMANDS.items():
        words = [word.replace("_of_null", " of null") for word in line.split()]
        began = time.perf_counter()
        code, text = _answer(words + ([] if words[0] == "report" else ["--json"]))
        (answers / f"{name}.json").write_text(text or "null")
        print(f"{name}: {code}, {time.perf_counter() - began:.1f} s", file=sys.stderr)
        if name == "spectrum-rows":
            _answer(["spectrum", "rows.npy", "--json"], Path("spectrum.json"))
    for kept in sorted(Path("runs/moco-0/results").glob("*.json")):
        (answers / f"kept-{kept.name}").write_text(kept.read_text())


def _answer(words: list[str], into: Path | None = None) -> tuple[int, str]:
    from collapse_cli.cli import main

    said = io.StringIO()
    sys.argv = ["collapse", *words]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        code = main(words)
    if into:
        into.write_text(said.getvalue())
    return code, said.getvalue()


def _inputs() -> None:
    """Runs, rows, a table, images and a checkpoint of another library's layout."""
    train = "train {} --epochs 2 --seed {} --out runs/{} -q"
    for line in (
        train.format("moco", 0, "moco-0"),
        train.format("moco", 1, "moco-1"),
        train.format("positive-only", 0, "positive"),
        train.format("supervised", 0, "supervised"),
        train.format("contrastive-clustering", 0, "clusters"),
        train.format("moco --head-layers 3 --head-activation none --keep-every 1", 0, "kept"),
        "embed runs/moco-0 --split test --out moco.npz",
    ):
        assert _answer(line.split())[0] == 0, line
    generator = numpy.random.default_rng(0)
    rows = generator.standard_normal((300, 16)) @ generator.standard_normal((16, 16))
    numpy.save("rows.npy", rows)
    numpy.save("others.npy", rows + generator.standard_normal(rows.shape))
    numpy.save("codes.npy", (rows * 3).astype("int64") % 40)
    named = numpy.arange(300) % 5
    lines = [
        ",".join([*(f"{v:.6f}" for v in row), f"c{label}"]) for row, label in zip(rows, named, strict=True)
    ]
    Path("table.csv").write_text("\n".join([",".join([*map(str, range(16)), "label"]), *lines]) + "\n")
    for number in range(40):
        (home := Path("images") / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (32, 32, 3), "uint8")
        Image.fromarray(pixels).save(home / f"{number}.png")
    from torchvision.models import resnet18

    torch.manual_seed(0)
    state = {
        f"module.encoder_q.{name}": weight for name, weight in resnet18(num_classes=16).state_dict().items()
    }
    torch.save({"state_dict": state, "epoch": 7}, "theirs.pt")


def compare(before: Path, after: Path, values: bool = False) -> int:
    """Print every value that differs; 1 where there is one. values: numbers that both have, schema 1 read as today's."""
    files = sorted({path.name for folder in (before, after) for path in (folder / "answers").iterdir()})
    differ = 0
    for name in files:
        first, second = (json.loads(_text(folder / "answers" / name)) for folder in (before, after))
        if values:
            first, second = (_numbers(document) for document in (first, second))
        for line in _differences(first, second, name.removesuffix(".json")):
            differ += 1
            print(line)
    print(f"{len(files)} answers, {differ} differences", file=sys.stderr)
    return int(differ > 0)


def _numbers(document: Any) -> Any:
    """The metrics and statuses of a document, without its words."""
    from collapse_cli.runs.schema_1 import upgraded

    if not isinstance(document, dict) or "results" not in document or "schema" not in document:
        return None
    return [
        {"metrics": _plain(result["metrics"]), "status": (result["verdict"] or {}).get("status")}
        for result in upgraded(document)["results"]
    ]


def _plain(part: Any) -> Any:
    """Numbers and lists of them; names of metrics with their space are brought to today's."""
    from collapse_cli.runs.schema_1 import METRICS

    if isinstance(part, dict):
        names = {name: ".".join(METRICS.get(word, word) for word in name.split(".")) for name in part}
        names |= {name: "initial" for name in part if name == "before"}
        return {names[name]: _plain(value) for name, value in part.items() if not isinstance(value, str)}
    return part


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else "null"


def _differences(one: Any, other: Any, at: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            if key not in PASSING:
                yield from _differences(one.get(key, "(none)"), other.get(key, "(none)"), f"{at}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differences(left, right, f"{at}[{place}]")
    elif one != other:
        yield f"{at}: {str(one)[:100]} -> {str(other)[:100]}"


if __name__ == "__main__":
    if sys.argv[1] == "record":
        record(Path(sys.argv[2]).absolute())
    else:
        sys.exit(compare(Path(sys.argv[2]), Path(sys.argv[3]), values=sys.argv[1] == "values"))
