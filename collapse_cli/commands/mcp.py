"""collapse mcp: inspect, diagnose, check, compare and explain for assistants, over the Model Context Protocol."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from collapse_cli.commands.options import options
from collapse_cli.errors import CollapseError
from collapse_cli.settings import fill, knob


@dataclass(frozen=True)
class Folders:
    """What an assistant may read."""

    folder: str = knob(
        "", "the folder that it may read, and that paths are relative to; default: the current one"
    )
    data_dir: str = knob("", "folder of the data sets, which it may read too (or COLLAPSE_DATA_DIR)")


@options(Folders=Folders)
def mcp(typed: dict[str, Any]) -> None:
    """Let an assistant inspect, diagnose, check, compare and explain, over MCP.

    Serves the Model Context Protocol, for the settings of an assistant: it starts this command, and nobody types into it. It
    reads the current folder and the data folder, and nothing else; it writes nothing and downloads nothing. Needs the extra
    named mcp.

    Example: [bold]collapse mcp --folder runs[/bold]
    """
    folders = fill(Folders, typed)
    if find_spec("mcp") is None or find_spec("mcp_types") is None:
        raise CollapseError(
            "collapse mcp needs the package mcp, version 2",
            "install it with: pip install 'collapse-cli[mcp]'",
        )
    from collapse_cli.assistant.server import serve

    serve(folders.folder, folders.data_dir)
