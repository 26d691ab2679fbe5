"""collapse demo: train small models on real digits, and see within a minute what collapses and what prevents it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collapse_cli.answers import Answer
from collapse_cli.printable import printable
from collapse_cli.runs.record import Record
from collapse_cli.settings import Run, resolve
from collapse_cli.views import targets

if TYPE_CHECKING:
    import torch

SHOWN = {"positive-only": {"epochs": 8}, "moco": {"epochs": 40}, "mochi": {"epochs": 40}}
QUICK = {"positive-only": {"epochs": 6}, "moco": {"epochs": 10}}
"""Epochs of 21 steps. Positive-only has collapsed to one point after two."""

Out = Annotated[Path | None, typer.Option(help="folder for runs, plots and page; by default runs/demo-STAMP")]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick", help="a smoke test for CI: two short runs; exit code 1 unless they end as they must"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document on stdout instead of tables")]
Device = Annotated[str, typer.Option("--device", help="device: auto, cpu, cuda, cuda:N or mps")]
Seed = Annotated[int, typer.Option(help="seed of all random draws", min=0)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print neither progress nor tables")]


def demo(
    out: Out = None,
    quick: Quick = False,
    as_json: AsJson = False,
    on: Device = "auto",
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Train small models on real digits, and see within a minute what collapses and what prevents it.

    Trains positive-only (which collapses by design), MoCo and MoCHi; measures spectra, alignment, uniformity, a probe on 10
    labels per class and false negatives, side by side; writes plots and a page. Nothing is downloaded.

    Example: [bold]collapse demo[/bold]
    """
    began = time.perf_counter()
    folder = out or Path("runs") / time.strftime("demo-%Y%m%d-%H%M%S")
    targets.check_folder(folder, "--out")
    import torch

    from collapse_cli.analysis.demo import measure, summary
    from collapse_cli.analysis.inputs import load_all
    from collapse_cli.analysis.measuring import Measuring, device
    from collapse_cli.views.progress import reporter

    # small networks gain nothing from more threads, and wait long where cores are shared
    torch.set_num_threads(1)
    runs = [resolve(name, {"seed": seed}, knobs) for name, knobs in (QUICK if quick else SHOWN).items()]
    records = _train(runs, folder, device(on), quiet or as_json)
    with reporter(quiet or as_json):
        answers = measure(load_all([record.folder for record in records], Measuring(device=on, seed=seed)))
    side_by_side = summary(answers, [run.method for run in runs])
    _show(side_by_side, answers, folder, as_json, quiet)
    if not quiet:
        seconds = time.perf_counter() - began
        print(
            f"{seconds:.0f} s of wall time; plots in {printable(folder / 'demo.png')}, page in "
            f"{printable(folder / 'index.html')}",
            file=sys.stderr,
        )
    if quick:
        _gate(side_by_side)


def _train(runs: Sequence[Run], folder: Path, on: torch.device, quiet: bool) -> list[Record]:
    """Train every run in the folder, live on stderr."""
    from collapse_cli.analysis.demo import train
    from collapse_cli.views.progress import live

    records = []
    for record, run, epochs in train(folder, runs, on, sys.argv[1:]):
        records.append(record)
        with live(run.method, run.training.epochs, enabled=not quiet) as display:
            for epoch in epochs:
                display.update(epoch)
    return records


def _show(side_by_side: Answer, answers: Sequence[Answer], folder: Path, as_json: bool, quiet: bool) -> None:
    """Tables on stdout; plots, page and answers in the folder. The verdicts stand at the top of the page, and only there."""
    from collapse_cli.analysis.report import unjudged
    from collapse_cli.commands.output import finish, save
    from collapse_cli.views import Output, page, plot
    from collapse_cli.views.document import document

    home = Record(folder)
    shown = finish(side_by_side, Output(json=as_json, quiet=quiet), home)
    plot.draw(shown, folder / "demo.png")
    for answer in answers:
        save(home, answer)
    longer = sorted(
        (document(answer, sys.argv[1:]) for answer in answers), key=lambda each: str(each["command"])
    )
    whole = page.page([shown, *map(unjudged, longer)], "collapse demo", intro="digits, on this machine")
    page.write(folder / "index.html", whole)


def _gate(side_by_side: Answer) -> None:
    """Exit code 1 unless positive-only is seen to collapse completely and MoCo is not."""
    status = {entry.subject: entry.status for entry in side_by_side}
    if status["positive-only"] != "complete collapse" or status["moco"] == "complete collapse":
        print(f"collapse: the demo did not end as it must: {status}", file=sys.stderr)
        raise typer.Exit(1)
