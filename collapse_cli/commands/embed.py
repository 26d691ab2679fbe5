"""collapse embed: save the embeddings of a run as a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import options
from collapse_cli.errors import CollapseError
from collapse_cli.printable import printable
from collapse_cli.settings import fill
from collapse_cli.views import targets


@options(Measuring=Measuring)
def embed(
    input: Annotated[
        Path, typer.Argument(help="a run folder, a checkpoint or a file of embeddings", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="the .npz file to write", show_default=False)],
    typed: dict[str, Any],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace an existing --out")] = False,
) -> None:
    """Save the embeddings of a run as an .npz that every measuring command reads.

    The file contains representations h, projections z, labels, two augmented views of up to 2000 images, and the hash of the
    encoder's weights, by which `collapse coverage` knows what may be compared. From a file
    of embeddings it takes --samples of them.

    Example: [bold]collapse embed runs/mine --split test --out mine.npz[/bold]
    """
    targets.check(out, (".npz",), "--out")
    if out.exists() and not overwrite:
        raise CollapseError(f"{out} exists already", "--overwrite replaces it")
    from collapse_cli.analysis.inputs import load
    from collapse_cli.runs import embeddings
    from collapse_cli.views.progress import reporter

    with reporter(quiet=False) as progress:
        subject = load(input, fill(Measuring, typed), progress)
    for line in subject.sampled():
        print(f"warning: {printable(line)}", file=sys.stderr)
    contents = embeddings.SavedEmbeddings(
        subject.clean, subject.views, subject.temperature, network=subject.network
    )
    embeddings.save(out, contents)
    what = "images" if subject.case or subject.raw else "embeddings"
    spaces = ", ".join(subject.clean.spaces)
    print(printable(f"wrote {out}: {len(subject.clean)} {what}, {spaces}"), file=sys.stderr)
