"""How far are embeddings from isotropic, seen through their pairs?"""

from __future__ import annotations

from collections.abc import Iterator

from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import concerning
from collapse_cli.figures import written
from collapse_cli.metrics.isotropy import Isotropy, centred, isotropy
from collapse_cli.metrics.nulls import never_negative
from collapse_cli.values import null_of


def measure(subject: Subject, cosine_only: bool = False) -> Iterator[Entry]:
    """One entry for each space, beside isotropic embeddings of its kind. cosine_only: without the distance of all pairs."""
    function = centred if cosine_only else isotropy
    seed = subject.measuring.seed
    for space, rows in subject.clean.spaces.items():
        with concerning(f"{subject.name} · {space}"):
            result = function(rows, generator(seed), relu=never_negative(rows))
        settings = {"split": subject.clean.source, "N": len(rows), "D": rows.shape[1], "seed": seed}
        kind = {"null": "isotropic, ReLU"} if result.rectified else {}
        yield Entry(subject.name, result, space, settings=settings | kind)


def answer(result: Isotropy) -> str:
    """What is left of the mean cosine once the mean is subtracted."""
    cosine = result.mean_cosine_centred
    return (
        f"Once the mean is subtracted, the mean cosine of two embeddings is {written(cosine)} (isotropic: "
        f"{written(null_of(cosine))}). Where it was much larger before, a common offset has made it so."
    )
