"""How often the verdict is right: on rows whose truth is known (planted.py), over widths, rows and repetitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast, get_args

import torch
from torch import Generator

from collapse_cli.metrics.judged import judged as verdict_of
from collapse_cli.metrics.nulls import never_negative
from collapse_cli.metrics.planted import Scene, spectra
from collapse_cli.metrics.planted_common import common_parts
from collapse_cli.metrics.planted_copies import copied, owners
from collapse_cli.metrics.probe import wilson
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.metrics.thresholds import Status
from collapse_cli.metrics.verdict import FEWEST
from collapse_cli.results import each, matrix, number
from collapse_cli.values import Matrix, Measured

STATUSES: tuple[Status, ...] = get_args(Status)
BRIEF = [status.removesuffix(" collapse") for status in STATUSES]
RATIOS = (2, 5, 20, 100)  # rows for each dimension
MOST = 4096  # rows
TINY = (0.5, 1.0)  # rows for each dimension that tell nothing of it


@dataclass(frozen=True)
class JudgedSample:
    """One sample, what is true of it, and the status that was given to it."""

    kind: str
    truth: Status
    status: Status
    rows: int
    dimensions: int


@dataclass(frozen=True)
class Calibration:
    """Calibration of the verdict."""

    cases: int = number("samples judged, each independent of the others")
    right: float = number(
        "share of the samples that are judged correctly; where N <= D and the sample is not "
        "collapsed to one point, correct is `inconclusive`",
        unit="share", interval="Wilson 95 %", better="high", headline=True, low=0, high=1,
    )  # fmt: skip
    false_alarms: float = number(
        "share of the healthy samples that are judged to have collapsed",
        unit="share", interval="Wilson 95 %", better="low", headline=True, low=0, high=1,
    )  # fmt: skip
    missed: float = number(
        "share of the collapsed samples that are judged to be healthy",
        unit="share", interval="Wilson 95 %", better="low", headline=True, low=0, high=1,
    )  # fmt: skip
    undecided: float = number(
        "share of the samples with more embeddings than dimensions that are judged inconclusive",
        unit="share", interval="Wilson 95 %", better="low", low=0, high=1,
    )  # fmt: skip
    confusion: Matrix = matrix(
        "number of samples by their truth and by what they are judged to be", rows="truth", columns="verdict", low=0
    )  # fmt: skip
    right_by_kind: dict[str, float] = each(
        "share of the samples that are judged correctly", of="kind", unit="share", label="right", low=0, high=1
    )  # fmt: skip


def cases(dimensions: Sequence[int], replications: int, seed: int) -> Iterator[JudgedSample]:
    """Every scene in every width at every number of rows, judged; as many as `count` says."""
    for again in range(replications):
        for d in dimensions:
            generator = torch.Generator().manual_seed(seed + 10_007 * again + 1_000_003 * d)
            for scene in scenes(d, generator):
                for n, enough in sizes(d, scene.worth):
                    truth = scene.truth if enough or scene.whatever_n else "inconclusive"
                    status = judged(scene, scene.draw(n, generator), generator)
                    yield JudgedSample(scene.kind if enough else "tiny N", truth, status, n, d)


def scenes(d: int, generator: Generator) -> Iterator[Scene]:
    """The planted set in d dimensions."""
    yield from spectra(d, generator)
    yield from common_parts(d, generator)
    yield from copied(d, generator)


def judged(scene: Scene, rows: torch.Tensor, generator: Generator) -> Status:
    """What is said of rows (N,D), each compared with its kind; a borderline verdict counts as undecided."""
    groups = owners(len(rows)) if scene.grouped else None
    result = spectrum(rows, generator, relu=never_negative(rows), groups=groups)
    verdict = verdict_of(rows, result, generator, scene.context, scene.signs, groups)
    return "inconclusive" if verdict.borderline else cast(Status, verdict.status)


def sizes(d: int, worth: float = 1.0) -> Iterator[tuple[int, bool]]:
    """Numbers of rows, and whether so many can tell of d directions, where this share of them tells something new.

    Where that is near d it is not asked.
    """
    for ratio in (*TINY, *RATIOS):
        n = int(ratio * d)
        if FEWEST <= n <= MOST and (n * worth >= 2 * d or n * min(1.2 * worth, 1.0) <= d):
            yield n, n * worth >= 2 * d


def count(dimensions: Sequence[int], replications: int) -> int:
    """How many cases there will be."""
    numbers = (len(list(sizes(d, scene.worth))) for d in dimensions for scene in scenes(d, torch.Generator()))
    return replications * sum(numbers)


def calibration(judged_cases: Sequence[JudgedSample]) -> Calibration:
    """What the cases come to."""
    healthy = [case for case in judged_cases if case.truth == "healthy"]
    collapsed = [case for case in judged_cases if case.truth.endswith("collapse")]
    enough = [case for case in judged_cases if case.truth != "inconclusive"]
    kinds = dict.fromkeys(case.kind for case in judged_cases)
    met = Counter((case.truth, case.status) for case in judged_cases)
    return Calibration(
        cases=len(judged_cases),
        right=_share([case.status == case.truth for case in judged_cases]),
        false_alarms=_share([case.status.endswith("collapse") for case in healthy]),
        missed=_share([case.status == "healthy" for case in collapsed]),
        undecided=_share([case.status == "inconclusive" for case in enough]),
        confusion=Matrix([[met[truth, status] for status in STATUSES] for truth in STATUSES], BRIEF, BRIEF),
        right_by_kind={
            k: _share([case.status == case.truth for case in judged_cases if case.kind == k]) for k in kinds
        },
    )


def _share(events: Sequence[bool]) -> Measured:
    """Of n events with the interval of Wilson (1927), which also holds where none happened."""
    happened, n = sum(events), max(len(events), 1)
    return Measured(happened / n, interval=wilson(happened, n))
