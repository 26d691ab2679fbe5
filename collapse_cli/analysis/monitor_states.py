"""Which of the last looks at a training are of one state of its network: only those are judged together."""

from __future__ import annotations

from collections.abc import Sequence

from collapse_cli.analysis.monitor_rows import KeptBatch
from collapse_cli.analysis.monitor_seen import Seen
from collapse_cli.metrics.looks import Look, looked

LATER = 10  # steps after the start, from which the start is judged no more
FEWEST = 16  # embeddings of a batch: the numbers of fewer vary by themselves
VARIANCE, RANK, SCALE = 2.5, 2.0, 10.0  # factors by which looks of one state differ at most
NO_VARIANCE = 0.01  # below, a variance is none, and has no rank


def of_one_state(batches: Sequence[KeptBatch], seen: Seen) -> list[KeptBatch]:
    """The last of these batches, back to the first that differs from the very last: in the variance about the start of the
    training, in the effective rank of z or h, or in the scale. A collapse is not judged with what was there before it.
    """
    kept = list(batches)
    start = 0 if seen.first is None else seen.first.step
    if len(kept) > 1 and kept[0].step == start and kept[-1].step > start + LATER:
        kept = kept[1:]
    if seen.origin is None or min(map(len, kept)) < FEWEST:
        return kept
    looks = [_look(batch, seen) for batch in kept]
    others = [place for place, look in enumerate(looks) if not _alike(look, looks[-1])]
    return kept[others[-1] + 1 if others else 0 :]


def _look(batch: KeptBatch, seen: Seen) -> Look:
    assert seen.origin is not None
    return looked(batch.spaces["z"], seen.origin.cpu(), h=batch.spaces.get("h")).read(batch.step)


def _alike(look: Look, last: Look) -> bool:
    variances = [max(each.variance, NO_VARIANCE) for each in (look, last)]
    pairs = [(*variances, VARIANCE), (look.scale, last.scale, SCALE)]
    if min(variances) > NO_VARIANCE:
        pairs.append((look.effective_rank, last.effective_rank, RANK))
    if look.rank_h is not None and last.rank_h is not None:
        pairs.append((look.rank_h, last.rank_h, RANK))
    return not any(min(a, b) * factor < max(a, b) for a, b, factor in pairs)
