"""The page on reading a spectrum: four planted spectra, and one matrix by the conventions of several tools."""

from __future__ import annotations

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.views import style
from tests.guide.planted_cases import direction, equal_shares, gaussian, panels, power_law, seeded, table_of

N, D = 2000, 64
COLUMNS = ("whose convention", "mean", "length", "p in proportion to", "name here", "“effective rank”")
STABLE_PRETRAINING, REPTRIX = 1e-5, 1e-7  # what is added to each share p before its logarithm


def table() -> str:
    """exp(-sum p log p) of one matrix: a power law with an offset twice as long as an embedding, and unequal lengths."""
    generator = seeded()
    rows = gaussian(power_law(D), N, generator) + 2 * direction(D, generator)
    rows = rows * (0.7 * torch.randn(N, 1, generator=generator, dtype=torch.float64)).exp()
    return table_of(COLUMNS, by_convention(rows, spectrum(rows, generator)), texts=5)


def by_convention(rows: Tensor, result: Spectrum) -> list[tuple[str, ...]]:
    sigma, lam = torch.linalg.svdvals(rows), torch.linalg.svdvals(rows - rows.mean(dim=0)).square()
    here = [
        ("Roy & Vetterli 2007, centred", "subtracted", "as it is", "σ", result.effective_rank_sigma, "`effective_rank_sigma`"),
        ("RankMe (paper), without eps", "kept", "as it is", "σ", result.rankme, "`rankme`"),
        ("RankMe in stable-pretraining, eps 1e-5", "kept", "as it is", "σ", with_eps(sigma, STABLE_PRETRAINING), "–"),
        ("RankMe in reptrix, eps 1e-7", "subtracted", "as it is", "λ", with_eps(lam, REPTRIX), "`effective_rank_raw`"),
        ("Vendi score, cosine kernel", "kept", "1", "λ", result.vendi, "`vendi`"),
        ("this tool", "subtracted", "1", "λ", result.effective_rank, "`effective_rank`"),
    ]  # fmt: skip
    return [(*words, name, f"{value:.1f}") for *words, value, name in here]


def with_eps(values: Tensor, eps: float) -> float:
    share = values / values.sum() + eps
    return float((-share * share.log()).sum().exp())


def figure() -> Figure:
    """Isotropic, a power law, a cliff and a point with an offset, each with its null and what to see."""
    result, every = panels(4, height=2.7)
    generator = seeded()
    flat = gaussian(equal_shares(D, D), N, generator)
    point = direction(D, generator) + 1e-3 * flat
    cliff = gaussian(equal_shares(D, 8, 1e-4), N, generator)
    cases = (
        ("Isotropic", flat, "near the dashed line:\nevery direction is used", (3, 2e-4)),
        ("Power law", gaussian(power_law(D, 1.5), N, generator), "falls steadily:\nusual for networks", (3, 3e-5)),
        ("Cliff", cliff, "8 directions, then\nnoise: dimensional\ncollapse", (12, 2.5e-5)),
        ("One point, or offset", point, "flat, but low: total\nvariance 0.000001", (3, 1e-5)),
    )  # fmt: skip
    for axes, (title, rows, words, place) in zip(every, cases, strict=True):
        curve = spectrum(rows, generator).eigenvalues
        j = range(1, D + 1)
        axes.plot(j, curve.null, label="null: isotropic embeddings of the same N and D", **dashed())
        axes.plot(j, curve, label="eigenvalues of the covariance", color=style.COLOURS[0])
        axes.set(title=title, xlabel="direction, by size", yscale="log", ylim=(3e-9, 2))
        axes.annotate(words, place, fontsize=8.5)
        axes.set_xticks([1, 32, 64])
        axes.label_outer()
    every[0].set_ylabel("eigenvalue λ")
    result.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return result


def dashed() -> dict[str, Any]:
    return style.line("null", 0) | {"linewidth": 1.2}
