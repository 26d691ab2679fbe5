"""A subcommand as Typer parses it: an empty argument is refused here, for all of them."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand

from collapse_cli.errors import CollapseError

MEANS_NONE = {("check", "baseline")}  # an empty value is one: no baseline, though the project has one


class Subcommand(TyperCommand):
    """Raises CollapseError where an argument or an option is empty or blank, which a path would take for the current folder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:  # as it is while a shell completes a word
            self._refuse_empty(ctx, list(args))
        return super().parse_args(ctx, args)

    def _refuse_empty(self, ctx: Any, args: list[str]) -> None:
        typed = self.make_parser(ctx).parse_args(args)[0]
        for param in self.get_params(ctx):
            if _empty(typed.get(param.name)) and (self.name, param.name) not in MEANS_NONE:
                raise CollapseError(
                    f"{_called(param)} is empty", "give a value; in a script, a variable may be unset"
                )


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
