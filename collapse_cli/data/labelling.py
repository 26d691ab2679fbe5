"""Labels of a source of images: its own, or those of a file beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Labelling = Callable[[Sequence[str], int], tuple[list[int], tuple[str, ...]]]
"""(names of the N files below the folder, or none, N) -> N labels in [0, C), of the whole source, and the C names."""
