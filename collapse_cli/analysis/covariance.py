"""A covariance matrix that somebody saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader

ROUNDING = 1e-9  # of the largest entry: an eigenvalue that is less below 0 is 0


def covariance(option: str, path: str, width: int) -> Tensor | None:
    """The symmetric (d, d) float64 without negative eigenvalues in a .npy file, d = width; None without a path.

    Raises CollapseError, which names the option, for any other file.
    """
    if not path:
        return None
    values = _read(option, path)
    if values.shape != (width, width):
        square = values.ndim == 2 and len(values) == len(values.T)
        raise CollapseError(
            f"{option}: {path} is of shape {values.shape}, but the network has --width {width}",
            f"--width {len(values)}" if square else "give a (d, d) array",
        )
    sound = numpy.isfinite(values).all() and numpy.allclose(values, values.T) and values.any()
    if not sound or numpy.linalg.eigvalsh(values)[0] < -ROUNDING * abs(values).max():
        raise CollapseError(
            f"{option}: {path} is not a covariance matrix",
            "it must be symmetric, finite, not zero, and without negative eigenvalues",
        )
    return torch.from_numpy(values)


def _read(option: str, path: str) -> Any:
    """The array in the file as float64."""
    try:
        return reader.array(Path(path)).astype(float, casting="same_kind")
    except (CollapseError, TypeError):
        raise CollapseError(f"{option}: {path} cannot be read", "give a (d, d) array saved as .npy") from None
