"""Codes of quantised rows -> how each codebook is used, and whether it has collapsed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any

from collapse_cli import remote
from collapse_cli.analysis.code_arrays import CodeRows, Layout, code_rows
from collapse_cli.analysis.result import Result
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.memory import memory
from collapse_cli.metrics.codebook import codebook
from collapse_cli.metrics.codebook_verdict import verdict
from collapse_cli.runs import code_files
from collapse_cli.runs.source import digest

FOR_EACH = 128  # bytes for each code of a codebook, at most
KEYS = ("perplexity", "codes_95", "unused")


def codes(
    source: Any,
    *,
    size: int | Sequence[int],
    levels: bool = False,
    tokens: bool = False,
    ignore: int | Sequence[int] = (),
    column: str = "",
    name: str = "",
) -> Result:
    """How a codebook is used: perplexity, dead codes, and whether it has collapsed. Of codes, whole numbers from 0 to size - 1.

    source: codes (N,), an array or tensor of any library, a list, or the path of a file; size: codes that the codebook has, K,
    which the codes cannot tell, or one for each level. levels: the columns of (N,Q) are Q codebooks, each of them
    `result["level 2"]`; tokens: the codes of one row, (N,T) or lists of any length, are tokens of one codebook: intervals leave
    out rows, and the verdict counts the independent draws that tell as much; both: (N,T,Q). ignore: codes that stand for
    padding. column: of a table, or the array of a file; name: how tables call what is in memory.

    Raises CollapseError, with the remedy, for what are no codes of such a codebook.

    >>> import numpy
    >>> result = codes(numpy.arange(5000) % 500, size=500)
    >>> result.status, round(result.plug_in), round(result.unused.null, 3)
    ('healthy', 500, 0.022)
    """
    layout = Layout(_numbers(size, "size"), levels, tokens, _numbers(ignore, "ignore"))
    if not isinstance(source, str | os.PathLike):
        return Result(_answered(source, {"path": name or "array"}, name or "array", layout))
    if name:
        raise CollapseError(f"{os.fspath(source)} is a path, which is its own name", "leave out name=")
    return Result(of_file(Path(source), column, layout))


def of_file(path: Path, column: str, layout: Layout) -> Answer:
    """The answer about the codes of a file, which may lie elsewhere."""
    here = remote.local_path(path, whole=True)
    values = code_files.read(here, column)
    return _answered(values, {"path": str(path), "sha256": digest(here)}, path.absolute().name, layout)


def _numbers(values: Any, name: str) -> tuple[int, ...]:
    """One whole number of any library, or several. Raises CollapseError for others."""
    try:
        return tuple(index(value) for value in (values if isinstance(values, Iterable) else (values,)))
    except TypeError:
        raise CollapseError(
            f"{name}={values!r} is no whole number", f"give {name}=512, or one for each level"
        ) from None


def _answered(values: Any, facts: Mapping[str, Any], name: str, layout: Layout) -> Answer:
    """An entry for each level."""
    every = code_rows(values, name, layout)
    sizes = _sizes(layout.sizes, every)
    entries = [
        _entry(rows, K, name, f"level {number}" if layout.levels else "")
        for number, (rows, K) in enumerate(zip(every, sizes, strict=True), 1)
    ]
    of = f"{len(entries)} levels of " if layout.levels else ""
    K = " × ".join(f"{K:,}" for K in dict.fromkeys(sizes))
    described = f"{of}{entries[0].result.draws:,} codes, codebook of {K}"
    return answer("codes", entries, [{**facts, "described": described}])


def _entry(rows: CodeRows, K: int, subject: str, level: str) -> Entry:
    with concerning(rows.name):
        result = codebook(lambda: rows.blocks(K), K)
    grouped = result.rows < result.draws
    settings: dict[str, Any] = {"N": result.draws, "K": K} | ({"rows": result.rows} if grouped else {})
    settings |= {"ignored": list(rows.ignored)} if rows.ignored else {}
    by = f"by {result.rows:,} rows" if grouped else "codes taken as independent"
    judged = verdict(result, level.capitalize())
    return Entry(
        subject,
        result,
        level,
        settings={**settings, "intervals": f"95 %, {by}"},
        verdict=judged,
        key_numbers=KEYS,
    )


def _sizes(sizes: Sequence[int], every: Sequence[CodeRows]) -> list[int]:
    """K of each level. Raises CollapseError where it is not given."""
    if not sizes:
        largest = max(rows.largest() for rows in every)
        raise CollapseError(
            f"the size of the codebook is not known: the largest code of {every[0].name} is {largest:,}, and dead codes "
            "beyond it leave no trace",
            f"give its number of codes: --size K, at least {largest + 1}",
        )
    if len(sizes) == 1:
        sizes = [sizes[0]] * len(every)
    if len(sizes) != len(every):
        raise CollapseError(
            f"{len(sizes)} sizes are given, but there are {len(every)} codebooks",
            "give --size K once, or one for each level with commas",
        )
    if max(sizes) * FOR_EACH > memory():
        raise CollapseError(
            f"a codebook of {max(sizes):,} codes takes more than the memory of this machine",
            "give its own size",
        )
    return list(sizes)
