"""Why has it collapsed, and what would cure it? Signal, views, layers in a row, ranked causes and cures tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from collapse_cli.analysis.cures import command, cured
from collapse_cli.analysis.epochs import along
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry, Verdict
from collapse_cli.augment.recipes import steps_of
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.advice import Context, advice
from collapse_cli.metrics.augmentation import strengths
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.chain import course
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.metrics.verdict import verdict
from collapse_cli.root_causes import STRENGTHS, Case, chains
from collapse_cli.root_causes.course import beside, signal, tried
from collapse_cli.root_causes.evidence import diagnose

MANY = 0.5  # of the directions where augmentation wins: lost, they say what z lacks


@dataclass(frozen=True)
class Inquiry:
    """A subject, its case under the augmentation that is asked about, and the causes that were ranked."""

    subject: Subject
    case: Case
    ranked: Sequence[Cause]

    @property
    def causes(self) -> list[Cause]:
        """Those whose evidence suffices, the likeliest first."""
        return [cause for cause in self.ranked if cause.detected(self.case.std_sqrt_d)]

    def cure(self, cause: Cause, place: int) -> str:
        """The command that trains without this cause, the place-th; in words where the training is another library's."""
        if self.case.trained is None:
            return ", ".join(f"{name} {value:g}" for name, value in cause.cure.items())
        folder = self.subject.record.folder if self.subject.record else None
        settings = folder / "settings.toml" if folder else None
        out = folder or Path("runs") / self.subject.name.removesuffix(".pt")
        suffix = f"-{place}" if place > 1 else ""
        return command(cause, self.case.trained.run, settings, f"{out}-cured{suffix}")


def measure(
    subject: Subject, strength: float = 0.0, recipe: str = "", try_epochs: int = 0
) -> Iterator[Entry]:
    """Its signal with the verdict, augmentation against data, its linear layers, its causes, cures tried.

    strength, recipe: of the augmentation it is held against, instead of the run's own; try_epochs: that each cure is trained for.
    """
    if subject.case is None:
        raise CollapseError(
            f"{subject.name} holds embeddings: causes are asked of a network",
            "give a run folder or a checkpoint; collapse spectrum says whether it has collapsed",
        )
    case = replace(
        subject.case, strength=strength or subject.case.strength, recipe=recipe or subject.case.recipe
    )
    steps_of(case.recipe)
    inquiry = Inquiry(subject, case, diagnose(case))
    shares = {cause.name: cause.times for cause in inquiry.ranked}
    learning = replace(signal(case, subject.history()), by_cause=shares)
    yield Entry(subject.name, learning, verdict=_verdict(inquiry))
    yield from _views(inquiry)
    yield from _in_a_row(inquiry)
    for place, cause in enumerate(inquiry.ranked, 1):
        details = {
            "effect": cause.effect,
            "sentence": cause.sentence,
            "detected": cause.detected(case.std_sqrt_d),
        }
        details |= {"cure": inquiry.cure(cause, place)}
        yield Entry(cause.name, cause, settings={"evidence is": cause.measured}, details=details)
    yield from _tried(inquiry, try_epochs)


def _verdict(inquiry: Inquiry) -> Verdict:
    """What the spectrum of z says, and the causes found, the likeliest first, each with its cure."""
    z = list(inquiry.subject.clean.spaces.values())[-1]
    measured = spectrum(z, generator(inquiry.subject.measuring.seed))
    judged, causes = verdict(measured), inquiry.causes
    serious = [cause for cause in causes if cause.effect != "little learned"]
    reasons = [
        f"{place}. {cause.name}, {cause.times:.3g} times the threshold: {cause.sentence}"
        for place, cause in enumerate(causes, 1)
    ]
    likeliest = f"the likeliest cause: {serious[0].name}" if serious else "no cause of collapse found"
    rest = [] if serious else [_rest(inquiry.case)]
    cures = tuple(inquiry.cure(cause, place) for place, cause in enumerate(causes, 1))
    ours = inquiry.case.trained is not None  # of another library's training only words can be said
    other = () if cures else advice(judged.status, measured, Context())
    return replace(
        judged, sentence=f"{judged.sentence}; {likeliest}", reasons=(*reasons, *rest),
        advice=other if ours else (*cures, *other), commands=cures if ours else (),
    )  # fmt: skip


def _rest(case: Case) -> str:
    """Where no cause is found: what the directions have in common that z has lost."""
    died: Any = case.now.died
    if died is None or died.null is None:
        return "everything that could be asked is below its threshold"
    lost = (
        f"of the directions of h where augmentation wins z has lost {died:.0%}, of the others {died.null:.0%}"
    )
    if died < MANY:
        return f"everything that could be asked is below its threshold; {lost}: too few to be why"
    return f"{lost}: what it lacks is what views of one image do not share; a lower --strength gives it more directions"


def _views(inquiry: Inquiry) -> Iterator[Entry]:
    """Now and at initialisation at the run's own strength, then over all strengths."""
    name, case = inquiry.subject.name, inquiry.case
    seed = inquiry.subject.measuring.seed
    settings = {"recipe": case.recipe, "strength": case.strength, "seed": seed}
    yield Entry(name, case.now, settings=settings)
    if case.before is not None:
        yield Entry(f"{name} · untrained", case.before, settings=settings)
    over = strengths(STRENGTHS, case.along, case.along_before)
    yield Entry(name, over, settings={"recipe": case.recipe, "q": 2, "seed": seed})


def _in_a_row(inquiry: Inquiry) -> Iterator[Entry]:
    """Linear layers in a row, and over the epochs too where the run kept checkpoints of others than its last."""
    subject, case = inquiry.subject, inquiry.case
    if case.chain is None:
        return
    yield Entry(subject.name, case.chain)
    if not subject.record or not subject.record.epochs() or case.trained is None or case.untrained is None:
        return
    initial, now = (chains.in_a_row(method.projector) for method in (case.untrained, case.method))
    epochs = along(
        subject.record, initial, now, case.trained.epochs, lambda method: chains.in_a_row(method.projector)
    )
    yield Entry(f"{subject.name} by epoch", course(dict(epochs)))


def _tried(inquiry: Inquiry, epochs: int) -> Iterator[Entry]:
    """Each cause found, trained without for the first epochs, beside the run itself."""
    case, name = inquiry.case, inquiry.subject.name
    if not epochs or not inquiry.causes:
        return
    if case.trained is None or case.trained.data != case.images.data_shape:
        raise CollapseError(
            f"{name} cannot be trained again: its training or its images are not at hand",
            "leave out --try, or --dataset and --split",
        )
    uncured = tried(case, case.trained.run, epochs)
    for cause in inquiry.causes:
        run = cured(cause, case.trained.run)
        changes = {"method": cause.instead, **cause.cure} if cause.instead else dict(cause.cure)
        together = beside(tried(case, run, epochs), uncured)
        yield Entry(f"{name} · {cause.name}", together, settings={"epochs": epochs, **changes})


def remarks(subject: Subject, entries: Sequence[Entry], **options: Any) -> Iterator[str]:
    """What another library's file leaves open."""
    if cast(Case, subject.case).trained is None:
        yield (
            f"{subject.name}: how it was trained is not in the file: keys, negatives, layers before training "
            "and the learning rate cannot be asked about, and the recipe is assumed"
        )
