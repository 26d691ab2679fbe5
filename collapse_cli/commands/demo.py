"""collapse demo: collapse, and what prevents it, seen on real digits within a minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.options import Measuring, device
from collapse_cli.runs.record import Record
from collapse_cli.settings import Run, resolve

if TYPE_CHECKING:
    import torch

SHOWN = {"positive-only": {"epochs": 8}, "moco": {"epochs": 40}, "mochi": {"epochs": 40}}
QUICK = {"positive-only": {"epochs": 6}, "moco": {"epochs": 10}}
"""Epochs of 21 steps. Positive-only is at one point after two."""

KEYS = 512  # drawn from the data, the same for every run, since positive-only has no queue


def demo(
    out: Annotated[
        Path | None, typer.Option(help="folder for runs, plots and page; by default runs/demo-STAMP")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="the smoke check for a CI: two short runs, exit code 1 unless they end as they must",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON document on stdout instead of tables")
    ] = False,
    on: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps")] = "auto",
    seed: Annotated[int, typer.Option(help="of everything drawn", min=0)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no tables")] = False,
) -> None:
    """Watch collapse, and what prevents it, on real digits within a minute.

    Trains positive-only (collapses on purpose), MoCo and MoCHi; measures spectra, alignment, uniformity, a probe on 10 labels
    per class and false negatives, side by side; writes plots and a page. Nothing is downloaded.

    Example: [bold]collapse demo[/bold]
    """
    import torch

    from collapse_cli.commands.report import portrait
    from collapse_cli.commands.subjects import subjects

    # small networks gain nothing from more threads, and wait long where cores are shared
    torch.set_num_threads(1)
    folder = out or Path("runs") / time.strftime("demo-%Y%m%d-%H%M%S")
    began = time.perf_counter()
    runs = [resolve(name, {"seed": seed}, knobs) for name, knobs in (QUICK if quick else SHOWN).items()]
    records = _train(runs, folder, device(on), quiet or as_json)
    measuring = Measuring(device=on, seed=seed)
    found = subjects([record.folder for record in records], measuring, quiet=True, views=True)
    documents = portrait(found, measuring, queue=KEYS, wanted=SHOWN_OF)
    _keep(folder, documents)
    document = _summary(documents, [run.method for run in runs])
    _show(document, folder, as_json, quiet, time.perf_counter() - began)
    if quick:
        _gate(document)


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


SHOWN_OF = ("spectrum", "alignment", "oracle", "probe")
"""What is measured of the runs."""

PICKED = (
    "std_sqrt_d.z",
    "mean_cosine.z",
    "alignment.z",
    "uniformity.z",
    "effective_rank.z",
    "effective_rank.h",
    "few_labels.h",
    "rank_1.z",
    "top_64.z",
    "bottom_half.z",
    "eigenvalues.z",
    "eigenvalues.h",
    "false_by_rank.z",
)
"""What the demo shows side by side, as `merging.flat` names it."""


def _summary(documents: list[dict[str, Any]], runs: list[str]) -> dict[str, Any]:
    """One result a run, its metrics picked from the documents, with the verdict on its projections."""
    from collapse_cli.commands.answers import answer
    from collapse_cli.commands.merging import flat, of_input

    results = []
    for number, run in enumerate(runs):
        own = of_input(documents, number)
        every, spectrum = flat(own), own[0]["results"][-1]
        metrics = {key: _plainer(key, every[key]) for key in PICKED}
        one = {"of": run, "input": number, "title": "Side by side", "metrics": metrics}
        results.append(one | {"settings": spectrum["settings"], "verdict": spectrum["verdict"]})
    return answer("demo", results, documents[0]["inputs"])


def _plainer(key: str, metric: dict[str, Any]) -> dict[str, Any]:
    """For the table to fit: no interval, which the command's own answer keeps, and one drawing, the others in the plot."""
    drawn = {"sketch": True} if key == "eigenvalues.z" else {}
    plain = {name: said for name, said in metric.items() if name != "sketch"} | drawn
    return plain | ({"interval": None} if "interval" in metric else {})


def _keep(folder: Path, documents: list[dict[str, Any]]) -> None:
    for document in documents:
        Record(folder).keep(document)


def _show(document: dict[str, Any], folder: Path, as_json: bool, quiet: bool, seconds: float) -> None:
    """Tables on stdout; plots and page in the folder."""
    from collapse_cli.views import Output, page, plot, show

    show(document, Output(json=as_json, quiet=quiet))
    plot.draw(document, folder / "demo.png")
    kept = Record(folder)
    kept.keep(document)
    page.write(
        folder / "index.html",
        page.page([document, *_others(kept)], "collapse demo", intro="digits, on this machine"),
    )
    if not quiet:
        print(
            f"{seconds:.0f} s; plots in {folder / 'demo.png'}, page in {folder / 'index.html'}",
            file=sys.stderr,
        )


def _others(record: Record) -> list[dict[str, Any]]:
    """The longer answers, whose verdicts stand at the top of the page already."""
    rest = [document for document in record.results() if document["command"] != "demo"]
    return [
        document | {"results": [one | {"verdict": None} for one in document["results"]]} for document in rest
    ]


def _gate(document: dict[str, Any]) -> None:
    """Exit code 1 unless positive-only is seen to collapse completely and MoCo is not."""
    status = {one["of"]: one["verdict"]["status"] for one in document["results"]}
    if status["positive-only"] != "complete collapse" or status["moco"] == "complete collapse":
        print(f"collapse: the demo did not end as it must: {status}", file=sys.stderr)
        raise typer.Exit(1)
