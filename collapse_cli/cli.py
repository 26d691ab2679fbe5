"""The subcommands, one line each, and the one place where an error is shown.

A subcommand's module is imported when the subcommand is called, so that `collapse --help` costs no more than Typer itself.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import Abort, TyperException
from typer.main import get_command, get_group

from collapse_cli.errors import CollapseError
from collapse_cli.interrupts import INTERRUPTED, heard
from collapse_cli.printable import printable
from collapse_cli.ranks import first
from collapse_cli.streams import forget, standard
from collapse_cli.views import plain_letters

USAGE, INTERNAL = 2, 70

PANELS = {
    "Start here": {
        "demo": "Train small models on real digits, and see within a minute what collapses and what prevents it.",
        "diagnose": "Has it collapsed, which measurements show it, and what should be tried next?",
        "train": "Train a small contrastive model and watch whether it collapses; without a method, MoCo on digits.",
    },
    "Judge and explain": {
        "causes": "Why has it collapsed, and what would cure it?",
        "compare": "Which of these runs is better, and is the difference larger than the variation between seeds?",
        "check": (
            "Is this representation as good as it must be? The gate of a CI: exit code 0 "
            "passed, 1 failed, 3 inconclusive."
        ),
        "watch": "How is a training going that runs in another terminal? Its curves, live.",
        "report": "One self-contained HTML page of everything measured on any inputs.",
        "explain": "What does this number, verdict or cause mean?",
        "mcp": "Let an assistant inspect, diagnose, check, compare and explain, over MCP.",
    },
    "Measure one thing": {
        "spectrum": "How many dimensions does the embedding really use?",
        "merge": "How many dimensions do embeddings use that were measured in parts?",
        "alignment": "How close are the views of one image, and how evenly are images spread?",
        "oracle": "How many negatives are false negatives?",
        "probe": "How well do frozen embeddings predict the classes?",
        "clusters": "Do clusters that are found without labels match the classes?",
        "classes": "How far apart are the classes, and has any of them collapsed?",
        "lidar": "LiDAR: in how many directions do images differ by more than their views?",
        "coverage": "Does one set of embeddings cover another?",
        "weights": "Which layers have lost rank, and do adjacent layers align?",
        "codes": "Is the codebook of a VQ-VAE, RQ-VAE, FSQ or wav2vec 2.0 used, or has it collapsed?",
        "layers": "Where in depth does it collapse? Rank, entropy and anisotropy of every layer.",
        "embed": "Save the embeddings of a run as an .npz that every measuring command reads.",
    },
    "Labs and claims": {
        "linear": "When does a linear network lose dimensions through its training alone?",
        "gan": "Does the generator reach every mode of its target, and how good are its samples?",
        "claims": (
            "Do the papers' claims hold here? Each is trained and measured on digits, over several seeds."
        ),
        "calibration": "How often is the verdict right? A confusion matrix on embeddings whose truth is known.",
    },
    "Facts": {
        "inspect": "What is this file, and what can be measured on it?",
        "methods": "Which methods can be trained, and which settings does each have?",
        "datasets": "Which data sets can be used: the named ones, and your own images?",
        "env": "Versions, devices, threads and data folder: a block to paste into a bug report.",
    },
}
COMMANDS = {name: line for panel in PANELS.values() for name, line in panel.items()}
GROUPS = {"train"}  # these have subcommands of their own: the module holds a Typer program named `app`


def load(name: str) -> Any:
    """The subcommand as Typer runs it, from `collapse_cli/commands/NAME.py`: its function NAME, or its group `app`."""
    from collapse_cli.commands.subcommand import Subcommand

    module = import_module(f"collapse_cli.commands.{name}")
    program = typer.Typer(rich_markup_mode="rich")
    if name in GROUPS:
        program.add_typer(module.app, name=name)
    else:
        program.command(name, cls=Subcommand)(vars(module)[name])
    return get_group(program).commands[name]


class Subcommands(TyperGroup):
    """The names and help lines of all subcommands; the one that is called is loaded then."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().parse_args(ctx, args)
        except (
            typer.Exit
        ) as ended:  # completion for a shell that Typer does not know ends with 1, which is a gate's code
            raise typer.Exit(USAGE if ended.exit_code else 0) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else listed, rest


def begin(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Has my representation collapsed, how badly, why, and what would cure it?"""
    from collapse_cli.commands import start

    if version:
        print(start.version())
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        print(start.begin())


def program() -> Any:
    """All subcommands by name, with Typer's own options for the completion of a shell."""
    whole = typer.Typer(
        name="collapse",
        cls=Subcommands,
        epilog="Start with: collapse demo",
        invoke_without_command=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    whole.callback()(begin)
    group: Any = get_command(whole)
    group.commands = {
        name: TyperCommand(name, help=line, rich_help_panel=panel)
        for panel, lines in PANELS.items()
        for name, line in lines.items()
    }
    return group


collapse = program()


class Ending(NamedTuple):
    """How a command line ends, and what is said of it on stderr."""

    code: int
    message: str = ""
    hint: str = ""


def main(argv: list[str] | None = None) -> int:
    """Run a command line; the exit code: 0, 1 a gate failed, 2 usage or input, 3 inconclusive, 70 internal, 130 interrupted."""
    with standard(plain_letters.fitting):
        ending = _ending(argv)
        if heard() and ending.code != INTERRUPTED:  # a library may make another error of Ctrl-C
            ending = Ending(INTERRUPTED, "interrupted")
        if ending.message:
            hint = f"\n  {printable(ending.hint)}" if ending.hint else ""
            print(f"collapse: {printable(ending.message)}{hint}", file=sys.stderr)
        return ending.code


def _ending(argv: list[str] | None) -> Ending:
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:  # what libraries warn of is for who calls them: `python -W` shows it
                warnings.simplefilter("ignore")
            code = collapse.main(args=argv, prog_name="collapse", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # Typer turns Ctrl-C into this code, without a word
            raise KeyboardInterrupt
        return Ending(code if isinstance(code, int) else 0)
    except CollapseError as error:  # under torchrun the first process says it for all
        return Ending(error.code, error.message, error.hint) if first() else Ending(error.code)
    except (KeyboardInterrupt, Abort):
        return Ending(INTERRUPTED, "interrupted")
    except TyperException as error:
        message = error.format_message()
        message = message.replace("Value error, ", "")  # a word of Typer's parser, which tells a user nothing
        return Ending(error.exit_code, message, "see --help") if message else Ending(USAGE)
    except SystemExit as left:  # Typer's own way out of a broken pipe, with 1, which is a gate's code
        if isinstance(left.__context__, BrokenPipeError):
            return _unread()
        return Ending(left.code if isinstance(left.code, int) else 0)
    except BrokenPipeError:
        return _unread()
    except Exception as error:
        return _out_of_memory(error) if _is_out_of_memory(error) else _internal(error)


def _unread() -> Ending:
    """The reader of our stdout has seen enough."""
    forget(sys.stdout)
    return Ending(0)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether Python, numpy or torch could not have what it asked for; torch has no class for that on the CPU."""
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))


def _out_of_memory(error: Exception) -> Ending:
    allocation = re.search(r"allocate (\d+) bytes", str(error))
    amount = f": {int(allocation[1]):,} bytes more were asked for" if allocation else ""
    training = sys.argv[1:2] == ["train"]
    return Ending(
        USAGE,
        f"out of memory{amount}",
        "give a smaller --batch"
        if training
        else "measure fewer images or embeddings, or lower what the options make large",
    )


def _internal(error: Exception) -> Ending:
    if os.environ.get("COLLAPSE_TRACEBACK"):
        raise error
    return Ending(
        INTERNAL,
        f"internal error: {type(error).__name__}: {error}",
        "this is a bug: please report it with `collapse env`; COLLAPSE_TRACEBACK=1 shows where",
    )
