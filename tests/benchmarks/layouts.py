"""Every layout of other people's checkpoints beside the network that it was made of: the greatest difference of h and of z.

PYTHONPATH=. python tests/benchmarks/layouts.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from collapse_cli.runs import foreign
from tests.runs.test_foreign import CASES, saved


def main() -> None:
    images = torch.randn(8, 3, 40, 40, generator=torch.Generator().manual_seed(9))
    print(f"{'case':<34} {'layout':<34} {'h':>8} {'z':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for case, (build, layout, _) in CASES.items():
            content, encoder, projector = build()
            read = foreign.load(saved(content, Path(folder) / "x.pth"))
            h = encoder(images).flatten(1)
            differences = [float((read.encoder(images) - h).abs().max())]
            if projector is not None and read.projector is not None:
                differences.append(float((read.projector(h) - projector(h)).abs().max()))
            print(f"{case:<34} {layout:<34}", *(f"{difference:8.1e}" for difference in differences))


if __name__ == "__main__":
    main()
