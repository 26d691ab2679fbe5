"""A tool is called: the same measurements as the command of its name makes, of which nothing is kept."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from collapse_cli import fence
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.assistant import tools
from collapse_cli.assistant.shortened import fitted, within
from collapse_cli.errors import CollapseError
from collapse_cli.memory import bounded
from collapse_cli.printable import everywhere, printable
from collapse_cli.progress import Progress, silent, told_to
from collapse_cli.settings import fill

WIDTH = 100  # columns of the text
INCONCLUSIVE = 3
INTERNAL = 70
ERROR, REMEDY = 5000, 2000  # bytes of an error, and of what helps against it
Called = tuple[str, dict[str, Any]]
"""The text, and the structured content."""


def answered(
    tool: str, given: Mapping[str, Any], data_dir: str = "", progress: Progress = silent
) -> dict[str, Any]:
    """What a tool says: `text` and `structured`, in 8 kB; or of an error `error` with its remedy, and no traceback.

    data_dir: where named data sets lie, in place of the usual folder.
    """
    try:
        taken = tools.refuse_unfit(tool, given)
        for name in tools.PATHS:
            for value in _several(taken.get(name)):
                _refuse_beyond(value, tool)
        with bounded(""), told_to(progress):
            text, structured = CALLS[tool](taken, data_dir, progress)
        text, structured = fitted(text, json.loads(json.dumps(structured)))
        return {"text": text, "structured": structured}
    except CollapseError as error:
        return refused(error)
    except MemoryError as error:
        return refused(CollapseError(f"out of memory: {error}", "lower samples, or measure a part"))
    except Exception as error:
        words = f"internal error: {type(error).__name__}: {error}"
        return refused(CollapseError(words, "this is a bug: please report it with `collapse env`", INTERNAL))


def refused(error: CollapseError) -> dict[str, Any]:
    """An error as the terminal prints it."""
    hint = f"\n  {within(error.hint, REMEDY)}" if error.hint else ""
    return {"error": f"collapse: {within(error.message, ERROR)}{hint}", "exit_code": error.code}


def _several(value: Any) -> Sequence[str]:
    return value if isinstance(value, list) else [value] if value else []


def _refuse_beyond(value: str, tool: str) -> None:
    """Raises CollapseError for addresses, for what no path can be, and for what lies beyond the fence."""
    from collapse_cli.remote import addresses
    from collapse_cli.walks import refuse_impossible

    for spelling in (value, value.partition(":")[2]):
        if addresses.of(spelling):
            raise CollapseError(
                f"{addresses.shown(addresses.of(spelling))} lies elsewhere, and nothing is fetched for an assistant",
                f"type `collapse {tool}` in a terminal, or copy it here first",
            )
    refuse_impossible(value)
    fence.admit(value)


def _measuring(taken: Mapping[str, Any], data_dir: str) -> Measuring:
    dataset = _several(taken.get("dataset"))
    measuring: Measuring = fill(
        Measuring, {**taken, "dataset": dataset[0] if dataset else "", "data_dir": data_dir}
    )
    return measuring


def _inspect(taken: Mapping[str, Any], data_dir: str, progress: Progress) -> Called:
    from collapse_cli.commands import inspect

    facts = inspect.facts_of(Path(taken["input"]), {**taken, "data_dir": data_dir}, quiet=True)
    return "\n".join(inspect.lines_of(everywhere(facts))), {"exit_code": 0, **facts}


def _diagnose(taken: Mapping[str, Any], data_dir: str, progress: Progress) -> Called:
    from collapse_cli.analysis.across import contrasts, loaded_on, with_contrasts
    from collapse_cli.analysis.catalogue import measurement
    from collapse_cli.analysis.inputs import load_all
    from collapse_cli.analysis.measured import measured

    measuring, datasets = _measuring(taken, data_dir), _several(taken.get("dataset"))
    inputs = list(map(Path, taken["inputs"]))
    several = len(datasets) > 1
    loaded = (
        loaded_on(inputs, measuring, datasets, progress) if several else load_all(inputs, measuring, progress)
    )
    between = contrasts(loaded)
    answer = with_contrasts(measured(measurement("diagnose"), loaded), between)
    return _shown(answer, INCONCLUSIVE if answer.undecided() else 0)


def _check(taken: Mapping[str, Any], data_dir: str, progress: Progress) -> Called:
    from collapse_cli.analysis.check import check, status
    from collapse_cli.commands.check import CODES, terms

    named = ("require", "baseline", "only", "tolerance", "strict")
    answer = check(
        list(map(Path, taken["inputs"])), _measuring(taken, data_dir),
        **terms(**{name: taken.get(name) for name in named}), fresh=taken.get("fresh", False), progress=progress,
    )  # fmt: skip
    ended = status(answer)
    return _shown(answer, CODES.get(ended, 0), ended)


def _compare(taken: Mapping[str, Any], data_dir: str, progress: Progress) -> Called:
    from collapse_cli.analysis.across import loaded_on
    from collapse_cli.analysis.compare import compare, undecided

    measuring, datasets = _measuring(taken, data_dir), _several(taken.get("dataset"))
    inputs: Sequence[Any] = list(map(Path, taken["inputs"]))
    if len(datasets) > 1:
        inputs = loaded_on(inputs, measuring, datasets, progress)
    answer = compare(inputs, measuring, taken.get("baseline", ""), None, taken.get("fresh", False), progress)
    return _shown(answer, INCONCLUSIVE if undecided(answer) else 0)


def _explain(taken: Mapping[str, Any], data_dir: str, progress: Progress) -> Called:
    from collapse_cli.guide.pages import explanation

    asked = explanation(taken["name"])
    listed = [{"page": section.page, "title": section.title} for section in asked.sections]
    return asked.text, {"exit_code": 0, "sections": listed}


def _shown(answer: Any, code: int, status: str = "") -> Called:
    """The short answer and the warnings as a terminal shows them, and the document, with how it ended."""
    from collapse_cli.views import brief
    from collapse_cli.views.console import Console
    from collapse_cli.views.document import document

    whole, page = document(answer), io.StringIO()
    brief.show(whole, Console(file=page, width=WIDTH, color_system=None, force_terminal=False))
    lines = [line.rstrip() for line in page.getvalue().splitlines()]
    text = "\n".join([*lines, *(f"warning: {printable(line)}" for line in whole["warnings"])])
    return text, {"exit_code": code, **({"status": status} if status else {}), **whole}


CALLS: dict[str, Callable[[Mapping[str, Any], str, Progress], Called]] = {
    "inspect": _inspect,
    "diagnose": _diagnose,
    "check": _check,
    "compare": _compare,
    "explain": _explain,
}
