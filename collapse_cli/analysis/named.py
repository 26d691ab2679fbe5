"""Numbers by the names that a gate's terms give them: found among what was measured, with what their fields declare."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping

from collapse_cli.analysis import catalogue
from collapse_cli.analysis.measurement import REMEDIES
from collapse_cli.analysis.merging import by_name
from collapse_cli.analysis.portrait import Portrait
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.metric import Metric, changed, counts, limits
from collapse_cli.metrics.requirements import Domain, Requirement, refuse_unfit

SPACES = ("z", "h", "head")  # what a name without a space means: the first of these that has it


def numbers(portrait: Portrait) -> dict[str, Metric]:
    """By name and space; one answer alone has the names that it would have among all."""
    domain_by_name = domains()
    every = {
        key: _declared(metric, _of_name(key, domain_by_name))
        for key, metric in by_name(portrait.answers).items()
        if metric["kind"] == "number"
    }
    if len(portrait.answers) > 1:
        return every
    return {_among_all(key, portrait.answers[0].command): metric for key, metric in every.items()}


def _among_all(key: str, command: str) -> str:
    """`std_sqrt_d.z` of an answer of alignment alone -> `alignment.std_sqrt_d.z`, its name beside the other answers."""
    owner = catalogue.owners().get(key.rpartition(".")[0], command)
    return key if owner == command or command not in catalogue.CATALOGUE else f"{command}.{key}"


def domains() -> dict[str, Domain]:
    """What every number of a measurement can be, by its name; where two share a name, what either can be."""
    rows = (catalogue.CATALOGUE | catalogue.JUDGEMENTS).values()
    domain_by_name: dict[str, Domain] = {}
    for field in (field for row in rows for field in dataclasses.fields(row.result)):
        if field.metadata.get("kind") == "number":
            domain = Domain(**limits(field), whole=counts(field))
            domain_by_name[field.name] = domain | domain_by_name.get(field.name, domain)
    return domain_by_name


def _of_name(name: str, domain_by_name: Mapping[str, Domain]) -> Domain | None:
    """Of `alignment.std_sqrt_d.z`: what the last part that is a number's name declares; None for names of no measurement."""
    return next((domain_by_name[part] for part in reversed(name.split(".")) if part in domain_by_name), None)


def _declared(metric: Metric, domain: Domain | None) -> Metric:
    """With the limits that its field declares today: answers that were saved earlier do not hold them."""
    ends = {"low": domain.low, "high": domain.high} if domain else {}
    return changed(metric, **{end: value for end, value in ends.items() if math.isfinite(value)})


def domain_of(metric: Metric) -> Domain:
    """What a measured number can be; the JSON of one that counts is a whole number."""
    low, high = metric.get("low", -math.inf), metric.get("high", math.inf)
    return Domain(low, high, isinstance(metric["value"], int))


def refuse_unfit_early(requirements: Iterable[Requirement]) -> None:
    """Raises CollapseError, before anything is measured, for requirements that say nothing of what they name."""
    domain_by_name = domains()
    for requirement in requirements:
        domain = _of_name(requirement.name, domain_by_name)
        if domain:
            refuse_unfit(requirement, domain)


def resolve(name: str, measured: Mapping[str, Metric], portrait: Portrait, subject: str) -> str:
    """`effective_rank` -> `effective_rank.z`, as `numbers` names it; raises CollapseError for what is not there."""
    for key in (name, *(f"{name}.{space}" for space in SPACES)):
        if key in measured:
            return key
    message = f"{subject}: {name} is not among what was measured"
    raise CollapseError(message, remedy(name, measured, portrait))


def remedy(name: str, measured: Mapping[str, Metric], portrait: Portrait) -> str:
    """What it needs; a name that is measured in another space needs only to be typed anew."""
    present = {key.split(".")[-2] for key in measured if "." in key}
    owners = catalogue.owners()
    parts = [part for part in name.split(".") if part in owners and part not in present]
    if portrait.saved and parts:
        return "a saved answer holds what its own command measured: give the run or the file that it is of"
    for part in parts:
        need = catalogue.CATALOGUE[owners[part]].needs
        if need or owners[part] == "alignment":
            return REMEDIES[need or "views"]
    return nearest(name, list(measured))
