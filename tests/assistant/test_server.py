"""The server as the SDK's own client sees it: in memory, and as a process over stdin and stdout."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy
import pytest
from jsonschema import Draft202012Validator

import collapse_cli
from collapse_cli.assistant import tools
from collapse_cli.cli import main
from collapse_cli.data import data_root

mcp = pytest.importorskip("mcp")
anyio = pytest.importorskip("anyio")
ROOT = Path(collapse_cli.__file__).parent.parent
SCHEMA = Draft202012Validator(json.loads(files("collapse_cli.views").joinpath("schema.json").read_text()))
COMMAND = [sys.executable, "-m", "collapse_cli", "mcp"]


def environment() -> dict[str, str]:
    """Of a process that runs this package, and writes no byte code of its own."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder below a folder: when it was changed, and its size."""
    return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size) for p in [folder, *sorted(folder.rglob("*"))]}


def in_memory(folder: Path, talk: Callable[[Any], Awaitable[None]]) -> None:
    """Talk to the server in this process, whose measurements another process makes."""
    from collapse_cli.assistant.child import Child
    from collapse_cli.assistant.server import server

    async def whole() -> None:
        child = Child(folder=str(folder))
        try:
            async with mcp.Client(server(child)) as client:
                await talk(client)
        finally:
            await child.close()

    anyio.run(whole)


def bytes_of(result: Any) -> int:
    return len(result.model_dump_json(by_alias=True, exclude_unset=True).encode())


def test_a_conversation_over_stdin_and_stdout(folder: Path, run: Path) -> None:
    """A process of its own; everything it may write to is watched, and a module of the folder's name is not imported."""
    import shutil

    shutil.copytree(run, folder / "run")
    (folder / "torch.py").write_text("open('ran', 'w')\n")
    home = folder.parent / "home"
    home.mkdir()
    env = environment() | {"HOME": str(home), "XDG_CACHE_HOME": str(home), "TMPDIR": str(home)}
    env = {**env, "COLLAPSE_CACHE_DIR": str(home / "cache"), "COLLAPSE_DATA_DIR": str(folder.parent / "data")}
    before = state(folder.parent)
    many = [f"{name}.npy" for name in "ec"]
    progress: list[str] = []

    async def told(done: float, total: float | None, message: str | None) -> None:
        progress.append(message or "")

    async def talk() -> None:
        started = mcp.StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], cwd=str(folder), env=env)
        async with mcp.Client(started) as client:
            listed = await client.list_tools()
            assert [tool.name for tool in listed.tools] == list(tools.WHEN)
            assert all(tool.annotations.read_only_hint for tool in listed.tools)
            for tool, given in (
                ("inspect", {"input": "run"}),
                ("diagnose", {"inputs": ["run"]}),
                ("check", {"inputs": ["run"], "require": ["effective_rank.h >= 1000"]}),
                ("compare", {"inputs": many}),
            ):
                said = await client.call_tool(tool, given, progress_callback=told)
                assert not said.is_error, said.content
                assert bytes_of(said) <= 8000
                if tool != "inspect":
                    SCHEMA.validate(said.structured_content)
                if tool == "check":
                    assert said.structured_content["status"] == "failed"
                    assert "✗ Failed." in said.content[0].text
            refused = await client.call_tool("diagnose", {"inputs": ["../home"]})
            assert refused.is_error
            assert "../home lies outside of" in refused.content[0].text

    anyio.run(talk)
    assert "e.npy: embeddings; 300 of e.npy" in progress
    assert state(folder.parent) == before


def test_tools_resources_and_errors(folder: Path) -> None:
    """What needs no torch: an unknown tool, an unknown argument, a page of the guide, an explanation."""

    async def talk(client: Any) -> None:
        resources = (await client.list_resources()).resources
        assert "collapse://guide/verdict" in [str(resource.uri) for resource in resources]
        page = await client.read_resource("collapse://guide/verdict")
        assert page.contents[0].text.startswith("# ")
        with pytest.raises(Exception, match="there is no page"):
            await client.read_resource("collapse://guide/../../pyproject")
        with pytest.raises(Exception, match="there is no page") as raised:
            await client.read_resource("collapse://guide/" + "x" * 20_000)
        assert len(str(raised.value)) < 200
        unknown = await client.call_tool("diagnoze", {})
        assert unknown.is_error
        assert "did you mean 'diagnose'?" in unknown.content[0].text
        explained = await client.call_tool("explain", {"name": "collapse check"})
        assert "`collapse check`" in explained.content[0].text
        wrong = await client.call_tool("inspect", {"inputt": "e.npy"})
        assert "did you mean 'input'?" in wrong.content[0].text

    in_memory(folder, talk)


def test_calls_wait_for_each_other_and_may_be_cancelled(folder: Path) -> None:
    """While one call is measured, lists are answered; it is cancelled, and the next two are answered all the same."""
    rows = numpy.random.default_rng(0).standard_normal((20_000, 256))
    numpy.save(folder / "large.npy", rows.astype("float32"))

    async def talk(client: Any) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "compare", {"inputs": ["large.npy", "e.npy"]})
            await anyio.sleep(0.5)
            with anyio.fail_after(5):
                await client.list_tools()
                assert not (await client.call_tool("explain", {"name": "collapse check"})).is_error
            group.cancel_scope.cancel()
        answers = []

        async def inspected(name: str) -> None:
            said = await client.call_tool("inspect", {"input": name})
            answers.append(said.structured_content["path"])

        async with anyio.create_task_group() as group:
            for name in ("e.npy", "c.npy"):
                group.start_soon(inspected, name)
        assert sorted(answers) == ["c.npy", "e.npy"]

    in_memory(folder, talk)


def test_a_measuring_process_that_dies_is_replaced(folder: Path) -> None:
    """As where the system kills it for its memory: a sentence, and the next call is answered."""
    from collapse_cli.assistant.child import Child

    async def whole() -> None:
        child = Child(folder=str(folder))

        async def report(*_: Any) -> None:
            """Nobody listens."""

        async def killed() -> None:
            while child._process is None:
                await anyio.sleep(0.01)
            child._process.kill()

        async with anyio.create_task_group() as group:
            group.start_soon(killed)
            said = await child.answer("compare", {"inputs": ["e.npy", "c.npy"]}, report)
        assert "the measuring process ended (signal 9)" in said["error"]
        again = await child.answer("inspect", {"input": "e.npy"}, report)
        assert again["structured"]["path"] == "e.npy"
        await child.close()

    anyio.run(whole)


CLIENT = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
HELLO = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": CLIENT},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
)


@contextlib.contextmanager
def serving(folder: Path) -> Any:
    process = subprocess.Popen(
        COMMAND,
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        for message in HELLO:
            process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


def test_it_ends_with_stdin_and_stdout_carries_the_protocol_alone(folder: Path) -> None:
    with serving(folder) as process:
        process.stdin.write(
            b"no JSON\n" + json.dumps({"jsonrpc": "2.0", "id": 2, "method": "ping"}).encode() + b"\n"
        )
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline())]
        process.stdin.close()
        assert process.wait(30) == 0
        answers += map(json.loads, process.stdout)
        assert {"jsonrpc": "2.0", "id": 2, "result": {}} in answers
        assert all(answer["jsonrpc"] == "2.0" for answer in answers)


def test_ctrl_c_ends_it(folder: Path) -> None:
    with serving(folder) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == b"collapse: interrupted\n"


def test_the_list_of_tools_needs_no_torch(folder: Path) -> None:
    script = (
        "import sys; from collapse_cli.assistant.server import tool; from collapse_cli.assistant import tools;"
        "[tool(name) for name in tools.WHEN]; print({'torch', 'numpy', 'matplotlib', 'sklearn', 'pyarrow'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == "set()"


def test_a_whole_disk_is_no_folder_to_serve(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", "--folder", "/"]) == 2
    assert "would read all of /" in capsys.readouterr().err
    assert main(["mcp", "--folder", "no such folder"]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert main(["mcp", "--data-dir", "/"]) == 2


def test_a_relative_data_folder_is_meant_from_where_the_server_was_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen from the folder that is read, the same words may name a whole disk."""
    from collapse_cli.assistant import server

    (folder / "data").mkdir()
    monkeypatch.setenv("COLLAPSE_DATA_DIR", "data")
    monkeypatch.setattr(server.anyio, "run", lambda *_: None)
    server.serve(str(folder.parent / "outside"), "")
    assert Path.cwd() == folder.parent / "outside"
    assert data_root("") == folder / "data"
