"""What a project's pyproject.toml says of its gate: the table [tool.collapse.check]."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.fence import admit, reaches

TABLE = "[tool.collapse.check]"
TOLERANCE = "5%"  # by which a number may be worse than a baseline's where nobody says
KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "require": ((list,), 'a list of requirements, as ["effective_rank.h >= 20"]'),
    "baseline": ((str,), "the path of an INPUT"),
    "only": ((list,), 'a list of names, as ["effective_rank", "uniformity.z"]'),
    "tolerance": ((str, list), 'text, as "5%" or "0.1", or a list, as ["5%", "effective_rank=2%"]'),
    "strict": ((bool,), "true or false"),
}


def gate(start: Path) -> dict[str, Any]:
    """The table of the nearest pyproject.toml from the folder `start` upwards; empty where there is none.

    A baseline's path is from the file's folder. Folders beyond a fence are not looked into.

    Raises CollapseError for what is not TOML, unknown keys, other kinds.
    """
    folders = [folder for folder in (start, *start.parents) if reaches(folder)]
    path = next(
        (folder / "pyproject.toml" for folder in folders if (folder / "pyproject.toml").is_file()), None
    )
    table: Any = _table(path) if path else {}
    for key, value in table.items():
        _refuse(key, value, path)
    if path and table.get("baseline"):
        table["baseline"] = str(path.parent / table["baseline"])
    if isinstance(table.get("tolerance"), str):
        table["tolerance"] = [table["tolerance"]]
    return dict(table)


def _table(path: Path) -> Any:
    admit(path)
    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CollapseError(f"cannot read {path}: {error.strerror}", "make it readable") from None
    except (ValueError, RecursionError) as error:  # also what is not UTF-8
        raise CollapseError(
            f"{path} is not TOML: {error}", "repair the file: it may describe the gate"
        ) from None
    for name in ("tool", "collapse", "check"):
        table = table.get(name, {})
        if not isinstance(table, dict):
            raise CollapseError(f"{path}: '{name}' is not a table", f"the table of the gate is {TABLE}")
    return table


def _refuse(key: str, value: Any, path: Path | None) -> None:
    if key not in KINDS:
        raise CollapseError(f"{path}: {TABLE} has no key '{key}'", nearest(key, list(KINDS)))
    kinds, expected = KINDS[key]
    texts = not isinstance(value, list) or all(isinstance(text, str) for text in value)
    if not isinstance(value, kinds) or not texts:
        raise CollapseError(f"{path}: {TABLE} {key} cannot be {value!r}", f"it takes {expected}")
