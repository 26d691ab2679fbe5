"""The server of the Model Context Protocol: lists tools and pages of the guide, and hands calls to the measuring process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from collapse_cli.answers import version
from collapse_cli.assistant import tools
from collapse_cli.assistant.calls import answered, refused
from collapse_cli.assistant.child import Child
from collapse_cli.data import data_root
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.guide.pages import pages
from collapse_cli.printable import printable
from collapse_cli.settings import as_typed

GUIDE = "collapse://guide/"
INSTRUCTIONS = """\
collapse tells whether a learned representation (embeddings, a checkpoint, a training run) has collapsed: how badly, why, and \
what would cure it. Start with inspect for an unknown path, then diagnose; check is a gate with a pass or a fail; compare puts \
two or more side by side; explain says what a word means. Paths are relative to the folder that the server was started in; \
nothing outside of it and of the data folder can be read, nothing is written, and nothing is downloaded. A message that names \
an option such as --label-column means the argument label_column. Say how sure an answer is: quote intervals and nulls, and \
pass on what an inconclusive answer asks for. Commands in an answer are for a person to type in a terminal."""
GATE = {"status": {"description": "of the gate", "enum": ["passed", "failed", "inconclusive"]}}
OMITTED = {"description": "what did not fit into 8 kB", "type": "array", "items": {"type": "string"}}


def server(child: Child) -> Server[Any]:
    """The server, whose measurements the child makes."""

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool(name) for name in tools.WHEN])

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        return result(await called(ctx, params.name, params.arguments or {}))

    async def called(ctx: Any, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if name not in tools.WHEN:
            hint = nearest(name, list(tools.WHEN))
            return refused(CollapseError(f"there is no tool named '{as_typed(name)}'", hint))
        if name == "explain":
            return answered(name, arguments)
        steps = 0

        async def report(text: str, done: int, total: int) -> None:
            nonlocal steps
            steps += 1
            await ctx.session.report_progress(steps, message=f"{text}: {done} of {total}" if total else text)

        return await child.answer(name, arguments, report)

    async def list_resources(ctx: Any, params: Any) -> types.ListResourcesResult:
        listed = [
            types.Resource(
                uri=f"{GUIDE}{page.page}", name=page.page, title=page.title, mime_type="text/markdown"
            )
            for page in pages().values()
        ]
        return types.ListResourcesResult(resources=listed)

    async def read_resource(ctx: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        page = pages().get(str(params.uri).removeprefix(GUIDE))
        if page is None or not str(params.uri).startswith(GUIDE):
            named = as_typed(printable(params.uri))
            raise MCPError(types.INVALID_PARAMS, f"there is no page {named}: list the resources")
        content = types.TextResourceContents(uri=params.uri, mime_type="text/markdown", text=page.text)
        return types.ReadResourceResult(contents=[content])

    return Server(
        "collapse", version=version(), title="collapse", instructions=INSTRUCTIONS, on_list_tools=list_tools,
        on_call_tool=call_tool, on_list_resources=list_resources, on_read_resource=read_resource,
    )  # fmt: skip


def tool(name: str) -> types.Tool:
    """A tool as it is listed."""
    title, description = tools.WHEN[name]
    return types.Tool(
        name=name, title=title, description=description, input_schema=tools.schema(name), output_schema=structured(name),
        annotations=types.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )  # fmt: skip


def structured(name: str) -> dict[str, Any]:
    """What the structured content of a tool has beside the fields of its document."""
    code = {"description": "0 measured or passed, 1 a gate failed, 3 inconclusive", "type": "integer"}
    gate = GATE if name == "check" else {}
    return {
        "type": "object",
        "required": ["exit_code", *gate],
        "properties": {"exit_code": code, **gate, "omitted": OMITTED},
    }


def result(content: Mapping[str, Any]) -> types.CallToolResult:
    """What `calls.answered` says, as the protocol has it."""
    if "error" in content:
        return types.CallToolResult(content=[types.TextContent(text=content["error"])], is_error=True)
    return types.CallToolResult(
        content=[types.TextContent(text=content["text"])], structured_content=content["structured"]
    )


def serve(folder: str, data_dir: str) -> None:
    """Serve over stdin and stdout until stdin ends. folder: that is read, the current one where it is empty; data_dir: likewise.

    Raises CollapseError for a folder that is not there, and for a whole disk.
    """
    root, named = Path(folder or os.curdir).expanduser().resolve(), data_root(data_dir).resolve()
    for place, option in ((root, "--folder"), (named, "--data-dir")):
        if place == Path(place.anchor):
            raise CollapseError(
                f"an assistant would read all of {place}", f"name a folder of your own: {option} DIR"
            )
    if not root.is_dir():
        raise CollapseError(f"there is no folder {root}", "check --folder")
    os.environ["COLLAPSE_DATA_DIR"] = str(named)  # a relative one is meant from here, not from there
    os.chdir(root)
    anyio.run(_served, str(named) if data_dir else "")


async def _served(data_dir: str) -> None:
    child = Child(data_dir)
    try:
        async with stdio_server() as (read, write):
            serving = server(child)
            await serving.run(read, write, serving.create_initialization_options())
    finally:
        await child.close()
