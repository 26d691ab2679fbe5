"""The measuring process as the server sees it: started for the first call, asked one at a time, ended when one is cancelled."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

import collapse_cli

START = (
    "import sys; sys.path.insert(0, {0!r}); import collapse_cli; del sys.path[0]; "
    "from collapse_cli.assistant.worker import main; main()"
)
"""The same package as the server's, and no module from the current folder, which may be anybody's."""

LONGEST = 1 << 20  # bytes of a line
Report = Callable[[str, int, int], Awaitable[None]]


class Child:
    """Measurements, one at a time, in a process of their own. data_dir: where named data sets lie; folder: in which it works."""

    def __init__(self, data_dir: str = "", folder: str | None = None) -> None:
        self.data_dir, self.folder = data_dir, folder
        self._process: Process | None = None
        self._lines: BufferedByteReceiveStream | None = None
        self._turn: anyio.Lock | None = None

    async def answer(self, tool: str, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
        """What `calls.answered` says. A cancelled call ends the process; the next one starts another."""
        self._turn = self._turn or anyio.Lock()
        async with self._turn:
            try:
                return await self._asked(tool, arguments, report)
            except (
                anyio.EndOfStream,
                anyio.BrokenResourceError,
                anyio.IncompleteRead,
                anyio.ClosedResourceError,
            ):
                code = await self.close()
                return {
                    "error": f"collapse: the measuring process ended ({_ending(code)})\n"
                    "  it may have run out of memory: lower samples, and ask again",
                    "exit_code": 70,
                }
            except BaseException:  # cancelled, or the server ends
                await self.close()
                raise

    async def _asked(self, tool: str, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
        process, lines = await self._started()
        assert process.stdin is not None
        await process.stdin.send(json.dumps({"tool": tool, "arguments": arguments}).encode() + b"\n")
        while True:
            line: dict[str, Any] = json.loads(await lines.receive_until(b"\n", LONGEST))
            if "progress" not in line:
                return line
            await report(line["progress"], line["done"], line["total"])

    async def _started(self) -> tuple[Process, BufferedByteReceiveStream]:
        if self._process is None or self._lines is None:
            root = str(Path(collapse_cli.__file__).parent.parent)
            self._process = await anyio.open_process(
                [sys.executable, "-P", "-B", "-c", START.format(root), self.data_dir],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None, cwd=self.folder, start_new_session=True,
            )  # fmt: skip
            assert self._process.stdout is not None
            self._lines = BufferedByteReceiveStream(self._process.stdout)
        return self._process, self._lines

    async def close(self) -> int | None:
        """End the process, whatever it does; its exit code."""
        process, self._process, self._lines = self._process, None, None
        if process is None:
            return None
        with suppress(ProcessLookupError):
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.aclose()
        code: int | None = process.returncode
        return code


def _ending(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
