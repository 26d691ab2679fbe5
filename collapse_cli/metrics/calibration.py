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
    """One sample, what is true of it, and what was said."""

    kind: str
    truth: Status
    said: Status
    rows: int
    dimensions: int


@dataclass(frozen=True)
class Calibration:
    """Calibration of the verdict."""

    cases: int = number("samples judged, each independent of the others")
    right: float = number(
        "share of the samples that are judged correctly; where N <= D and the sample is not "
        "collapsed to one point, correct is `inconclusive`",
        unit="share", interval="Wilson 95 %", better="high", headline=True,
    )  # fmt: skip
    false_alarms: float = number(
        "share of the healthy samples that are judged to have collapsed",
        unit="share", interval="Wilson 95 %", better="low", headline=True,
    )  # fmt: skip
    missed: float = number(
        "share of the collapsed samples that are judged to be healthy",
        unit="share", interval="Wilson 95 %", better="low", headline=True,
    )  # fmt: skip
    undecided: float = number(
        "share of the samples with more embeddings than dimensions that are judged inconclusive",
        unit="share", interval="Wilson 95 %", better="low",
    )  # fmt: skip
    confusion: Matrix = matrix(
        "number of samples by their truth and by what they are judged to be", rows="truth", columns="verdict"
    )
    right_by_kind: dict[str, float] = each(
        "share of the samples that are judged correctly", of="kind", unit="share", label="right"
    )


def cases(dimensions: Sequence[int], replications: int, seed: int) -> Iterator[JudgedSample]:
    """Every scene in every width at every number of rows, judged; as many as `count` says."""
    for again in range(replications):
        for d in dimensions:
            generator = torch.Generator().manual_seed(seed + 10_007 * again + 1_000_003 * d)
            for scene in scenes(d, generator):
                for n, known in sizes(d, scene.worth):
                    truth = scene.truth if known or scene.whatever_n else "inconclusive"
                    status = judged(scene, scene.draw(n, generator), generator)
                    yield JudgedSample(scene.kind if known else "tiny N", truth, status, n, d)


def scenes(d: int, generator: Generator) -> Iterator[Scene]:
    """The planted set in d dimensions."""
    yield from spectra(d, generator)
    yield from common_parts(d, generator)
    yield from copied(d, generator)


def judged(scene: Scene, rows: torch.Tensor, generator: Generator) -> Status:
    """What is said of rows (N,D), each compared with its kind; a borderline verdict counts as undecided."""
    groups = owners(len(rows)) if scene.grouped else None
    result = spectrum(rows, generator, relu=never_negative(rows), groups=groups)
    found = verdict_of(rows, result, generator, scene.context, scene.signs, groups)
    return "inconclusive" if found.borderline else cast(Status, found.status)


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


def calibration(found: Sequence[JudgedSample]) -> Calibration:
    """What the cases come to."""
    healthy = [one for one in found if one.truth == "healthy"]
    collapsed = [one for one in found if one.truth.endswith("collapse")]
    enough = [one for one in found if one.truth != "inconclusive"]
    kinds = dict.fromkeys(one.kind for one in found)
    met = Counter((one.truth, one.said) for one in found)
    return Calibration(
        cases=len(found),
        right=_share([one.said == one.truth for one in found]),
        false_alarms=_share([one.said.endswith("collapse") for one in healthy]),
        missed=_share([one.said == "healthy" for one in collapsed]),
        undecided=_share([one.said == "inconclusive" for one in enough]),
        confusion=Matrix([[met[truth, said] for said in STATUSES] for truth in STATUSES], BRIEF, BRIEF),
        right_by_kind={
            k: float(_share([one.said == one.truth for one in found if one.kind == k])) for k in kinds
        },
    )


def _share(events: Sequence[bool]) -> Measured:
    """Of n events with the interval of Wilson (1927), which also holds where none happened."""
    happened, n = sum(events), max(len(events), 1)
    return Measured(happened / n, interval=wilson(happened, n))
