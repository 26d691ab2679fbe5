"""collapse coverage: does one set of embeddings cover another?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.commands.answers import finish
from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Measuring, Shown, options
from collapse_cli.commands.subject import Subject, sampled
from collapse_cli.commands.subjects import subjects
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import fill


@options(Measuring=Measuring, Output=Shown)
def coverage(
    real: Annotated[Path, typer.Argument(help="what should be covered: any INPUT", show_default=False)],
    generated: Annotated[Path, typer.Argument(help="what should cover it: any INPUT", show_default=False)],
    given: dict[str, Any],
    k: Annotated[
        int, typer.Option(help="a ball reaches to the k-th nearest row of its own set, k", min=1)
    ] = 5,
    space: Annotated[str, typer.Option(help="h or z; by default every one that both have")] = "",
    width: Annotated[
        float, typer.Option(help="of a Gaussian kernel for the Vendi scores; 0: cosine", min=0)
    ] = 0.0,
) -> None:
    """Does one set of embeddings cover another?

    Two sets of rows in one space: precision, recall, density and coverage by balls around near neighbours, and the Vendi
    score of each set. A dropped mode takes coverage and recall down and leaves precision as it is. Not symmetric: the first
    INPUT is the real one, which the second should cover.

    Example: [bold]collapse coverage real.npy generated.npy --plot coverage.png[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    own: dict[str, Any] = {"k": k, "space": space, "width": width}
    found = asked(subjects([real, generated], measuring, shown.quiet), measuring, measure, **own)
    finish("coverage", measure(found, measuring.seed, **own), found, output, sampled(found))


def measure(
    found: list[Subject], seed: int, k: int = 5, space: str = "", width: float = 0.0
) -> list[dict[str, Any]]:
    """One entry for each space of both subjects, the real one and the generated one."""
    import torch

    from collapse_cli.metrics.coverage import coverage

    real, generated = found
    entries = []
    for name in _shared(real, generated, space):
        generator = torch.Generator().manual_seed(seed)
        rows = real.clean.spaces[name], generated.clean.spaces[name]
        result = coverage(*rows, generator, k, width or None)
        settings = {
            "real": real.name, "generated": generated.name, "D": rows[0].shape[1], "L2": False,
            "kernel": f"Gaussian of width {width:g}" if width else "cosine", "seed": seed,
        }  # fmt: skip
        entries.append(entry(f"{real.name} by {generated.name} · {name}", result, input=1, settings=settings))
    return entries


def _shared(real: Subject, generated: Subject, space: str) -> list[str]:
    """The spaces that are compared, by name."""
    both = [name for name in real.clean.spaces if name in generated.clean.spaces]
    if space and space not in both:
        raise CollapseError(f"no space '{space}' in both inputs", f"both have: {', '.join(both)}")
    return [space] if space else both
