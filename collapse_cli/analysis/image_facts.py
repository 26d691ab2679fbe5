"""What a judgement has to know of the images that were embedded, where a network and its images are at hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from collapse_cli.analysis.subject import Subject
from collapse_cli.metrics.copies import counted
from collapse_cli.metrics.spectrum import Spectrum


def known(subject: Subject, space: str, result: Spectrum) -> dict[str, Any]:
    """The parts of a `Context` that are about images; none for a file of embeddings. result: of this space."""
    case = subject.case
    if case is None:
        return {}
    trained_on = case.trained.run.training.dataset if case.trained else ""
    return {
        "images": case.image_set,
        "dataset": subject.measuring.dataset or trained_on,
        "different": _different(subject.clean.spaces[space], result, case.image_set.look),
        "one_label": case.one_label,
    }


def _different(rows: Tensor, result: Spectrum, look: Tensor) -> int | None:
    """How many of the embeddings (N,D) are equal to that of an image which is not the same; None where none are, or it cannot
    be told. look (N,): which images are the same, or nearly so.
    """
    if result.distinct in (None, result.samples) or len(rows) != len(look):
        return None
    owner = counted(rows).owner
    if owner is None:
        return None
    pairs = torch.stack([owner.cpu(), look], dim=1).unique(dim=0)
    return len(pairs) - len(owner.unique())
