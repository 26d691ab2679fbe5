"""The same bits from every training of the same settings on the same GPU: what torch must be told for that, and what it refuses.

On a CPU the same number of threads gives the same bits anyway, and nothing is changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from collapse_cli.errors import CollapseError

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
SIZES = (":4096:8", ":16:8")  # of cuBLAS's workspace, with which its products have one order of summation


def ready(enabled: bool, device: torch.device) -> torch.device:
    """The same device, with cuBLAS's workspace set before it first multiplies, which is when it reads that.

    Raises CollapseError for another workspace that is set.
    """
    if enabled and device.type == "cuda":
        _refuse_workspace()
    return device


def _refuse_workspace() -> None:
    if os.environ.setdefault(WORKSPACE, SIZES[0]) not in SIZES:
        raise CollapseError(
            f"--deterministic needs {WORKSPACE} to be one of {', '.join(SIZES)}, and it is {os.environ[WORKSPACE]}",
            f"unset {WORKSPACE}",
        )


@contextmanager
def deterministic(enabled: bool, device: torch.device) -> Iterator[None]:
    """Within it torch takes deterministic algorithms alone, where `enabled` and the device is no CPU; then as it was before.

    Raises CollapseError for an operation that has none on this device, and for a workspace of cuBLAS that rules them out.
    """
    if not enabled or device.type == "cpu":
        yield
        return
    ready(enabled, device)
    before, cudnn = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn
    flags = cudnn.deterministic, cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        operation = str(error).split(" does not have", 1)[0].split("\n", 1)[0]
        raise CollapseError(
            f"--deterministic: {operation} has no deterministic form on {device}",
            "train without --deterministic, with another --recipe, or with --device cpu",
        ) from None
    finally:
        torch.use_deterministic_algorithms(before)
        cudnn.deterministic, cudnn.benchmark = flags
