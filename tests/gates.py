"""Saved answers whose judgement by a gate is known, and the gate's document, for the tests of `collapse check`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from collapse_cli import cli
from collapse_cli.answers import Verdict
from collapse_cli.cli import main
from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured
from tests.documents import answer, entry

Capture = pytest.CaptureFixture[str]
SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())


@dataclass(frozen=True)
class Shape:
    """Shape."""

    samples: int = number("embeddings, N")
    dimensions: int = number("width, D")
    rank: float = number(
        "a rank", null="isotropic", better="high", headline=True, convention="centred", low=0
    )
    spread: float | None = number("a spread", unit="nats", better="low", default=None)
    other: float = number("no direction", default=1.0)
    line: Curve = curve("a curve", x="k", default=Curve((1, 2)))


def plant(
    path: Path, rank: float = 20.0, half: float | None = None, *, samples: int = 900, status: str = "healthy",
    spaces: str = "hz", dimensions: int = 64, spread: float | None = None, **asked: Any,
) -> str:  # fmt: skip
    """A saved answer; h has twice the rank of z and is healthy, a tenth of chance is 6 in both."""
    interval = None if half is None else (rank - half, rank + half)
    shape = {
        space: Shape(
            samples, dimensions, Measured(rank * part, 60.0, interval if space == "z" else None), spread
        )
        for space, part in (("h", 2.0), ("z", 1.0))
    }
    said = {"h": Verdict("healthy", "healthy: h lives"), "z": Verdict(status, f"{status}: z", ("why",))}
    entries = [entry(f"{path.stem} · {s}", shape[s], verdict=said[s]) for s in spaces]
    facts = {"path": f"runs/{path.stem}", "options": {"split": "train"} | asked}
    path.write_text(json.dumps(answer("spectrum", entries, argv=[], version="1", inputs=[facts])))
    return str(path)


def checked(capsys: Capture, *argv: str, code: int = 0) -> dict[str, Any]:
    """The document, held against the schema."""
    assert main(["check", *argv, "--json", "-q"]) == code, capsys.readouterr().err
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return dict(document)


def rows(document: dict[str, Any]) -> dict[str, str]:
    """Results by requirement, or by number for a baseline."""
    return {
        metric["label"]: metric["required"]["result"]
        for one in document["results"] for metric in one["metrics"].values() if "required" in metric
    }  # fmt: skip


def ended(document: dict[str, Any]) -> list[str]:
    return [one["verdict"]["sentence"] for one in document["results"] if one["title"] == "Gate"]
