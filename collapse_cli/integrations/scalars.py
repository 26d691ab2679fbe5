"""A record of the monitor -> the flat dict of plain floats that W&B, MLflow and most other loggers take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NO_MEASUREMENT = {"schema", "step"}


def scalars(record: Mapping[str, Any], prefix: str = "collapse/") -> dict[str, float]:
    """The finite numbers of a record by name, each after `prefix`.

    Texts, None, nan and infinity are left out, since some loggers refuse them: that embeddings are not finite is said by
    `finite`, 1 or 0.

    >>> scalars({"step": 50, "finite": True, "variance": 0.5, "alignment": None, "loss": math.nan})
    {'collapse/finite': 1.0, 'collapse/variance': 0.5}
    """
    return {
        prefix + name: float(value)
        for name, value in record.items()
        if name not in NO_MEASUREMENT and isinstance(value, int | float) and math.isfinite(value)
    }
