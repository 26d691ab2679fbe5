"""What an alarm says, in words: what was seen, at which step, on which evidence, and what it means."""

from __future__ import annotations

from collapse_cli.metrics.alarm import Warned
from collapse_cli.metrics.alarm_early import NearOnePoint
from collapse_cli.views.words import explaining

MEANS = {
    "not finite": "The embeddings or the loss contain nan or infinity: the training has diverged. Go back to a checkpoint "
    "before this step, and lower the learning rate.",
    "collapse of scale": "The embeddings have shrunk to almost nothing: what depends on their lengths sees one point. "
    "Look for a weight decay, or a term of the loss, that rewards short embeddings.",
    "complete collapse": "All embeddings point almost one way, measured from where they were at the start of this training. "
    "Look at what repels embeddings of different images: negatives, stop-gradient, predictor, variance term, temperature.",
    "one direction": "All embeddings lie almost on one line through 0. "
    "Look at what repels embeddings of different images: negatives, stop-gradient, predictor, variance term.",
    "late loss of rank": "The embeddings had spread over more dimensions than they use now. "
    "Measure h, too: where its rank holds, the loss is confined to the projection.",
}
NUMBERS = {
    "scale": "variance of z",
    "largest_scale": "its largest",
    "variance": "variance of the unit embeddings (isotropic: 1)",
    "top_share": "share of the variance in the first direction",
    "line_cosine": "root mean square of the cosine",
    "effective_rank": "effective rank",
    "largest_effective_rank": "its largest",
}
REMEDY = "ask monitor.compute(), which judges the embeddings of the last batches, with its reasons"


def at_start(step: int, since: int, variance: float) -> str:
    """Of a training that ends before a collapse at its start can be warned of."""
    return (
        f"After {step:,} steps no collapse at the start can be warned of yet. All embeddings have pointed almost one way since "
        f"step {since:,} (variance of the unit embeddings: {variance:.2g}, isotropic: 1): they have collapsed, or have not left "
        "their start."
    )


def near(point: NearOnePoint) -> str:
    """That a collapse may have begun, and how long it takes to know."""
    where = (
        f"z has been near one point since step {point.since:,} (variance of the unit embeddings about the start of the training: "
        f"{point.variance:.2g}, spread out: 1)."
    )
    if point.held is None:
        return f"{where} A collapse has been warned of before."
    return f"{where} A collapse is called after {point.held} such steps; so far {point.steps}."


def too_short(step: int, earliest: int) -> str:
    """That nothing was warned of says nothing yet."""
    return (
        f"The last look was at step {step:,}, and warnings of a collapse of direction or rank begin after step {earliest:,}: "
        "that none came says nothing yet."
    )


def message(warned: Warned) -> str:
    """One or two sentences."""
    kind = warned.kind[0].upper() + warned.kind[1:]
    numbers = "; ".join(f"{NUMBERS.get(name, name)}: {value:.3g}" for name, value in warned.evidence.items())
    because = f" ({numbers})" if numbers else ""
    explained = explaining(warned.kind)
    return f"{kind} at step {warned.step:,}. {MEANS[warned.kind]}{because} What this means: {explained}"
