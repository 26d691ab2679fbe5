"""collapse codes: is a codebook used, or has it collapsed?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.commands.options import Shown, options
from collapse_cli.commands.single import INCONCLUSIVE
from collapse_cli.errors import CollapseError
from collapse_cli.settings import fill

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="whole numbers: .npy .npz .pt .safetensors .csv .tsv .parquet .jsonl, or .txt and .km with a row on each line",
        show_default=False,
    ),
]
Size = Annotated[
    str,
    typer.Option(
        metavar="K", help="codes that the codebook has, K; with --levels also one for each: 8,5,5,5"
    ),
]
Levels = Annotated[bool, typer.Option("--levels", help="the columns of (N,Q) are Q codebooks, each judged")]
Tokens = Annotated[
    bool,
    typer.Option("--tokens", help="the codes of one row are tokens of one codebook, and not independent"),
]
Ignore = Annotated[str, typer.Option(help="codes that stand for padding: -1, or -1,-100")]
Column = Annotated[
    str, typer.Option(help="the column of a table, or the array of a file, that has the codes")
]


@options(Output=Shown)
def codes(
    typed: dict[str, Any],
    file: File,
    size: Size = "",
    levels: Levels = False,
    tokens: Tokens = False,
    ignore: Ignore = "",
    column: Column = "",
) -> None:
    """Is the codebook of a VQ-VAE, RQ-VAE, FSQ or wav2vec 2.0 used, or has it collapsed?

    The answer is a verdict with the perplexity without the bias of few codes,
    beside its null, uniform codes of the same N and K; dead codes with an
    interval; and how often each code is used. Exit code 3 where the codes are too
    few to tell.

    Examples: [bold]collapse codes indices.npy --size 1024 --tokens --plot usage.png[/bold],
    [bold]collapse codes residual.npz --size 1024 --levels[/bold]
    """
    output = fill(Shown, typed).output()
    sizes, ignored = _numbers("--size", size), _numbers("--ignore", ignore)
    from collapse_cli.analysis.code_arrays import Layout
    from collapse_cli.analysis.codes import of_file
    from collapse_cli.commands.output import finish

    answer = of_file(file, column, Layout(sizes, levels, tokens, ignored))
    finish(answer, output)
    if answer.undecided():
        raise typer.Exit(INCONCLUSIVE)


def _numbers(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers with commas between them. Raises CollapseError for others."""
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise CollapseError(
            f"{option} {text} is no whole number", f"write {option} 512, or several with commas"
        ) from None
