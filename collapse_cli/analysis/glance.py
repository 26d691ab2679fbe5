"""What `inspect` says of a run of ours and of a .npy without torch, which takes seconds to load; `inspection` says the rest."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collapse_cli.runs import metadata, reader
from collapse_cli.runs.outline import Shape, is_of_format, is_whole, outline
from collapse_cli.runs.record import Record
from collapse_cli.runs.zips import checksums

TABLE = Path(__file__).with_name("catalogue.py")  # its rows are read here, for its results need torch
FLOATS = ("float16", "float32", "float64")
ASIDE = ("running_mean", "running_var", "num_batches_tracked")
Facts = dict[str, Any]


def facts(path: Path) -> Facts | None:
    """What `inspection.facts` says of this path; None for what takes torch to tell, or cannot be read."""
    try:
        if path.suffix == ".npy" and path.is_file():
            return _of_rows(path)
        if path.is_file() and path.suffix == ".pt":
            about = _of_checkpoint(path)
            return about and {**_identity(path, path, "collapse checkpoint"), **about}
        if (path / "checkpoint.pt").is_file():
            return _of_run(Record(path))
    except Exception:  # a damaged file may trip its reader over anything; `inspection` says over what
        return None
    return None


def measurable(labels: bool, views: bool, network: bool) -> Facts:
    """As `inspection.measurable` has it, read from the text of the catalogue."""
    has = {
        "": True,
        "labels": labels,
        "views": views,
        "views or labels": views or labels,
        "network": network,
        "reference": True,
    }
    possible = {name: command for name, needs, command in rows() if has[needs]}
    before = ["diagnose", *(["causes"] if network else []), "check"]
    with_command = [name for name, command in possible.items() if command]
    others = [name for name, command in possible.items() if not command]
    measure_with = [*before, *with_command, *(["embed"] if network else [])]
    return {"measure_with": measure_with, **({"also_measured": others} if others else {})}


def rows() -> list[tuple[str, str, bool]]:
    """Name, need and whether it is a command of its own, of each row of the catalogue, in order."""
    table = next(
        node.value for node in ast.walk(ast.parse(TABLE.read_text("utf-8")))
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "CATALOGUE"
    )  # fmt: skip
    calls = [
        node for node in ast.walk(table or ast.Constant(None))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Measurement"
    ]  # fmt: skip
    return [_row(call) for call in sorted(calls, key=lambda call: call.lineno)]


def _row(call: ast.Call) -> tuple[str, str, bool]:
    named = {word.arg: word.value for word in call.keywords}
    needs = call.args[3] if len(call.args) > 3 else named.get("needs", ast.Constant(""))
    values = (call.args[0], needs, named.get("command", ast.Constant(False)))
    name, need, command = (ast.literal_eval(value) for value in values)
    return name, need or "", command


def _identity(path: Path, file: Path, layout: str) -> Facts:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"path": str(path), "sha256": digest, "checksums": checksums(file), "layout": layout}


def _of_rows(path: Path) -> Facts | None:
    """Of rows (N,D) of fractions, whose first, middle and last row tell that they are no codes."""
    values = reader.mapped(path)
    if values.ndim != 2 or values.dtype.name not in FLOATS or 0 in values.shape:
        return None
    some = values[[0, len(values) // 2, -1]]
    if not (some != some.round()).any(axis=1).all():
        return None
    return {
        **_identity(path, path, "embeddings"),
        "h": list(values.shape),
        "dtype": values.dtype.name,
        "labels": "no",
        "classes": None,
        "of": path.absolute().name,
        "assumed": [],
        **measurable(labels=False, views=False, network=False),
    }


def _of_checkpoint(file: Path) -> Facts | None:
    """Of a checkpoint that says what is in it; those of earlier versions do not."""
    content = outline(file)
    if content is None or not is_of_format(content) or not is_whole(file):
        return None
    about = metadata.read(content["metadata"])
    settings, parts = metadata.run(about), about["parts"]
    if not isinstance(parts["projector"], str) or not isinstance(parts["queue"], list | None):
        return None
    return {
        "method": settings.method,
        "trained_on": settings.training.dataset,
        "architecture": settings.model.encoder,
        **{name: about[name] for name in ("epoch", "step", "steps") if name in about},
        "parameters": _parameters(content["method"]),
        **parts,
        "images": about["shape"],
        **measurable(labels=True, views=True, network=True),
    }


def _parameters(weights: Mapping[str, Shape]) -> int:
    """Numbers of the encoder that were learnt."""
    encoder = {name: shape for name, shape in weights.items() if name.startswith("encoder.")}
    return sum(shape.numbers for name, shape in encoder.items() if not name.endswith(ASIDE))


def _of_run(record: Record) -> Facts | None:
    run, about = record.settings(), _of_checkpoint(record.checkpoint)
    return about and {
        **_identity(record.folder, record.checkpoint, "run folder"),
        **about,
        "measure_with": [*about["measure_with"], "report"],
        "epochs_wanted": run.training.epochs,
        "status": record.stage(0, 0).status,
        "warned": record.warned(),
        "results": [document["command"] for document in record.results()],
    }
