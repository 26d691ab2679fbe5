"""Does one set of embeddings cover another?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.figures import percent, written
from collapse_cli.metrics.coverage import Coverage, coverage
from collapse_cli.values import null_of
from collapse_cli.views.words import titled

KEY_NUMBERS = ("coverage", "precision", "vendi_ratio")


def measure(
    real: Subject, generated: Subject, k: int = 5, space: str = "", width: float = 0.0
) -> Iterator[Entry]:
    """One entry for each space of both subjects. k: a ball reaches to the k-th nearest row of its own set.

    Raises CollapseError where two different networks gave them.
    """
    _refuse_two_networks(real, generated)
    for name in _shared(real, generated, space):
        rows = real.clean.spaces[name], generated.clean.spaces[name]
        with concerning(f"{real.name} by {generated.name} · {name}"):
            result = coverage(*rows, generator(real.measuring.seed), k, width or None)
        settings = {
            "real": real.name, "generated": generated.name, "D": rows[0].shape[1], "L2": False, "k": k,
            "kernel": f"Gaussian of width {width:g}" if width else "cosine", "seed": real.measuring.seed,
        }  # fmt: skip
        yield Entry(
            f"{real.name} by {generated.name}", result, name, input=1, settings=settings,
            answer=" ".join((*(f"{titled(doubt)}." for doubt in doubts(real, generated)), answer(result))),
            key_numbers=KEY_NUMBERS,
        )  # fmt: skip


def _refuse_two_networks(real: Subject, generated: Subject) -> None:
    """Each network has a space of its own: a row of one is near to rows of the other by luck alone."""
    networks = real.network, generated.network
    if all(networks) and networks[0] != networks[1]:
        raise CollapseError(
            f"{real.facts['path']} and {generated.facts['path']} come from two different networks, "
            "so distances between their embeddings mean nothing",
            "embed both sets by one network: collapse embed RUN --dataset NAME --out FILE.npz",
        )


def doubts(real: Subject, generated: Subject) -> list[str]:
    """A warning where it is not known whether one network gave both sets."""
    unknown = [str(subject.facts["path"]) for subject in (real, generated) if not subject.network]
    if not unknown:
        return []
    return [
        f"which network gave {' and '.join(unknown)} is not known (files of collapse embed say it), "
        "and coverage means something only where one network gave both sets"
    ]


def remarks(entries: Sequence[Entry]) -> Iterator[str]:
    """What copies are among the rows, of the space that has most."""
    most: Coverage | None = max(
        (entry.result for entry in entries), key=lambda result: result.shared, default=None
    )
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


def answer(result: Coverage) -> str:
    """How much of the real set is covered, and how much of the generated one is realistic."""
    return (
        f"{percent(result.coverage)} of the real embeddings have a generated one near them (same distribution: "
        f"{percent(null_of(result.coverage))}), and {percent(result.precision)} of the generated ones lie near a real one; the "
        f"Vendi score of the generated set is {written(result.vendi_ratio)} times that of the real one."
    )
