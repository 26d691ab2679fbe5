"""A pass over rows by several processes, each over its part; in one process there is nothing to divide."""

from __future__ import annotations

import torch

from collapse_cli import distributed
from collapse_cli.metrics.moments import BLOCK, Gathered
from collapse_cli.metrics.passes import SMALL, Pass
from collapse_cli.progress import counted
from collapse_cli.shapes import Rows


def gathered(rows: Rows) -> Gathered | None:
    """What a pass over rows (N,D) leaves, copies too, the same in every process. None where one process measures alone."""
    count, d = rows.shape
    size = max(BLOCK // max(d, 1), 1)
    part = distributed.share(count, size)
    if part is None:
        return None
    first, *others = distributed.shared(lambda: _over(rows, part, size))
    for other in others:
        first.merge(other)
    return first.gathered(rows)


def _over(rows: Rows, part: range, size: int) -> Pass:
    d = rows.shape[1]
    seen = Pass(d, torch.device("cpu"), True, "float64" if len(part) * d * d > SMALL else "blocks")
    starts = range(part.start, part.stop, size)
    for start in counted(starts, "rows read", lambda start: min(size, part.stop - start)):
        seen.add(rows[start : min(start + size, part.stop)].cpu(), start)
    seen.close()
    return seen
