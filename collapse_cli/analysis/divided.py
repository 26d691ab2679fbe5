"""A pass over rows by several processes, each over its part; in one process there is nothing to divide."""

from __future__ import annotations

from collapse_cli import distributed
from collapse_cli.metrics.moments import Gathered
from collapse_cli.metrics.passes import at_once, pass_over
from collapse_cli.shapes import Rows


def gathered(rows: Rows) -> Gathered | None:
    """What a pass over rows (N,D) leaves, copies too, the same in every process. None where one process measures alone."""
    part = distributed.share(rows.shape[0], at_once(rows.shape[1]))
    if part is None:
        return None
    first, *others = distributed.shared(lambda: pass_over(rows, part, counted=True))
    for other in others:
        first.merge(other)
    return first.gathered(rows)
