"""The subcommands, one line each, and the one place where an error is shown."""

from __future__ import annotations

import os
import sys

import typer
from typer.exceptions import Abort, TyperException

from collapse_cli.commands import (
    alignment,
    calibration,
    causes,
    check,
    claims,
    classes,
    clusters,
    compare,
    coverage,
    datasets,
    demo,
    diagnose,
    embed,
    env,
    gan,
    inspect,
    lidar,
    linear,
    methods,
    oracle,
    probe,
    report,
    spectrum,
    train,
    weights,
)
from collapse_cli.errors import CollapseError

INTERRUPTED, INTERNAL = 130, 70

app = typer.Typer(
    name="collapse",
    help="Has my representation collapsed, how badly, why, and what would cure it?",
    epilog="Start with: collapse demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
START, JUDGE, MEASURE, LABS, FACTS = (
    "Start here", "Judge and explain", "Measure one thing", "Collapse under glass", "Facts"
)  # fmt: skip
app.command("demo", rich_help_panel=START)(demo.demo)
app.add_typer(train.app, name="train", rich_help_panel=START)
app.command("diagnose", rich_help_panel=START)(diagnose.diagnose)
app.command("causes", rich_help_panel=JUDGE)(causes.causes)
app.command("compare", rich_help_panel=JUDGE)(compare.compare)
app.command("check", rich_help_panel=JUDGE)(check.check)
app.command("report", rich_help_panel=JUDGE)(report.report)
app.command("spectrum", rich_help_panel=MEASURE)(spectrum.spectrum)
app.command("alignment", rich_help_panel=MEASURE)(alignment.alignment)
app.command("oracle", rich_help_panel=MEASURE)(oracle.oracle)
app.command("probe", rich_help_panel=MEASURE)(probe.probe)
app.command("clusters", rich_help_panel=MEASURE)(clusters.clusters)
app.command("classes", rich_help_panel=MEASURE)(classes.classes)
app.command("lidar", rich_help_panel=MEASURE)(lidar.lidar)
app.command("coverage", rich_help_panel=MEASURE)(coverage.coverage)
app.command("weights", rich_help_panel=MEASURE)(weights.weights)
app.command("embed", rich_help_panel=MEASURE)(embed.embed)
app.command("linear", rich_help_panel=LABS)(linear.linear)
app.command("gan", rich_help_panel=LABS)(gan.gan)
app.command("claims", rich_help_panel=LABS)(claims.claims)
app.command("calibration", rich_help_panel=LABS)(calibration.calibration)
app.command("inspect", rich_help_panel=FACTS)(inspect.inspect)
app.command("methods", rich_help_panel=FACTS)(methods.methods)
app.command("datasets", rich_help_panel=FACTS)(datasets.datasets)
app.command("env", rich_help_panel=FACTS)(env.env)


def main(argv: list[str] | None = None) -> int:
    """Run a command line; the exit code: 0, 1 a gate failed, 2 usage or input, 3 inconclusive, 70 internal, 130 interrupted."""
    try:
        code = app(args=argv, prog_name="collapse", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # Typer turns Ctrl-C into this code, without a word
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except CollapseError as error:
        several = os.environ.get("RANK", "0") != "0"  # under torchrun the first process says it for all
        return error.code if several else _say(error.message, error.hint, error.code)
    except (KeyboardInterrupt, Abort):
        return _say("interrupted", "", INTERRUPTED)
    except TyperException as error:
        said = error.format_message() if hasattr(error, "format_message") else str(error)
        said = said.replace(
            "Value error, ", ""
        )  # a reader's word, between the option and what is wrong with it
        return _say(said, "see --help", int(getattr(error, "exit_code", 2))) if said else 2
    except SystemExit as left:  # Typer's own way out of a broken pipe, with 1, which is a gate's code
        if not isinstance(left.__context__, BrokenPipeError):
            raise
        return _unread()
    except BrokenPipeError:
        return _unread()
    except Exception as error:
        return _internal(error)


def _unread() -> int:
    """The reader of our stdout has seen enough."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # stdout, whatever object stands for it
    return 0


def _say(message: str, hint: str, code: int) -> int:
    print(f"collapse: {message}" + (f"\n  {hint}" if hint else ""), file=sys.stderr)
    return code


def _internal(error: Exception) -> int:
    if os.environ.get("COLLAPSE_TRACEBACK"):
        raise error
    return _say(
        f"internal error: {type(error).__name__}: {error}",
        "this is a bug: please report it with `collapse env`; COLLAPSE_TRACEBACK=1 shows where",
        INTERNAL,
    )
