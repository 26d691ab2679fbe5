"""How often the verdict is right, on the planted set."""

from __future__ import annotations

from collections.abc import Sequence

from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.calibration import RATIOS, JudgedSample, calibration, cases, count
from collapse_cli.progress import Progress, silent

NARROWEST = 8


def calibrate(widths: Sequence[int], replications: int, seed: int, progress: Progress = silent) -> Answer:
    """Every planted sample of these numbers of dimensions, drawn and judged. Raises CollapseError for a width below 8."""
    if min(widths) < NARROWEST:
        raise CollapseError(
            f"--dimensions {min(widths)} is too small for the planted cases", f"give {NARROWEST} or more"
        )
    total, judged = count(widths, replications), list[JudgedSample]()
    progress("samples", 0, total)
    for case in cases(widths, replications, seed):
        judged.append(case)
        progress("samples", len(judged), total)
    settings = {"D": list(widths), "N/D": list(RATIOS), "replications": replications, "seed": seed}
    return answer("calibration", [Entry("planted set", calibration(judged), settings=settings)])
