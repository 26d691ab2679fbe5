"""Names of numbers as a person types them: which part of a portrait measures them, and in which space they are meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from collapse_cli.commands import report
from collapse_cli.errors import CollapseError, nearest

SPACES = ("z", "h", "head")  # what a name without a space means: the first of these that has it
REMEDIES = {
    "alignment": "it needs augmented pairs, which runs, checkpoints and files of `collapse embed` have",
    **dict.fromkeys(report.LABELLED, "it needs labels"),
}


def declared() -> dict[str, str]:
    """Every number of a portrait -> the command that measures it; the first, where two have one name."""
    from collapse_cli.metrics.alignment import Alignment
    from collapse_cli.metrics.classes import Classes
    from collapse_cli.metrics.clusters import Clusters
    from collapse_cli.metrics.oracle import Oracle
    from collapse_cli.metrics.probe import Probe
    from collapse_cli.metrics.spectrum import Spectrum

    found: dict[str, str] = {}
    for result in (Spectrum, Alignment, Oracle, Probe, Clusters, Classes):
        for field in dataclasses.fields(result):
            if field.metadata.get("kind") == "number":
                found.setdefault(field.name, result.__name__.lower())
    return found


def whole(key: str, command: str) -> str:
    """`std_sqrt_d.z` of an answer of alignment alone -> `alignment.std_sqrt_d.z`, its name beside the other answers."""
    owner = declared().get(key.rpartition(".")[0], command)
    return key if owner == command or command not in report.ALWAYS + report.LABELLED else f"{command}.{key}"


def commands(names: Iterable[str]) -> tuple[str, ...]:
    """The parts of a portrait that measure these, and those that are always measured."""
    by_name, parts = declared(), {part for name in names for part in name.split(".")}
    wanted = parts | {by_name[part] for part in parts & set(by_name)}
    return report.ALWAYS + tuple(name for name in report.LABELLED if name in wanted)


def refuse_unknown(names: Iterable[str]) -> None:
    """Raise CollapseError for a name that no part of a portrait knows."""
    known = declared()
    for name in names:
        if not set(name.split(".")) & set(known):
            raise CollapseError(
                f"no number is named '{name}'", nearest(name.partition(".")[0], sorted(known))
            )


def resolve(name: str, measured: Mapping[str, Any], subject: str) -> str:
    """`effective_rank` -> `effective_rank.z`, as `merging.flat` names it; raises CollapseError for what is not there."""
    for key in (name, *(f"{name}.{space}" for space in SPACES)):
        if key in measured:
            return key
    raise CollapseError(f"{subject}: {name} is not among what was measured", _remedy(name, measured, subject))


def _remedy(name: str, measured: Mapping[str, Any], subject: str) -> str:
    """What it needs; a name that is measured in another space needs only to be typed anew."""
    if subject.endswith(".json"):
        return f"a saved answer holds what its own command measured: {', '.join(measured)}"
    here = {key.split(".")[-2] for key in measured}
    by_name = declared()
    needs = [
        REMEDIES[by_name[part]]
        for part in name.split(".")
        if by_name.get(part) in REMEDIES and part not in here
    ]
    return needs[0] if needs else nearest(name, list(measured))
