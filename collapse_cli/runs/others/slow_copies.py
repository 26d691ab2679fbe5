"""Names of the slow copies of a network: those of encoders and of their heads, by one table."""

from __future__ import annotations

import re

PUBLISHED = re.compile(r"teacher|average|(^|[._])(ema|avg|swa)([._]|$)")
"""In the name of a slow copy which is what its authors publish. Short words stand alone; long ones also inside others."""

OTHERS = re.compile(r"momentum|target|offline|(^|[._])(slow|key|k)([._]|$)")
"""In the name of any other slow copy."""


def is_published(name: str) -> bool:
    """Whether a name is that of a slow copy which is published."""
    return bool(PUBLISHED.search(_in_words(name)))


def is_slow(name: str) -> bool:
    """Whether a name is that of a slow copy, or of its head."""
    return is_published(name) or bool(OTHERS.search(_in_words(name)))


def _in_words(name: str) -> str:
    """`emaEncoder.` as `ema_encoder.`"""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
