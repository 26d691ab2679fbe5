"""The verdict on what a monitor has seen of a training: the rules of `diagnose`, on the embeddings of its last batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from collapse_cli.analysis.catalogue import measurement
from collapse_cli.analysis.judgement import class_scatter
from collapse_cli.analysis.measured import with_assumption
from collapse_cli.analysis.monitor_pool import pooled, views_of
from collapse_cli.analysis.monitor_rows import KeptBatch
from collapse_cli.analysis.monitor_seen import Seen
from collapse_cli.analysis.monitor_words import message
from collapse_cli.analysis.result import Result
from collapse_cli.analysis.subject import generator
from collapse_cli.answers import Entry, Verdict, answer
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.advice_loop import Held, in_a_loop
from collapse_cli.metrics.alignment import alignment
from collapse_cli.metrics.evidence import evidence
from collapse_cli.metrics.judged import judged
from collapse_cli.metrics.moments import spread_of
from collapse_cli.metrics.nulls import never_negative
from collapse_cli.metrics.rows import broken, unit
from collapse_cli.metrics.signs import SHRUNK, Signs
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.metrics.verdict import complete
from collapse_cli.metrics.view_ratio import against, measure
from collapse_cli.runs.labels import numbered
from collapse_cli.values import Measured

NAME = "training"
DOUBTED = "Whether it is a loss depends on what reads the embeddings: lengths, or directions alone."
BACK = "Go back to a checkpoint before the first step that is not finite, and lower the learning rate."
ASK = "Probe h at this step and before the warning: where accuracy holds, go on."


def judgement_of(seen: Seen, remarks: Sequence[str] = ()) -> Result:
    """Raises CollapseError, with code 3, where no batch is there, or none that is finite. remarks: to be warned with."""
    batches = [batch.moved() for batch in seen.batches]
    sound = [batch for batch in batches if not any(broken(rows) for rows in batch.spaces.values())]
    if not sound:
        raise _nothing(batches, seen)
    entries = list(_entries(replace(seen, batches=sound)))
    warnings = [*remarks, *_warnings(seen, batches, sound)]
    return Result(answer("diagnose", entries, [_facts(sound)], warnings))


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
        signs = replace(signs, **_signs(seen, rows, result))
        facts = replace(facts, alignment=_alignment(seen))
    verdict = judged(rows, result, generator(seen.seed), facts, signs)
    settings = {"seed": seen.seed, "eps": 0, "steps": _steps(batches), "batches": len(batches)}
    settings |= {"centred": "each batch at the mean of all"} if centred else {}
    settings |= {"null": "isotropic, ReLU"} if result.rectified else {}
    advised = replace(verdict, advice=_advice(verdict, result, facts, seen, alone))
    return Entry(NAME, evidence(result, facts), space, settings=settings, verdict=_told(advised, seen, space))


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


def _alignment(seen: Seen) -> float | None:
    views = views_of(seen.batches)
    return None if views is None else alignment(unit(views[0]), unit(views[1]))


def _signs(seen: Seen, rows: Tensor, result: Spectrum) -> dict[str, Any]:
    """What the two views and the start of the training tell, where the common part is large."""
    if complete(result).crossed is False or result.equal:
        return {}
    signs: dict[str, Any] = {**_since_start(seen, rows)}
    views = views_of(seen.batches)
    if views is None:
        return signs
    ratio = cast(Measured, measure(views).view_ratio)
    signs["views"] = None if math.isnan(ratio) else ratio
    before = None if seen.first is None or _is_start(seen) else views_of([seen.first])
    if before is not None and signs["views"] is not None:
        signs["since_start"] = against(ratio, [measure(before).view_ratio])
    return signs


def _is_start(seen: Seen) -> bool:
    """Whether there is nothing but the start of the training yet."""
    return seen.first is not None and seen.batches[-1].step == seen.first.step


def _since_start(seen: Seen, rows: Tensor) -> dict[str, float]:
    """std·√D of the embeddings about the mean at the start, as a sign of an offset where their scale is left; and as one of a
    collapse where the alarm has told of it. Neither at the start itself.
    """
    if seen.origin is None or seen.first is None or _is_start(seen) or broken(seen.first.spaces["z"]):
        return {}
    now, before = (_variance(part) for part in (rows, seen.first.spaces["z"]))
    about = math.sqrt(max(_variance(unit(rows.double() - seen.origin.double().cpu())), 0.0))
    alarmed = any(warned.kind == "complete collapse" for warned in seen.warned)
    left = {"about_start": about} if now > SHRUNK * before > 0 else {}
    return left | ({"fallen": about} if alarmed else {})


def _variance(rows: Tensor) -> float:
    spread = spread_of(rows)
    return spread.along_mean(max(spread.count - 1, 1))[0]


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


def _told(verdict: Verdict, seen: Seen, space: str) -> Verdict:
    """With what the alarm has told, and with the level that the loss is at: healthy trainings start there."""
    if space != "z":
        grave = set(seen.standing) - {"late loss of rank"}  # which is usual for a projection
        return _doubted(verdict, seen) if grave and verdict.status == "healthy" else verdict
    alarms = tuple(f"A warning while it trained: {message(warned)}" for warned in seen.warned)
    level: tuple[str, ...] = ()
    if seen.level is not None:
        name, value = seen.level
        level = (
            f"The loss is at a chance level, {name} = {value:.4g}, as it is where all embeddings are alike.",
        )
    told = replace(
        verdict, reasons=(*verdict.reasons, *alarms, *level), findings=(*alarms, *verdict.findings)
    )
    return _doubted(told, seen) if seen.standing and verdict.status == "healthy" else told


def _doubted(verdict: Verdict, seen: Seen) -> Verdict:
    """Not healthy while the alarm says otherwise: a spectrum of directions sees no scale, and no start of the training."""
    if "not finite" in seen.standing:
        sentence = (
            "The training is not finite at the last look; the finite embeddings alone would be healthy."
        )
        return replace(
            verdict,
            status="inconclusive",
            sentence=f"{sentence} {verdict.sentence}",
            meaning="",
            advice=(BACK,),
        )
    standing = " and ".join(seen.standing)
    sentence = f"The last embeddings alone would be healthy; the warning of {standing} of z still holds."
    return replace(
        verdict,
        status="inconclusive",
        sentence=f"{sentence} {verdict.sentence}",
        meaning=DOUBTED,
        advice=(ASK,),
    )


def _steps(batches: Sequence[KeptBatch]) -> str:
    first, last = batches[0].step, batches[-1].step
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _facts(batches: Sequence[KeptBatch]) -> dict[str, object]:
    count = sum(map(len, batches))
    of = "1 batch, step" if len(batches) == 1 else f"{len(batches)} batches, steps"
    described = f"{count:,} embeddings of {of} {_steps(batches)}"
    return {"path": NAME, "layout": "embeddings of a training", "described": described}


def _warnings(seen: Seen, every: Sequence[KeptBatch], sound: Sequence[KeptBatch]) -> Iterator[str]:
    if len(sound) < len(every):
        yield f"{len(every) - len(sound)} of {len(every)} batches contain nan or infinity, and are left out."
    if any(batch.seen > len(batch) for batch in sound):
        count, total = sum(map(len, sound)), sum(batch.seen for batch in sound)
        yield f"{count:,} of {total:,} embeddings are held, a seeded sample of each batch: there is room for 64 MB."
