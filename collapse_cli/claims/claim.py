"""What a claim is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from collapse_cli.answers import Verdict
from collapse_cli.claims.outcome import Outcome
from collapse_cli.results import number

PIXELS = "pixels"  # in place of a method: nothing is trained


@dataclass(frozen=True)
class Arm:
    """One kind of run: a method by name with the settings that differ from its defaults; or `pixels`, without training."""

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ArmOutcomes:
    """What was measured: an Outcome for each arm and seed, the seeds in one order."""

    outcomes: Mapping[str, Sequence[Outcome]]

    def of(self, arm: str, measure: str) -> list[float]:
        """One value for each seed."""
        return [float(getattr(outcome, measure)) for outcome in self.outcomes[arm]]

    def mean(self, arm: str, measure: str) -> float:
        return mean(self.of(arm, measure))

    def gain(self, arm: str, base: str, measure: str) -> list[float]:
        """arm minus base, one for each seed."""
        pairs = zip(self.of(arm, measure), self.of(base, measure), strict=True)
        return [mine - theirs for mine, theirs in pairs]


@dataclass(frozen=True)
class Check:
    """A number of all outcomes that lies between low and high, both included, if the claim holds."""

    says: str
    measured: Callable[[ArmOutcomes], float]
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Claim:
    """says: the claim in one sentence; source: its paper; measures: fields of Outcome that are taken of every run."""

    says: str
    source: str
    arms: Mapping[str, Arm]
    measures: tuple[str, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class CheckResult:
    """A check, what was measured for it, and whether the claim holds by it."""

    check: Check
    measured: float

    @property
    def holds(self) -> bool:
        return self.check.low <= self.measured <= self.check.high

    def __str__(self) -> str:
        low, high = self.check.low, self.check.high
        bound = f"at least {low:g}" if math.isinf(high) else f"at most {high:g}"
        bound = bound if math.isinf(low) or math.isinf(high) else f"between {low:g} and {high:g}"
        return f"{'holds' if self.holds else 'FAILS'}: {self.check.says} = {self.measured:.3g} ({bound})"


@dataclass(frozen=True)
class ClaimJudgement:
    """Checks."""

    passed: int = number("checks that hold", headline=True)
    asked: int = number("checks in all", headline=True)
    verdict: Verdict = field(default=Verdict("", "", ()))


def checked(claim: Claim, outcomes: ArmOutcomes) -> list[CheckResult]:
    """Every check of the claim, answered."""
    return [CheckResult(check, check.measured(outcomes)) for check in claim.checks]


def judged(claim: Claim, outcomes: ArmOutcomes) -> ClaimJudgement:
    """What the checks come to."""
    answers = checked(claim, outcomes)
    passed = sum(answer.holds for answer in answers)
    status = "holds" if passed == len(answers) else "does not hold"
    failing = tuple(str(answer) for answer in answers if not answer.holds)
    return ClaimJudgement(
        passed, len(answers), Verdict(status, claim.says, tuple(map(str, answers)), findings=failing)
    )
