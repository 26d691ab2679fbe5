"""Answers as the commands make them, from dataclasses of the tests' own: views know no metric by name."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from collapse_cli.answers import Verdict
from collapse_cli.results import curve, each, matrix, number
from collapse_cli.values import Curve, Measured
from tests.documents import answer, entry

CONVENTION = "λ, centred, L2-normalised embeddings"


@dataclass(frozen=True)
class Spectrum:
    """Spectrum and effective ranks."""

    effective_rank: float = number(
        "exp of the entropy of the eigenvalues", unit="dimensions", convention=CONVENTION, null="isotropic", headline=True
    )  # fmt: skip
    rankme: float = number(
        "exp of the entropy of the singular values", label="RankMe", unit="dimensions",
        convention="σ, not centred, raw embeddings", null="isotropic",
    )  # fmt: skip
    std_sqrt_d: float = number(
        "mean standard deviation times sqrt(D)", label="std·√D", convention=CONVENTION, null="isotropic", headline=True
    )  # fmt: skip
    eigenvalues: Curve = curve(
        "eigenvalues of the covariance",
        x="direction, by size",
        y="eigenvalue λ",
        log="y",
        null="isotropic",
        sketch=True,
    )
    explained: Curve = curve(
        "share of the variance that the first k directions hold", label="variance explained",
        x="directions k", y="share of variance", null="isotropic",
    )  # fmt: skip


@dataclass(frozen=True)
class Alignment:
    """Alignment and uniformity."""

    alignment: float = number(
        "mean squared distance of two views",
        unit="squared distance",
        convention="L2-normalised embeddings",
        headline=True,
        axis="x",
    )
    uniformity: float = number(
        "log mean exp(-2 d²)", unit="nats", null="lower bound", headline=True, axis="y"
    )
    of_class: dict[str, float] = each("alignment within each class", of="class", label="alignment of a class")


@dataclass(frozen=True)
class Oracle:
    """False negatives."""

    accuracy: float = number("a probe's accuracy", unit="share", null="guessing")
    found: Curve = curve(
        "share of false negatives among the hardest", label="false negatives by rank", x="rank of the negative",
        y="share", log="x", null="random order", sketch=True,
    )  # fmt: skip
    confusion: tuple = matrix("rows true, columns said", rows="class", columns="said class", default=None)


VERDICTS = {
    "healthy": Verdict("healthy", "healthy: 121 of 128 dimensions survive training", ("121 directions above 1 %",)),
    "dimensional": Verdict(
        "dimensional collapse", "dimensional collapse: 12 of 128 dimensions survive training",
        ("12 directions above 1 % of the largest, 121 in isotropic rows", "std·√D 0.94: the usual check sees nothing"),
    ),
    "complete": Verdict("complete collapse", "complete collapse: all images land on one point", ("std·√D 0.02, below 0.25",)),
    "short": Verdict("inconclusive", "inconclusive: 90 rows say too little about 128 dimensions", ("N = 90 <= D = 128",)),
}  # fmt: skip


def spectrum(alive: int = 46, width: int = 128) -> Spectrum:
    """`alive` directions that decay slowly; the tail is exactly 0 in its second half."""
    values = [
        math.exp(-2 * k / alive) / 50 if k < alive else 1e-9 * math.exp(alive - k) for k in range(width)
    ]
    values = [v if k < width - 10 else 0.0 for k, v in enumerate(values)]
    null = [1.6 / width * math.exp(-0.8 * k / width) for k in range(width)]
    return Spectrum(
        Measured(float(alive) + 0.93, null=126.94),
        Measured(0.9 * alive + 0.123, null=118.2),
        Measured(0.9432, null=0.9987, interval=(0.9132, 0.9732)),
        Curve(values, null=null),
        Curve(
            [sum(values[: k + 1]) / sum(values) for k in range(width)],
            null=[(k + 1) / width for k in range(width)],
        ),
    )


def alignment(shift: float = 0.0, classes: int = 10) -> Alignment:
    return Alignment(
        0.3124 + shift,
        Measured(-2.41 + shift, null=-3.88),
        {f"class {k}": 0.2 + shift + 0.07 * math.sin(k) for k in range(classes)},
    )


def oracle(scale: float = 1.0, confusion: bool = True) -> Oracle:
    ranks = [2**k for k in range(11)]
    return Oracle(
        Measured(0.8721, null=0.1, interval=(0.85, 0.88)),
        Curve([0.1 + 0.6 * scale / (1 + k / 2) for k in range(11)], x=ranks, null=[0.1] * 11),
        tuple(tuple(0.9 if a == b else 0.1 / 9 for a in range(10)) for b in range(10)) if confusion else None,
    )


def document(*results: dict, **more: object) -> dict:
    inputs = [
        {
            "path": "runs/moco-digits-2025/checkpoint.pt",
            "layout": "collapse checkpoint",
            "epoch": 200,
            "sha256": "ab12" * 16,
        }
    ]
    said = {
        "argv": ["collapse", "spectrum", "runs/moco-digits-2025/checkpoint.pt"],
        "version": "0.1.0",
        "inputs": inputs,
    }
    return answer("spectrum", results, **(said | more))


def settings(**more: object) -> dict:
    return {"N": 1797, "D": 128, "centred": True, "L2": True, "eps": 0.0, "seed": 0} | more


@pytest.fixture
def one() -> dict:
    """One result of one kind."""
    return document(
        entry("representations h", spectrum(), settings=settings(), verdict=VERDICTS["healthy"]),
        warnings=["the projector was not found: only h is measured"],
    )


@pytest.fixture
def two() -> dict:
    """Three kinds, two results of each."""
    return document(
        entry("h", spectrum(), settings=settings(), verdict=VERDICTS["healthy"]),
        entry("z", spectrum(9, 64), settings=settings(D=64), verdict=VERDICTS["dimensional"]),
        entry("h", alignment(), settings=settings()),
        entry("z", alignment(0.1, 100), settings=settings()),
        entry("h", oracle(), settings=settings()),
        entry("z", oracle(0.5), settings=settings()),
    )


@pytest.fixture
def six() -> dict:
    """Six results of two kinds, with long names."""
    kinds = ["healthy", "dimensional", "complete", "short", "healthy", "dimensional"]
    names = [f"runs/moco-queue-{2**k * 64}/checkpoint.pt" for k in range(6)]
    return document(
        *(
            entry(name, spectrum(12 * k + 5), settings=settings(seed=k), verdict=VERDICTS[kinds[k]])
            for k, name in enumerate(names)
        ),
        *(entry(name, alignment(k * 0.03, 30), settings=settings()) for k, name in enumerate(names)),
    )


@pytest.fixture
def groups() -> dict:
    """Two groups, of three runs and of one, with a best of each row; and their difference."""
    results = [entry(of, alignment(shift, 0), settings=settings()) for of, shift in (("a", 0.0), ("b", 0.1))]
    runs = [0.30, 0.31, 0.3272], [0.4124]
    for one, values, best in zip(results, runs, ("apart", None), strict=True):
        metrics = one["metrics"]
        metrics["alignment"] |= {"runs": values} | ({"best": best} if best else {})
        metrics["uniformity"] |= {"runs": [round(-2.41 + k / 100, 2) for k in range(len(values))]}
    results[0]["metrics"]["alignment"]["interval"] = [0.2992, 0.3256]
    apart = entry("b", alignment(-0.2124, 0), settings={})
    apart |= {"kind": "difference", "title": "Difference from a"}
    apart["metrics"]["alignment"] |= {"interval": [0.08, 0.12], "agree": [2, 3]}
    return document(*results, apart)
