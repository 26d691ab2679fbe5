"""Settings dataclasses -> Typer options: name, type, default and help are read from the field."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, get_args, get_origin, get_type_hints

import typer

from collapse_cli import memory
from collapse_cli.errors import CollapseError
from collapse_cli.runs.early import refuse_without_images
from collapse_cli.settings import knob

if TYPE_CHECKING:
    from collapse_cli.views import Output

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT…",
        help="run folders, checkpoints (also other libraries'), embeddings (.npz .npy .pt .safetensors, tables: .parquet .arrow "
        ".csv .tsv .jsonl .h5, word vectors, or a folder of .npy or .parquet), pixels:DATASET",
        show_default=False,
    ),
]


@dataclasses.dataclass(frozen=True)
class Shown:
    """How the answer is shown."""

    all: bool = knob(False, "full tables of every number, in place of the short answer")
    json: bool = knob(False, "one JSON document of everything on stdout, in place of the short answer")
    plot: str = knob("", "draw the curves to this .png, .svg or .pdf")
    plot_width: float = knob(10.0, "inches of the plot, from 2 to 40; 3.3 is a column of a paper")
    plot_only: str = knob(
        "", "draw only the charts with these words in their titles, separated by commas: eigenvalues,loss"
    )
    html: str = knob("", "write one self-contained page")
    quiet: bool = knob(False, "no tables, no progress")

    def output(self) -> Output:
        """As the views want it; unusable file names are refused here, before any measuring."""
        from collapse_cli.views import Output, check

        path = {
            name: Path(value) if value else None for name, value in (("plot", self.plot), ("html", self.html))
        }
        output = Output(
            json=self.json, quiet=self.quiet, all=self.all, width=self.plot_width, only=self.plot_only, **path
        )
        check(output)
        return output


@dataclasses.dataclass(frozen=True)
class Saved:
    """Where the state of the embeddings is kept."""

    save_state: str = knob(
        "",
        "write a state of these embeddings, a summary that `collapse merge` joins with others, to this .npz",
    )


@dataclasses.dataclass(frozen=True)
class Listed:
    """How a list of facts is shown."""

    json: bool = knob(False, "JSON on stdout instead of a table")


@dataclasses.dataclass(frozen=True)
class Bound:
    """How much memory the files of a command may take."""

    max_memory: str = knob(
        "",
        f"memory that may be allocated for what is read from files, as 4GB or 1.5GiB (or {memory.VARIABLE}); default: half of "
        "what is free",
    )


READ_NO_FILE = {
    *("calibration", "claims", "datasets", "env", "explain", "gan", "linear", "mcp", "methods", "watch"),
}
"""Commands that take no file; all others have the options of `Bound`."""


ON_SEVERAL = {"diagnose", "compare"}
"""Commands that measure a network on each of several data sets."""


def options(
    preferred: Mapping[str, Any] = MappingProxyType({}), /, **panels: type
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command an option for every field of these dataclasses, in help panels of these names.

    preferred: defaults that the command has in place of the fields' own, by name, for the help to say.
    The function receives `typed`: the fields that were typed, by name. `settings.fill` makes a dataclass of them.
    """
    fields = [
        (name, panel, field, _hints(part)[field.name])
        for panel, part in panels.items()
        for field in dataclasses.fields(part)
        for name in [field.name]
    ]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        bound = [] if function.__name__ in READ_NO_FILE else [_bound()]

        @functools.wraps(function)
        def command(**arguments: Any) -> Any:
            with memory.bounded(arguments.pop("max_memory", None) or ""):
                values = {name: arguments.pop(name) for name, *_ in fields}
                if "dataset" in values:
                    values |= _datasets(values["dataset"] or [], function.__name__)
                    if not values["dataset"]:
                        refuse_without_images(arguments.values())
                return function(**arguments, typed={k: v for k, v in values.items() if v is not None})

        parameters = [
            p for p in inspect.signature(function, eval_str=True).parameters.values() if p.name != "typed"
        ]
        added = [
            _option(panel.replace("_", " "), field, kind, preferred.get(name, field.default))
            for name, panel, field, kind in fields
        ]
        every = parameters + added + bound
        command.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in every}
        del command.__wrapped__
        return command

    return decorate


def _datasets(named: Sequence[str], command: str) -> dict[str, Any]:
    """The data set that was named; of several also all of them, for the commands that measure a network on each."""
    if len(named) > 1 and command not in ON_SEVERAL:
        raise CollapseError(
            f"--dataset was given {len(named)} times, and `collapse {command.replace('_', '-')}` takes one data set",
            "give one; `collapse diagnose` and `collapse compare` measure a network on several",
        )
    return {"dataset": named[0] if named else None, **({"datasets": tuple(named)} if len(named) > 1 else {})}


def _bound() -> inspect.Parameter:
    (field,) = dataclasses.fields(Bound)
    return _option("Memory", field, str, field.default)


@functools.cache
def _hints(part: type) -> dict[str, Any]:
    return get_type_hints(part)


def _option(panel: str, field: dataclasses.Field[Any], kind: Any, default: Any) -> inspect.Parameter:
    """A switch that is off has one name, as `--set` and `--config` turn it off again; one that is on has two."""
    name = "--" + field.name.replace("_", "-")
    on = kind is bool and default is True
    short = ["-q"] if field.name == "quiet" else []
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    help_text = f"{field.metadata['help']}" + (f" [dim]({', '.join(choices)})[/dim]" if choices else "")
    if default != "" and not (kind is bool and not on):
        help_text += rf" [dim]\[default: {str(default).lower()}][/dim]"
    option = typer.Option(
        name + (f"/--no-{name[2:]}" if on else ""), *short, help=help_text, rich_help_panel=panel, show_default=False,
        metavar="WORD" if choices else "NAME" if field.name == "dataset" else None,
    )  # fmt: skip
    kind = list[str] if field.name == "dataset" else kind
    annotation = Annotated[Optional[kind], option]  # noqa: UP045
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def set_values(pairs: Sequence[str] | None) -> dict[str, str]:
    """`--set a=b` words as settings; a section before the name (`training.lr`) may stand there."""
    for pair in pairs or ():
        if "=" not in pair:
            raise CollapseError(f"--set {pair} has no '='", "write --set KEY=VALUE")
    parts = (pair.partition("=") for pair in pairs or ())
    return {key.split(".")[-1].replace("-", "_"): value for key, _, value in parts}
