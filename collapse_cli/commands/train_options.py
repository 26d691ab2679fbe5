"""Options of `collapse train` that do not change the result, and where its settings come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SAME_BITS = "the same bits each time on a GPU, too, which may be slower; a CPU with the same number of threads always gives them"

Out = Annotated[Path | None, typer.Option(help="run folder; by default runs/METHOD-DATASET-STAMP")]
Resume = Annotated[Path | None, typer.Option(help="continue the run in this folder")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace the run in --out")]
Config = Annotated[
    Path | None, typer.Option(help="read settings from a TOML file, such as a run's settings.toml")
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="one setting; it takes precedence over --config, and options take precedence over it",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="print what would be done, and stop")]
Device = Annotated[str, typer.Option(help="device: auto, cpu, cuda, cuda:N or mps")]
DataDir = Annotated[str | None, typer.Option(help="folder of the data sets (or COLLAPSE_DATA_DIR)")]
Download = Annotated[bool, typer.Option("--download", help="download a missing data set")]
Minutes = Annotated[
    float,
    typer.Option(
        "--checkpoint-minutes",
        metavar="MINUTES",
        help="save the run also within an epoch, every so many minutes; 0: only at its end",
        min=0,
    ),
]
Every = Annotated[
    int,
    typer.Option(
        "--monitor-every",
        metavar="STEPS",
        help="look for collapse every so many steps, and write monitor.jsonl, which `collapse watch` draws; 0: never",
        min=0,
    ),
]
TensorBoard = Annotated[
    bool,
    typer.Option(
        "--tensorboard", help="write what the monitor sees to RUN/tensorboard, too, for TensorBoard"
    ),
]
Deterministic = Annotated[bool, typer.Option("--deterministic", help=SAME_BITS)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print no progress")]
