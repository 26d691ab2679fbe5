"""What the alarm adds to a verdict on the last embeddings, and where it forbids to call them healthy."""

from __future__ import annotations

from dataclasses import replace

from collapse_cli.analysis.monitor_seen import Seen
from collapse_cli.analysis.monitor_words import message, near
from collapse_cli.answers import Verdict
from collapse_cli.metrics.advice_loop import VIEWS
from collapse_cli.metrics.signs import UNTOLD

DOUBTED = "Whether it is a loss depends on what reads the embeddings: lengths, or directions alone."
BACK = "Go back to a checkpoint before the first step that is not finite, and lower the learning rate."
ASK = "Probe h at this step and before the warning: where accuracy holds, go on."
PASSES = "Healthy trainings may pass through this; collapsed ones stay there."
GO_ON = "Go on with the training, and ask again"
IN_WORDS = {"healthy": "healthy", "dimensional collapse": "in few dimensions"}
OFTEN = 10  # steps between looks, of which enough come in the time that a sign has to hold


def told(verdict: Verdict, seen: Seen, space: str) -> Verdict:
    """With what the alarm has told, and with the level that the loss is at: healthy trainings start there."""
    if space != "z":
        grave = set(seen.standing) - {"late loss of rank"}  # which is usual for a projection
        return _doubted(verdict, seen, bool(grave), ("healthy",))
    alarms = tuple(f"A warning while it trained: {message(warned)}." for warned in seen.warned)
    level: tuple[str, ...] = ()
    if seen.level is not None:
        name, value = seen.level
        level = (
            f"The loss is at a chance level, {name} = {value:.4g}, as it is where all embeddings are alike.",
        )
    spoken = replace(
        verdict, reasons=(*verdict.reasons, *alarms, *level), findings=(*alarms, *verdict.findings)
    )
    return _doubted(spoken, seen, bool(seen.standing), ("healthy", "dimensional collapse", "inconclusive"))


def _doubted(verdict: Verdict, seen: Seen, warned: bool, waiting: tuple[str, ...]) -> Verdict:
    """Not healthy while the alarm says otherwise: a spectrum of directions sees no scale, and no start of the training.

    warned: whether a warning holds; waiting: of which statuses it is not known yet while z is near one point.
    """
    if warned and verdict.status == "healthy":
        return _warned(verdict, seen)
    if seen.near is not None and "complete collapse" not in seen.standing and verdict.status in waiting:
        return _waiting(verdict, seen)
    return verdict


def _warned(verdict: Verdict, seen: Seen) -> Verdict:
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


def _waiting(verdict: Verdict, seen: Seen) -> Verdict:
    """z is near one point, and not for long enough to be warned of."""
    assert seen.near is not None
    alone = "" if UNTOLD in verdict.sentence else f" {verdict.sentence}"
    if verdict.status != "inconclusive":
        alone = f" These embeddings alone would be {IN_WORDS[verdict.status]}.{alone}"
    often = f", or look oftener from the first step on: every={OFTEN}" if seen.every > OFTEN else ""
    views = () if all("z2" in batch.spaces for batch in seen.batches) else (VIEWS,)
    return replace(
        verdict,
        status="inconclusive",
        sentence=f"{near(seen.near)}{alone}",
        borderline=False,
        meaning=PASSES,
        advice=(f"{GO_ON}{often}.", *views),
    )
