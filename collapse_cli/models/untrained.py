"""Does a network still stand at a random initialisation? What its weights alone say, whatever layers it has.

Training leaves three marks. Scales and shifts of norms leave 1 and 0: after one epoch on digits by .004 or more, in 8 methods and
3 encoders. Biases leave 0, or the interval that torch draws them from. And weight matrices gain directions that independent
random entries do not have: singular values beyond the Marchenko-Pastur edge, which is (sqrt(m) + sqrt(n)) times their root mean
square for an (m,n). Of 11 architectures of torchvision at initialisation no matrix reaches 1.03 of it; runs that learn reach
1.05 to 2.3, but SimSiam's and BYOL's stay below 1.04: alone the edge is no sign of an initialisation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

MOVED = 1e-3  # of a norm's scale or shift
EDGE = 1.05  # times the largest singular value that random entries have
SMALLEST, BLOCK = 8, 512  # sides of the matrices, and of the part of them, whose singular values are computed
MANY = 1000  # entries that tell their distribution

NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


@torch.no_grad()
def looks_untrained(network: nn.Module) -> str:
    """Why the weights look as at a random initialisation, in words; empty where any of them has moved, or nothing tells."""
    norms, biases = list(_affine(network)), list(_biases(network))
    if not all(map(_at_start, norms)) or not all(_drawn(bias, inputs) for bias, inputs in biases):
        return ""
    matrices = [
        weight.detach().cpu().double().flatten(1) for weight in network.parameters() if weight.ndim > 1
    ]
    large = [matrix for matrix in matrices if matrix.numel() >= MANY]
    signs = {
        f"the scales and shifts of its {len(norms)} norm layers are 1 and 0": bool(norms),
        f"all of its {len(biases)} biases are 0": bool(biases) and not any(b.any() for b, _ in biases),
        f"its {len(large)} weight matrices have the distribution of torch's initialisation": bool(large)
        and all(map(_uniform, large)),
    }
    why = [sign for sign, seen in signs.items() if seen]
    if not why or not all(beyond_edge(matrix) <= EDGE for matrix in matrices):
        return ""
    return f"{' and '.join(why)}, and no weight matrix has a direction stronger than those of random matrices"


def beyond_edge(matrix: Tensor) -> float:
    """(m,n) -> its largest singular value over that of independent entries of the same root mean square, as m and n grow.

    1 at random, by a few percent in small ones; a rank-one part of the same size as the noise makes it larger. Of large
    matrices a random block is measured, which keeps the ratio. 0 where a side is below 8, or all entries are 0.
    """
    if min(matrix.shape) < SMALLEST:
        return 0.0
    generator = torch.Generator().manual_seed(0)
    rows, columns = (torch.randperm(side, generator=generator)[:BLOCK] for side in matrix.shape)
    block = matrix.detach().cpu().double()[rows][:, columns]
    scale = float(block.square().mean().sqrt())
    if not scale > 0:
        return scale  # 0 or nan
    m, n = block.shape
    gram = block @ block.T if m <= n else block.T @ block
    top = float(torch.linalg.eigvalsh(gram)[-1]) if gram.isfinite().all() else math.nan
    return math.sqrt(max(top, 0.0)) / (scale * (math.sqrt(m) + math.sqrt(n)))


def _affine(network: nn.Module) -> Iterator[nn.Module]:
    """Norms with a scale of their own."""
    return (layer for layer in network.modules() if isinstance(layer, NORMS) and layer.weight is not None)


def _at_start(norm: nn.Module) -> bool:
    """All scales are equal, 1 or 0 (as at the end of a residual block), and all shifts 0."""
    scale, shift = norm.weight, getattr(norm, "bias", None)
    assert isinstance(scale, Tensor)
    level = scale.detach().cpu().double().mean().round()
    moved = [(scale.detach().cpu() - level).abs().max(), *([] if shift is None else [shift.abs().max()])]
    return all(float(by) <= MOVED for by in moved)


def _biases(network: nn.Module) -> Iterator[tuple[Tensor, int]]:
    """Of linear layers and convolutions, with the number of inputs of each output."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | _ConvNd) and layer.bias is not None:
            yield layer.bias, layer.weight[0].numel()


def _drawn(bias: Tensor, inputs: int) -> bool:
    """Within +-1/sqrt(inputs), where torch draws them, as 0 is too."""
    return float(bias.abs().max()) * math.sqrt(inputs) <= 1 + MOVED


def _uniform(matrix: Tensor) -> bool:
    """(m,n): drawn as torch's layers do it, uniform in +-1/sqrt(n): the largest entry and the mean square say so.

    Of N entries the largest is below 1 - 10/N once in 22,000, and the root mean square has a relative error of .45/sqrt(N).
    """
    count, inputs = matrix.numel(), matrix.shape[1]
    largest = float(matrix.abs().max()) * math.sqrt(inputs)
    root = float(matrix.square().mean().sqrt()) * math.sqrt(3 * inputs)
    return 1 - 10 / count <= largest <= 1 + MOVED and abs(root - 1) <= MOVED + 2.5 / math.sqrt(count)
