"""`collapse train METHOD`: which method is meant where none is named."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

from collapse_cli.runs.record import Record
from collapse_cli.walks import refuse_impossible

DEFAULT = "moco"


class MethodGroup(TyperGroup):
    """`collapse train --epochs 5` means MoCo, and `--resume RUN` the method of that run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        asks_for_help = bool(args) and args[0] in ctx.help_option_names
        if not asks_for_help and (args[0].startswith("-") if args else not ctx.resilient_parsing):
            args = [_method_of(args), *args]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The options of the default method, then the methods."""
        shown = copy(self)
        shown.params = self.commands[DEFAULT].params
        shown.options_metavar, shown.subcommand_metavar = "[METHOD]", "[OPTIONS]"
        TyperGroup.format_help(shown, ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        options = self.commands[DEFAULT].shell_complete(ctx, incomplete) if incomplete[:1] == "-" else []
        return options or super().shell_complete(ctx, incomplete)


def _method_of(args: Sequence[str]) -> str:
    for at, word in enumerate(args):
        if word.startswith("--resume"):
            folder = word.partition("=")[2] or (args[at + 1] if at + 1 < len(args) else "")
            refuse_impossible(folder, "--resume")
            return Record(Path(folder)).settings().method if folder.strip() else DEFAULT
    return DEFAULT
