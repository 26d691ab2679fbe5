"""A subcommand as Typer parses it: an empty argument, and a path that none can be, is refused here, for all of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from typer.core import TyperArgument, TyperCommand

from collapse_cli.allocator import keep_freed_memory
from collapse_cli.errors import CollapseError
from collapse_cli.files import temporary_folder
from collapse_cli.ranks import first, world
from collapse_cli.settings import METHODS, refuse_extreme
from collapse_cli.streams import silent
from collapse_cli.walks import refuse_impossible

LOOK_UP = {"explain", "inspect", "mcp", "methods", "datasets", "env", "watch"}  # the others compute
ALONE = {
    *("calibration", "claims", "datasets", "demo", "env", "explain", "gan", "inspect", "linear"),
    *("mcp", "merge", "methods", "watch"),
}
"""Commands that the first of several processes runs alone; of those that measure it prints and writes."""

MEANS_NONE = {("check", "baseline")}  # an empty value is one: no baseline, though the project has one

PATHS = {
    *("input", "inputs", "run", "real", "generated", "out", "resume", "config", "animation", "plot", "html"),
    *("junit", "dataset", "data_dir", "labels", "groups", "second", "baseline", "save_baseline", "noise"),
    *("data_covariance", "save_state", "folders", "folder"),
}
"""Arguments and options that are a path, or may be one."""


class Subcommand(TyperCommand):
    """Raises CollapseError for an argument or an option that is empty or blank, which a path would take for the current folder.

    Also for one that is too long for a path, where it is to be one.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Lines of a paragraph are joined: a terminal breaks them at its own width."""
        super().__init__(*args, **options)
        if self.help:
            self.help = "\n\n".join(" ".join(part.split()) for part in self.help.split("\n\n"))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:  # as it is while a shell completes a word
            self._refuse_unfit(ctx, list(args))
        rest = super().parse_args(ctx, args)
        for param in self.get_params(ctx):
            for value in _several(ctx.params.get(param.name)):
                refuse_extreme(value, _called(param))
        return rest

    def invoke(self, ctx: Any) -> Any:
        if self.name != "mcp":  # which writes nothing, and to seek such a folder is to write
            temporary_folder()
        if self.name not in LOOK_UP:
            keep_freed_memory()
        if not logging.root.handlers:  # else what matplotlib says of a home folder reaches stderr as it is
            logging.root.addHandler(logging.NullHandler())
        if world() == 1 or self.name in METHODS:
            return super().invoke(ctx)
        if self.name in ALONE:
            return super().invoke(ctx) if first() else None  # torchrun waits for it
        from collapse_cli.distributed import measuring

        with measuring(), nullcontext() if first() else silent():
            return super().invoke(ctx)

    def _refuse_unfit(self, ctx: Any, args: list[str]) -> None:
        typed = self.make_parser(ctx).parse_args(args)[0]
        for param in self.get_params(ctx):
            if param.name in PATHS:
                for word in _several(typed.get(param.name)):
                    refuse_impossible(str(word or ""), _called(param))
            if _empty(typed.get(param.name)) and (self.name, param.name) not in MEANS_NONE:
                raise CollapseError(
                    f"{_called(param)} is empty", "give a value; in a script, a variable may be unset"
                )


def _several(value: Any) -> Iterator[Any]:
    """The value of an option, or those of one that is given several times."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from _several(each)
    else:
        yield value


def _empty(value: Any) -> bool:
    """Whether a word as it was typed, or one of several, has no letters."""
    if isinstance(value, list | tuple):
        return any(map(_empty, value))
    return isinstance(value, str) and not value.strip()


def _called(param: Any) -> str:
    """As the help calls it: `INPUT`, `--labels`."""
    if isinstance(param, TyperArgument):
        return str(param.metavar or param.name).strip("[…]").upper()
    return str(param.opts[0])
