"""What the demo trains, a few short runs on real digits, each in a folder of its own; and what it shows of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch

from collapse_cli import data
from collapse_cli.analysis import catalogue
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.merging import by_name
from collapse_cli.analysis.subject import Subject
from collapse_cli.analysis.training import fresh
from collapse_cli.answers import Answer, Entry, answer, headline
from collapse_cli.metric import Metric, changed, without
from collapse_cli.runs import lifecycle, lock
from collapse_cli.runs.record import Record
from collapse_cli.settings import Run
from collapse_cli.training import Epoch

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
"""What is shown side by side, as `merging.by_name` names it."""

NUMBERS = tuple(name for name in PICKED if not name.startswith(("eigenvalues", "false_by_rank")))
"""Those of them that are no curves."""

DRAWN = "eigenvalues.z"  # in the terminal; the others are in the plot
KEYS = 512  # drawn from the data, the same for every run, since positive-only has no queue
Training = tuple[Record, Run, Iterator[Epoch]]


def train(folder: Path, runs: Iterable[Run], device: torch.device, argv: Sequence[str]) -> Iterator[Training]:
    """Each run on digits in a folder of its method's name, its epochs still to be trained by iterating over them."""
    images = data.load("digits", "train").to(device)
    for run in runs:
        record, checkpoint = Record(folder / run.method), fresh(run, images, device)
        record.refuse_unfit(overwrite=False)
        with lock.claimed(record.folder):
            lifecycle.begin(record, checkpoint, argv)
            yield record, checkpoint.run, lifecycle.epochs(checkpoint, images, record)


def measure(subjects: Sequence[Subject]) -> list[Answer]:
    """What the numbers that are shown are of."""
    options = {"oracle": {"queue": KEYS}}
    return [
        measured(catalogue.measurement(name), subjects, warned=False, **options.get(name, {}))
        for name in catalogue.wanted(PICKED)
    ]


def summary(answers: Sequence[Answer], names: Sequence[str]) -> Answer:
    """One entry a run, its metrics picked from the answers, with the verdict of the space that it is judged by."""
    entries = []
    for number, name in enumerate(names):
        of_run = [each.of_input(number) for each in answers]
        every, verdicts = by_name(of_run), of_run[0].verdicts()
        space = headline({space: verdict.status for space, verdict in verdicts.items()})
        judged = next(entry for entry in of_run[0] if entry.space == space)
        metrics = {key: _plainer(key, every[key]) for key in PICKED}
        entries.append(
            Entry(
                name, metrics, input=number, settings=judged.settings, verdict=judged.verdict,
                named_kind="side_by_side", named_title="Side by side", key_numbers=NUMBERS,
            )
        )  # fmt: skip
    return answer("demo", entries, answers[0].inputs)


def _plainer(key: str, metric: Metric) -> Metric:
    """For the table to fit: no interval, which the command's own answer keeps, and one drawing."""
    plain = changed(without(metric, "sketch"), sketch=True) if key == DRAWN else without(metric, "sketch")
    return changed(plain, interval=None) if metric["kind"] == "number" else plain
