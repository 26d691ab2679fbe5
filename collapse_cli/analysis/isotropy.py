"""How far are embeddings from isotropic, seen through their pairs?"""

from __future__ import annotations

from collections.abc import Iterator

from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import concerning
from collapse_cli.metrics.isotropy import isotropy
from collapse_cli.metrics.nulls import never_negative


def measure(subject: Subject) -> Iterator[Entry]:
    """One entry for each space, beside isotropic embeddings of its kind."""
    seed = subject.measuring.seed
    for space, rows in subject.clean.spaces.items():
        with concerning(f"{subject.name} · {space}"):
            result = isotropy(rows, generator(seed), relu=never_negative(rows))
        settings = {"split": subject.clean.source, "N": len(rows), "D": rows.shape[1], "seed": seed}
        kind = {"null": "isotropic, ReLU"} if result.rectified else {}
        yield Entry(subject.name, result, space, settings=settings | kind)
