"""What a reader can do about an input: how it is typed again, what could train in its place, how many images there are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from collapse_cli.analysis.cure_commands import beside
from collapse_cli.analysis.described import asked, options_typed
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.advice import Context
from collapse_cli.runs.shell import quoted, unused

ADVISED = ("moco", "vicreg", "align-uniform")  # methods that are named in place of another
FEW = 5000  # images of a split, up to which those of all splits are counted, which reads them


def at_hand(subject: Subject, context: Context) -> Context:
    """What is known of a space, with what can be done about it."""
    known = replace(
        context,
        input=asked(subject) if subject.from_file else "INPUT",
        available=subject.available,
        in_all=_in_all(subject) if (subject.available or FEW) < FEW else None,
        pixels=subject.raw,
    )
    return _of_run(subject, known)


def _of_run(subject: Subject, context: Context) -> Context:
    """With the commands that train on the same images, beside a run of ours."""
    if subject.checkpoint is None:
        return context
    run, data = subject.checkpoint.run, subject.checkpoint.data
    folder = subject.record.folder if subject.record else None
    out = folder or Path("runs") / subject.name.removesuffix(".pt")
    settings = folder / "settings.toml" if folder else None
    place = " ".join(where for where in options_typed(subject.measuring) if where.startswith("--data-dir "))
    trainings = {
        method: " ".join(
            filter(None, (beside(run, method, settings, unused(f"{out}-{method}"), data.images), place))
        )
        for method in {run.method, *ADVISED}
    }
    return replace(
        context,
        folder=quoted(folder) if folder else "",
        trainings=trainings,
        trained_on=data.images,
        elsewhere=bool(subject.measuring.dataset),
    )


def _in_all(subject: Subject) -> int | None:
    """Images of all splits; None where those that are measured are all, or there is but one split."""
    if subject.count_images is None or subject.measuring.split == "all":
        return None
    try:
        return subject.count_images("all")
    except CollapseError:
        return None
