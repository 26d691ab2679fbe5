"""Requirements of a gate: texts that are parsed, never evaluated as code, and refused where they say nothing of their number."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, cast

from collapse_cli.errors import CollapseError
from collapse_cli.results import number

EXAMPLES = "as in: effective_rank.h >= 20, uniformity <= -2, knn.h > 90%, effective_rank >= 50% of null, lidar >= 95% of baseline"

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
PARTS = {
    "a metric's name": re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)"),
    "one of >=, <=, >, <, ==": re.compile(r"\s*(>=|<=|==|[<>](?!=))"),
    "a number": re.compile(rf"\s*({NUMBER})"),
    "%": re.compile(r"\s*(%?)"),
    "null or baseline": re.compile(r"\s*(?:(?:of\s+)?\b(null|baseline)\b)?"),
    "the end": re.compile(r"\s*($)"),
}
"""What stands in a requirement, in order; the last three may be empty."""

Reference = Literal["", "null", "baseline"]


@dataclass(frozen=True)
class Requirement:
    """`effective_rank.z >= 20`; number: as it is typed; of: what it is a multiple of, if anything."""

    name: str
    relation: str
    number: float
    percent: bool = False
    of: Reference = ""

    @property
    def multiple(self) -> float:
        """The number, 0.95 for 95%."""
        return self.number / 100 if self.percent else self.number

    @property
    def amount(self) -> str:
        """The number as it is typed: `95%`."""
        return f"{brief(self.number)}{'%' if self.percent else ''}"

    def __str__(self) -> str:
        return f"{self.name} {self.relation} {self.amount}" + (f" of {self.of}" if self.of else "")


@dataclass(frozen=True)
class Domain:
    """What a number can be: the least, the most, and whether it counts."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False

    def __or__(self, other: Domain) -> Domain:
        return Domain(min(self.low, other.low), max(self.high, other.high), self.whole or other.whole)


@dataclass(frozen=True)
class Gate:
    """Gate."""

    passed: int = number("checks that pass", headline=True)
    failed: int = number("checks that fail", headline=True)
    inconclusive: int = number("checks that the sample cannot decide", headline=True)
    warned: int = number("verdicts that --strict would fail", headline=True)


def brief(value: float) -> str:
    """The shortest text that is read as the same number."""
    return repr(float(value)).removesuffix(".0")


def parse(text: str) -> Requirement:
    """NAME[.SPACE] RELATION NUMBER[%] [[of] null|baseline]; raises CollapseError naming the place where it is something else."""
    if not text.strip():
        raise CollapseError("a requirement is empty", EXAMPLES)
    place, parts = 0, []
    for part, pattern in PARTS.items():
        match = pattern.match(text, place)
        if match is None:
            raise CollapseError(
                f"{text!r} is no requirement: {part} should stand at {_at(text, place)}", EXAMPLES
            )
        parts.append(match[1] or "")
        place = match.end()
    name, relation, digits, percent, of, _ = parts
    if not math.isfinite(float(digits)):
        raise CollapseError(f"{text!r}: {digits} is beyond the largest number", EXAMPLES)
    return Requirement(name, relation, float(digits), bool(percent), cast(Reference, of))


def _at(text: str, place: int) -> str:
    rest = text[place:].strip()
    return f"{rest!r}" if rest else "its end"


def refuse_unfit(requirement: Requirement, domain: Domain) -> None:
    """Raises CollapseError for what says nothing of a number, or what every value meets or misses, given what it can be.

    A share of a null or a baseline is for what is never negative: 95 % of -4 is more than -4. A percentage by itself is for
    shares, `==` for counts.
    """
    name, bound, share = requirement.name, requirement.multiple, (domain.low, domain.high) == (0, 1)
    remedy = f"require a number, as in: {name} {requirement.relation} NUMBER"
    if requirement.relation == "==":
        _refuse_inexact(requirement, domain)
    elif requirement.of and domain.low < 0:
        raise CollapseError(
            f"'{requirement}': {name} can be negative, and a share of a negative number says nothing", remedy
        )
    elif requirement.of and bound < 0:
        raise CollapseError(f"'{requirement}': no share is negative", remedy)
    elif requirement.percent and not (requirement.of or share):
        choices = f"{requirement.amount} of null, {requirement.amount} of baseline, or a number"
        raise CollapseError(
            f"'{requirement}': {requirement.amount} of what? {name} is no share",
            f"write {choices}" if domain.low >= 0 else remedy,
        )
    elif not requirement.of and not domain.low <= bound <= domain.high:
        _refuse_beyond(requirement, domain)


def _refuse_beyond(requirement: Requirement, domain: Domain) -> None:
    bound, (low, high) = requirement.multiple, (brief(domain.low), brief(domain.high))
    never = f"above {high}" if bound > domain.high else f"below {low}"
    bounds = [f"from {low} on"] if math.isfinite(domain.low) else []
    bounds += [f"up to {high}"] if math.isfinite(domain.high) else []
    remedy = f"give a bound {' and '.join(bounds)}"
    if (domain.low, domain.high) == (0, 1) and not requirement.percent and 1 < bound <= 100:
        remedy = f"did you mean {requirement.amount}%?"
    raise CollapseError(f"'{requirement}': {requirement.name} is never {never}", remedy)


def _refuse_inexact(requirement: Requirement, domain: Domain) -> None:
    name = requirement.name
    if not domain.whole:
        raise CollapseError(
            f"'{requirement}': == is for whole numbers, and {name} is none",
            f"give it a bound: {name} >= NUMBER, or {name} <= NUMBER",
        )
    if requirement.of or requirement.percent or requirement.number != int(requirement.number):
        raise CollapseError(f"'{requirement}': {name} is a whole number", f"as in: {name} == 10")
