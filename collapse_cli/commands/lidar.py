"""collapse lidar: in how many directions do pictures differ, measured by how much their views do?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.about import about
from collapse_cli.commands.answers import finish
from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.commands.subject import Subject, sampled
from collapse_cli.commands.subjects import subjects
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from torch import Tensor

DELTA = 1e-4
FEW_VIEWS = 5


@options(Measuring=Measuring, Output=Shown)
def lidar(
    inputs: Inputs,
    given: dict[str, Any],
    views: Annotated[int, typer.Option(help="augmented views of each picture, q", min=2)] = 10,
    pictures: Annotated[
        int, typer.Option(help="pictures that are viewed, n; more than dimensions", min=2)
    ] = 1000,
    delta: Annotated[
        float, typer.Option(help="added to the diagonal of Sw, δ, times its mean", min=0)
    ] = DELTA,
    absolute: Annotated[bool, typer.Option("--absolute", help="add δ as it is, as other tools do")] = False,
) -> None:
    """In how many directions do pictures differ, measured by how much views of one picture do?

    LiDAR, and along each principal direction the share of the variance that is augmentation, beside noise without any
    picture in it. Where an .npz has no views, its labels stand for pictures.

    Example: [bold]collapse lidar runs/mine --views 10 --pictures 1000 --plot lidar.png[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    own: dict[str, Any] = {"views": views, "pictures": pictures, "delta": delta, "absolute": absolute}
    found = asked(subjects(inputs, measuring, shown.quiet), measuring, measure, **own)
    entries = measure(found, measuring.seed, **own)
    finish("lidar", entries, found, output, [*sampled(found), *_warnings(entries)])


def measure(
    found: Sequence[Subject],
    seed: int,
    views: int = 10,
    pictures: int = 1000,
    delta: float = DELTA,
    absolute: bool = False,
) -> list[dict[str, Any]]:
    """One entry for each space of each subject."""
    import torch

    from collapse_cli.metrics.lidar import lidar
    from collapse_cli.metrics.scatter import groups

    entries = []
    for number, subject in enumerate(found):
        spaces, member, how = _grouped(subject, views, pictures)
        for space, rows in spaces.items():
            generator = torch.Generator().manual_seed(seed)
            with about(f"{subject.name} · {space}"):
                result = lidar(groups(rows, member), generator, delta, relative=not absolute)
            settings = {
                "L2": False,
                **how,
                "δ": f"{delta:g}" + ("" if absolute else " of mean Sw"),
                "seed": seed,
            }
            entries.append(entry(f"{subject.name} · {space}", result, input=number, settings=settings))
    return entries


def _grouped(subject: Subject, views: int, pictures: int) -> tuple[dict[str, Tensor], Tensor, dict[str, str]]:
    """Rows (N,D) of each space, which picture each is of (N,), and what stands for views: they, those kept, or labels."""
    import torch

    seen = subject.many_views(views, pictures) if subject.many_views else subject.views
    if seen:
        count, kept = len(seen[0]), subject.many_views is None
        spaces = {space: torch.cat([one.spaces[space] for one in seen]) for space in seen[0].spaces}
        how = "the two that the file holds" if kept else subject.recipe
        return spaces, torch.arange(count).repeat(len(seen)), {"views": how}
    if subject.clean.labels is None:
        raise CollapseError(
            f"{subject.name} has neither views nor labels",
            "give a checkpoint, an .npz from `collapse embed`, which holds two views, or --labels FILE",
        )
    return subject.clean.spaces, subject.clean.labels, {"views": "rows of one class"}


def _warnings(entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Few pictures bound LiDAR from above; of few views, their own noise is a large part of Sb."""
    for one in entries:
        n, q, d = (one["metrics"][name]["value"] for name in ("groups", "views", "dimensions"))
        if q < FEW_VIEWS:
            yield f"{one['of']}: {q:.3g} views of each bring LiDAR near to noise's; compare it only with others of as many"
        if n <= d:
            what = "classes" if one["settings"]["views"] == "rows of one class" else "pictures"
            yield f"{one['of']}: {n} {what} in {d} dimensions bound LiDAR by {n - 1}; more than {d} are recommended"
