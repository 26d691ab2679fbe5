"""What a warning of the alarm says to a person: what was found, at which step, by which numbers, what it means, what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collapse_cli.metrics.alarm import Kind, Warned

Say = Callable[[Mapping[str, float]], str]

FOUND: dict[Kind, Say] = {
    "not finite": lambda _: "the embeddings or the loss hold values that are not finite",
    "collapse of scale": lambda seen: (
        f"the total variance of z is {seen['scale']:.2g}, {_percent(seen['scale'], seen['peak'])} of its largest value, "
        f"{seen['peak']:.2g}"
    ),
    "complete collapse": lambda seen: (
        f"the total variance of unit embeddings is {seen['variance']:.2g} (spread over the sphere: 1; one point: 0)"
    ),
    "one direction": lambda seen: (
        f"{seen['top_share']:.1%} of the variance of z lies in one direction, and the cosine of two embeddings is "
        f"{seen['line_cosine']:.3f} in root mean square"
    ),
    "late loss of rank": lambda seen: (
        f"the effective rank of z is {seen['effective_rank']:.1f}, and was {seen['peak']:.1f}"
    ),
}
"""What the numbers of each kind are."""

MEANS: dict[Kind, str] = {
    "not finite": "Nothing can be learned from here. Go back to a checkpoint before this step and lower the learning rate.",
    "collapse of scale": (
        "The embeddings shrink toward one point, though their directions may still differ. Look for a weight decay, a penalty or "
        "a loss that rewards short embeddings."
    ),
    "complete collapse": (
        "All images are mapped to nearly the same direction. Look at what repels embeddings of different images: negatives, "
        "stop-gradient, predictor, variance term, temperature, strength of the augmentation."
    ),
    "one direction": (
        "Embeddings differ in their length along one line alone. Look at what repels embeddings of different images: negatives, "
        "stop-gradient, predictor, variance term."
    ),
    "late loss of rank": (
        "The embeddings vary in fewer directions than earlier in this training. Compare the representation h before and after "
        "this step: where its rank holds, the loss is confined to the projection."
    ),
}
"""What each kind means for the training, and what to do."""


def words(warned: Warned) -> str:
    """The whole warning, in full sentences."""
    name = "Values that are not finite" if warned.kind == "not finite" else warned.kind.capitalize()
    return f"{name} at step {warned.step:,}: {FOUND[warned.kind](warned.evidence)}. {MEANS[warned.kind]}"


def _percent(part: float, whole: float) -> str:
    return f"{part / whole:.2%}" if whole > 0 else "nothing"
