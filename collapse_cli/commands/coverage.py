"""collapse coverage: does one set of embeddings cover another?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Shown, options
from collapse_cli.settings import fill


@options(Measuring=Measuring, Output=Shown)
def coverage(
    real: Annotated[Path, typer.Argument(help="what should be covered: any INPUT", show_default=False)],
    generated: Annotated[Path, typer.Argument(help="what should cover it: any INPUT", show_default=False)],
    typed: dict[str, Any],
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
    INPUT is the real one, which the second should cover. One network must have embedded both.

    Example: [bold]collapse coverage real.npy generated.npy --plot coverage.png[/bold]
    """
    shown, measuring = fill(Shown, typed), fill(Measuring, typed)
    output = shown.output()
    from collapse_cli.analysis import pairs
    from collapse_cli.commands.output import finish
    from collapse_cli.views.progress import reporter

    with reporter(shown.quiet) as progress:
        answer = pairs.coverage([real, generated], measuring, progress, k=k, space=space, width=width)
    finish(answer, output)
