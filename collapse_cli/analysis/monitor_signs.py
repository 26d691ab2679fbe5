"""What tells a collapse from a common offset in a training that is watched: two views of its images, and its start."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from collapse_cli.analysis.monitor_pool import pooled, views_of
from collapse_cli.analysis.monitor_seen import Seen
from collapse_cli.metrics.alignment import alignment
from collapse_cli.metrics.moments import spread_of
from collapse_cli.metrics.rows import broken, unit
from collapse_cli.metrics.signs import ALIKE, COMPLETE, GROWN, SHRUNK, STILL, surely_told_apart
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.metrics.verdict import complete
from collapse_cli.metrics.view_ratio import between, measure
from collapse_cli.values import Measured


def alignment_of(seen: Seen) -> float | None:
    """None without a second view of every batch."""
    views = views_of(seen.batches)
    return None if views is None else alignment(unit(views[0]), unit(views[1]))


def signs_of(seen: Seen, rows: Tensor, result: Spectrum) -> dict[str, Any]:
    """What the two views and the start of the training tell, where the common part is large."""
    if complete(result).crossed is False or result.equal:
        return {}
    views = _of_views(seen)
    return {**_since_start(seen, rows, views), **views}


def told_apart(seen: Seen) -> bool:
    """Whether images differ from their views so much more clearly than at the start that no collapse explains it."""
    return surely_told_apart(_of_views(seen).get("since_start"))


def _of_views(seen: Seen) -> dict[str, Measured | None]:
    """The variance between images over that between views, now and over the start's, each with its interval."""
    views = views_of(seen.batches)
    if views is None:
        return {}
    ratio = measure(views).view_ratio
    if not isinstance(ratio, Measured) or math.isnan(ratio):
        return {"views": None}
    before = None if seen.first is None or _is_start(seen) else views_of([seen.first])
    start = None if before is None else measure(before).view_ratio
    return {"views": ratio} | ({"since_start": between(ratio, start)} if isinstance(start, Measured) else {})


def _is_start(seen: Seen) -> bool:
    """Whether there is nothing but the start of the training yet."""
    return seen.first is not None and seen.batches[-1].step == seen.first.step


def _since_start(seen: Seen, rows: Tensor, views: dict[str, Measured | None]) -> dict[str, float]:
    """std·√D of the embeddings about the mean at the start, as a sign of an offset where they have spread about it since; and as
    one of a collapse where the alarm has told of it. Neither at the start itself.
    """
    if seen.origin is None or seen.first is None or _is_start(seen) or broken(seen.first.spaces["z"]):
        return {}
    about = math.sqrt(max(_variance(unit(rows.double() - seen.origin.double().cpu())), 0.0))
    alarmed = any(warned.kind == "complete collapse" for warned in seen.warned)
    learned = _grown(seen, rows) and _agree(seen, views)
    return ({"about_start": about} if learned else {}) | ({"fallen": about} if alarmed else {})


def _grown(seen: Seen, rows: Tensor) -> bool:
    """Whether the variance has grown since the start beside the part that all have in common, and not by losing its scale.

    Noise about a constant has every direction, too, and was there at the start: only that it grew says that images differ.
    """
    assert seen.first is not None
    start = seen.first.spaces["z"].double().cpu()
    now, before = (_variance(part) for part in (rows, start))
    shares = [_variance(unit(part.double())) for part in (rows, start)]
    return now > SHRUNK * before > 0 and shares[0] > GROWN * shares[1] > 0


def _agree(seen: Seen, views: dict[str, Measured | None]) -> bool:
    """Whether the other views and h, where they are given, show that images differ."""
    if views:
        ratio, since = views["views"], views.get("since_start")
        if not _above(ratio, ALIKE) or not _above(since, STILL):
            return False
    if not all("h" in batch.spaces for batch in seen.batches):
        return True
    rows, _ = pooled([batch.spaces["h"] for batch in seen.batches])
    return _variance(unit(rows)) > COMPLETE**2


def _above(ratio: Measured | None, bound: float) -> bool:
    """Whether all of its interval is."""
    return ratio is not None and ratio.interval is not None and ratio.interval[0] > bound


def _variance(rows: Tensor) -> float:
    spread = spread_of(rows)
    return spread.along_mean(max(spread.count - 1, 1))[0]
