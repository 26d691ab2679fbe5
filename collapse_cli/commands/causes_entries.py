"""What stands in the answer of `collapse causes` beside the causes themselves: views, layers in a row, cures tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from collapse_cli.commands.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry

if TYPE_CHECKING:
    from collapse_cli.causes import Case
    from collapse_cli.metrics.causes import Cause


def views(name: str, case: Case, number: int, said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Now and before training at the run's own strength, then over all strengths."""
    from collapse_cli.causes import STRENGTHS
    from collapse_cli.metrics.augmentation import strengths

    yield entry(name, case.now, input=number, settings=said)
    if case.before is not None:
        yield entry(f"{name} · untrained", case.before, input=number, settings=said)
    over = strengths(STRENGTHS, case.along, case.along_before)
    yield entry(name, over, input=number, settings={"recipe": case.recipe, "q": 2, "seed": said["seed"]})


def in_a_row(subject: Subject, case: Case, number: int) -> Iterator[dict[str, Any]]:
    """Linear layers in a row, and over the epochs too where the run kept checkpoints of others than its last."""
    from collapse_cli.causes import chains
    from collapse_cli.commands.epochs import along
    from collapse_cli.metrics.chain import course

    if case.chain is None:
        return
    yield entry(subject.name, case.chain, input=number)
    if not subject.record or not subject.record.epochs() or case.trained is None or case.untrained is None:
        return
    before, now = (chains.in_a_row(method.projector) for method in (case.untrained, case.method))
    epochs = along(
        subject.record, before, now, case.trained.epochs, lambda method: chains.in_a_row(method.projector)
    )
    yield entry(f"{subject.name} by epoch", course(dict(epochs)), input=number)


def cures(
    case: Case, ranked: Sequence[Cause], epochs: int, name: str, number: int
) -> Iterator[dict[str, Any]]:
    """Each cause found, trained without for the first epochs, beside the run itself."""
    from collapse_cli.causes.course import beside, tried
    from collapse_cli.commands.cures import cured

    found = [one for one in ranked if one.found(case.std_sqrt_d)]
    if not epochs or not found:
        return
    if case.trained is None or case.trained.data != case.images.data_shape:
        raise CollapseError(
            f"{name} cannot be trained again: its training or its pictures are not at hand",
            "leave out --try, or --dataset and --split",
        )
    own = tried(case, case.trained.run, epochs)
    for cause in found:
        run = cured(cause, case.trained.run)
        yield entry(f"{name} · {cause.name}", beside(tried(case, run, epochs), own), input=number,
                    settings={"epochs": epochs, **_said(cause)})  # fmt: skip


def _said(cause: Cause) -> dict[str, Any]:
    return {"method": cause.instead, **cause.cure} if cause.instead else dict(cause.cure)
