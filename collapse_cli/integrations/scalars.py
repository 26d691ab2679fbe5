"""A record of the monitor -> the flat dict of plain floats that W&B, MLflow and most other loggers take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NO_MEASUREMENT = {"schema", "step", "every", "world"}


def scalars(record: Mapping[str, Any], prefix: str = "collapse/") -> dict[str, float]:
    """The finite numbers of a record by name, each after `prefix` and, where several layers are watched, the layer's name.

    Texts, None, nan and infinity are left out, since some loggers refuse them: that embeddings are not finite is said by
    `finite`, 1 or 0.

    >>> scalars({"event": "look", "step": 50, "finite": True, "variance": 0.5, "alignment": None, "loss": math.nan})
    {'collapse/finite': 1.0, 'collapse/variance': 0.5}
    >>> scalars({"event": "look", "step": 50, "layer": "encoder", "effective_rank": 12})
    {'collapse/encoder/effective_rank': 12.0}
    """
    where = f"{prefix}{record['layer']}/" if record.get("layer") else prefix
    numbers = {name: value for name, value in record.items() if name not in NO_MEASUREMENT}
    return {
        where + name: float(value)
        for name, value in numbers.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }
