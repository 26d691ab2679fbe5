"""How often the verdict is right, on the planted set."""

from __future__ import annotations

from collections.abc import Sequence

from collapse_cli.analysis import needed
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError
from collapse_cli.figures import percent
from collapse_cli.metrics.calibration import RATIOS, Calibration, JudgedSample, calibration, cases, count
from collapse_cli.progress import Progress, silent

NARROWEST = 8


def calibrate(widths: Sequence[int], replications: int, seed: int, progress: Progress = silent) -> Answer:
    """Every planted sample of these numbers of dimensions, drawn and judged. Raises CollapseError for a width below 8."""
    if min(widths) < NARROWEST:
        raise CollapseError(
            f"--dimensions {min(widths)} is too small for the planted cases", f"give {NARROWEST} or more"
        )
    needed.refuse_planted(max(widths))
    total, judged = count(widths, replications), list[JudgedSample]()
    progress("samples", 0, total)
    for case in cases(widths, replications, seed):
        judged.append(case)
        progress("samples", len(judged), total)
    settings = {"D": list(widths), "N/D": list(RATIOS), "replications": replications, "seed": seed}
    result = calibration(judged)
    entry = Entry(
        "planted set", result, settings=settings, answer=_sentence(result),
        key_numbers=("right", "false_alarms", "missed"),
    )  # fmt: skip
    return answer("calibration", [entry])


def _sentence(result: Calibration) -> str:
    return (
        f"The verdict is right on {percent(result.right, 1)} of {result.cases:,} samples whose truth is known; "
        f"{percent(result.false_alarms, 1)} of the healthy ones were called collapsed, and {percent(result.missed, 1)} of the "
        "collapsed ones healthy."
    )
