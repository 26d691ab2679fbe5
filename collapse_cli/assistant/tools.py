"""The tools: their arguments, which are the options of the commands of the same names, and when to use which."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal, get_args, get_origin, get_type_hints

from collapse_cli.analysis.measuring import Columns, Measuring
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.settings import ImageFiles, as_typed

WRITES = (
    "an assistant writes no files",
    "leave it out; in a terminal, `collapse {tool} --{option}` writes the file",
)
SHOWS = ("an answer to an assistant has one form", "leave it out")
WITHHELD: dict[str, tuple[str, str]] = {
    "download": (
        "nothing is downloaded for an assistant",
        "leave it out; in a terminal, `collapse {tool} --download` fetches a data set",
    ),
    "data_dir": (
        "the data folder is fixed when the server starts",
        "start it with: collapse mcp --data-dir DIR",
    ),
    "max_memory": (
        "how much memory files may take is fixed when the server starts",
        "start it with COLLAPSE_MAX_MEMORY=4GB in its environment",
    ),
    **dict.fromkeys(("plot", "plot_width", "plot_only", "html", "scatter", "save_baseline", "junit"), WRITES),
    **dict.fromkeys(("json", "all", "quiet", "format"), SHOWS),
}
"""Options of the commands that no tool has: why, and what to do."""

MARKUP = re.compile(
    r"\s*\[dim\].*?\[/dim\]"
)  # what help says of choices and defaults, which a schema has fields for
PATHS = ("input", "inputs", "dataset", "labels", "groups", "second", "views_of", "baseline")
"""Arguments that are a path, or may be one."""

KINDS = {int: "integer", float: "number", bool: "boolean", str: "string"}
SPOKEN = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}

READ = """\
How to read the answer: the text is what the terminal prints; the structured content has the numbers, each with its 95 % \
`interval` and its `null`, the value on data without structure. h is the representation that probes and downstream tasks use: \
judge by h. z is the projection that the loss sees; few dimensions of z are usual, and no fault. `exit_code` 0: measured; \
3: inconclusive, which is no error: the data cannot decide, and the answer says what to give (more samples, a second view, \
the checkpoint)."""

WHEN = {
    "inspect": (
        "What is this file",
        "What is this file, run folder or set of images, and what can be measured on it? Use it first, for a path that you do "
        "not know: it takes a second, measures nothing, and names the tools that fit. Of images it counts classes, sizes, copies "
        "and files that cannot be read. No code in a file is executed.",
    ),
    "diagnose": (
        "Has it collapsed",
        "Has a learned representation collapsed, which measurements show it, and what should be tried next? Use it for questions "
        "about a checkpoint, a run, or a file of embeddings. It takes seconds for embeddings and up to minutes for a network. "
        "Several `dataset` measure one network on each of them.\n" + READ,
    ),
    "check": (
        "Is it good enough",
        "Is a representation as good as it must be? A gate: `status` is passed (exit_code 0), failed (1) or inconclusive (3). "
        "Use it where there is a requirement, as `effective_rank.h >= 20`, or a baseline that no number may be worse than. "
        "Without either only a complete collapse fails. What is left out is read from [tool.collapse.check] in pyproject.toml "
        "of the server's folder.\n" + READ,
    ),
    "compare": (
        "Which is better",
        "Which of two or more runs, checkpoints, embeddings or saved answers is better, and is the difference larger than the "
        "variation between seeds? Runs that differ in nothing but their seed are one group. Differences hold where the 95 % "
        "interval does not contain 0. With many inputs the answer is cut to 8 kB; `omitted` says what is missing.\n" + READ,
    ),
    "explain": (
        "What does a word mean",
        "What does a metric, a verdict, a cause, a warning or a term of an answer mean? The section of the guide on a name, as "
        "effective_rank, `dimensional collapse` or queue-too-long, or a page, as offsets. Use it before you explain a number to "
        "somebody. It reads no files.",
    ),
}  # fmt: skip
"""A title and a description of each tool: when to use it, and how to read what it answers."""

MEASURED = (Measuring,)
PARTS: dict[str, tuple[type, ...]] = {
    "inspect": (Choices, Columns, ImageFiles),
    "diagnose": MEASURED,
    "check": MEASURED,
    "compare": MEASURED,
    "explain": (),
}
"""The settings of each tool, which are those of the command."""


@dataclass(frozen=True)
class Argument:
    """One argument: its JSON schema, and whether it must be there."""

    schema: Mapping[str, Any]
    required: bool = False


@cache
def arguments(tool: str) -> dict[str, Argument]:
    """The arguments of a tool by name, from the signature of its command and the fields of its settings."""
    fields = {
        field.name: (field, get_type_hints(part)[field.name])
        for part in PARTS[tool]
        for field in dataclasses.fields(part)
    }
    command = vars(import_module(f"collapse_cli.commands.{tool}"))[tool]
    taken: dict[str, Argument] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if name in WITHHELD:
            continue
        if name in fields:
            taken[name] = Argument(_of_field(*fields[name], several=tool in ("diagnose", "compare")))
        elif name != "typed":
            kind, option = get_args(parameter.annotation)
            required = name in ("input", "inputs", "name")
            taken[name] = Argument(_of_kind(kind, MARKUP.sub("", option.help)), required)
    return taken


def schema(tool: str) -> dict[str, Any]:
    """The JSON schema of the arguments of a tool."""
    taken = arguments(tool)
    return {
        "type": "object",
        "properties": {name: dict(argument.schema) for name, argument in taken.items()},
        "required": [name for name, argument in taken.items() if argument.required],
        "additionalProperties": False,
    }


def _of_field(field: dataclasses.Field[Any], kind: Any, several: bool) -> dict[str, Any]:
    declared = _of_kind(kind, field.metadata["help"])
    if field.default not in ("", False):
        declared["default"] = field.default
    for bound, word in (("low", "minimum"), ("high", "maximum")):
        if abs(field.metadata[bound]) != float("inf") and kind is not bool:
            declared[word] = field.metadata[bound]
    if field.name == "dataset" and several:
        declared["type"] = ["string", "array"]
        declared["items"] = {"type": "string"}
    return declared


def _of_kind(kind: Any, help: str) -> dict[str, Any]:
    """The schema of a Python type: an option that may be missing is that of what it is where it is there."""
    options = [each for each in get_args(kind) if each is not type(None)]
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": options, "description": help}
    if get_origin(kind) is list:
        return {"type": "array", "items": {"type": "string"}, "description": help}
    if options:
        return _of_kind(options[0], help)
    return {"type": KINDS.get(kind, "string"), "description": help}


def refuse_unfit(tool: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, a lone text in place of a list as a list of one.

    Raises CollapseError for unknown ones, those that no tool has, and values of another type than the schema's.
    """
    taken, fitting = arguments(tool), {}
    for name, value in given.items():
        if name not in taken:
            raise _unknown(tool, name)
        if value is not None:
            fitting[name] = _fitting(name, value, taken[name].schema)
    for name, argument in taken.items():
        if argument.required and not fitting.get(name):
            raise CollapseError(f"{tool} needs the argument {name}", f"give {argument.schema['description']}")
    return fitting


def _unknown(tool: str, name: str) -> CollapseError:
    plain = name.strip().lstrip("-").replace("-", "_")
    if plain in arguments(tool):
        return CollapseError(f"{tool} has no argument '{as_typed(name)}'", f"write it as {plain}")
    if plain in WITHHELD:
        why, remedy = WITHHELD[plain]
        option = plain.replace("_", "-")
        return CollapseError(f"{plain}: {why}", remedy.format(tool=tool, option=option))
    return CollapseError(f"{tool} has no argument '{as_typed(name)}'", nearest(name, list(arguments(tool))))


def _fitting(name: str, value: Any, declared: Mapping[str, Any]) -> Any:
    kinds = declared["type"] if isinstance(declared["type"], list) else [declared["type"]]
    if "array" in kinds and isinstance(value, list):
        if bad := [each for each in value if not isinstance(each, str)]:
            raise CollapseError(f"{name} cannot contain {as_typed(bad[0])}", f"{name} takes a list of texts")
        _refuse_empty(name, value)
        return value
    if isinstance(value, str) and ("string" in kinds or "array" in kinds):
        _refuse_empty(name, [value])
        return value if "string" in kinds else [value]
    of = {"integer": int, "number": int | float, "boolean": bool}
    if any(
        kind in of and isinstance(value, of[kind]) and (kind == "boolean") == isinstance(value, bool)
        for kind in kinds
    ):
        return value
    wanted = " or ".join(SPOKEN.get(kind, "a list of texts") for kind in kinds)
    raise CollapseError(f"{name} cannot be {as_typed(value)}", f"it takes {wanted}")


def _refuse_empty(name: str, texts: Sequence[str]) -> None:
    if not all(text.strip() for text in texts):
        raise CollapseError(f"{name} is empty", "give a value, or leave it out")
