"""The verdict on what a monitor has seen of a training: the rules of `diagnose`, on the embeddings of its last batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from collapse_cli.analysis.catalogue import measurement
from collapse_cli.analysis.judgement import class_scatter
from collapse_cli.analysis.measured import with_assumption
from collapse_cli.analysis.monitor_doubts import told
from collapse_cli.analysis.monitor_pool import pooled
from collapse_cli.analysis.monitor_rows import KeptBatch
from collapse_cli.analysis.monitor_seen import Seen
from collapse_cli.analysis.monitor_signs import alignment_of, signs_of, told_apart
from collapse_cli.analysis.monitor_states import of_one_state
from collapse_cli.analysis.result import Result
from collapse_cli.analysis.subject import generator
from collapse_cli.answers import Entry, Verdict, answer
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.advice_loop import Held, in_a_loop
from collapse_cli.metrics.evidence import evidence
from collapse_cli.metrics.judged import judged
from collapse_cli.metrics.nulls import never_negative
from collapse_cli.metrics.rows import broken
from collapse_cli.metrics.signs import Signs
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.runs.labels import numbered

NAME = "training"


def judgement_of(seen: Seen, remarks: Sequence[str] = ()) -> Result:
    """Raises CollapseError, with code 3, where no batch is there, or none that is finite. remarks: to be warned with."""
    batches = [batch.moved() for batch in seen.batches]
    sound = [batch for batch in batches if not any(broken(rows) for rows in batch.spaces.values())]
    if not sound:
        raise _nothing(batches, seen)
    alike = of_one_state(sound, seen)
    judged_on = replace(seen, batches=alike)
    if seen.near and told_apart(judged_on):
        judged_on = replace(judged_on, near=None)
    warnings = [*remarks, *_warnings(batches, sound), *_left_out(sound, alike, seen)]
    return Result(answer("diagnose", list(_entries(judged_on)), [_facts(alike)], warnings))


def _nothing(batches: Sequence[KeptBatch], seen: Seen) -> CollapseError:
    """Why there is nothing to judge."""
    if not batches:
        return CollapseError("no batch was looked at yet", seen.remedy, code=3)
    last = batches[-1]
    count = max(broken(rows) for rows in last.spaces.values())
    where = f"{count:,} of {len(last):,} at step {last.step:,}"
    return CollapseError(
        f"all batches that are held have embeddings with nan or infinity: {where}",
        "go back to a checkpoint before the first of them, and lower the learning rate",
        code=3,
    )


def _entries(seen: Seen) -> Iterator[Entry]:
    """One for each space that all batches have, h before z as everywhere."""
    spaces = [space for space in ("h", "z") if all(space in batch.spaces for batch in seen.batches)]
    row = measurement("diagnose")
    for space in spaces:
        yield with_assumption(row.spoken(_entry(seen, space, alone=len(spaces) == 1)))


def _entry(seen: Seen, space: str, alone: bool) -> Entry:
    """alone: whether z is a projection or what is used downstream is not known."""
    batches = seen.batches
    rows, centred = pooled([batch.spaces[space] for batch in batches])
    result = spectrum(rows, generator(seen.seed), relu=not centred and never_negative(rows))
    facts = Context(
        space="" if alone else space,
        steps=seen.step,
        loop=True,
        **_labelled(rows, batches),
        **_course(seen, space),
    )
    signs = Signs()
    if space == "z":
        signs = replace(signs, **signs_of(seen, rows, result))
        facts = replace(facts, alignment=alignment_of(seen))
    verdict = judged(rows, result, generator(seen.seed), facts, signs)
    settings = {"seed": seen.seed, "eps": 0, "steps": _steps(batches), "batches": len(batches)}
    settings |= {"centred": "each batch at the mean of all"} if centred else {}
    settings |= {"null": "isotropic, ReLU"} if result.rectified else {}
    advised = replace(verdict, advice=_advice(verdict, result, facts, seen, alone))
    return Entry(NAME, evidence(result, facts), space, settings=settings, verdict=told(advised, seen, space))


def _labelled(rows: Tensor, batches: Sequence[KeptBatch]) -> dict[str, Any]:
    """What is known of classes, where every batch has labels."""
    labels = [batch.labels for batch in batches if batch.labels is not None]
    if len(labels) < len(batches):
        return {}
    every = torch.cat(labels)
    numbers = torch.full_like(every, -1)
    numbers[every >= 0], names = numbered(every[every >= 0], "labels")
    return {"classes": len(names), "class_scatter": class_scatter(rows, numbers)}


def _course(seen: Seen, space: str) -> dict[str, Any]:
    """The loss, of the space that it sees; and the level that it is at, if it is at one."""
    if seen.loss is None or space != "z":
        return {}
    return {"loss": seen.loss} | ({"chance_level": seen.level[1]} if seen.level else {})


def _advice(verdict: Verdict, result: Spectrum, facts: Context, seen: Seen, alone: bool) -> tuple[str, ...]:
    """Where more embeddings are wanted, how a monitor gets them."""
    n, d = result.samples, result.dimensions
    if verdict.status == "inconclusive" and n <= d:
        return (_more(n, d, seen),)
    if verdict.status == "dimensional collapse" and alone:
        return ("If z is a projection, that is usual: give the representation, too, as h= to update().",)
    held = Held(max(len(batch) for batch in seen.batches), len(seen.batches), seen.window)
    return in_a_loop(verdict.status, result, facts, held)


def _more(n: int, d: int, seen: Seen) -> str:
    """How there come to be more embeddings than dimensions."""
    of_batch = max(len(batch) for batch in seen.batches)
    batches = "1 batch" if len(seen.batches) == 1 else f"{len(seen.batches)} batches"
    held = f"{n:,} embeddings of {batches} are no more than their {d:,} dimensions"
    wanted = math.ceil((d + 1) / of_batch)
    if len(seen.batches) < min(wanted, seen.window):
        return f"{held}: ask again after more steps."
    if any(batch.seen > len(batch) for batch in seen.batches):
        return (
            f"{held}, and there is room for no more: embed images with collapse.embed(), and diagnose those."
        )
    return f"{held}: give window={wanted} or more."


def _steps(batches: Sequence[KeptBatch]) -> str:
    first, last = batches[0].step, batches[-1].step
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _facts(batches: Sequence[KeptBatch]) -> dict[str, object]:
    count = sum(map(len, batches))
    of = "1 batch, step" if len(batches) == 1 else f"{len(batches)} batches, steps"
    described = f"{count:,} embeddings of {of} {_steps(batches)}"
    return {"path": NAME, "layout": "embeddings of a training", "described": described}


def _warnings(every: Sequence[KeptBatch], sound: Sequence[KeptBatch]) -> Iterator[str]:
    if len(sound) < len(every):
        yield f"{len(every) - len(sound)} of {len(every)} batches contain nan or infinity, and are left out."
    if any(batch.seen > len(batch) for batch in sound):
        count, total = sum(map(len, sound)), sum(batch.seen for batch in sound)
        yield f"{count:,} of {total:,} embeddings are held, a seeded sample of each batch: there is room for 64 MB."


def _left_out(sound: Sequence[KeptBatch], alike: Sequence[KeptBatch], seen: Seen) -> Iterator[str]:
    """Of looks at another state; that the start is left out needs no word."""
    start = 0 if seen.first is None else seen.first.step
    count = sum(batch.step != start for batch in sound[: len(sound) - len(alike)])
    if count:
        looks = "1 look is" if count == 1 else f"{count} looks are"
        yield (
            f"{looks} left out, before step {alike[0].step:,}: the variance, the rank or the scale of the embeddings was "
            "another then."
        )
