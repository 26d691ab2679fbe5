"""collapse causes: why has it collapsed, and what would cure it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.answers import finish
from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.commands.subject import Subject
from collapse_cli.commands.subjects import subjects
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from collapse_cli.causes import Case
    from collapse_cli.metrics.causes import Cause
    from collapse_cli.metrics.verdict import Verdict


MANY = 0.5  # of the directions where augmentation wins: lost, they say what z lacks


@options(Measuring=Measuring, Output=Shown)
def causes(
    inputs: Inputs,
    given: dict[str, Any],
    strength: Annotated[
        float, typer.Option(help="of the augmentation it is held against; 0: the run's own", min=0, max=3)
    ] = 0.0,
    recipe: Annotated[str, typer.Option(help="another augmentation than the run's own")] = "",
    try_epochs: Annotated[
        int,
        typer.Option(
            "--try", metavar="EPOCHS", help="train this far with each cure, from the run's seed", min=0
        ),
    ] = 0,
) -> None:
    """Why has it collapsed, and what would cure it?

    Augmentation against data, the age of its keys, its layers in a row, the
    share of false negatives: a ranked list of causes, each with what was
    measured, the threshold, and the command to try. With --try each cure found
    is trained for a few epochs and held against the run's own course. Of another
    library's network only its augmentation can be asked.

    Example: [bold]collapse causes runs/mine --try 8 --plot causes.png[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    own: dict[str, Any] = {"strength": strength, "recipe": recipe, "try_epochs": try_epochs}
    found = asked(subjects(inputs, measuring, shown.quiet), measuring, measure, **own)
    entries = measure(found, measuring.seed, **own)
    finish("causes", entries, found, output, list(_warnings(found)))
    if all(one["verdict"]["status"] == "inconclusive" for one in entries if one["verdict"]):
        raise typer.Exit(3)


def measure(
    found: Sequence[Subject], seed: int, strength: float = 0.0, recipe: str = "", try_epochs: int = 0
) -> list[dict[str, Any]]:
    """Of each subject: its signal with the verdict, augmentation against data, its linear layers, its causes, cures tried."""
    for subject in found:
        if subject.case is None:
            raise CollapseError(
                f"{subject.name} holds embeddings: causes are asked of a network",
                "give a run folder or a checkpoint; collapse spectrum says whether it has collapsed",
            )
    return [
        one
        for n, subject in enumerate(found)
        for one in _measure(subject, n, seed, strength, recipe, try_epochs, len(found) > 1)
    ]


def _measure(
    subject: Subject, number: int, seed: int, strength: float, recipe: str, try_epochs: int, many: bool
) -> Iterator[dict[str, Any]]:
    from collapse_cli.augment.recipes import known
    from collapse_cli.causes.course import signal
    from collapse_cli.causes.evidence import diagnose
    from collapse_cli.commands.causes_entries import cures, in_a_row, views

    assert subject.case is not None
    case = replace(
        subject.case, strength=strength or subject.case.strength, recipe=recipe or subject.case.recipe
    )
    known(case.recipe)
    said = {"recipe": case.recipe, "strength": case.strength, "seed": seed}
    lines = subject.record.history() if subject.record else []
    ranked = diagnose(case)
    name = subject.name
    learning = replace(signal(case, lines), by_cause={cause.name: cause.times for cause in ranked})
    yield entry(name, learning, input=number, verdict=_verdict(subject, case, ranked, seed))
    yield from views(name, case, number, said)
    yield from in_a_row(subject, case, number)
    for place, cause in enumerate(ranked, 1):
        cure = _cure(subject, case, cause, place)
        settings = {"evidence is": cause.measured}
        one = entry(f"{name} · {cause.name}" if many else cause.name, cause, input=number, settings=settings)
        yield one | {
            "effect": cause.effect,
            "said": cause.said,
            "found": cause.found(case.std_sqrt_d),
            "cure": cure,
        }
    yield from cures(case, ranked, try_epochs, name, number)


def _cure(subject: Subject, case: Case, cause: Cause, place: int) -> str:
    """The command that would train without this cause, the place-th; in words where the training is another library's."""
    from collapse_cli.commands.cures import command

    if case.trained is None:
        return ", ".join(f"{name} {value:g}" for name, value in cause.cure.items())
    folder = subject.record.folder if subject.record else None
    settings = folder / "settings.toml" if folder else None
    beside = folder or Path("runs") / subject.name.removesuffix(".pt")
    return command(cause, case.trained.run, settings, f"{beside}-cured" + (f"-{place}" if place > 1 else ""))


def _verdict(subject: Subject, case: Case, ranked: Sequence[Cause], seed: int) -> Verdict:
    """What the spectrum of z says, and the causes found, the likeliest first, each with its cure."""
    import torch

    from collapse_cli.metrics.spectrum import spectrum
    from collapse_cli.metrics.verdict import verdict

    z = list(subject.clean.spaces.values())[-1]
    whole = verdict(spectrum(z, torch.Generator().manual_seed(seed)))
    found = [one for one in ranked if one.found(case.std_sqrt_d)]
    serious = [one for one in found if one.effect != "little learned"]
    reasons = [
        f"{place}. {one.name}, {one.times:.3g} times the threshold: {one.said}"
        for place, one in enumerate(found, 1)
    ]
    likeliest = f"the likeliest cause: {serious[0].name}" if serious else "no cause of collapse found"
    rest = [] if serious else [_rest(case)]
    return replace(
        whole, sentence=f"{whole.sentence}; {likeliest}", reasons=(*reasons, *rest),
        advice=tuple(_cure(subject, case, one, place) for place, one in enumerate(found, 1)) or whole.advice,
    )  # fmt: skip


def _rest(case: Case) -> str:
    """Where no cause is found: what the directions have in common that z has lost."""
    died = case.now.died
    null = getattr(died, "null", None)
    if died is None or null is None:
        return "everything that could be asked is below its threshold"
    lost = f"of the directions of h where augmentation wins z has lost {died:.0%}, of the others {null:.0%}"
    if died < MANY:
        return f"everything that could be asked is below its threshold; {lost}: too few to be why"
    return f"{lost}: what it lacks is what views of one picture do not share; a lower --strength gives it more directions"


def _warnings(found: Sequence[Subject]) -> Iterator[str]:
    for subject in found:
        if subject.case is not None and subject.case.trained is None:
            yield (
                f"{subject.name}: how it was trained is not in the file: keys, negatives, layers before training "
                "and the learning rate cannot be asked about, and the recipe is assumed"
            )
