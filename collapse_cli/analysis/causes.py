"""Why has it collapsed, and what would cure it? Signal, views, layers in a row, ranked causes and cures tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from collapse_cli.analysis import diagnose
from collapse_cli.analysis.cure_commands import cure, suspects
from collapse_cli.analysis.described import typed
from collapse_cli.analysis.epoch_checkpoints import along
from collapse_cli.analysis.inquiry import Attempt, Inquiry, inquire
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry, Verdict, headline
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.augmentation import strengths
from collapse_cli.metrics.chain import course
from collapse_cli.progress import counted
from collapse_cli.root_causes import STRENGTHS, Case, chains
from collapse_cli.root_causes.course import beside, signal, tried
from collapse_cli.values import Measured
from collapse_cli.views.words import titled

HEALTHY = "h is healthy, so there is no fault to be explained."
TRIED = 8  # epochs that a change is tried for
MANY = 0.5  # of the directions where augmentation wins: lost, they say what z lacks


def measure(
    subject: Subject, strength: float = 0.0, recipe: str = "", try_epochs: int = 0
) -> Iterator[Entry]:
    """Its signal with the verdict, augmentation against data, its linear layers, its causes, changes tried.

    strength, recipe: of the augmentation that its views are made with, instead of the run's own; try_epochs: that each cure is
    trained for, and where no cause of a collapse is found, each of the usual suspects.
    """
    if subject.case is None:
        raise CollapseError(
            f"{subject.name} contains embeddings, but causes are looked for in a network",
            "give a run folder or a checkpoint; `collapse diagnose` says whether embeddings have collapsed",
        )
    by_space = {entry.space: entry.verdict for entry in diagnose.spaces(subject) if entry.verdict}
    judged = by_space.get(subject.last_space)
    inquiry = inquire(subject, strength, recipe)
    case = inquiry.case
    inquiry = replace(inquiry, attempts=tuple(_attempts(inquiry, try_epochs)))
    shares: dict[str, float] = {cause.name: Measured(cause.times, null=1.0) for cause in inquiry.ranked}
    learning = replace(signal(case, subject.history()), by_cause=shares)
    yield Entry(
        subject.name,
        learning,
        subject.last_space,
        verdict=judged and _verdict(inquiry, judged, _downstream(by_space)),
    )
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


def _downstream(by_space: Mapping[str, Verdict]) -> str:
    """The status of the space that an input is judged by."""
    return by_space[headline({space: verdict.status for space, verdict in by_space.items()})].status


def _verdict(inquiry: Inquiry, judged: Verdict, downstream: str = "") -> Verdict:
    """What was judged of the space that the loss sees, and the causes, the likeliest first, each with its cure. downstream: the
    status of the space that the input is judged by: where that is healthy, a projection of few dimensions is no fault.

    The status is that of every other command. A cure is told where something is to be cured: a collapse, a network at its
    initialisation, or a change that was tried and helped.
    """
    data = () if all(cause.curable for cause in inquiry.causes) else judged.advice[:1]
    reasons = [
        f"{place}. {titled(cause.name)} (its evidence is {cause.times:.3g} times the threshold): {cause.sentence.rstrip('.')}."
        for place, cause in enumerate(inquiry.causes, 1)
    ]
    rest = [] if inquiry.serious or not inquiry.ranked else [_rest(inquiry.case)]
    ours = inquiry.case.trained is not None  # of another library's training only words can be said
    curable = ours and (inquiry.collapsed or inquiry.idle or inquiry.attempts)
    advice = judged.advice[judged.status == "complete collapse" :]  # the first of which is to ask for causes
    if ours and inquiry.collapsed:
        advice = ()
    usual = judged.status == "dimensional collapse" and downstream == "healthy" and not inquiry.serious
    told = HEALTHY if usual else _likeliest(inquiry)
    return replace(
        judged,
        usual=usual,
        sentence=" ".join(filter(None, (judged.sentence, judged.meaning, told))),
        meaning="",
        reasons=(*reasons, *rest),
        findings=tuple(reasons),
        advice=() if usual else (*(data or advice), *_unseen(inquiry)),
        commands=inquiry.commands() if curable else (),
        explained_by=inquiry.causes[0].name if inquiry.causes else "causes",
    )


def _likeliest(inquiry: Inquiry) -> str:
    """A sentence on the first cause, or that none was found; of a collapse only where the verdict says that there is one."""
    if not inquiry.ranked and inquiry.subject.stage and not inquiry.subject.stage.epochs:
        return ""
    names = [cause.name for cause in inquiry.serious]
    if inquiry.idle:
        told = bool(inquiry.subject.looks_untrained(inquiry.subject.last_space))  # by the verdict itself
        return "" if told else "Nothing was learned: the network is still at its initialisation."
    if inquiry.collapsed:
        others = "; what may limit learning:" if inquiry.causes else "."
        return f"The likeliest cause: {names[0]}." if names else f"No cause of collapse was found{others}"
    settled = inquiry.case.status == "healthy"
    none = "There is no collapse to explain" if settled else "Whether there is a collapse to explain is open"
    if names:
        return f"{none}; what may bring one: {names[0]}."
    return f"{none}; what may limit learning:" if inquiry.causes else f"{none}."


def _unseen(inquiry: Inquiry) -> Iterator[str]:
    """What is said instead of a command that was not seen to help; only of a collapse, and of a training that can be repeated."""
    case = inquiry.case
    if case.trained is None or not (inquiry.collapsed or inquiry.idle):
        return
    repeated, method = case.trained.data == case.images.data_shape, case.trained.run.method
    trial = f"{typed('causes', inquiry.subject)} --try {min(TRIED, case.trained.run.training.epochs)}"
    for place, cause in enumerate(inquiry.causes, 1):
        if cause.curable and not inquiry.cure(cause, place) and not inquiry.attempts:
            changed = ", ".join(
                name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {value}"
                for name, value in cause.cure.items()
            )
            tries = f"; this tries it: {trial}" if repeated else ""
            yield f"{titled(cause.name)}: no command is given, since {changed} is not known to cure {method}{tries}"
    if not inquiry.causes and not inquiry.attempts and repeated:
        yield f"This trains a few epochs with one setting changed at a time, and reports what helps: {trial}"
    if inquiry.attempts and not inquiry.commands():
        yield "None of the changes that were tried helped."


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
    lacks = "what it lacks is what views of one image do not share"
    milder = f"; a --strength below {case.strength:g} gives it more directions" if case.strength else ""
    return f"{lost}: {lacks}{milder if case.trained else '; milder augmentation gives it more directions'}"


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


def _attempts(inquiry: Inquiry, epochs: int) -> Iterator[Attempt]:
    """Each cause found, trained without for the first epochs, beside the run itself; where there is none, the usual suspects."""
    case, name = inquiry.case, inquiry.subject.name
    if not epochs or not (inquiry.causes or case.status != "healthy"):
        return
    if case.trained is None or case.trained.data != case.images.data_shape:
        raise CollapseError(
            f"{name} cannot be trained again: its training or its images are not at hand",
            "leave out --try"
            if case.trained is None
            else "leave out --try, or measure it on the images that it was trained on, without --dataset and --split",
        )
    run = case.trained.run
    curable = [cause for cause in inquiry.causes if cause.curable]
    changes = [cure(cause) for cause in curable] or list(suspects(run, case.trained.data.images))
    uncured = tried(case, run, epochs)
    for place, change in enumerate(counted(changes, "changes tried"), 1):
        yield Attempt(change, beside(tried(case, change.of(run), epochs), uncured), place)


def _tried(inquiry: Inquiry, epochs: int) -> Iterator[Entry]:
    """What each change came to."""
    for attempt in inquiry.attempts:
        method = {"method": attempt.change.instead} if attempt.change.instead else {}
        settings = {"epochs": epochs, **method, **attempt.change.settings}
        details = {"helped": attempt.result.helped}
        yield Entry(
            f"{inquiry.subject.name} · {attempt.change.name}",
            attempt.result,
            settings=settings,
            details=details,
        )


def remarks(subject: Subject, entries: Sequence[Entry], **options: Any) -> Iterator[str]:
    """What another library's file leaves open."""
    if cast(Case, subject.case).trained is None:
        yield (
            f"{subject.name}: how it was trained is not in the file: keys, negatives, layers at initialisation "
            "and the learning rate cannot be examined, and the recipe is assumed"
        )
