"""Which recorded trainings the alarm warns of, beside the truth: offline, from the looks that `alarm.py record` kept.

    PYTHONPATH=. python tests/benchmarks/alarm_judge.py /tmp/alarm/test
    PYTHONPATH=. python tests/benchmarks/alarm_judge.py /tmp/alarm/tune --keep tests/metrics/alarm_traces.npz

The second writes the few traces that an ordinary test reads, rounded.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
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
    """The warnings of an alarm that sees the first look and every so-manieth, as a monitor's."""
    alarm, seen = Alarm(constants), [each for each in looks if each.step == 1 or each.step % every == 0]
    if not looks[-1].finite:  # the recording ends there, and what is not finite stays so
        seen.append(replace(looks[-1], step=seen[-1].step + every))
    return [warning for each in seen if (warning := alarm.update(each))]


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


COLLAPSED = ("complete", "scale", "rank", "nan")
VARIANTS = (("every step", 1), ("every 10 steps", 10), ("every 50 steps", 50))


def table(trainings: Sequence[Recorded]) -> str:
    """Markdown: what was found of the collapses, by kind; the healthy ones, by group; and what is reported apart."""
    of_kind = {
        kind: [each for each in trainings if each.truth == kind and each.scene.group != "small"]
        for kind in COLLAPSED
    }
    large = [each for each in trainings if each.scene.group != "small"]
    healthy_ones = [each for each in large if each.truth == "healthy"]
    lines = [
        "| looks | " + " | ".join(COLLAPSED) + " | all collapses | healthy: false alarms |",
        "|---" * 7 + "|",
    ]
    for name, every in VARIANTS:
        cells = [
            share([outcome(each, warned(each.traces["plain"], every)) for each in of_kind[kind]], "found")
            for kind in COLLAPSED
        ]
        whole = [
            outcome(each, warned(each.traces["plain"], every)) for kind in COLLAPSED for each in of_kind[kind]
        ]
        alarms = [outcome(each, warned(each.traces["plain"], every)) for each in healthy_ones]
        lines.append(f"| {name} | {' | '.join(cells)} | {share(whole, 'found')} | {share(alarms, 'alarm')} |")
    planned = ("from step 0", lambda each: each.switch == 0), ("late", lambda each: each.switch > 0)
    for name, chosen in planned:
        part = [each for kind in COLLAPSED for each in of_kind[kind] if chosen(each.scene)]
        lines.append(
            f"\nOf the collapses {name}, {share([result(each) for each in part], 'found')} were found."
        )
    groups = tally(each.scene.group for each in healthy_ones)
    methods = len({each.scene.method for each in healthy_ones})
    lines.append(f"\nHealthy: {len(healthy_ones)} trainings of {methods} methods; by plan {groups}.")
    return "\n".join([*lines, *apart(trainings)])


def result(recorded: Recorded) -> str:
    return outcome(recorded, warned(recorded.traces["plain"]))


def tally(names: Iterable[str]) -> str:
    """As in "3 found, 1 missed"; "none" of none."""
    return ", ".join(f"{count} {name}" for name, count in Counter(names).most_common()) or "none"


def share(results: Sequence[str], name: str) -> str:
    return f"{results.count(name)} of {len(results)}"


def apart(trainings: Sequence[Recorded]) -> list[str]:
    """Without a bar: small batches, slow collapses, unclear ones, monitors that began late, and offsets."""
    slow = [each for each in trainings if each.truth.startswith("slow")]
    unclear = [each for each in trainings if each.truth == "unclear" and each.scene.group != "small"]
    small = [each for each in trainings if each.scene.group == "small"]
    moved = [each for each in trainings if each.traces["offset"]]
    same = [kinds(each.traces["plain"]) == kinds(each.traces["offset"]) for each in moved]
    late = [
        each for each in trainings if each.traces["late"] and each.truth in COLLAPSED and each.scene.switch
    ]
    seen = [outcome(each, warned(each.traces["late"])) for each in late]
    begun = [each for each in trainings if each.traces["late"] and each.truth == "healthy"]
    alarms = [outcome(each, warned(each.traces["late"])) for each in begun]
    unarmed = [each for each in trainings if each.truth == "healthy" and not armed(each)]
    return [
        "\nReported apart:\n",
        f"- Collapses that evaluations show only later than {SOON} steps after the change: {tally(map(result, slow))}.",
        f"- Trainings that are neither healthy nor collapsed: {tally(map(result, unclear))}.",
        f"- Batches of 8 and 16: {tally(f'{each.truth} and {result(each)}' for each in small)}.",
        f"- 5 times the root mean square added to every z: {sum(same)} of {len(same)} have the same decisions but for a line.",
        f"- A monitor that began 50 steps before the change, without a saved state: {tally(seen)}; healthy: {tally(alarms)}.",
        f"- Healthy trainings at whose end the alarm was not armed, and said so: {len(unarmed)}.",
    ]


def kinds(looks: Sequence[Look]) -> list[tuple[str, int]]:
    return [(each.kind, each.step) for each in warned(looks) if each.kind != "one direction"]


def armed(recorded: Recorded) -> bool:
    alarm = Alarm()
    for each in recorded.traces["plain"]:
        alarm.update(each)
    return alarm.armed


KEPT = {
    "005": "byol, stop-gradient removed after 200",
    "007": "moco, temperature .05",
    "011": "end-to-end, lengths penalised after 200",
    "012": "mochi, lr .2",
    "017": "memory-bank, temperature .05",
    "021": "byol, lr .1",
    "028": "positive-only",
    "039": "simsiam, predictor removed after 200",
    "046": "memory-bank, two directions after 300",
    "050": "mochi, lr .2 after a warm-up",
}
NEEDED = ("scale", "variance", "top_share", "line_cosine", "effective_rank")


def keep(trainings: Sequence[Recorded], path: Path) -> None:
    """What the rule reads of a few trainings, float32 with ten bits of fraction, which compress well."""
    kept = {}
    for each in trainings:
        if each.number in KEPT:
            rows = [[getattr(look, name) for name in NEEDED] for look in each.traces["plain"]]
            bits = numpy.array(rows, dtype=numpy.float32).view(numpy.int32)
            kept[KEPT[each.number]] = (bits & ~0x1FFF).view(numpy.float32).T
    numpy.savez_compressed(path, **kept)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, help="write the traces of a test")
    given = parser.parse_args()
    trainings = list(read(given.folder))
    if given.keep:
        keep(trainings, given.keep)
        return
    print(table(trainings))
    print("\n| training | truth | alarm | warnings |\n|---|---|---|---|")
    for each in trainings:
        said = ", ".join(f"{warning.kind} at {warning.step}" for warning in warned(each.traces["plain"]))
        if result(each) in ("missed", "alarm", "early", "found late"):
            name = f"{each.number} {each.scene.name}, change after {each.scene.switch}"
            print(f"| {name} | {each.truth} | {result(each)} | {said} |")


if __name__ == "__main__":
    main()
