"""collapse methods: which methods can be trained, and with which settings."""

from __future__ import annotations

import dataclasses
from typing import Any

from collapse_cli.commands.options import Listed, options
from collapse_cli.settings import METHODS, fill
from collapse_cli.views.listing import listing


@options(Output=Listed)
def methods(typed: dict[str, Any]) -> None:
    """Which methods can be trained, and which settings does each have?

    Example: [bold]collapse methods[/bold]
    """
    rows = [
        {
            "method": name,
            "what": (kind.__doc__ or "").strip(),
            "knobs": ", ".join("--" + f.name.replace("_", "-") for f in dataclasses.fields(kind)) or "none",
        }
        for name, kind in METHODS.items()
    ]
    listing(rows, fill(Listed, typed).json)
