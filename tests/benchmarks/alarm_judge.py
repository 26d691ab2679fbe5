"""Which recorded trainings the alarm warns of, beside the truth: offline, from the looks that `alarm.py record` kept."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy

from collapse_cli.metrics.alarm import Alarm, Constants, Warned
from collapse_cli.metrics.looks import Look
from tests.benchmarks.alarm_scenes import Scene
from tests.benchmarks.alarm_truth import Evaluation, collapsed, healthy

PLANTED = ("late", "start", "scale", "rank", "nan")
SOON, WITHIN = (
    100,
    200,
)  # steps after the change by which evaluations must show the collapse, and the alarm must have warned
FIELDS = [field.name for field in fields(Look)]
WHOLE = ("step", "samples", "dimensions")
OPTIONAL = ("alignment", "rank_h", "loss")


@dataclass(frozen=True)
class Recorded:
    """A training that was recorded. truth: a kind of collapse, "slow …" where it came late, "healthy" or "unclear"."""

    number: str
    scene: Scene
    evaluations: list[Evaluation]
    traces: dict[str, list[Look]]

    @property
    def truth(self) -> str:
        planted, switch = self.scene.group in PLANTED, self.scene.switch
        if planted and (kind := collapsed(self.evaluations, switch, switch + SOON)):
            return kind
        if planted and (kind := collapsed(self.evaluations, switch, self.scene.steps)):
            return f"slow {kind}"
        return "healthy" if healthy(self.evaluations, switch, planted) else "unclear"


def read(folder: Path) -> Iterator[Recorded]:
    for path in sorted(folder.glob("[0-9][0-9][0-9].npz")):
        with numpy.load(path) as kept:
            about = json.loads(str(kept["about"]))
            traces = {name: [look(row) for row in kept[name]] for name in kept.files if name != "about"}
        scene, evaluations = Scene(**about["scene"]), [Evaluation(**each) for each in about["evaluations"]]
        yield Recorded(path.stem, scene, evaluations, traces)


def look(row: Sequence[float]) -> Look:
    values = dict(zip(FIELDS, (float(value) for value in row), strict=True))
    given = {name: int(values[name]) if name in WHOLE else values[name] for name in FIELDS}
    given |= {name: None for name in OPTIONAL if math.isnan(values[name])}
    return Look(**{**given, "finite": bool(values["finite"])})  # type: ignore[arg-type]


def warned(looks: Sequence[Look], every: int = 1, constants: Constants | None = None) -> list[Warned]:
    """The warnings of an alarm that sees every so-manieth look, from the first on."""
    alarm = Alarm(constants)
    return [warning for each in looks[::every] if (warning := alarm.update(each))]


def outcome(recorded: Recorded, warnings: Sequence[Warned]) -> str:
    """found, found late, missed, or early (before the change) of a collapse; silent or false alarm of a healthy training."""
    switch, first = recorded.scene.switch, warnings[0].step if warnings else None
    if recorded.truth in ("healthy", "unclear"):
        return "silent" if first is None else "alarm"
    if first is None:
        return "missed"
    if first <= switch:
        return "early"
    return "found" if first <= switch + WITHIN else "found late"
