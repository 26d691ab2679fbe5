"""Planted cases of `collapse codes`."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.codebook import Codebook, codebook
from collapse_cli.metrics.codebook_verdict import verdict
from tests.guide.planted_cases import curve, null, panels, seeded, table_of

K, N = 512, 20_000
COLUMNS = (
    "codes, K = 512", "N", "`perplexity`", "`plug_in`", "`codes_95`", "`unused`", "`dead`", "`largest_share`", "verdict",
)  # fmt: skip


def table() -> str:
    generator, even = seeded(), torch.ones(K)
    cases = {
        "uniform": draw(even, N, generator),
        "uniform, few draws": draw(even, K, generator),
        "Zipf's law, shares in proportion to 1/rank": draw(1 / torch.arange(1.0, K + 1), N, generator),
        "half of the codes dead": draw(dead(0.5), N, generator),
        "95 % of the codes dead": draw(dead(0.95), N, generator),
        "half of the draws in one code": draw(
            torch.cat([torch.tensor([K - 1.0]), torch.ones(K - 1)]), N, generator
        ),
        "one code": torch.zeros(N, dtype=torch.long),
        "uniform, rows of 16 equal tokens": draw(even, N // 16, generator).repeat_interleave(16),
    }
    return table_of(
        COLUMNS,
        ((name, *numbers(measured(codes, 16 if "rows" in name else 1))) for name, codes in cases.items()),
    )


def dead(share: float) -> Tensor:
    """Shares of codes, of which the last are dead."""
    return (torch.arange(K) < round((1 - share) * K)).float()


def draw(shares: Tensor, count: int, generator: Generator) -> Tensor:
    return torch.multinomial(shares / shares.sum(), count, True, generator=generator)


def measured(codes: Tensor, tokens: int = 1) -> Codebook:
    """Of rows of so many codes each."""
    return codebook(lambda: [(codes, torch.full((len(codes) // tokens,), tokens))], K)


def numbers(result: Codebook) -> list[str | int]:
    shown = (result.draws, result.perplexity, result.plug_in, result.codes_95, result.unused, result.dead)
    return [
        *(f"{value:,.0f}" for value in shown),
        f"{100 * result.largest_share:.1f} %",
        verdict(result).status,
    ]


def figure() -> Figure:
    """Perplexities of uniform codes as more are drawn, and as codes die."""
    result, (drawn, died) = panels(2)
    generator = seeded()
    counts = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
    few = [measured(draw(torch.ones(K), count, generator)) for count in counts]
    curve(drawn, counts, [float(each.perplexity) for each in few], 0, "perplexity, corrected")
    curve(drawn, counts, [float(each.plug_in) for each in few], 1, "perplexity, plug-in")
    shares = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99)
    gone = [measured(draw(dead(share), N, generator)) for share in shares]
    curve(died, shares, [float(each.perplexity) for each in gone], 0, "perplexity, corrected")
    curve(died, shares, [float(each.codes_95) for each in gone], 2, "codes for 95 %")
    curve(died, shares, [float(each.dead) for each in gone], 3, "dead codes")
    null(drawn, K, "K = 512")
    null(died, K**0.5, "√K: below it, codebook collapse")
    drawn.set(title="Uniform codes", xlabel="draws, N", ylabel="codes", xscale="log", ylim=(0, 560))
    drawn.axvline(K, color="#d9dce1", linewidth=1)
    died.set(title="Codes die", xlabel="share of the codes that is dead", ylim=(0, 560))
    drawn.minorticks_off()
    drawn.legend(loc="lower right", fontsize=8)
    died.legend(fontsize=8)
    return result
