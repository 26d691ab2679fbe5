"""Every measurement, one row each: its name, the type of its result, what it needs, its function. All else reads this table.

A new metric is `metrics/x.py` (functions and the result's dataclass), and a row here: `check`, `compare`, `report`, `inspect`
and every view have it from then on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Generator, Tensor

from collapse_cli.analysis import (
    alignment,
    causes,
    classes,
    clusters,
    coverage,
    diagnose,
    dormant,
    grouping,
    isotropy,
    lidar,
    oracle,
    probe,
    spectrum,
    view_ratio,
    weights,
)
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError, concerning, nearest
from collapse_cli.metrics.alignment import Alignment
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.classes import Classes
from collapse_cli.metrics.clusters import Clusters
from collapse_cli.metrics.coverage import Coverage
from collapse_cli.metrics.dormant import Dormant
from collapse_cli.metrics.evidence import Evidence
from collapse_cli.metrics.isotropy import Isotropy
from collapse_cli.metrics.lidar import Lidar
from collapse_cli.metrics.oracle import Oracle
from collapse_cli.metrics.probe import Probe
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.metrics.view_ratio import ViewRatio
from collapse_cli.metrics.weights import Stack

Need = Literal["labels", "views", "views or labels", "network", "reference"]
REMEDIES: dict[str, str] = {
    "labels": "it needs labels",
    "views": "it needs augmented pairs, which runs, checkpoints and files of `collapse embed` have",
    "views or labels": "it needs augmented views or labels, which runs and files of `collapse embed` have",
    "network": "it needs a network: a run folder or a checkpoint",
    "reference": "it needs a second set to be held against: name the real one with --baseline",
}


def nothing(subject: Subject, entries: Sequence[Entry], **options: Any) -> Iterator[str]:
    """No remarks."""
    yield from ()


@dataclass(frozen=True)
class Measurement:
    """One row. result: a dataclass of declared fields; measure: (subject, …options) -> entries, of one input.

    needs: what an input must have; portrait: whether `compare` and `report` measure it of every input that has that;
    always: whether `check` does too, also where nothing that is required asks for it; streams: reads all rows of a file;
    command: whether a command has its name; grouped: whether its intervals leave out groups, where there are some;
    remarks: (subject, entries, …options) -> sentences to be warned with.
    """

    name: str
    result: type
    measure: Callable[..., Iterable[Entry]]
    needs: Need | None = None
    portrait: bool = True
    always: bool = False
    streams: bool = False
    command: bool = False
    grouped: bool = False
    remarks: Callable[..., Iterable[str]] = nothing

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers that it measures."""
        fields = dataclasses.fields(self.result)
        return tuple(field.name for field in fields if field.metadata.get("kind") == "number")

    def possible(self, labels: bool, views: bool, network: bool) -> bool:
        """Whether an input alone has what this needs."""
        has = {
            None: True,
            "labels": labels,
            "views": views,
            "views or labels": views or labels,
            "network": network,
            "reference": False,
        }
        return has[self.needs]

    def possible_of(self, subject: Subject) -> bool:
        """The same of a subject."""
        return self.possible(subject.labelled, subject.has_views, subject.case is not None)


def of_each_space(
    function: Callable[[Tensor, Generator], Any],
) -> Callable[[Subject], Iterator[Entry]]:
    """A measurement of a function of the embeddings (N,D) of a space, and a seeded generator -> a result."""

    def measure(subject: Subject) -> Iterator[Entry]:
        for space, rows in subject.clean.spaces.items():
            with concerning(f"{subject.name} · {space}"):
                result = function(rows, generator(subject.measuring.seed))
            settings = {"split": subject.clean.source, "N": len(rows), "D": rows.shape[1]}
            yield Entry(subject.name, result, space, settings=settings | {"seed": subject.measuring.seed})

    return measure


CATALOGUE: dict[str, Measurement] = {
    row.name: row
    for row in (
        Measurement(
            "spectrum",
            Spectrum,
            spectrum.measure,
            always=True,
            streams=True,
            command=True,
            grouped=True,
            remarks=grouping.remarks,
        ),
        Measurement(
            "alignment", Alignment, alignment.measure, always=True, remarks=alignment.remarks, command=True
        ),
        Measurement("isotropy", Isotropy, isotropy.measure),
        Measurement("view_ratio", ViewRatio, view_ratio.measure, "views"),
        Measurement("dormant", Dormant, dormant.measure),
        Measurement("oracle", Oracle, oracle.measure, "labels", command=True),
        Measurement("probe", Probe, probe.measure, "labels", remarks=probe.remarks, command=True),
        Measurement("clusters", Clusters, clusters.measure, "labels", command=True),
        Measurement("classes", Classes, classes.measure, "labels", remarks=classes.remarks, command=True),
        Measurement(
            "lidar",
            Lidar,
            lidar.measure,
            "views or labels",
            portrait=False,
            remarks=lidar.remarks,
            command=True,
        ),
        Measurement("coverage", Coverage, coverage.measure, "reference", portrait=False, command=True),
        Measurement(
            "weights", Stack, weights.of_subject, "network", portrait=False, streams=True, command=True
        ),
    )
}

JUDGEMENTS: dict[str, Measurement] = {
    "diagnose": Measurement(
        "diagnose", Evidence, diagnose.measure, streams=True, grouped=True, remarks=grouping.remarks
    ),
    "causes": Measurement("causes", Cause, causes.measure, "network", streams=True, remarks=causes.remarks),
}
"""What rests on other measurements: no number is theirs alone."""


def measurement(name: str) -> Measurement:
    """Raises CollapseError for a name that is in no row."""
    rows = CATALOGUE | JUDGEMENTS
    if name not in rows:
        raise CollapseError(f"no measurement named '{name}'", nearest(name, list(rows)))
    return rows[name]


def portrait() -> tuple[str, ...]:
    """The measurements that a portrait of an input consists of."""
    return tuple(name for name, row in CATALOGUE.items() if row.portrait)


def owners() -> dict[str, str]:
    """Every number -> the measurement that it is of; the first, where two have one name."""
    first: dict[str, str] = {}
    for name, row in CATALOGUE.items():
        for metric in row.numbers:
            first.setdefault(metric, name)
    return first


def wanted(names: Iterable[str]) -> tuple[str, ...]:
    """The measurements that these numbers are of, `alignment.uniformity.z` or `uniformity`, and those always measured."""
    by_number, parts = owners(), {part for name in names for part in name.split(".")}
    asked_for = parts | {by_number[part] for part in parts & set(by_number)}
    return tuple(name for name, row in CATALOGUE.items() if row.always or name in asked_for)


def refuse_unknown(names: Iterable[str]) -> None:
    """Raises CollapseError for a name that no measurement knows."""
    numbers = owners()
    for name in names:
        if not set(name.split(".")) & set(numbers):
            dot_and_space = name[len(name.partition(".")[0]) :]
            alike = [f"{metric}{dot_and_space}" for metric in sorted(numbers)]
            raise CollapseError(f"no number is named '{name}'", nearest(name, alike))
