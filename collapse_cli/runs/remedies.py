"""Arrays that are no rows (N,D): what they are, and what makes rows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader, shell
from collapse_cli.runs.codes import BYTES, is_whole

ROWS = "embeddings must be numbers of shape (N, D)"
BARE = "rows"
"""What a lone array of a file is called."""


def wanted(kind: str, path: Path | None = None) -> str:
    """The remedy for what is no array (N,D) of the type `kind`."""
    return ROWS + (of_indices(path) if is_whole(kind) and kind != "bool" else "")


def of_indices(path: Path | None) -> str:
    """What measures whole numbers that are indices into a codebook, behind another remedy."""
    command = f"collapse codes {shell.quoted(path)}" if path else "collapse.codes()"
    return f"; indices into a codebook are measured by {command}"


def refuse_shape(
    shape: Sequence[int], kind: str, what: str, path: Path | None = None, name: str = BARE
) -> None:
    """Raises CollapseError, with the remedy, for an array that is no rows (N,D) and cannot be squeezed to them.

    path, name: the file that it is from, and its name there; the remedy is then a line for the shell.
    """
    long = [size for size in shape[1:] if size != 1]
    problem = f"{what} is {kind} of shape {tuple(shape)}"
    also = of_indices(path) if is_whole(kind) and kind not in (*BYTES, "bool") else ""  # bytes are pixels

    def made(expression: str) -> str:
        """What saves the rows that an expression makes of the array x."""
        return _line(path, name, expression) if path else expression

    if kind.startswith("complex"):
        raise CollapseError(
            problem,
            f"measure the absolute values: {made('abs(x)')}; or real and imaginary parts side by side: x.real and x.imag",
        )
    if kind.startswith("void"):
        raise CollapseError(problem, f"save bfloat16 and records as plain numbers: {made('x.astype(float)')}")
    if len(shape) == 3 and len(long) == 2:
        raise CollapseError(
            f"{problem}, a sequence for each sample",
            f"pool first: {made('x.mean(1)')}; where a class token comes first, x[:, 0] in place of x.mean(1){also}",
        )
    if len(shape) == 4 and len(long) == 3:
        raise CollapseError(
            f"{problem}, a map for each sample",
            f"pool first, where channels stand second: {made('x.mean((2, 3))')}{also}",
        )
    if len(shape) > 2 and len(long) != 1:
        raise CollapseError(
            problem,
            f"{ROWS}; this gives one row for each sample: {made('x.reshape(len(x), -1)')}{also}",
        )


def _line(path: Path, name: str, expression: str) -> str:
    """The line for the shell; where the file is none that numpy, torch or safetensors reads, the expression alone."""
    read = loaded(path, name)
    if not read:
        return expression
    rows = shell.unused("rows.npy")
    return shell.python(f"import numpy; {read}; numpy.save({rows!r}, {expression})")


def loaded(path: Path, name: str) -> str:
    """Python that reads an array of a file as x, a numpy array; empty where the kind of file has no such line."""
    where = "" if name == BARE else _place(path, name)
    file = shell.literal(path)
    if path.suffix in (".npy", ".npz"):
        return f"x = numpy.load({file}){where}"
    if path.suffix == ".safetensors":
        return f"import safetensors.torch; x = safetensors.torch.load_file({file}){where}; {NUMPY}"
    if path.suffix in (".pt", ".pth"):
        return f"import torch; x = torch.load({file}, map_location='cpu'){where}; {NUMPY}"
    return ""


NUMPY = "x = x.detach(); x = (x if x.is_complex() else x.float()).numpy()"


def _place(path: Path, name: str) -> str:
    """The key of an array in a file, below that of the dict that holds it, if there is one."""
    with suppress(CollapseError):
        content = reader.read(path)
        if isinstance(content, Mapping) and name not in content:
            outer = (key for key, inner in content.items() if isinstance(inner, Mapping) and name in inner)
            return next((f"[{key!r}][{name!r}]" for key in outer), f"[{name!r}]")
    return f"[{name!r}]"
