"""Every measurement, one row each: its name, the type of its result, what it needs, its function. All else reads this table.

A new metric is `metrics/x.py` (functions and the result's dataclass), and a row here: `check`, `compare`, `report`, `inspect`
and every view have it from then on.
"""

from __future__ import annotations

from collections.abc import Iterable

from collapse_cli.analysis import (
    alignment,
    causes,
    classes,
    clusters,
    coverage,
    diagnose,
    dormant,
    grouping,
    hubness,
    isotropy,
    layers,
    lidar,
    oracle,
    probe,
    spectrum,
    view_ratio,
    weights,
)
from collapse_cli.analysis.measurement import Measurement
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.metrics.alignment import Alignment
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.classes import Classes
from collapse_cli.metrics.clusters import Clusters
from collapse_cli.metrics.coverage import Coverage
from collapse_cli.metrics.dormant import Dormant
from collapse_cli.metrics.evidence import Evidence
from collapse_cli.metrics.hubness import Hubness
from collapse_cli.metrics.isotropy import Isotropy
from collapse_cli.metrics.layer_results import Depth
from collapse_cli.metrics.lidar import Lidar
from collapse_cli.metrics.oracle import Oracle
from collapse_cli.metrics.probe import Probe
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.metrics.view_ratio import ViewRatio
from collapse_cli.metrics.weights import Stack

JUDGED_BY = ("active", "dimensions_90", "effective_rank")

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
            key_numbers=JUDGED_BY,
        ),
        Measurement(
            "alignment",
            Alignment,
            alignment.measure,
            always=True,
            remarks=alignment.remarks,
            command=True,
            answer=alignment.answer,
            key_numbers=("alignment", "uniformity", "mean_cosine"),
        ),
        Measurement(
            "isotropy",
            Isotropy,
            isotropy.measure,
            answer=isotropy.answer,
            key_numbers=("mean_cosine_centred", "epps_pulley"),
        ),
        Measurement(
            "hubness",
            Hubness,
            hubness.measure,
            portrait=False,
            streams=True,
            remarks=hubness.remarks,
            answer=hubness.answer,
            key_numbers=("hub_skewness", "anti_hubs", "largest_hub"),
        ),
        Measurement("view_ratio", ViewRatio, view_ratio.measure, "views"),
        Measurement("dormant", Dormant, dormant.measure),
        Measurement(
            "oracle",
            Oracle,
            oracle.measure,
            "labels",
            command=True,
            answer=oracle.answer,
            key_numbers=("rank_1", "top_64", "mass"),
        ),
        Measurement(
            "probe",
            Probe,
            probe.measure,
            "labels",
            remarks=probe.remarks,
            command=True,
            answer=probe.answer,
            key_numbers=("linear", "knn", "few_labels"),
        ),
        Measurement(
            "clusters",
            Clusters,
            clusters.measure,
            "labels",
            command=True,
            answer=clusters.answer,
            key_numbers=("accuracy", "nmi", "used"),
        ),
        Measurement(
            "classes",
            Classes,
            classes.measure,
            "labels",
            remarks=classes.remarks,
            command=True,
            answer=classes.answer,
            key_numbers=("cdnv", "nearest_mean", "least_rank"),
        ),
        Measurement(
            "lidar",
            Lidar,
            lidar.measure,
            "views or labels",
            portrait=False,
            remarks=lidar.remarks,
            command=True,
            answer=lidar.answer,
            key_numbers=("lidar", "augmentation", "overwhelmed"),
        ),
        Measurement("coverage", Coverage, coverage.measure, "reference", portrait=False, command=True),
        Measurement(
            "weights", Stack, weights.of_subject, "network", portrait=False, streams=True, command=True
        ),
        Measurement(
            "layers",
            Depth,
            layers.measure,
            "network",
            portrait=False,
            remarks=layers.remarks,
            command=True,
            key_numbers=("rank_fall", "rank_kept", "depth"),
        ),
    )
}

JUDGEMENTS: dict[str, Measurement] = {
    "diagnose": Measurement(
        "diagnose",
        Evidence,
        diagnose.measure,
        streams=True,
        grouped=True,
        remarks=grouping.remarks,
        key_numbers=JUDGED_BY,
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
