"""Does one set of embeddings cover another?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.coverage import Coverage, coverage


def measure(
    real: Subject, generated: Subject, k: int = 5, space: str = "", width: float = 0.0
) -> Iterator[Entry]:
    """One entry for each space of both subjects. k: a ball reaches to the k-th nearest row of its own set."""
    for name in _shared(real, generated, space):
        rows = real.clean.spaces[name], generated.clean.spaces[name]
        result = coverage(*rows, generator(real.measuring.seed), k, width or None)
        settings = {
            "real": real.name, "generated": generated.name, "D": rows[0].shape[1], "L2": False,
            "kernel": f"Gaussian of width {width:g}" if width else "cosine", "seed": real.measuring.seed,
        }  # fmt: skip
        yield Entry(f"{real.name} by {generated.name}", result, name, input=1, settings=settings)


def remarks(entries: Sequence[Entry]) -> Iterator[str]:
    """What copies are among the rows, of the space that has most."""
    most: Coverage | None = max((entry.result for entry in entries), key=lambda one: one.shared, default=None)
    if most is None:
        return
    if most.shared:
        yield (
            f"the sets share {most.shared:,} embeddings: that many of the {most.generated:,} "
            "generated embeddings are copies of real ones"
        )
    if (most.distinct_real, most.distinct_generated) != (most.real, most.generated):
        yield (
            f"{most.distinct_real:,} of {most.real:,} real and {most.distinct_generated:,} of "
            f"{most.generated:,} generated embeddings are distinct; copies are left out"
        )


def _shared(real: Subject, generated: Subject, space: str) -> list[str]:
    """The spaces that are compared, by name."""
    both = [name for name in real.clean.spaces if name in generated.clean.spaces]
    if space and space not in both:
        raise CollapseError(
            f"there is no space '{space}' that both inputs have", f"both inputs have: {', '.join(both)}"
        )
    return [space] if space else both
