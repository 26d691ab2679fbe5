"""collapse: has my representation collapsed, how badly, why, and what would cure it?

    import collapse_cli as collapse

    result = collapse.diagnose(embeddings)          # (N,D) array or tensor, a path, a Subject
    print(result)                                   # the short answer; result.table() is the full one
    result.effective_rank, result.status            # numbers with their null and interval, and the verdict

What `__all__` names is the contract; nothing heavy is loaded until it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collapse_cli.analysis.api import (
        alignment,
        causes,
        check,
        compare,
        diagnose,
        embed,
        load,
        oracle,
        probe,
        report,
        spectrum,
        weights,
    )
    from collapse_cli.analysis.result import Result
    from collapse_cli.analysis.subject import Subject
    from collapse_cli.answers import Entry, Verdict
    from collapse_cli.errors import CollapseError
    from collapse_cli.shapes import Embeddings

__all__ = [
    "CollapseError",
    "Embeddings",
    "Entry",
    "Result",
    "Subject",
    "Verdict",
    "alignment",
    "causes",
    "check",
    "compare",
    "diagnose",
    "embed",
    "load",
    "oracle",
    "probe",
    "report",
    "spectrum",
    "weights",
]

HOMES = {
    "CollapseError": "errors",
    "Embeddings": "shapes",
    "Entry": "answers",
    "Result": "analysis.result",
    "Subject": "analysis.subject",
    "Verdict": "answers",
}
"""Where a name lives that is no function of `analysis.api`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'collapse_cli' has no attribute '{name}'")
    return getattr(import_module(f"collapse_cli.{HOMES.get(name, 'analysis.api')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
