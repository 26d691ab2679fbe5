"""collapse: has my representation collapsed, how badly, why, and what would cure it?

    import collapse_cli as collapse

    result = collapse.diagnose(embeddings)           # an array or tensor (N,D), a path, a Subject
    print(result)                                    # the short answer; result.table() is the full one
    result.status, result.effective_rank             # the verdict, and numbers that know their null and interval

What `__all__` names is the contract; nothing heavy is loaded until it is asked for.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # `typing` is not imported for it: nothing heard of a Ctrl-C so early
if TYPE_CHECKING:
    from typing import Any

    from collapse_cli.analysis.api import alignment, merge, oracle, probe, spectrum, weights
    from collapse_cli.analysis.codes import codes
    from collapse_cli.analysis.judging import causes, check, compare, diagnose, report
    from collapse_cli.analysis.layer_api import layers
    from collapse_cli.analysis.loading import load
    from collapse_cli.analysis.modules import embed
    from collapse_cli.analysis.monitor import CollapseMonitor
    from collapse_cli.analysis.result import Result
    from collapse_cli.analysis.subject import Subject
    from collapse_cli.answers import Entry, Verdict
    from collapse_cli.errors import CollapseError
    from collapse_cli.guide.pages import explain
    from collapse_cli.shapes import Embeddings

__all__ = [
    "CollapseError",
    "CollapseMonitor",
    "Embeddings",
    "Entry",
    "Result",
    "Subject",
    "Verdict",
    "alignment",
    "causes",
    "check",
    "codes",
    "compare",
    "diagnose",
    "embed",
    "explain",
    "layers",
    "load",
    "merge",
    "oracle",
    "probe",
    "report",
    "spectrum",
    "weights",
]

HOMES = {
    "analysis.api": ("alignment", "merge", "oracle", "probe", "spectrum", "weights"),
    "analysis.codes": ("codes",),
    "analysis.judging": ("causes", "check", "compare", "diagnose", "report"),
    "analysis.layer_api": ("layers",),
    "analysis.loading": ("load",),
    "analysis.modules": ("embed",),
    "analysis.monitor": ("CollapseMonitor",),
    "analysis.result": ("Result",),
    "analysis.subject": ("Subject",),
    "answers": ("Entry", "Verdict"),
    "errors": ("CollapseError",),
    "guide.pages": ("explain",),
    "shapes": ("Embeddings",),
}
"""Where each public name is defined; no submodule of this package may have the name of a public function."""


def __getattr__(name: str) -> Any:
    for home, names in HOMES.items():
        if name in names:
            return getattr(import_module(f"collapse_cli.{home}"), name)
    raise AttributeError(f"module 'collapse_cli' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
