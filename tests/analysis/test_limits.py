"""What numbers declare that they can be is true of everything that is measured, and a gate relies on it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest

from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.named import domains
from collapse_cli.analysis.subject import Subject
from collapse_cli.metric import Metric, counts, metrics
from collapse_cli.metrics.requirements import Domain

ROWS, WIDTH = 240, 12


def scene(name: str) -> numpy.ndarray:
    """(N,D): what brings numbers to their ends."""
    generator = numpy.random.default_rng(0)
    rows = generator.standard_normal((ROWS, WIDTH))
    return {
        "isotropic": rows,
        "rectified": rows.clip(0) * (numpy.arange(WIDTH) > 2),
        "one direction": rows[:, :1] * numpy.ones(WIDTH) + 1e-3 * rows,
        "two opposite points": numpy.sign(rows[:, :1]) * numpy.ones(WIDTH),
        "one point": numpy.ones((ROWS, WIDTH)),
        "zeros": numpy.zeros((ROWS, WIDTH)),
    }[name]


def numbers(subject: Subject) -> Iterator[tuple[str, Metric]]:
    for row in CATALOGUE.values():
        if row.possible_of(subject):
            for entry in row.measure(subject):
                yield from (
                    (f"{row.name} {name}", m)
                    for name, m in metrics(entry.result).items()
                    if m["kind"] == "number"
                )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", ["isotropic", "rectified", "one direction", "two opposite points", "one point", "zeros"]
)
def test_every_value_lies_within_its_limits(name: str, tmp_path: Path) -> None:
    """Also the ends of its interval, and its null; labels say nothing of the rows, and views are a tenth away."""
    rows, noise = scene(name), numpy.random.default_rng(1).standard_normal((2, ROWS, WIDTH)) / 10
    views = {"first_representations": rows + noise[0], "second_representations": rows + noise[1]}
    numpy.savez(tmp_path / "e.npz", representations=rows, labels=numpy.arange(ROWS) % 4, **views)
    subject, seen = load(tmp_path / "e.npz", Measuring()), 0
    for number, metric in numbers(subject):
        low, high = metric.get("low", -math.inf), metric.get("high", math.inf)
        values = [metric["value"], metric["null"], *(metric["interval"] or ())]
        assert all(low - 1e-9 <= value <= high + 1e-9 for value in values if value is not None), (
            number,
            values,
        )
        seen += math.isfinite(low) or math.isfinite(high)
    assert seen > 60


def test_of_a_run(run: Path) -> None:
    for number, metric in numbers(load(run, Measuring(samples=200))):
        values = [value for value in (metric["value"], metric["null"]) if value is not None]
        assert all(metric.get("low", -math.inf) <= value for value in values), number


def test_of_two_numbers_of_one_name_either_may_be_meant() -> None:
    """The views of each image: of `view_ratio` as many of every image, of `lidar` in the mean."""
    types = {
        row.name: {field.name: field for field in dataclasses.fields(row.result)}
        for row in CATALOGUE.values()
    }
    assert counts(types["view_ratio"]["views"])
    assert not counts(types["lidar"]["views"])
    assert domains()["views"] == Domain(0, math.inf, whole=True)
    assert Domain(0, 1) | Domain(-1, 0.5, whole=True) == Domain(-1, 1, whole=True)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("effective_rank", 0, math.inf), ("active", 0, math.inf), ("knn", 0, 1), ("uniformity", -math.inf, 0),
        ("mean_cosine", -1, 1), ("epps_pulley", -math.inf, math.inf), ("view_ratio", -math.inf, math.inf), ("ari", -math.inf, 1),
    ],
)  # fmt: skip
def test_what_some_can_be(name: str, low: float, high: float) -> None:
    """An unbiased estimate of what is never negative can be: that of a distance to isotropy, or of the variance of images."""
    assert (domains()[name].low, domains()[name].high) == (low, high)
