"""Why has it collapsed, and what would cure it? Signal, views, layers in a row, ranked causes and cures tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from collapse_cli.analysis import diagnose
from collapse_cli.analysis.cure_commands import cure, suspects
from collapse_cli.analysis.epoch_checkpoints import along
from collapse_cli.analysis.inquiry import Attempt, Inquiry
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry, Verdict
from collapse_cli.augment.recipes import steps_of
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.augmentation import strengths
from collapse_cli.metrics.chain import course
from collapse_cli.root_causes import STRENGTHS, Case, cause_evidence, chains
from collapse_cli.root_causes.course import beside, signal, tried

MANY = 0.5  # of the directions where augmentation wins: lost, they say what z lacks


def measure(
    subject: Subject, strength: float = 0.0, recipe: str = "", try_epochs: int = 0
) -> Iterator[Entry]:
    """Its signal with the verdict, augmentation against data, its linear layers, its causes, changes tried.

    strength, recipe: of the augmentation it is held against, instead of the run's own; try_epochs: that each cure is trained
    for, and where no cause of a collapse is found, each of the usual suspects.
    """
    if subject.case is None:
        raise CollapseError(
            f"{subject.name} contains embeddings, but causes are looked for in a network",
            "give a run folder or a checkpoint; `collapse diagnose` says whether embeddings have collapsed",
        )
    case = replace(
        subject.case, strength=strength or subject.case.strength, recipe=recipe or subject.case.recipe
    )
    steps_of(case.recipe)
    judged = diagnose.measure(subject)[-1].verdict
    inquiry = Inquiry(subject, case, cause_evidence.diagnose(case))
    collapsed = judged is not None and judged.status != "healthy"
    inquiry = replace(inquiry, attempts=tuple(_attempts(inquiry, try_epochs, collapsed)))
    shares = {cause.name: cause.times for cause in inquiry.ranked}
    learning = replace(signal(case, subject.history()), by_cause=shares)
    yield Entry(subject.name, learning, verdict=judged and _verdict(inquiry, judged))
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


def _verdict(inquiry: Inquiry, judged: Verdict) -> Verdict:
    """What was judged of the space that the loss sees, and the causes found, the likeliest first, each with its cure."""
    causes = inquiry.causes
    serious = [cause for cause in causes if cause.effect != "little learned"]
    reasons = [
        f"{place}. {cause.name}, {cause.times:.3g} times the threshold: {cause.sentence}"
        for place, cause in enumerate(causes, 1)
    ]
    likeliest = f"the likeliest cause: {serious[0].name}" if serious else "no cause of collapse was found"
    if serious and serious[0].effect == "nothing learned":
        likeliest = f"{serious[0].name}: the network is still at its initialisation"
    rest = [] if serious else [_rest(inquiry.case)]
    cures, words = inquiry.commands(), tuple(_unseen(inquiry, judged.status))
    ours = inquiry.case.trained is not None  # of another library's training only words can be said
    return replace(
        judged, sentence=f"{judged.sentence}; {likeliest}", reasons=(*reasons, *rest),
        advice=words if ours else judged.advice, commands=cures if ours else (),
    )  # fmt: skip


def _unseen(inquiry: Inquiry, status: str) -> Iterator[str]:
    """What is said instead of a command that was not seen to help."""
    if inquiry.case.trained is None:
        return
    for place, cause in enumerate(inquiry.causes, 1):
        if not inquiry.cure(cause, place):
            changed = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in cause.cure.items())
            method = inquiry.case.trained.run.method
            yield (
                f"{cause.name}: {changed} is not known to cure {method}, so "
                "no command is given; `collapse causes --try 8` tries it"
            )
    if not inquiry.causes and not inquiry.attempts and status != "healthy":
        yield (
            "`collapse causes --try 8` trains for a few epochs with one setting changed at a "
            "time, and reports which change helps"
        )
    if not inquiry.causes and inquiry.attempts and not inquiry.commands():
        yield "none of the changes that were tried helped"


def _rest(case: Case) -> str:
    """Where no cause is found: what the directions have in common that z has lost."""
    died: Any = case.now.died
    if died is None or died.null is None:
        return "all evidence that could be measured is below its threshold"
    lost = (
        f"z has lost {died:.0%} of the directions of h in which augmentation dominates, and "
        f"{died.null:.0%} of the others"
    )
    if died < MANY:
        return (
            f"all evidence that could be measured is below its threshold; {lost}, which is too "
            "few to be the reason"
        )
    return (
        f"{lost}: the lost directions are those in which views of one image differ; a lower "
        "--strength leaves z more directions"
    )


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


def _attempts(inquiry: Inquiry, epochs: int, collapsed: bool) -> Iterator[Attempt]:
    """Each cause found, trained without for the first epochs, beside the run itself; where there is none, the usual suspects."""
    case, name = inquiry.case, inquiry.subject.name
    if not epochs or not (inquiry.causes or collapsed):
        return
    if case.trained is None or case.trained.data != case.images.data_shape:
        raise CollapseError(
            f"{name} cannot be trained again: its training settings or its images are not available",
            "leave out --try, or leave out --dataset and --split",
        )
    run = case.trained.run
    changes = [cure(cause) for cause in inquiry.causes] or list(suspects(run))
    uncured = tried(case, run, epochs)
    for place, change in enumerate(changes, 1):
        yield Attempt(change, beside(tried(case, change.of(run), epochs), uncured), place)


def _tried(inquiry: Inquiry, epochs: int) -> Iterator[Entry]:
    """What each change came to."""
    for one in inquiry.attempts:
        method = {"method": one.change.instead} if one.change.instead else {}
        settings = {"epochs": epochs, **method, **one.change.settings}
        details = {"helped": one.result.helped}
        yield Entry(
            f"{inquiry.subject.name} · {one.change.name}", one.result, settings=settings, details=details
        )


def remarks(subject: Subject, entries: Sequence[Entry], **options: Any) -> Iterator[str]:
    """What another library's file leaves open."""
    if cast(Case, subject.case).trained is None:
        yield (
            f"{subject.name}: the file does not say how the network was trained; keys, negatives, "
            "initial weights and the learning rate cannot be examined, and the recipe of "
            "augmentation is assumed"
        )
