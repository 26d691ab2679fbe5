"""A network that was asked why it collapsed: its causes, ranked, what was tried, and the commands that may be given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from collapse_cli.analysis.cure_commands import Change, cure, seen
from collapse_cli.analysis.judgement import judgement
from collapse_cli.analysis.subject import Subject
from collapse_cli.augment.recipes import steps_of
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.causes_signal import Tried
from collapse_cli.root_causes import Case, Trained, cause_evidence
from collapse_cli.runs.shell import unused


@dataclass(frozen=True)
class Attempt:
    """A change that was trained for some epochs beside the run, and what they came to. place: among those tried, from 1."""

    change: Change
    result: Tried
    place: int


@dataclass(frozen=True)
class Inquiry:
    """A subject, its case under the augmentation that is asked about, the causes that were ranked, and what was tried."""

    subject: Subject
    case: Case
    ranked: Sequence[Cause]
    attempts: tuple[Attempt, ...] = ()

    @property
    def collapsed(self) -> bool:
        """Whether the verdict says so, of the space that the loss sees: else there is no collapse to be explained."""
        return self.case.status.endswith("collapse")

    @property
    def idle(self) -> bool:
        """Whether the network is still at its initialisation, which is a cause of its own."""
        return any(cause.effect == "nothing learned" for cause in self.causes)

    @property
    def serious(self) -> list[Cause]:
        """What may bring a collapse, whether or not there is one, and a network at its initialisation."""
        return [cause for cause in self.causes if cause.effect != "little learned"]

    @property
    def causes(self) -> list[Cause]:
        """Those whose evidence suffices, the likeliest first."""
        return [cause for cause in self.ranked if cause.detected(self.case.std_sqrt_d)]

    def cure(self, cause: Cause, place: int) -> str:
        """The command that trains without this cause, the place-th; in words where the training is another library's.

        Empty where it was not seen to help, neither before nor in an attempt.
        """
        if not cause.curable:
            return ""
        if self.case.trained is None:
            return ", ".join(f"{name} {value:g}" for name, value in cause.cure.items())
        helped = any(attempt.change.name == cause.name and attempt.result.helped for attempt in self.attempts)
        helped_before = seen(cause, self.case.trained.run)
        return self.command(cure(cause), place) if cause in self.causes and (helped or helped_before) else ""

    def command(self, change: Change, place: int) -> str:
        """`collapse train …` with this change, into a folder beside the run's."""
        trained = cast(Trained, self.case.trained)
        folder = self.subject.record.folder if self.subject.record else None
        settings = folder / "settings.toml" if folder else None
        out = folder or Path("runs") / self.subject.name.removesuffix(".pt")
        suffix = f"-{place}" if place > 1 else ""
        return change.command(trained.run, settings, unused(f"{out}-cured{suffix}"))

    def commands(self) -> tuple[str, ...]:
        """Of the causes found, the likeliest first; where there are none, of the changes that helped."""
        cures = [self.cure(cause, place) for place, cause in enumerate(self.causes, 1)]
        others = [
            self.command(attempt.change, attempt.place) for attempt in self.attempts if attempt.result.helped
        ]
        return tuple(command for command in (cures if self.causes else others) if command)


def inquire(subject: Subject, strength: float = 0.0, recipe: str = "") -> Inquiry:
    """Ask a network, once for each augmentation: that of the run, or another strength and recipe. Not for embeddings."""

    def compute() -> Inquiry:
        case = cast(Case, subject.case)
        status = judgement(subject, subject.last_space).verdict.status
        case = replace(case, status=status)
        if strength or recipe:
            case = replace(case, strength=strength or case.strength, recipe=recipe or case.recipe)
        steps_of(case.recipe)
        begun = (
            subject.stage is None or subject.stage.epochs
        )  # before its first epoch there is nothing to ask
        return Inquiry(subject, case, cause_evidence.diagnose(case) if begun else [])

    return subject.once(("inquiry", strength, recipe), compute)
