"""Arrays that are no rows (N,D): what they are, and what makes rows of them."""

from __future__ import annotations

from collections.abc import Sequence

from collapse_cli.errors import CollapseError


def refuse_shape(shape: Sequence[int], kind: str, what: str) -> None:
    """Raises CollapseError, with the remedy, for an array that is no rows (N,D) and cannot be squeezed to them."""
    long = [size for size in shape[1:] if size != 1]
    problem = f"{what} is {kind} of shape {tuple(shape)}"
    if kind.startswith("complex"):
        raise CollapseError(
            problem,
            "measure real and imaginary parts side by side, numpy.hstack([x.real, x.imag]), "
            "or the absolute value, abs(x)",
        )
    if kind.startswith("void"):
        raise CollapseError(problem, "save bfloat16 and records as plain numbers: x.astype('float32')")
    if len(shape) == 3 and len(long) == 2:
        raise CollapseError(
            f"{problem}, a sequence for each sample",
            "pool first: x.mean(1), or x[:, 0] where a class token comes first",
        )
    if len(shape) == 4 and len(long) == 3:
        raise CollapseError(
            f"{problem}, a map for each sample", "pool first: x.mean((2, 3)) where channels stand second"
        )
    if len(shape) > 2 and len(long) != 1:
        raise CollapseError(
            problem,
            "embeddings must be numbers of shape (N, D); x.reshape(len(x), -1) gives one row for each sample",
        )
