"""Every measurement of the catalogue on rows at the ends of what numbers can be: a number that is right, or one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.cli import main

Capture = pytest.CaptureFixture[str]
N, D = 60, 5
DRAWN = numpy.random.default_rng(0).standard_normal((N, D))
LABELS = numpy.arange(N) % 3
BLOBS = DRAWN + 3 * numpy.eye(D)[LABELS]
POINTS = numpy.repeat(DRAWN[:2], N // 2, 0)  # two classes, each one point
OUT = BLOBS * numpy.where(numpy.arange(N) == 7, 1e300, 1)[:, None]
COMMANDS = {
    "spectrum": "spectrum ROWS",
    "diagnose": "diagnose ROWS",
    "alignment": "alignment ROWS --labels LABELS --second VIEW",
    "pairs": "alignment ROWS VIEW --pair",
    "oracle": "oracle ROWS --labels LABELS",
    "probe": "probe ROWS --labels LABELS",
    "clusters": "clusters ROWS --labels LABELS",
    "classes": "classes ROWS --labels LABELS",
    "lidar": "lidar ROWS --second VIEW",
    "coverage": "coverage ROWS VIEW",
    "check": "check ROWS --labels LABELS --second VIEW "
    + " ".join(
        f"--require {r}"
        for r in ("effective_rank>1", "dormant_0<=1", "epps_pulley<9", "view_ratio>0", "anti_hubs<=1")
    ),
}
EXTREMES: dict[str, tuple[Any, Any]] = {
    "1e300": (BLOBS * 1e300, LABELS),
    "1e160": (BLOBS * 1e160, LABELS),
    "1e-160": (BLOBS * 1e-160, LABELS),
    "1e-310": (BLOBS * 1e-310, LABELS),
    "smallest": (numpy.sign(BLOBS) * 5e-324, LABELS),
    "largest": (numpy.sign(BLOBS) * numpy.finfo(float).max, LABELS),
    "float32": (numpy.sign(BLOBS).astype("f4") * numpy.finfo("f4").max, LABELS),
    "float16": (numpy.sign(BLOBS).astype("f2") * 65504, LABELS),
    "int64": (numpy.where(BLOBS > 0, 2**63 - 1, -(2**63)), LABELS),
    "columns": (BLOBS * numpy.array([1e-200, 1e200, 1, 0, 1]), LABELS),
    "outlier": (OUT, LABELS),
    "one point": (numpy.full((N, D), 1e-310), LABELS),
    "zeros": (numpy.zeros((N, D)), LABELS),
    "points": (POINTS, numpy.repeat([0, 1], N // 2)),
    "points 1e160": (POINTS * 1e160, numpy.repeat([0, 1], N // 2)),
    "points 1e-160": (POINTS * 1e-160, numpy.repeat([0, 1], N // 2)),
    "one row": (BLOBS[:1], LABELS[:1]),
    "two rows": (BLOBS[:2] * 1e200, LABELS[:2]),
    "a column": (BLOBS[:, :1] * 1e200, LABELS),
    "wide": (numpy.random.default_rng(1).standard_normal((8, 40)) * 1e200, numpy.arange(8) % 2),
    "one class": (BLOBS, numpy.zeros(N, int)),
    "a class each": (BLOBS, numpy.arange(N)),
    "infinite": (numpy.where(BLOBS > 4, numpy.inf, BLOBS), LABELS),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(rows: Any, labels: Any) -> None:
    numpy.save("ROWS.npy", rows)
    with numpy.errstate(over="ignore", invalid="ignore"):
        view = rows * (1 - numpy.arange(len(rows)) % 2 / 8)[:, None]
    numpy.save("VIEW.npy", rows if rows.dtype.kind == "i" else view.astype(rows.dtype))
    numpy.save("LABELS.npy", labels)


def ended(line: str, capsys: Capture) -> tuple[int, Any, str]:
    words = [f"{word}.npy" if word in ("ROWS", "VIEW", "LABELS") else word for word in line.split()]
    code = main([*words, "--json"])
    shown, told = capsys.readouterr()
    return code, json.loads(shown, parse_constant=refuse) if shown else None, told


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_every_measurement_is_here() -> None:
    measured = {line.split()[0] for line in COMMANDS.values()} | {
        "hubness",
        "isotropy",
        "dormant",
        "view_ratio",
    }  # in `check`
    assert measured >= set(CATALOGUE) - {"weights", "layers"}


@pytest.mark.parametrize("extreme", EXTREMES)
def test_a_number_or_a_sentence(extreme: str, place: Path, capsys: Capture) -> None:
    save(*EXTREMES[extreme])
    for name, line in COMMANDS.items():
        code, document, told = ended(line, capsys)
        assert code in (0, 1, 2, 3), (name, code, told)
        assert "Traceback" not in told
        assert document is not None or (code in (2, 3) and "collapse: " in told), (name, told)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("power", [-1000, -300, 300, 1000])
def test_a_power_of_two_changes_no_answer(name: str, power: int, place: Path, capsys: Capture) -> None:
    """Statuses, numbers, intervals and nulls, but for the variances that have the unit of the rows."""
    answers = []
    for k in (0, power):
        rows = (BLOBS * 2**20).round() / 2**20
        save(numpy.ldexp(rows, k), LABELS)
        _, document, _ = ended(COMMANDS[name], capsys)
        results = [
            {
                "metrics": {n: m for n, m in each["metrics"].items() if n not in ("within", "between", "delta")},
                "verdict": each["verdict"], "answer": each["answer"],
            }
            for each in document["results"]
        ]  # fmt: skip
        answers.append(results)
    assert answers[1] == answers[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_power_of_ten_changes_no_number(name: str, place: Path, capsys: Capture) -> None:
    """Last places change, at 1e-310 of those that are left; what has no unit is the same to 1e-12."""
    answers = []
    for scale in (1.0, 1e-310, 1e-160, 1e300):
        save(BLOBS * scale, LABELS)
        _, document, _ = ended(COMMANDS[name], capsys)
        told = [{key: each[key] for key in ("metrics", "verdict")} for each in document["results"]]
        answers.append(dict(flat(told)))
    for there in answers[1:]:
        assert there == {key: close(value) for key, value in answers[0].items()}


def close(value: Any) -> Any:
    return pytest.approx(value, rel=1e-12, abs=1e-12) if isinstance(value, float) else value


def flat(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf by its path, but what has the unit of the rows."""
    if isinstance(part, dict | list):
        for key, below in part.items() if isinstance(part, dict) else enumerate(part):
            if key not in ("within", "between", "delta"):
                yield from flat(below, f"{path}/{key}")
    else:
        yield path, part


def test_centring_at_the_ends(place: Path, capsys: Capture) -> None:
    for size, fault in ((1e-310, "so small that float64 cannot subtract"), (1e300, "")):
        save(BLOBS * size, LABELS)
        code, _, told = ended("diagnose ROWS --centre", capsys)
        assert (code == 2, fault in told) == (bool(fault), True)
